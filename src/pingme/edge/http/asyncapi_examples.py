"""One example or more of each frame, as the reference of the socket shows them; tests decode every one."""

from __future__ import annotations

from typing import Any

ADA, BOB = "u06b1p0v4k8d2m6r0t5h3c7ns9g", "u06b1p0v4k9a4e7w3y2c8d1f5x0"
PRIVATE = "pquhtzpewhobpvntxntmycnlpi4"
GROUP = "g06b1p0v4m2q8t6z9k3j5n7r1v4"
MSG_ID = "0192f0c1-7f3e-7c3a-9b1e-0242ac120002"
OTHER_MSG_ID = "0192f0c1-9a10-7d42-8c6f-0242ac120002"
DEVICE = "d06b1p0v4k9a4e7w3y2c8d1f5x0"
NOW_TS = 1_767_225_600_000
DIGEST = "68b5e961fb40ae9c43c13d8262883c02"
HASH = "cb2c2657a6cf5c8decd6b3a473ca8cfe"
BEFORE = "562532d94079e716aaf8d2435075c1d2"

Frame = dict[str, Any]

_MESSAGE: Frame = {
    "conversation_id": PRIVATE,
    "seq": 1,
    "msg_id": MSG_ID,
    "sender_id": ADA,
    "server_ts": NOW_TS,
    "content": "hello bob",
    "content_type": "text",
    "to_user_id": BOB,
}
_IN_PAGE: Frame = {"kind": "message", "digest": DIGEST, **_MESSAGE}
_IN_GROUP: Frame = {"conversation_id": GROUP, "msg_id": MSG_ID, "sender_id": ADA, "server_ts": NOW_TS}
_TARGET: Frame = {"msg_id": OTHER_MSG_ID, "conversation_id": PRIVATE, "seq": 1}


def _frame(kind: str, payload: Frame | None = None, **beside: str) -> Frame:
    found: Frame = {"type": kind, **beside}
    return found if payload is None else {**found, "payload": payload}


CLIENT_EXAMPLES: dict[str, dict[str, Frame]] = {
    "auth": {"with a token": _frame("auth", {"token": "eyJhbGciOiJIUzI1NiJ9.e30.c2ln", "protocol": 1})},
    "ping": {"a ping": _frame("ping", id="7")},
    "send": {
        "to a user": _frame("send", {"msg_id": MSG_ID, "to_user_id": BOB, "content": "hello bob"}, id="8"),
        "an answer that mentions somebody": _frame(
            "send",
            {
                "msg_id": OTHER_MSG_ID,
                "group_id": GROUP,
                "content": "@bob twelve o'clock?",
                "reply_to": 41,
                "mentions": [BOB],
                "client_ts": NOW_TS,
            },
        ),
    },
    "edit": {"new content": _frame("edit", {**_TARGET, "content": "hello, Bob"})},
    "recall": {"withdraw a message": _frame("recall", _TARGET)},
    "react": {
        "put an emoji": _frame("react", {**_TARGET, "emoji": "👍"}),
        "take it back": _frame("react", {**_TARGET, "emoji": "👍", "remove": True}),
    },
    "ack": {
        "read up to here": _frame("ack", {"conversation_id": PRIVATE, "seq": 1, "ack_type": "read"}),
    },
    "sync": {
        "the first time": _frame("sync", {}),
        "what changed since": _frame("sync", {"since": "e5f1.42", "limit": 20}),
    },
    "history": {
        "the newest": _frame("history", {"conversation_id": PRIVATE}),
        "what comes before": _frame("history", {"conversation_id": GROUP, "before_seq": 41, "limit": 50}),
    },
    "typing": {"begins": _frame("typing", {"conversation_id": PRIVATE, "active": True})},
    "presence_set": {"goes away": _frame("presence_set", {"status": "away"})},
    "presence_watch": {"two users": _frame("presence_watch", {"user_ids": [ADA, BOB]})},
}
"""Type of frame -> name of the example -> the frame."""

