"""Who may do what: the one table of routes and frames by role, from which the tests and docs/access.md are made.

A cell is the code that is answered, 0 for done; ``-`` (frames without an answer) for nothing done and nothing said, ``+``
for done without an answer. ``{…}`` in a request stands for a thing of the scene that `tests.security.scene` sets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

NOBODY = "10003 30004 30005"  # without a token, with an expired one, with that of a disabled account
ROLES = {
    "public": ("anonymous", "expired", "disabled", "logged_in"),
    "account": ("anonymous", "expired", "disabled", "stranger", "owner"),
    "private": ("anonymous", "expired", "disabled", "stranger", "peer", "author"),
    "group": ("anonymous", "expired", "disabled", "stranger", "former", "member", "admin", "owner"),
}
TITLES = {
    "public": ("Without an account", "What everybody may ask. A token that comes along is not looked at."),
    "account": (
        "Accounts",
        "Profiles, sessions and the user's own log. `owner` is the user whose they are, `stranger` anybody else.",
    ),
    "private": (
        "Private chats",
        "`author` wrote the message that is acted on, `peer` is the other of the two.",
    ),
    "group": (
        "Groups",
        "`former` left or was removed. The message that is acted on is the owner's.",
    ),
}


@dataclass(frozen=True)
class Row:
    """One request and what each role is answered.

    Attributes:
        request: ``METHOD /path`` as in the reference, or the type of a frame.
        what: the case, where a request has several rows.
        codes: one for each role of the subject.
        path: things that stand in the path; the query, the body or the payload follow.
    """

    request: str
    what: str
    codes: tuple[str, ...]
    path: dict[str, str] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] | None = None


def row(request: str, codes: str, what: str = "", **parts: Any) -> Row:
    """Return a row of a table whose roles but the first three are given."""
    return Row(request, what, tuple(f"{NOBODY} {codes}".split()), **parts)


def everybody(request: str, code: str, **parts: Any) -> Row:
    """Return a row of the public table: the same for all."""
    return Row(request, "", (code,) * 4, **parts)


MSG = {"msg_id": "{msg_id}"}
IN_PRIVATE = {"conversation_id": "{private}"}
IN_GROUP = {"conversation_id": "{group}"}
IN_LOG = {"conversation_id": "{log}"}
A_MESSAGE = {"seq": "{seq}"}
TEXT = {"content": "hello"}
FIRST = {"seq": 1}


def _on_messages(where: dict[str, str], edit: str, recall: str, react: str, send: str) -> list[Row]:
    """Return the rows of what changes a conversation's messages, over HTTP and by frames."""
    target = {**MSG, **where, **A_MESSAGE}
    return [
        *both("POST /messages", "send", send, {**MSG, **where, **TEXT}),
        *both("POST /messages/edit", "edit", edit, {**target, **TEXT}, "another's message"),
        *both("POST /messages/recall", "recall", recall, target, "another's message"),
        *both("POST /messages/react", "react", react, {**target, "emoji": "👍"}),
    ]


def both(route: str, frame: str, codes: str, body: dict[str, Any], what: str = "") -> list[Row]:
    """Return the row of a route and that of the frame that does the same."""
    method, path = route.split(" ")
    return [row(f"{method} /api/v1{path}", codes, what, body=body), row(frame, codes, what, body=body)]


def _reads(where: dict[str, str], read: str, receipts: str) -> list[Row]:
    path = "/api/v1/conversations/{conversation_id}"
    return [
        row("GET /api/v1/messages/history", read, query=where),
        row("history", read, body=where),
        *both("POST /messages/ack", "ack", read, {**where, **FIRST, "ack_type": "read"}),
        row(f"GET {path}", read, path=where),
        row(f"GET {path}/receipts", receipts, path=where, query=FIRST),
        row(f"PATCH {path}/settings", read, path=where, body={"muted": True, **MSG}),
    ]


