"""Known-bad histories: what is missing, too much, or in the wrong place."""

from __future__ import annotations

from tests.fakes.spoiling import GROUP, PRIVATE, TEXT, Spoil, of_group, without
from tests.fakes.tale import Tale

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


BAD_LOGS: dict[str, list[Spoil]] = {
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
}
"""Kind of fault -> what makes it."""
