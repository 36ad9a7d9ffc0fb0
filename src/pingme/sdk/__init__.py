"""PingMe from Python: connect, send, listen, look back (docs/sdk.md).

async with Client("http://127.0.0.1:8080") as alice:
    await alice.login("alice", "a-secret-password")
    await alice.send("hello", to="bob")
"""

from pingme.domain.errors import ErrorCode
from pingme.sdk.client import Client
from pingme.sdk.errors import (
    ClientClosed,
    DataDirInUse,
    NotLoggedIn,
    OutboxFull,
    OutcomeUnknown,
    PingMeError,
    ProtocolFault,
    Refused,
    Replaced,
    ServerUnreachable,
    SessionEnded,
    StorageFailed,
)
from pingme.sdk.events import (
    ConnectionChanged,
    Diverged,
    Edited,
    Event,
    GroupCreated,
    GroupDissolved,
    GroupUpdated,
    LogEvent,
    MemberLeft,
    MemberRemoved,
    MembersJoined,
    Message,
    OtherEvent,
    Presence,
    ProfileChanged,
    Reacted,
    Reaction,
    Recalled,
    Receipt,
    RoleChanged,
    SendFailed,
    SettingsChanged,
    Synced,
    Typing,
)
from pingme.sdk.models import Device, Group, Member, User
from pingme.sdk.outbox import Sent
from pingme.sdk.state import Snapshot

__all__ = [
    "Client",
    "ClientClosed",
    "ConnectionChanged",
    "DataDirInUse",
    "Device",
    "Diverged",
    "Edited",
    "ErrorCode",
    "Event",
    "Group",
    "GroupCreated",
    "GroupDissolved",
    "GroupUpdated",
    "LogEvent",
    "Member",
    "MemberLeft",
    "MemberRemoved",
    "MembersJoined",
    "Message",
    "NotLoggedIn",
    "OtherEvent",
    "OutboxFull",
    "OutcomeUnknown",
    "PingMeError",
    "Presence",
    "ProfileChanged",
    "ProtocolFault",
    "Reacted",
    "Reaction",
    "Recalled",
    "Receipt",
    "Refused",
    "Replaced",
    "RoleChanged",
    "SendFailed",
    "Sent",
    "ServerUnreachable",
    "SessionEnded",
    "SettingsChanged",
    "Snapshot",
    "StorageFailed",
    "Synced",
    "Typing",
    "User",
]
