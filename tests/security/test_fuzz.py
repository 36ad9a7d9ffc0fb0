"""Requests made from our own OpenAPI against a real server: no 5xx, and every answer as documented.

`make test` runs few, always the same examples; `make fuzz` runs many with a seed that it prints
(PINGME_FUZZ_EXAMPLES, PINGME_FUZZ_SEED).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from typing import Any
from zlib import crc32

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CheckContext
from schemathesis.config import SchemathesisConfig

from tests.conversations.server import ServerProcess
from tests.security.api_world import Person, person
from tests.security.documented import document

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

EXAMPLES = int(os.environ.get("PINGME_FUZZ_EXAMPLES", "25"))
LONG = "PINGME_FUZZ_EXAMPLES" in os.environ
SEED = int(os.environ.get("PINGME_FUZZ_SEED", "1"))
ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")

# Rules beyond a schema: what fits it may still be refused as 10002, or for its size in bytes as 40006.
BEYOND_SCHEMA = ["2xx", "401", "403", "404", "409", "413", "422", "429"]
REJECTED = ["400", "401", "403", "404", "405", "409", "413", "422", "431"]


def config() -> SchemathesisConfig:
    """Return which checks are made, with how many examples."""
    return SchemathesisConfig.from_dict(
        {
            "seed": SEED,
            "generation": {
                "max-examples": EXAMPLES,
                "mode": "all",
                "deterministic": not LONG,
                "with-security-parameters": False,  # the tests of tokens have those
                "allow-extra-parameters": False,  # an unknown one in a query is ignored
            },
            "checks": {
                "positive_data_acceptance": {"expected-statuses": BEYOND_SCHEMA},
                "negative_data_rejection": {"expected-statuses": REJECTED},
                # After a real id was put in, a request may hit what an earlier one has removed.
                "use_after_free": {"enabled": False},
                "ensure_resource_availability": {"enabled": False},
            },
        }
    )


schema = schemathesis.openapi.from_dict(document(), config=config())


class World:
    """What requests can hit: one person's things, made anew for every operation."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=30)
        self.me, self.peer, self.other = person(self.http), person(self.http), person(self.http)
        private = self.me.say(to_user_id=self.peer.user_id)["conversation_id"]
        self.groups: list[str] = [
            self.me.new_group(self.peer, join_policy="open"),
            self.peer.new_group(self.me),
            self.other.new_group(join_policy="open"),
        ]
        for group_id in self.groups[:2]:
            self.me.say(group_id=group_id)
        self.values = {
            "conversation_id": [private, *self.groups[:2], self.me.user_id],
            "group_id": self.groups,
            "user_id": [self.peer.user_id, self.other.user_id],
            "to_user_id": [self.peer.user_id],
            "device_id": ["nobody"],
            "user_ids": [self.peer.user_id, self.other.user_id],
            "member_ids": [self.peer.user_id, self.other.user_id],
        }

    def fill(self, values: Any, salt: int) -> None:
        """Put ids that exist in the place of made-up ones, in two of three requests."""
        if not isinstance(values, dict) or salt % 3 == 0:
            return
        for key, real in self.values.items():
            value = values.get(key)
            if isinstance(value, str) and ID.match(value):
                values[key] = real[salt % len(real)]
            elif isinstance(value, list) and value and all(isinstance(v, str) and ID.match(v) for v in value):
                values[key] = [real[salt % len(real)]] * len(value)

    def token_for(self, label: str) -> Person:
        """Return who asks; a session that the request ends is a new one."""
        if label in {"POST /api/v1/auth/logout", "PUT /api/v1/auth/password"}:
            self.other.login()
            return self.other
        return self.me


@pytest.fixture(scope="module")
def worlds(server: ServerProcess) -> Iterator[Callable[[str], World]]:
    """Return the world of an operation."""
    made: dict[str, World] = {}

    def of(label: str) -> World:
        return made.setdefault(label, made.get(label) or World(server.url))

    yield of
    for world in made.values():
        world.http.close()


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as made:
        made.trust_env = False
        yield made


def documented_code(ctx: CheckContext, response: schemathesis.Response, case: schemathesis.Case) -> None:
    """The code in the envelope stands in the reference beside this status."""
    answer = case.operation.definition.raw["responses"].get(str(response.status_code))
    if response.status_code == 405 or answer is None:
        return  # judged by the check of status codes
    code = response.json().get("code", 0)
    media = answer["content"]["application/json"]
    expected = {int(each) for each in media.get("examples", {"0": None})}
    assert code in expected, f"status {response.status_code} with code {code}, documented: {sorted(expected)}"


@schema.parametrize()
@settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=EXAMPLES)
def test_every_answer_is_as_documented(
    case: schemathesis.Case,
    server: ServerProcess,
    session: requests.Session,
    worlds: Callable[[str], World],
) -> None:
    """Status, code, content type, headers and schema; wrong requests are refused, and nothing ends in a 5xx."""
    label = case.operation.label
    world = worlds(label)
    salt = crc32(repr((case.path_parameters, case.query, case.body)).encode("utf-8", "replace"))
    for values in (case.path_parameters, case.query, case.body):
        world.fill(values, salt)
    headers = world.token_for(label).headers

    case.call_and_validate(
        base_url=server.url,
        session=session,
        headers=headers,
        additional_checks=[documented_code],
        timeout=30,
    )
