"""Known-bad histories: the checker must reject every one, for its reason. Each begins as a good one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from tests.checker.chain import private_id
from tests.checker.judge import judge
from tests.checker.verdict import KINDS
from tests.fakes.tale import Line, Tale

GROUP = "gall"
PRIVATE = private_id("uada", "uben")
ZERO = "00" * 16
TEXT = {"content": "hello", "content_type": "text"}


def good_tale() -> Tale:
    """Ada (two devices), Ben and Cleo talk; Cleo is removed at 6, Dora comes at 8. Nothing is wrong yet."""
    tale = Tale()
    for name in ("uada/d1", "uada/d2", "uben/d1", "ucleo/d1", "udora/d1"):
        tale.device(name)
    tale.create("uada/d1", GROUP, "uada", "uben", "ucleo")
    for name in ("uada/d1", "uben/d1", "uada/d1", "uben/d1"):
        tale.say(name, GROUP, f"said at {tale.now_s}")
    tale.do("uada/d1", GROUP, "member_removed", user_id="ucleo")
    tale.say("uben/d1", GROUP, "not for cleo")
    tale.do("uada/d1", GROUP, "member_joined", user_ids=["udora"])
    tale.say("uada/d1", GROUP, "for dora too")
    tale.do("uada/d1", PRIVATE, "message", **TEXT, to_user_id="uben")
    return tale


def without(seq: int) -> Callable[[list[Line]], None]:
    """Return what takes an event out of pages."""

    def change(events: list[Line]) -> None:
        events[:] = [event for event in events if event["seq"] != seq]

    return change


def altered(seq: int, **fields: object) -> Callable[[list[Line]], None]:
    """Return what changes an event in pages."""

    def change(events: list[Line]) -> None:
        for event in events:
            if event["seq"] == seq:
                event.update(fields)

    return change


def of_group(tale: Tale, name: str, change: Callable[[list[Line]], None]) -> None:
    for page in tale.pages(name, "final"):
        if page["conversation"] == GROUP:
            change(page["events"])


# lost


def an_acked_event_is_in_nobodys_reading(tale: Tale) -> None:
    for name in ("uada/d1", "uada/d2", "uben/d1", "udora/d1"):
        of_group(tale, name, without(9))


def one_device_misses_an_event(tale: Tale) -> None:
    of_group(tale, "uada/d2", without(3))


def one_device_misses_the_newest_event(tale: Tale) -> None:
    of_group(tale, "uben/d1", without(9))


def one_device_misses_a_whole_conversation(tale: Tale) -> None:
    tale.drop("uben/d1", "page", of="final", conversation=PRIVATE)


def a_removed_member_misses_the_removal(tale: Tale) -> None:
    of_group(tale, "ucleo/d1", without(6))


def an_ack_beyond_everything_stored(tale: Tale) -> None:
    msg_id = tale.send("uben/d1", GROUP, "message", **TEXT)
    tale.write("uben/d1", "ack", connection=1, msg_id=msg_id, conversation=GROUP, seq=10, duplicate=False)


def a_device_never_finishes(tale: Tale) -> None:
    tale.drop("uada/d2", "finished")


def live_and_sync_brought_less_than_the_reading(tale: Tale) -> None:
    for e in ("push", "shown"):
        tale.drop("udora/d1", e, seq=9)


# phantom


def an_event_of_a_user_who_sent_nothing(tale: Tale) -> None:
    msg_id = tale.find("uben/d1", "send")["msg_id"]
    tale.drop("uben/d1", "send", msg_id=msg_id)


def content_that_nobody_sent(tale: Tale) -> None:
    tale.find("uben/d1", "send")["body"]["content"] = "something else"


def a_push_of_what_is_not_stored(tale: Tale) -> None:
    tale.send("uben/d1", GROUP, "message", "mghost", **TEXT)
    tale.write("uben/d1", "unknown", connection=1, msg_id="mghost", code=50006, retryable=False)
    ghost = {
        "seq": 10,
        "msg_id": "mghost",
        "sender_id": "uben",
        "server_ts": 1,
        "conversation_id": GROUP,
        **TEXT,
    }
    tale.write("uada/d2", "push", connection=1, event=ghost)


def an_event_in_another_conversation_than_it_was_sent_to(tale: Tale) -> None:
    tale.find("uada/d1", "send", conversation=PRIVATE)["conversation"] = GROUP


def a_group_that_nobody_created(tale: Tale) -> None:
    wire = {"seq": 5, "msg_id": "x", "sender_id": "uelse", "server_ts": 1, "conversation_id": "gelse", **TEXT}
    tale.write("uada/d2", "push", connection=1, event=wire)


# duplicated


def the_same_message_at_two_seqs(tale: Tale) -> None:
    msg_id = tale.find("uben/d1", "send")["msg_id"]
    tale.store("uben/d1", GROUP, "message", msg_id, **tale.find("uben/d1", "send")["body"])
    tale.write("uben/d1", "shown", conversation=GROUP, seq=10)
    for name in ("uada/d1", "uada/d2", "uben/d1", "udora/d1"):
        of_group(
            tale, name, lambda events: events.append(tale.logs[GROUP][-1]) if events[-1]["seq"] == 9 else None
        )


def acked_with_two_seqs(tale: Tale) -> None:
    ack = tale.find("uben/d1", "ack")
    tale.insert_after("uben/d1", ack, **{**ack, "seq": 5})


def shown_twice(tale: Tale) -> None:
    shown = tale.find("uada/d2", "shown", seq=4)
    tale.insert_after("uada/d2", shown, **shown)


def twice_in_one_page(tale: Tale) -> None:
    of_group(tale, "uada/d2", lambda events: events.insert(0, events[0]))


# reordered


def shown_in_another_order(tale: Tale) -> None:
    one, two = (tale.find("uada/d2", "shown", seq=seq) for seq in (4, 5))
    one["seq"], two["seq"] = 5, 4


def a_page_in_another_order(tale: Tale) -> None:
    of_group(tale, "uada/d2", lambda events: events.reverse())


def pipelined_sends_change_places(tale: Tale) -> None:
    first = tale.send("uben/d1", GROUP, "message", **TEXT)
    second = tale.send("uben/d1", GROUP, "message", **TEXT)
    late = tale.store("uben/d1", GROUP, "message", second, **TEXT)
    tale.ack("uben/d1", GROUP, first, tale.store("uben/d1", GROUP, "message", first, **TEXT))
    tale.ack("uben/d1", GROUP, second, late)


# skipped


def a_live_connection_goes_on_without_an_event(tale: Tale) -> None:
    tale.drop("uada/d2", "push", seq=5)
    tale.write("uada/d2", "shown", conversation=PRIVATE, seq=2)  # time goes on
    tale.lines["uada/d2"][-1]["t"] += 10


def shown_with_a_hole(tale: Tale) -> None:
    tale.drop("uada/d2", "shown", seq=4)


def a_page_with_a_hole(tale: Tale) -> None:
    for page in tale.pages("uada/d2", "final"):
        if len(page["events"]) > 2:
            page["events"].pop(1)


def a_sync_page_that_ends_before_its_head(tale: Tale) -> None:
    page = tale.find("uada/d2", "page", of="sync", conversation=GROUP)
    page["events"].pop()


def a_seq_that_was_never_given(tale: Tale) -> None:
    """The server counted 1, 2, … 9, 11: everybody agrees, and still one is missing."""
    for name in tale.lines:
        for line in tale.lines[name]:
            if line["e"] in ("push", "ack", "shown", "page"):
                for thing in (line, line.get("event", {}), *line.get("events", ())):
                    if thing.get("seq") == 9:
                        thing["seq"] = 10


def a_connected_device_learns_too_late(tale: Tale) -> None:
    """Nothing came for 40 s, and then it came: a connection that is up is told within 30 s."""
    push = tale.find("uada/d2", "push", seq=1, conversation_id=PRIVATE)
    shown = tale.find("uada/d2", "shown", conversation=PRIVATE)
    push["t"] = shown["t"] = push["t"] + 40
    for line in tale.lines["uada/d2"]:
        if line["e"] in ("finished", "page") and line.get("of") != "sync":
            line["t"] += 50


# conflicting


def two_devices_see_different_events_at_a_seq(tale: Tale) -> None:
    of_group(tale, "uada/d2", altered(5, msg_id="mother"))


def a_push_differs_from_what_is_stored(tale: Tale) -> None:
    tale.find("uada/d2", "push", seq=5)["event"]["sender_id"] = "uada"


def an_ack_for_the_place_of_another(tale: Tale) -> None:
    tale.find("uben/d1", "ack", seq=3)["seq"] = 2


def content_changed_without_an_edit(tale: Tale) -> None:
    of_group(tale, "uada/d2", altered(5, content="tampered"))


def a_digest_that_is_not_of_the_event(tale: Tale) -> None:
    of_group(tale, "uada/d2", altered(5, digest=ZERO))


def another_server_ts(tale: Tale) -> None:
    tale.find("uada/d2", "push", seq=5)["event"]["server_ts"] += 1


def a_rolling_hash_of_another_history(tale: Tale) -> None:
    tale.pages("uada/d2", "final")[1]["prev_hash"] = ZERO


def a_head_hash_of_another_history(tale: Tale) -> None:
    tale.find("uada/d2", "page", of="sync")["last_hash"] = hashlib.sha256(b"x").hexdigest()[:32]


def everybody_agrees_on_a_wrong_beginning(tale: Tale) -> None:
    for name in tale.lines:
        for page in tale.pages(name, "final") + tale.pages(name, "sync"):
            if page["events"] and page["events"][0]["seq"] == 1:
                page["prev_hash"] = ZERO


def the_device_made_another_hash(tale: Tale) -> None:
    tale.write("uada/d2", "diverged", conversation=GROUP, seq=5, mine=ZERO, theirs=tale.hash(GROUP, 5))


# leaked


def a_removed_member_gets_a_push(tale: Tale) -> None:
    push = tale.find("uada/d2", "push", seq=7)
    tale.write("ucleo/d1", "push", connection=1, event=push["event"])


def a_removed_member_reads_on(tale: Tale) -> None:
    of_group(
        tale,
        "ucleo/d1",
        lambda events: events.append(tale.logs[GROUP][6]) if events[-1]["seq"] == 6 else None,
    )


def a_removed_member_learns_the_new_head(tale: Tale) -> None:
    page = {"prev_hash": tale.hash(GROUP, 6), "events": [], "last_seq": 9, "last_hash": tale.hash(GROUP, 9)}
    tale.write("ucleo/d1", "page", of="sync", conversation=GROUP, **page)


def a_newcomer_reads_what_was_before(tale: Tale) -> None:
    tale.pages("udora/d1", "final")[0]["events"].insert(0, tale.logs[GROUP][6])
    tale.pages("udora/d1", "final")[0]["prev_hash"] = tale.hash(GROUP, 6)


def a_stranger_reads_a_private_chat(tale: Tale) -> None:
    page = {"prev_hash": tale.hash(PRIVATE, 0), "events": tale.logs[PRIVATE]}
    tale.write("ucleo/d1", "page", of="history", conversation=PRIVATE, **page)


def somebody_elses_own_log(tale: Tale) -> None:
    tale.readable["uada"] = {"uada": [1, 2**53]}
    tale.do("uada/d1", "uada", "conversation_settings", about=GROUP, muted=True)
    page = {"prev_hash": tale.hash("uada", 0), "events": tale.logs["uada"]}
    tale.write("uben/d1", "page", of="history", conversation="uada", **page)


# refused_but_appeared


def a_final_refusal_that_is_stored(tale: Tale) -> None:
    msg_id = tale.find("uben/d1", "send")["msg_id"]
    tale.write("uben/d1", "refused", connection=1, msg_id=msg_id, code=40005, retryable=False)


def a_retryable_refusal_that_is_stored_without_another_send(tale: Tale) -> None:
    ack = tale.find("uben/d1", "ack")
    ack["e"], ack["code"], ack["retryable"] = "refused", 20001, True


# unanswered


def no_answer_at_all(tale: Tale) -> None:
    tale.send("uben/d1", GROUP, "message", **TEXT)


def an_answer_after_a_minute(tale: Tale) -> None:
    tale.find("uben/d1", "send")["t"] = 40.0
    for line in tale.lines["uben/d1"][:3]:
        line["t"] = 30.0


def unknown_and_never_settled(tale: Tale) -> None:
    msg_id = tale.send("uben/d1", GROUP, "message", **TEXT)
    tale.write("uben/d1", "unknown", connection=1, msg_id=msg_id, code=10009, retryable=True)


def silence_until_the_client_gave_up(tale: Tale) -> None:
    msg_id = tale.send("uben/d1", GROUP, "message", **TEXT)
    tale.now_s += 20
    tale.disconnect("uben/d1")
    tale.connect("uben/d1")
    tale.send("uben/d1", GROUP, "message", msg_id, **TEXT)
    tale.write("uben/d1", "unknown", connection=2, msg_id=msg_id, code=50006, retryable=False)


# ack_order


def what_was_sent_after_an_ack_stands_before_it(tale: Tale) -> None:
    first = tale.send("uada/d1", GROUP, "message", **TEXT)
    tale.write("uada/d1", "ack", connection=1, msg_id=first, conversation=GROUP, seq=11, duplicate=False)
    second = tale.send("uben/d1", GROUP, "message", **TEXT)
    tale.store("uben/d1", GROUP, "message", second, **TEXT)
    tale.ack("uben/d1", GROUP, second, 10)
    tale.store("uada/d1", GROUP, "message", first, **TEXT)
    tale.write("uada/d1", "shown", conversation=GROUP, seq=11)


BEFORE_THE_LAST_READING = {
    pipelined_sends_change_places,
    what_was_sent_after_an_ack_stands_before_it,
    somebody_elses_own_log,
    silence_until_the_client_gave_up,
    a_removed_member_learns_the_new_head,
}
SYNCS_LAST = {a_sync_page_that_ends_before_its_head, a_head_hash_of_another_history}

BAD: dict[str, list[Callable[[Tale], None]]] = {
    "lost": [
        an_acked_event_is_in_nobodys_reading,
        one_device_misses_an_event,
        one_device_misses_the_newest_event,
        one_device_misses_a_whole_conversation,
        a_removed_member_misses_the_removal,
        an_ack_beyond_everything_stored,
        a_device_never_finishes,
        live_and_sync_brought_less_than_the_reading,
    ],
    "phantom": [
        an_event_of_a_user_who_sent_nothing,
        content_that_nobody_sent,
        a_push_of_what_is_not_stored,
        an_event_in_another_conversation_than_it_was_sent_to,
        a_group_that_nobody_created,
    ],
    "duplicated": [the_same_message_at_two_seqs, acked_with_two_seqs, shown_twice, twice_in_one_page],
    "reordered": [shown_in_another_order, a_page_in_another_order, pipelined_sends_change_places],
    "skipped": [
        a_live_connection_goes_on_without_an_event,
        shown_with_a_hole,
        a_page_with_a_hole,
        a_sync_page_that_ends_before_its_head,
        a_seq_that_was_never_given,
        a_connected_device_learns_too_late,
    ],
    "conflicting_seq": [
        two_devices_see_different_events_at_a_seq,
        a_push_differs_from_what_is_stored,
        an_ack_for_the_place_of_another,
    ],
    "conflicting_hash": [
        content_changed_without_an_edit,
        a_digest_that_is_not_of_the_event,
        another_server_ts,
        a_rolling_hash_of_another_history,
        a_head_hash_of_another_history,
        everybody_agrees_on_a_wrong_beginning,
        the_device_made_another_hash,
    ],
    "leaked": [
        a_removed_member_gets_a_push,
        a_removed_member_reads_on,
        a_removed_member_learns_the_new_head,
        a_newcomer_reads_what_was_before,
        a_stranger_reads_a_private_chat,
        somebody_elses_own_log,
    ],
    "refused_but_appeared": [
        a_final_refusal_that_is_stored,
        a_retryable_refusal_that_is_stored_without_another_send,
    ],
    "unanswered": [
        no_answer_at_all,
        an_answer_after_a_minute,
        unknown_and_never_settled,
        silence_until_the_client_gave_up,
    ],
    "ack_order": [what_was_sent_after_an_ack_stands_before_it],
}


def test_the_tale_is_good_before_anybody_tampers_with_it():
    """What follows is rejected for what is done to it and for nothing else."""
    tale = good_tale()
    tale.finish()

    verdict = judge(tale.histories())

    assert verdict.is_good, str(verdict)


def test_every_kind_of_fault_is_tried():
    """There is a known-bad history for every kind, and at least thirty in all."""
    assert set(BAD) == set(KINDS)
    assert sum(map(len, BAD.values())) >= 30


@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        pytest.param(kind, spoil, id=f"{kind}-{spoil.__name__}")
        for kind, each in BAD.items()
        for spoil in each
    ],
)
def test_a_known_bad_history_is_rejected(kind: str, spoil: Callable[[Tale], None]):
    """It is rejected, and the kind of the fault is named."""
    tale = good_tale()
    if spoil in SYNCS_LAST:  # a device that was away and catches up
        tale.disconnect("uada/d2")
        tale.say("uben/d1", GROUP, "while she was away")
        tale.say("uben/d1", GROUP, "and again")
    if spoil in BEFORE_THE_LAST_READING:
        spoil(tale)
    tale.finish()
    if spoil not in BEFORE_THE_LAST_READING:
        spoil(tale)

    verdict = judge(tale.histories())

    assert verdict.counts[kind] > 0, str(verdict)  # type: ignore[index]  # a Kind: see the test above
