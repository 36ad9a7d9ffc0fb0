"""Known-bad histories: contradictions, leaks, and words to senders that were not kept."""

from __future__ import annotations

import hashlib

from tests.fakes.spoiling import GROUP, PRIVATE, TEXT, ZERO, Spoil, altered, of_group
from tests.fakes.tale import Tale

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


BAD_WORDS: dict[str, list[Spoil]] = {
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
"""Kind of fault -> what makes it."""