SERVER_EXAMPLES: dict[str, dict[str, Frame]] = {
    "auth_ok": {
        "welcome": _frame(
            "auth_ok",
            {
                "user_id": BOB,
                "username": "bob",
                "device_id": DEVICE,
                "server_ts": NOW_TS,
                "epoch": "e5f1c2",
                "ping_interval": 30,
                "limits": {
                    "max_message_size": 8192,
                    "sends_per_s": 20,
                    "unanswered_sends": 64,
                    "page_events": 200,
                },
            },
        )
    },
    "auth_fail": {"expired": _frame("auth_fail", {"code": 30004, "message": "token expired"})},
    "pong": {"a pong": _frame("pong", {"timestamp": NOW_TS}, id="7")},
    "message_ack": {
        "stored": _frame(
            "message_ack",
            {
                "msg_id": MSG_ID,
                "conversation_id": PRIVATE,
                "seq": 1,
                "server_ts": NOW_TS,
                "duplicate": False,
            },
            id="8",
        )
    },
    "error": {
        "refused": _frame(
            "error",
            {
                "code": 40006,
                "message": "content: expected at most 8192 bytes, got 9001",
                "outcome": "refused",
                "retryable": False,
                "msg_id": MSG_ID,
            },
            id="8",
        ),
        "nobody can say": _frame(
            "error",
            {
                "code": 10009,
                "message": "outcome unknown",
                "outcome": "unknown",
                "retryable": True,
                "msg_id": MSG_ID,
            },
        ),
    },
    "ack_response": {
        "one's own positions": _frame(
            "ack_response", {"conversation_id": PRIVATE, "delivered_seq": 1, "read_seq": 1}
        )
    },
    "sync_page": {
        "a private chat": _frame(
            "sync_page",
            {
                "conversations": [
                    {
                        "conversation": {"conversation_id": PRIVATE, "type": "private", "peer_id": ADA},
                        "last_seq": 1,
                        "last_hash": HASH,
                        "delivered_seq": 0,
                        "read_seq": 0,
                        "unread": 1,
                        "peer_delivered_seq": 1,
                        "peer_read_seq": 1,
                        "prev_hash": BEFORE,
                        "events": [_IN_PAGE],
                        "events_complete": True,
                    }
                ]
            },
        )
    },
    "sync_done": {"the next token": _frame("sync_done", {"since": "e5f1.43", "epoch": "e5f1c2"})},
    "history_page": {
        "one event": _frame(
            "history_page",
            {"conversation_id": PRIVATE, "prev_hash": BEFORE, "events": [_IN_PAGE], "has_more": False},
        )
    },
    "message": {"a private message": _frame("message", _MESSAGE)},
    "event": {
        "an edit": _frame(
            "event",
            {
                **_IN_GROUP,
                "kind": "edit",
                "seq": 42,
                "target_seq": 41,
                "content": "twelve o'clock",
            },
        ),
        "somebody joined": _frame(
            "event", {**_IN_GROUP, "kind": "member_joined", "seq": 43, "user_ids": [BOB]}
        ),
        "one's own settings": _frame(
            "event",
            {
                "kind": "conversation_settings",
                "conversation_id": BOB,
                "seq": 3,
                "msg_id": OTHER_MSG_ID,
                "sender_id": BOB,
                "server_ts": NOW_TS,
                "about": PRIVATE,
                "pinned": True,
            },
        ),
    },
    "receipt": {
        "somebody's positions": _frame(
            "receipt", {"conversation_id": PRIVATE, "user_id": BOB, "delivered_seq": 1, "read_seq": 1}
        ),
        "counts in a large group": _frame(
            "receipt", {"conversation_id": GROUP, "seq": 41, "delivered": 180, "read": 63}
        ),
    },
    "typing": {
        "begins": _frame("typing", {"conversation_id": PRIVATE, "user_id": ADA, "active": True}),
    },
    "presence": {
        "gone": _frame("presence", {"user_id": ADA, "status": "offline", "last_seen_ts": NOW_TS}),
    },
    "resync": {"a hole": _frame("resync", {})},
    "reconnect": {"leaving": _frame("reconnect", {"after_ms": 1500, "reason": "the node is leaving"})},
}
"""As `CLIENT_EXAMPLES`, of what servers send."""
