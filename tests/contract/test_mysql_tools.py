"""`pingme db` and `pingme doctor` on MySQL; `pingme db upgrade` on both engines."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from pingme.adapters.mysql_connection import Address
from pingme.adapters.mysql_start import reach
from pingme.bootstrap.mysql import address_of
from pingme.cli.db import upgrade_sqlite
from pingme.cli.db_mysql import upgrade_mysql, verify_mysql
from pingme.cli.doctor.mysql import check_mysql
from pingme.config import Settings
from pingme.config.models import AppSettings, DatabaseSettings
from pingme.domain.model import RuleLimits
from tests.fakes.commands import ADA, BOB, edit, private, recall, to_user
from tests.fakes.store_worlds import MysqlWorld, drop_database, fresh_address

PAIR = private(ADA, BOB)


@pytest.fixture
def address(mariadb: dict[str, str]) -> Iterator[Address]:
    address = fresh_address(mariadb)
    yield address
    asyncio.run(drop_database(address))


@pytest.fixture
def settings(address: Address) -> Settings:
    return Settings(
        database=DatabaseSettings(
            host=address.host,
            port=address.port,
            username=address.username,
            password=SecretStr(address.password),
            name=address.name,
        )
    )


def test_an_upgrade_is_planned_and_then_done_once(settings: Settings, address: Address) -> None:
    """A dry run of an upgrade prints the statements and makes nothing; a second upgrade finds nothing to do."""
    asyncio.run(_execute(address, f"CREATE DATABASE {address.name}", name=""))

    planned, statements = upgrade_mysql(settings, address.host, dry_run=True)
    done, _ = upgrade_mysql(settings, address.host, dry_run=False)
    again, _ = upgrade_mysql(settings, address.host, dry_run=False)

    assert (planned, done, again) == (1, 1, 0)
    assert any("CREATE TABLE IF NOT EXISTS events" in statement for statement in statements)


async def _execute(address: Address, sql: str, *, name: str) -> None:
    admin = Address(
        host=address.host, port=address.port, username=address.username, password=address.password, name=name
    )
    async with reach(admin, statement_s=5) as connection:
        await connection.execute(sql)


def test_the_embedded_store_is_upgraded_too(tmp_path: Path) -> None:
    """The same words: a plan, the work, and nothing to do."""
    settings = Settings(app=AppSettings(data_dir=tmp_path))

    planned, statements = upgrade_sqlite(settings, dry_run=True)
    made = (tmp_path / "pingme.db").exists()
    done, _ = upgrade_sqlite(settings, dry_run=False)
    again, _ = upgrade_sqlite(settings, dry_run=True)

    assert (planned, done, again, made) == (1, 1, 0, False)
    assert "CREATE TABLE events" in statements[0]


def test_verify_finds_what_was_changed(settings: Settings, address: Address, mariadb: dict[str, str]) -> None:
    """Nothing where nothing is wrong, edits and recalls included; a changed body, and a missing event, by name."""

    async def fill() -> None:
        world = MysqlWorld(RuleLimits(), mariadb)
        world.address = address
        await world.open()
        await world.stored(*(to_user(ADA, BOB, f"{number}", msg_id=f"m{number:015}") for number in range(6)))
        await world.stored(edit(ADA, PAIR, 1, "better"), recall(ADA, PAIR, 1), edit(ADA, PAIR, 2, "new"))
        await world.close()

    asyncio.run(fill())
    whole = verify_mysql(settings, address.host)
    sql = 'UPDATE events SET body = \'{"content":"forged","content_type":"text"}\' WHERE seq = 4'
    asyncio.run(_execute(address, sql, name=address.name))
    asyncio.run(_execute(address, "DELETE FROM events WHERE seq = 5", name=address.name))
    damaged = verify_mysql(settings, address.host)

    assert (whole["good"], whole["events"], whole["digests"]) == (True, 9, 6)
    assert not damaged["good"]
    assert any("seq 4" in fault and "digest" in fault for fault in damaged["faults"])
    assert any("events are missing" in fault for fault in damaged["faults"])


def test_doctor_looks_at_the_server(settings: Settings, address: Address) -> None:
    """Before the first start it says how to make the database; afterwards what it has found; and when nobody answers."""
    before = {each.check: each for each in check_mysql(settings, address.host)}
    upgrade_mysql(settings, address.host, dry_run=False)
    after = {each.check: each for each in check_mysql(settings, address.host)}
    away = settings.model_copy(update={"database": settings.database.model_copy(update={"port": 1})})
    gone = {each.check: each for each in check_mysql(away, address.host)}

    assert before["database.reachable"].status == "warn"
    assert f"CREATE DATABASE IF NOT EXISTS {address.name}" in before["database.reachable"].fix
    assert {each.status for each in after.values()} == {"ok"}
    assert set(after) == {"database.reachable", "database.durability", "database.schema"}
    assert gone["database.reachable"].status == "fail"


def test_the_address_is_that_of_the_settings(settings: Settings, address: Address) -> None:
    """And its password is in no text that may be logged."""
    made = address_of(settings, address.host)

    assert made == address
    assert address.password not in repr(made)