PUBLIC = [
    everybody("POST /api/v1/auth/register", "0", body={"username": "{name}", "password": "{password}"}),
    everybody("POST /api/v1/auth/login", "0", body={"username": "{username}", "password": "{password}"}),
    everybody("POST /api/v1/auth/refresh", "30005", body={"refresh_token": "made.up"}),
    everybody("GET /health", "0"),
    everybody("GET /health/live", "0"),
    everybody("GET /health/ready", "0"),
    everybody("GET /version", "0"),
    everybody("GET /", "0"),
    everybody("GET /home.css", "0"),
    everybody("GET /openapi.json", "0"),
    everybody("GET /docs", "0"),
    everybody("GET /docs/ws", "0"),
    everybody("GET /docs/reference.css", "0"),
    everybody("GET /asyncapi.json", "0"),
    everybody("GET /docs/start.js", "0"),
    everybody("GET /docs/swagger-ui-bundle.js", "0"),
    everybody("GET /docs/swagger-ui.css", "0"),
    everybody("GET /docs/favicon-32x32.png", "0"),
]

ACCOUNT = [
    row("POST /api/v1/auth/logout", "0 0", "one's own session"),
    row(
        "PUT /api/v1/auth/password",
        "30003 30003",
        "without knowing the old one",
        body={"old_password": "not {password}", "new_password": "{password} 2"},
    ),
    row("GET /api/v1/auth/devices", "0 0", "one's own"),
    row("DELETE /api/v1/auth/devices/{device_id}", "10005 0", path={"device_id": "{device}"}),
    row("GET /api/v1/user/profile", "0 0", "one's own"),
    row("PUT /api/v1/user/profile", "0 0", "one's own", body={"nickname": "Ada", **MSG}),
    row("GET /api/v1/users/{user_id}", "0 0", "the public part", path={"user_id": "{user}"}),
    row("GET /api/v1/users", "0 0", "the public part, by name", query={"query": "{username}"}),
    row("GET /api/v1/users", "0 0", "the public part, by id", query={"ids": "{user}"}),
    row("POST /api/v1/presence/query", "0 0", "`unknown` for strangers", body={"user_ids": ["{user}"]}),
    row("GET /api/v1/conversations", "0 0", "one's own"),
    row("GET /api/v1/groups", "0 0", "one's own"),
    row("GET /api/v1/messages/offline", "0 0", "one's own"),
    row("POST /api/v1/groups", "0 0", body={"name": "Lunch", "member_ids": ["{user}"], **MSG}),
    row("auth", "0 0"),
    row("ping", "0 0"),
    row("sync", "0 0", "one's own", body={}),
    row("presence_set", "+ +", "one's own", body={"status": "away"}),
    row("presence_watch", "0 0", "`unknown` for strangers", body={"user_ids": ["{user}"]}),
    *_on_messages(IN_LOG, "40001 40005", "40001 40005", "40001 40005", "40001 40005"),
    *_reads(IN_LOG, "40001 0", "40001 0"),
    row("typing", "- -", body={**IN_LOG, "active": True}),
]

PRIVATE = [
    *both("POST /messages", "send", "0 0 0", {**MSG, **TEXT, "to_user_id": "{user}"}, "to a user"),
    *_on_messages(IN_PRIVATE, "40001 10004 0", "40001 10004 0", "40001 0 0", "40001 0 0"),
    *_reads(IN_PRIVATE, "40001 0 0", "40001 0 0"),
    row("typing", "- + +", body={**IN_PRIVATE, "active": True}),
]

