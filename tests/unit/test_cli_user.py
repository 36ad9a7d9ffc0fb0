"""`pingme user`, with the administration behind it replaced by the service on the fake store."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner

from pingme.cli import user
from pingme.services.accounts_admin import HANDLERS
from tests.fakes.accounts_world import PASSWORD, AccountsWorld


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[AccountsWorld]:
    made = AccountsWorld()
    admin = ModuleType("pingme.cli.admin")

    def call(settings: object, command: str, arguments: dict[str, Any]) -> dict[str, Any]:
        return asyncio.run(HANDLERS[command](made.accounts, arguments))  # type: ignore[arg-type]

    admin.call = call  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pingme.cli.admin", admin)
    monkeypatch.setattr("pingme.config.load_settings", lambda: None)
    yield made
    made.close()


def run(*arguments: str, stdin: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(user.app, list(arguments), input=stdin)
    return result.exit_code, result.stdout


def test_an_account_is_made_and_listed(world: AccountsWorld) -> None:
    """Typed twice, or from stdin; the password is printed nowhere."""
    typed = run("create", "ada", "--nickname", "Ada L.", stdin=f"{PASSWORD}\n{PASSWORD}\n")
    piped = run("create", "bob", "--password-stdin", "--json", stdin=f"{PASSWORD}\n")
    _, table = run("list")
    _, listed = run("list", "--json")

    assert typed[0] == piped[0] == 0
    assert "created: ada (u" in typed[1]
    made = json.loads(piped[1][piped[1].index("{\n") :])
    assert made["user"]["username"] == "bob"
    assert [item["username"] for item in json.loads(listed)["items"]] == ["ada", "bob"]
    assert "Ada L." in table
    assert PASSWORD not in typed[1] + piped[1] + table + listed


def test_disable_enable_and_set_password(world: AccountsWorld) -> None:
    """Each says what it has done, and to whom."""
    run("create", "ada", "--password-stdin", stdin=PASSWORD)

    outputs = [
        run("disable", "ada")[1],
        run("enable", "ADA")[1],
        run("set-password", "ada", "--password-stdin", stdin="another horse\n")[1],
    ]

    assert [text.splitlines()[-1].split(" (")[0] for text in outputs] == [
        "disabled: ada",
        "enabled: ada",
        "password set: ada",
    ]
    assert asyncio.run(world.accounts.login("ada", "another horse")).user.username == "ada"


def test_a_password_never_stands_on_the_command_line(world: AccountsWorld) -> None:
    """There is no option for it."""
    code, _ = run("create", "ada", "--password", PASSWORD)

    assert code == 2
