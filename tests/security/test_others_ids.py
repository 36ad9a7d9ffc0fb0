"""Ids, cursors and tokens of others, or made up, in every place that takes one: answered as what does not exist."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest

from pingme.edge.http.openapi import operations
from tests.security.api_world import Person, name, person
from tests.security.documented import document

DOCUMENT = document()
OPERATIONS = dict(operations(DOCUMENT))
PLACES = ("conversation_id", "group_id", "device_id")


@pytest.fixture(scope="module")
def people(http: httpx.Client) -> tuple[Person, Person, Person]:
    """Ada and Bob, who write to each other and share a group; and Eve, who has nothing to do with them."""
    ada, bob, eve = person(http), person(http), person(http)
    return ada, bob, eve


def schema_of(label: str) -> dict[str, Any]:
    body = OPERATIONS[label].get("requestBody")
    if body is None:
        return {}
    reference = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    found: dict[str, Any] = DOCUMENT["components"]["schemas"][reference]["properties"]
    return found


def places() -> list[tuple[str, str]]:
    """Return each operation with each parameter or field that names a thing that may be another's."""
    found = []
    for label, operation in OPERATIONS.items():
        named = {each["name"] for each in operation.get("parameters", ())} | set(schema_of(label))
        found += [(label, place) for place in PLACES if place in named and "login" not in label]
    return found


def ask(who: Person, label: str, place: str, value: str) -> tuple[int, Any]:
    """Call an operation with good values everywhere and this one in its place; return status and answer."""
    method, path = label.split(" ")
    good: dict[str, Any] = {
        "msg_id": name(), "content": "x", "seq": 1, "emoji": "👍", "ack_type": "read", "muted": True, "name": "x",
        "user_ids": [who.user_id], "role": "admin", "user_id": who.user_id, place: value,
    }  # fmt: skip
    body = {key: good[key] for key in schema_of(label) if key in good} or None
    query = {
        each["name"]: good[each["name"]]
        for each in OPERATIONS[label].get("parameters", ())
        if each["in"] == "query" and each["name"] in good
    }
    answer = who.call(method, path.format(**good).removeprefix("/api/v1"), body, **query)
    found = answer.json()
    del found["request_id"]
    return answer.status_code, json.loads(json.dumps(found).replace(value, "<id>"))


@pytest.mark.parametrize(("label", "place"), places())
def test_anothers_thing_is_answered_as_none(
    people: tuple[Person, Person, Person], label: str, place: str
) -> None:
    """Status, code, text and data are the same: ids cannot be tried out."""
    ada, bob, eve = people
    group_id = ada.new_group(bob)
    private = ada.say(to_user_id=bob.user_id)["conversation_id"]
    theirs, made_up = {
        "group_id": ([group_id, private, ada.user_id], ["g" + "0" * 26, "p" + "0" * 26, "u" + "0" * 26]),
        "conversation_id": (
            [group_id, private, ada.user_id],
            ["g" + "0" * 26, "p" + "0" * 26, "u" + "0" * 26],
        ),
        "device_id": ([ada.device_id], ["d" + "0" * 26]),
    }[place]

    for real, none in zip(theirs, made_up, strict=True):
        answered = ask(eve, label, place, real)
        assert answered == ask(eve, label, place, none)
        assert answered[0] == 404


def test_a_group_takes_and_shows_nobody_by_their_id_alone(people: tuple[Person, Person, Person]) -> None:
    """Who is no member of a group is not found in it, exists or not; and whoever does not exist cannot be invited."""
    ada, bob, eve = people
    group_id = ada.new_group(bob)
    nobody = "u" + "0" * 26
    for label, body in (("DELETE", None), ("PATCH", {"role": "admin", "msg_id": name()})):
        found = [
            ada.call(label, f"/groups/{group_id}/members/{each}", body).json()
            for each in (eve.user_id, nobody)
        ]
        assert [each["code"] for each in found] == [30001, 30001]


def packed(inside: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(inside).encode()).decode().rstrip("=")