_GROUP = "/api/v1/groups/{group_id}"
_PATH = {"group_id": "{group}"}
GROUP = [
    row(f"GET {_GROUP}", "40002 40003 0 0 0", path=_PATH),
    row(f"PATCH {_GROUP}", "40002 40003 10004 0 0", path=_PATH, body={"name": "Dinner", **MSG}),
    row(f"DELETE {_GROUP}", "40002 40003 10004 10004 0", path=_PATH, query=MSG),
    row(f"GET {_GROUP}/members", "40002 40003 0 0 0", path=_PATH),
    row(f"GET {_GROUP}/members/status", "40002 40003 0 0 0", path=_PATH),
    row(
        f"POST {_GROUP}/members",
        "40002 40003 10004 0 0",
        "by invitation",
        path=_PATH,
        body={"user_ids": ["{newcomer}"], **MSG},
    ),
    row(
        f"POST {_GROUP}/members",
        "40002 40003 0 0 0",
        "an open group",
        path={"group_id": "{open_group}"},
        body={"user_ids": ["{newcomer}"], **MSG},
    ),
    row(
        f"DELETE {_GROUP}/members/{{user_id}}",
        "40002 40003 10004 0 0",
        "a member",
        path={**_PATH, "user_id": "{target}"},
        query=MSG,
    ),
    row(
        f"DELETE {_GROUP}/members/{{user_id}}",
        "40002 40003 10004 10004 10004",
        "the owner",
        path={**_PATH, "user_id": "{owner}"},
        query=MSG,
    ),
    row(
        f"PATCH {_GROUP}/members/{{user_id}}",
        "40002 40003 10004 10004 0",
        "make an admin",
        path={**_PATH, "user_id": "{target}"},
        body={"role": "admin", **MSG},
    ),
    row(
        f"PATCH {_GROUP}/members/{{user_id}}",
        "40002 40003 10004 10004 0",
        "hand over",
        path={**_PATH, "user_id": "{target}"},
        body={"role": "owner", **MSG},
    ),
    row(
        f"PATCH {_GROUP}/members/{{user_id}}",
        "40002 40003 10004 10004 0",
        "make oneself owner",
        path={**_PATH, "user_id": "{me}"},
        body={"role": "owner", **MSG},
    ),
    row(
        "POST /api/v1/groups/join",
        "40002 40003 0 0 0",
        "by invitation",
        body={"group_id": "{group}", **MSG},
    ),
    row("POST /api/v1/groups/join", "0 0 0 0 0", "an open group", body={"group_id": "{open_group}", **MSG}),
    row("POST /api/v1/groups/leave", "40002 40003 0 0 10004", body={"group_id": "{group}", **MSG}),
    *both("POST /messages", "send", "40002 40003 0 0 0", {**MSG, **TEXT, "group_id": "{group}"}),
    *both(
        "POST /messages",
        "send",
        "40002 40003 10004 0 0",
        {**MSG, **TEXT, "group_id": "{group}", "mentions": ["all"]},
        "mentioning all",
    ),
    *_on_messages(
        IN_GROUP,
        "40002 40003 10004 10004 0",
        "40002 40003 10004 0 0",
        "40002 40003 0 0 0",
        "40002 40003 0 0 0",
    ),
    *_reads(IN_GROUP, "40002 0 0 0 0", "40002 40003 0 0 0"),
    row("typing", "- - + + +", body={**IN_GROUP, "active": True}),
]

TABLES: dict[str, list[Row]] = {"public": PUBLIC, "account": ACCOUNT, "private": PRIVATE, "group": GROUP}


def markdown() -> str:
    """Return the tables of docs/access.md."""
    parts = []
    for subject, rows in TABLES.items():
        title, about = TITLES[subject]
        roles = ROLES[subject]
        lines = [f"| route or frame | {' | '.join(roles)} |", "|---" * (len(roles) + 1) + "|"]
        for each in rows:
            request = f"`{each.request.replace('/api/v1', '')}`" + (f" {each.what}" if each.what else "")
            lines.append(f"| {request} | {' | '.join(_shown(code) for code in each.codes)} |")
        parts.append(f"## {title}\n\n{about}\n\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _shown(code: str) -> str:
    return {"0": "yes", "+": "yes", "-": "no"}.get(code, code)
