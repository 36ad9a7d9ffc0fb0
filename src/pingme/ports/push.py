"""Live delivery to connected clients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from pingme.domain.events import Command, Outcome
from pingme.ports.log import Origin
from pingme.wire.pushed import Pushed


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """The outcome of a record on its way to whoever waits for it and to everybody who hears the conversation."""

    outcome: Outcome
    origin: Origin | None
    command: Command


class Signal(msgspec.Struct, frozen=True, gc=False):
    """Something to show that is not stored: a receipt, typing.

    Attributes:
        channel: ``user:{id}`` or ``group:{id}``.
        frame: the whole WebSocket frame.
        except_user: connections of this user do not get it.
    """

    channel: str
    frame: bytes
    except_user: str | None = None


class PushReceiver(Protocol):
    """The node's hub: what live delivery hands over to."""

    def deliver(self, batch: Sequence[Delivery]) -> None:
        """Answer who waits, and push the events to the local connections that hear them, in order."""
        ...

    def signal(self, batch: Sequence[Signal]) -> None:
        """Push signals to local connections."""
        ...

    def resync(self) -> None:
        """Tell every connection that its live stream may have a hole: it syncs."""
        ...

    def close_sessions(self, user_id: str, family_id: str, code: int) -> None:
        """Close the sockets of a user's session with this close code; a newer session of the same device stays."""
        ...


class NodesReceiver(Protocol):
    """What a hub does besides where there are several nodes."""

    def receive(self, batch: Sequence[Pushed]) -> None:
        """Take what another node said: answer who waits, push to the local connections that hear it, in order.

        A group whose members are known here only as they were before an event's ``members_seq`` is read again first.
        """
        ...

    def hears(self, conversation_id: str, hearers: Sequence[str]) -> bool:
        """Tell whether a connection of this node hears the conversation (``hearers`` as in `Stored`)."""
        ...

    def sync(self, conversation_id: str, hearers: Sequence[str]) -> None:
        """Tell the connections of this node that hear the conversation to sync (``hearers`` as in `Stored`)."""
        ...

    def reload(self, conversation_id: str) -> None:
        """Read again who is a member of a group, and tell its members here to sync."""
        ...


class LivePush(Protocol):
    """At most once: what is lost is repaired from the store (sync), never here.

    The events of one conversation are handed over in the order in which they are published.
    """

    async def publish(self, batch: Sequence[Delivery]) -> None:
        """Hand over outcomes to the nodes that wait for them or serve somebody who hears them."""
        ...

    def resync(self) -> None:
        """Tell this node's clients to sync: something that was published may not have arrived."""
        ...

    def publish_signals(self, batch: Sequence[Signal]) -> None:
        """Hand over signals; nobody learns whether they arrived."""
        ...

    def revoke(self, user_id: str, family_id: str, code: int) -> None:
        """Close the sockets of a user's session on every node, within 2 s."""
        ...

    @property
    def connected(self) -> bool:
        """False while other nodes are, perhaps, not heard: what they store is found by asking the store."""
        ...


class LocalPush(LivePush, Protocol):
    """A `LivePush` that serves this node's connections, too."""

    receiver: PushReceiver | None
    """This node's hub; None until there is one, and then nothing is handed over here."""
