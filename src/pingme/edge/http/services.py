"""What the routers reach: the use cases, put here by whoever builds the application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pingme.services.accounts import Accounts
from pingme.services.conversations import Conversations
from pingme.services.groups import Groups
from pingme.services.history import History
from pingme.services.messages import Messages
from pingme.services.people import People
from pingme.services.presence import PresenceService
from pingme.services.receipts import Receipts
from pingme.services.sync import Sync

NO_CHAT: Any = None  # tests build the application without what they do not need


@dataclass(slots=True)
class HttpServices:
    """The services behind the API, at ``request.app.state.pingme``. One field per noun."""

    accounts: Accounts
    people: People = NO_CHAT
    messages: Messages = NO_CHAT
    groups: Groups = NO_CHAT
    sync: Sync = NO_CHAT
    history: History = NO_CHAT
    conversations: Conversations = NO_CHAT
    receipts: Receipts = NO_CHAT
    presence: PresenceService = NO_CHAT