def opened(text: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def ids_in(data: Any) -> set[str]:
    """Return every id of a conversation that stands in an answer."""
    if isinstance(data, list):
        return {found for each in data for found in ids_in(each)}
    if isinstance(data, dict):
        own = {str(data[key]) for key in ("conversation_id", "group_id") if key in data}
        return own | {found for each in data.values() for found in ids_in(each)}
    return set()


@pytest.mark.parametrize("path", ["/conversations", "/groups", "/messages/offline"])
def test_a_cursor_of_another_shows_nothing_of_the_other(
    people: tuple[Person, Person, Person], path: str
) -> None:
    """It says how far a walk is, never whose it is."""
    ada, bob, eve = people
    theirs = {ada.new_group(bob), ada.new_group(bob)}
    mine = {eve.new_group(), eve.new_group()}
    page = ada.do("GET", path, limit=1)
    cursor = page.get("next_cursor")
    queries = [{"cursor": cursor}] if cursor else []
    queries += [{"since": page["since"]}] if "since" in page else []

    assert queries
    for query in queries:
        seen = ids_in(eve.do("GET", path, **query))
        assert not seen & theirs
        assert seen <= ids_in(eve.do("GET", path, limit=200)) | mine


def test_the_members_of_a_group_are_not_walked_with_anothers_cursor(
    people: tuple[Person, Person, Person],
) -> None:
    """The cursor of one group gives nothing of it in another, and a stranger gets no page at all."""
    ada, bob, eve = people
    theirs, mine = ada.new_group(bob), eve.new_group()
    cursor = ada.do("GET", f"/groups/{theirs}/members", limit=1)["next_cursor"]

    assert eve.call("GET", f"/groups/{theirs}/members", cursor=cursor).status_code == 404
    seen = {each["user_id"] for each in eve.do("GET", f"/groups/{mine}/members", cursor=cursor)["items"]}
    assert seen <= {eve.user_id}


@pytest.mark.parametrize(
    "inside",
    [
        None, 0, "x", [], {}, [None], [-1], [2**53 + 1], [2**70], [1e400], ["g"] * 9, [["x"] * 1_000], {"skip": -1},
        ["e", [2**63]], ["e", ["1"]], [None, "x", -1], ["u", "\x00", "'; DROP TABLE users; --"], [True], [1.5],
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/conversations", "cursor"),
        ("/groups", "cursor"),
        ("/messages/offline", "cursor"),
        ("/messages/offline", "since"),
        ("/users?query=name", "cursor"),
    ],
)
def test_a_made_up_cursor_is_refused_or_harmless(
    people: tuple[Person, Person, Person], path: str, field: str, inside: Any
) -> None:
    """10002, or a page of one's own things; never a 5xx, never another's."""
    _ada, _bob, eve = people
    path, _, query = path.partition("?")
    more = dict([query.split("=")]) if query else {}
    answer = eve.call("GET", path, **more, **{field: packed(inside)})

    assert answer.status_code in {200, 422}
    if answer.status_code == 422:
        assert answer.json()["code"] == 10002
    elif path != "/users":
        assert ids_in(answer.json()["data"]) <= ids_in(eve.do("GET", path, limit=200))


def test_a_changed_since_gives_no_more_than_everything_of_ones_own(
    people: tuple[Person, Person, Person],
) -> None:
    """The token is no secret and no permission: numbers of long ago, of the future or of another epoch."""
    ada, bob, eve = people
    theirs = ada.new_group(bob)
    epoch, numbers = opened(eve.do("GET", "/messages/offline")["since"])
    for token in ([epoch, [0]], [epoch, [2**63 - 1]], ["another", numbers], [epoch, []], [epoch, [0] * 100]):
        answer = eve.call("GET", "/messages/offline", since=packed(token))
        assert answer.status_code in {200, 422}
        assert theirs not in ids_in(answer.json()["data"])


def test_one_sees_no_private_part_of_others(people: tuple[Person, Person, Person]) -> None:
    """Email, sessions, presence and last seen are for oneself, or for those with whom one shares a conversation."""
    ada, _bob, eve = people
    ada.do("PUT", "/user/profile", {"email": "ada@example.org", "msg_id": name()})
    shown = eve.do("GET", f"/users/{ada.user_id}")["user"]
    found = eve.do("GET", "/users", query=ada.username)["items"][0]
    presence = eve.do("POST", "/presence/query", {"user_ids": [ada.user_id, "u" + "0" * 26]})["items"]

    assert set(shown) == set(found) == {"user_id", "username", "nickname", "avatar"}
    assert [{**each, "user_id": ""} for each in presence] == [{"user_id": "", "status": "unknown"}] * 2
