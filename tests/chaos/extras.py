"""Who watches a drill besides the crowd, and what else must hold in the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tests.chaos.cluster import Cluster
from tests.chaos.load import Crowd


@dataclass(slots=True)
class Finding:
    """What a watcher says: faults, in words, and figures for the report."""

    faults: list[str] = field(default_factory=list)
    figures: Mapping[str, float] = field(default_factory=dict)


class Extra(Protocol):
    """Somebody who takes part in a drill."""

    async def begin(self, cluster: Cluster, crowd: Crowd) -> None:
        """Begin, when the load begins."""
        ...

    async def end(self) -> Finding:
        """Say what was found, after the crowd has caught up and before it leaves."""
        ...
