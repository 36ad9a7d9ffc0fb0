"""Histories in which every promise was kept, however rough the way: the checker must not complain."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.checker.chain import private_id
from tests.checker.judge import judge
from tests.fakes.tale import Tale

GROUP = "gall"
PRIVATE = private_id("uada", "uben")


def group_tale(*, policy: str = "from_join") -> Tale:
    """Ada with two devices, Ben and Cleo, in one group."""
    tale = Tale()
    for name in ("uada/d1", "uada/d2", "uben/d1", "ucleo/d1"):
        tale.device(name)
    tale.create("uada/d1", GROUP, "uada", "uben", "ucleo", policy=policy)
    return tale


def plain(tale: Tale) -> None:
    for number in range(4):
        tale.say("uada/d1", GROUP, f"one {number}")
        tale.say("uben/d1", GROUP, f"two {number}")


def private_chat(tale: Tale) -> None:
    body = {"content": "hello", "content_type": "text"}
    tale.do("uada/d1", PRIVATE, "message", **body, to_user_id="uben")
    tale.do("uben/d1", PRIVATE, "message", **body, to_user_id="uada")


def own_log(tale: Tale) -> None:
    tale.readable["uada"] = {"uada": [1, 2**53]}
    tale.do("uada/d1", "uada", "conversation_settings", about=GROUP, muted=True)


def resent_after_a_break(tale: Tale) -> None:
    msg_id = tale.send("uben/d1", GROUP, "message", content="twice", content_type="text")
    tale.disconnect("uben/d1")
    seq = tale.store("uben/d1", GROUP, "message", msg_id, content="twice", content_type="text")
    tale.connect("uben/d1")
    tale.send("uben/d1", GROUP, "message", msg_id, content="twice", content_type="text")
    tale.ack("uben/d1", GROUP, msg_id, seq, duplicate=True)


def resent_after_a_retryable_refusal(tale: Tale) -> None:
    body = {"content": "later", "content_type": "text"}
    msg_id = tale.send("uben/d1", GROUP, "message", **body)
    tale.write(
        "uben/d1",
        "refused",
        connection=tale.connections["uben/d1"],
        msg_id=msg_id,
        code=20001,
        retryable=True,
    )
    tale.say("uben/d1", GROUP, "overtakes what was refused")
    tale.send("uben/d1", GROUP, "message", msg_id, **body)
    tale.ack("uben/d1", GROUP, msg_id, tale.store("uben/d1", GROUP, "message", msg_id, **body))


def a_late_ack(tale: Tale) -> None:
    body = {"content": "slow", "content_type": "text"}
    msg_id = tale.send("uben/d1", GROUP, "message", **body)
    tale.now_s += 10.5
    tale.write(
        "uben/d1",
        "unknown",
        connection=tale.connections["uben/d1"],
        msg_id=msg_id,
        code=10009,
        retryable=True,
    )
    tale.now_s += 5
    tale.ack("uben/d1", GROUP, msg_id, tale.store("uben/d1", GROUP, "message", msg_id, **body))


def a_final_refusal(tale: Tale) -> None:
    msg_id = tale.send("uben/d1", GROUP, "message", content="no", content_type="text")
    tale.write(
        "uben/d1",
        "refused",
        connection=tale.connections["uben/d1"],
        msg_id=msg_id,
        code=40005,
        retryable=False,
    )


def a_reused_msg_id(tale: Tale) -> None:
    body = {"content": "first", "content_type": "text"}
    msg_id = tale.send("uben/d1", GROUP, "message", **body)
    tale.ack("uben/d1", GROUP, msg_id, tale.store("uben/d1", GROUP, "message", msg_id, **body))
    tale.send("uben/d1", GROUP, "message", msg_id, content="other", content_type="text")
    tale.write(
        "uben/d1",
        "refused",
        connection=tale.connections["uben/d1"],
        msg_id=msg_id,
        code=40004,
        retryable=False,
    )


def a_dead_letter(tale: Tale) -> None:
    msg_id = tale.send("uben/d1", GROUP, "message", content="poison", content_type="text")
    tale.write(
        "uben/d1",
        "unknown",
        connection=tale.connections["uben/d1"],
        msg_id=msg_id,
        code=50006,
        retryable=False,
    )


def a_newcomer(tale: Tale) -> None:
    tale.device("udora/d1")
    tale.say("uada/d1", GROUP, "before she came")
    tale.do("uada/d1", GROUP, "member_joined", user_ids=["udora"])
    tale.say("uada/d1", GROUP, "welcome")


def a_removal(tale: Tale) -> None:
    tale.do("uada/d1", GROUP, "member_removed", user_id="ucleo")
    tale.say("uada/d1", GROUP, "not for cleo")


def removed_and_back(tale: Tale) -> None:
    a_removal(tale)
    tale.write("ucleo/d1", "forgot", conversation=GROUP)
    tale.do("uada/d1", GROUP, "member_joined", user_ids=["ucleo"])
    tale.say("ucleo/d1", GROUP, "here again")
    tale.say("uben/d1", GROUP, "welcome back")


def recalled_and_edited(tale: Tale) -> None:
    """Pages show the current state, with the digests of what was first stored."""
    first = tale.say("uada/d1", GROUP, "to be recalled")
    second = tale.say("uada/d1", GROUP, "to be edited")
    edit = tale.do("uada/d1", GROUP, "edit", target_seq=first, content="changed before")
    tale.do("uada/d1", GROUP, "recall", target_seq=first)
    tale.do("uada/d1", GROUP, "edit", target_seq=second, content="edited")
    log = tale.logs[GROUP]
    log[first - 1] |= {"content": "", "recalled": True}
    log[edit - 1] |= {"content": ""}
    log[second - 1] |= {"content": "edited", "edited_seq": len(log)}
    tale.disconnect("ucleo/d1")
    tale.connect("ucleo/d1")


def caught_up_after_a_break(tale: Tale) -> None:
    tale.disconnect("ucleo/d1")
    plain(tale)
    tale.connect("ucleo/d1")
    plain(tale)


def pushes_in_another_order(tale: Tale) -> None:
    """A push that was overtaken comes a moment later; the client shows them in order."""
    plain(tale)
    one = tale.find("ucleo/d1", "push", seq=4)
    two = tale.find("ucleo/d1", "push", seq=5)
    one["event"], two["event"] = two["event"], one["event"]
    tale.find("ucleo/d1", "shown", seq=4)["t"] = two["t"]


def a_hole_with_resync(tale: Tale) -> None:
    plain(tale)
    push = tale.find("ucleo/d1", "push", seq=4)
    tale.drop("ucleo/d1", "push", seq=4)
    tale.insert_after("ucleo/d1", tale.find("ucleo/d1", "push", seq=5), e="resync", connection=1)
    tale.find("ucleo/d1", "shown", seq=4)["t"] = tale.find("ucleo/d1", "shown", seq=5)["t"]
    assert push["event"]["seq"] == 4
    tale.now_s += 10


def a_resync_in_the_place_of_an_event(tale: Tale) -> None:
    """Who joins may be told to sync instead of hearing the joining; what comes after it is heard."""
    plain(tale)
    tale.drop("ucleo/d1", "push", seq=4)
    tale.insert_after("ucleo/d1", tale.find("ucleo/d1", "push", seq=3), e="resync", connection=1)
    tale.find("ucleo/d1", "shown", seq=4)["t"] = tale.find("ucleo/d1", "shown", seq=5)["t"]
    tale.now_s += 10


def stopped_on_purpose(tale: Tale) -> None:
    """20 s without an answer, of which the server was stopped for 15: see the allowance of the test."""
    body = {"content": "patience", "content_type": "text"}
    msg_id = tale.send("uben/d1", GROUP, "message", **body)
    tale.now_s = 140.0
    tale.ack("uben/d1", GROUP, msg_id, tale.store("uben/d1", GROUP, "message", msg_id, **body))


GOOD: list[Callable[[Tale], None]] = [
    plain,
    private_chat,
    own_log,
    resent_after_a_break,
    resent_after_a_retryable_refusal,
    a_late_ack,
    a_final_refusal,
    a_reused_msg_id,
    a_dead_letter,
    a_newcomer,
    a_removal,
    removed_and_back,
    recalled_and_edited,
    caught_up_after_a_break,
    pushes_in_another_order,
    a_hole_with_resync,
    a_resync_in_the_place_of_an_event,
    stopped_on_purpose,
]


ALONE = (
    pushes_in_another_order,
    a_hole_with_resync,
    a_resync_in_the_place_of_an_event,
    stopped_on_purpose,
    removed_and_back,
)


@pytest.mark.parametrize("happens", GOOD, ids=lambda happens: happens.__name__)
def test_a_history_in_which_promises_were_kept_is_good(happens: Callable[[Tale], None]):
    """Retries, duplicates, late acks, members who come and go, edits and breaks are no faults."""
    tale = group_tale()
    happens(tale)
    tale.say("uada/d1", GROUP, "the end")
    tale.now_s += 10  # whatever was to come late should have come
    tale.finish()

    verdict = judge(tale.histories(), allowances=[(101.0, 135.0)] if happens is stopped_on_purpose else [])

    assert verdict.is_good, str(verdict)
    assert verdict.looked_at["acks"] > 1


def test_a_full_history_is_read_from_the_first_event():
    """With history_policy full a newcomer reads everything, and that is no leak."""
    tale = group_tale(policy="full")
    a_newcomer(tale)
    removed_and_back(tale)
    tale.now_s += 10
    tale.finish()

    assert judge(tale.histories()).is_good
    assert tale.pages("udora/d1", "final")[0]["events"][0]["seq"] == 1


def test_all_of_it_in_one_history_is_good():
    """One after the other, everything above makes one good history."""
    tale = group_tale()
    for happens in GOOD:
        if happens not in ALONE:
            happens(tale)
        if happens is a_removal:
            tale.write("ucleo/d1", "forgot", conversation=GROUP)
            tale.do("uada/d1", GROUP, "member_joined", user_ids=["ucleo"])
    tale.finish()

    verdict = judge(tale.histories())

    assert verdict.is_good, str(verdict)
