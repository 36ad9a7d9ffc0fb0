"""What the rules may ask: a port of the domain, answered by whoever plans a batch."""

from __future__ import annotations

from typing import Protocol

from pingme.domain.model import Conversation, Member, RuleLimits, Target


class Facts(Protocol):
    """What a decision may ask: the state of the store after everything before this command."""

    limits: RuleLimits
    now_ms: int

    def conversation(self, conversation_id: str) -> Conversation | None:
        """Return the conversation, or None where nothing was stored yet."""

    def head_seq(self, conversation_id: str) -> int:
        """Return the seq of its newest event, 0 for none."""

    def member(self, conversation_id: str, user_id: str) -> Member | None:
        """Return the membership, present or former, or None for a stranger."""

    def user_exists(self, user_id: str) -> bool:
        """Tell whether there is such an account."""

    def target(self, conversation_id: str, seq: int) -> Target | None:
        """Return the event at ``seq``, or None."""

    def group_count(self, user_id: str) -> int:
        """Return of how many groups this user is a member."""
