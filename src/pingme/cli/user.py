"""`pingme user`: create, list, disable and enable accounts; set passwords."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Create, list, disable and enable accounts; set passwords; beside a running server or without one.",
)

PAGE = 1_000  # users asked for at once

Name = Annotated[str, typer.Argument(help="Username or user_id.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of standard input.")
]


@app.command()
def create(
    username: Annotated[str, typer.Argument(help="3 to 32 letters, digits, _ . or -")],
    *,
    email: Annotated[str, typer.Option(help="Address, not verified.")] = "",
    nickname: Annotated[str, typer.Option(help="Name that others see, at most 64 characters.")] = "",
    password_stdin: FromStdin = False,
    as_json: AsJson = False,
) -> None:
    """Make an account, also while registration is closed. The password is asked for, or read from stdin."""
    password = read_password(from_stdin=password_stdin)
    arguments = {"username": username, "password": password, "email": email, "nickname": nickname}
    show_user(ask("user.create", arguments), "created", as_json=as_json)


@app.command(name="list")
def list_users(*, as_json: AsJson = False) -> None:
    """List all accounts by username, those that are disabled, too."""
    users: list[dict[str, Any]] = []
    after: str | None = ""
    while after is not None:
        page = ask("user.list", {"after": after, "limit": PAGE})
        users += page["items"]
        after = page["next_cursor"]
    if as_json:
        print(json.dumps({"items": users}, indent=2, ensure_ascii=False))
        return
    print_table(users)


@app.command()
def disable(name: Name, *, as_json: AsJson = False) -> None:
    """Keep a user out: all sessions end now, logins are refused. What they wrote stays."""
    show_user(ask("user.disable", {"username": name}), "disabled", as_json=as_json)


@app.command()
def enable(name: Name, *, as_json: AsJson = False) -> None:
    """Let a disabled user log in again."""
    show_user(ask("user.enable", {"username": name}), "enabled", as_json=as_json)


@app.command()
def set_password(name: Name, *, password_stdin: FromStdin = False, as_json: AsJson = False) -> None:
    """Set a new password; all sessions of the user end."""
    password = read_password(from_stdin=password_stdin)
    answer = ask("user.set_password", {"username": name, "password": password})
    show_user(answer, "password set", as_json=as_json)


def ask(command: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Run one command of the administration, in the running server or here.

    Raises:
        PingMeError: it was refused, or the settings are wrong.
    """
    from pingme.cli.admin import call  # noqa: PLC0415  # `pingme user --help` needs neither
    from pingme.config import load_settings  # noqa: PLC0415

    return call(load_settings(), command, arguments)


def read_password(*, from_stdin: bool) -> str:
    """Return a password that was typed twice, or the first line of standard input; never from the command
    line.

    Other users of the machine see what stands on a command line.
    """
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


def show_user(answer: dict[str, Any], done: str, *, as_json: bool) -> None:
    """Print the account that a command is about."""
    user = answer["user"]
    if as_json:
        print(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        print(f"{done}: {user['username']} ({user['user_id']})")


def print_table(users: list[dict[str, Any]]) -> None:
    """Print accounts in columns."""
    name_width = max((len(user["username"]) for user in users), default=0)
    for user in users:
        state = "disabled" if user["disabled"] else "active"
        created = datetime.fromtimestamp(user["created_ts"] / 1000, UTC).date().isoformat()
        print(
            f"{user['username']:<{name_width}}  {user['user_id']}  {state:<8}  {created}  {user['nickname']}"
        )
    print(f"{len(users)} {'account' if len(users) == 1 else 'accounts'}", file=sys.stderr)
