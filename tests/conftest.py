"""For every suite: hypothesis as on shared machines and in CI, and logging that no test leaves behind."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.services.fixtures import kafka, mariadb

__all__ = ["kafka", "mariadb"]

settings.register_profile(
    "pingme",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("pingme")


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Commands set up logging for their process; the next test shall not find it."""
    yield
    if structlog.is_configured():
        structlog.reset_defaults()
