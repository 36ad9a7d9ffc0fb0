"""Fixtures of real services: one per test run, whatever the number of worker processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.registry import make_service
from tests.services.service import shared


def _common_folder(factory: pytest.TempPathFactory) -> Path:
    """Return the folder that all workers of this run share (pytest-xdist gives each one of its own below it)."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables that make PingMe use a MariaDB of this test run; or the server that PINGME_TEST_MYSQL names."""
    given = os.environ.get("PINGME_TEST_MYSQL")
    if given:
        host, port, username, password = given.split(":", 3)
        yield {"DB_HOST": host, "DB_PORT": port, "DB_USERNAME": username, "DB_PASSWORD": password}
        return
    yield from shared(make_service("mariadb"), _common_folder(tmp_path_factory))


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables that make PingMe use a Kafka broker of this test run; or the brokers that PINGME_TEST_KAFKA names."""
    given = os.environ.get("PINGME_TEST_KAFKA")
    if given:
        yield {"KAFKA_BROKERS": given}
        return
    yield from shared(make_service("kafka"), _common_folder(tmp_path_factory))
