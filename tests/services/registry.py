"""The services by name; only the module of the one that is asked for is imported."""

from __future__ import annotations

from importlib import import_module

from tests.services.service import Service

SERVICES = {"mariadb": "MariaDB", "redis": "Redis", "kafka": "Kafka"}  # module of tests.services -> its class


def make_service(name: str) -> Service:
    """Return a service that is not started.

    Raises:
        KeyError: there is no service of this name.
    """
    service: Service = getattr(import_module(f"tests.services.{name}"), SERVICES[name])()
    return service
