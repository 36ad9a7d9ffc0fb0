"""The services that the other tests use."""

from __future__ import annotations

import pytest

from tests.services.service import listens


def test_mariadb_answers_where_its_variables_say(mariadb: dict[str, str]) -> None:
    """Somebody listens on the port."""
    assert listens(int(mariadb["DB_PORT"]))


@pytest.mark.slow
def test_kafka_answers_where_its_variables_say(kafka: dict[str, str]) -> None:
    """Somebody listens on the port."""
    assert listens(int(kafka["KAFKA_BROKERS"].rpartition(":")[2]))
