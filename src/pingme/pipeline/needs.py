"""What a batch has to know before it can be planned, as far as it is not in memory: asked by every store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pingme.domain.events import (
    Command,
    ConversationSettingsBody,
    GroupCreatedBody,
    MemberJoinedBody,
    MemberRemovedBody,
    MemberRoleBody,
    MessageBody,
)
from pingme.domain.model import Member, Target
from pingme.pipeline.plan import Log


@dataclass(slots=True)
class Needs:
    """What a batch asks about, as far as it is not in memory."""

    logs: set[str] = field(default_factory=set)
    users: set[str] = field(default_factory=set)
    members: set[tuple[str, str]] = field(default_factory=set)
    targets: set[tuple[str, int]] = field(default_factory=set)
    group_counts: set[str] = field(default_factory=set)

    def any(self) -> bool:
        """Tell whether anything has to be read."""
        return bool(self.logs or self.users or self.members or self.targets or self.group_counts)


def needs_of(batch: Sequence[Command], logs: Mapping[str, Log], users: Mapping[str, int]) -> Needs:
    """Return what must be read before the batch can be planned."""
    needs = Needs()
    for command in batch:
        sender_id, body = command.sender_id, command.body
        log = logs.get(command.conversation_id)
        if log is None or sender_id not in log.members or sender_id not in users:
            _need_member(needs, command.conversation_id, sender_id, logs, users)
        if type(body) is MessageBody:  # the hot path: nearly every command
            if body.to_user_id is not None and body.to_user_id not in users:
                needs.users.add(body.to_user_id)
            continue
        if isinstance(body, (GroupCreatedBody, MemberJoinedBody)):
            needs.group_counts.update(body.user_ids)
            for user_id in body.user_ids:
                _need_member(needs, command.conversation_id, user_id, logs, users)
        elif isinstance(body, (MemberRemovedBody, MemberRoleBody)):
            _need_member(needs, command.conversation_id, body.user_id, logs, users)
        elif isinstance(body, ConversationSettingsBody):
            _need_member(needs, body.about, command.sender_id, logs, users)
        target_seq = getattr(body, "target_seq", None)
        if target_seq is not None:
            needs.targets.add((command.conversation_id, target_seq))
    return needs


def _need_member(
    needs: Needs, conversation_id: str, user_id: str, logs: Mapping[str, Log], users: Mapping[str, int]
) -> None:
    log = logs.get(conversation_id)
    if log is None:
        needs.logs.add(conversation_id)
        needs.members.add((conversation_id, user_id))
    elif user_id not in log.members:
        needs.members.add((conversation_id, user_id))
    if user_id not in users:
        needs.users.add(user_id)


@dataclass(slots=True)
class Loaded:
    """What was read."""

    logs: dict[str, Log] = field(default_factory=dict)
    users: dict[str, int] = field(default_factory=dict)
    members: dict[tuple[str, str], Member | None] = field(default_factory=dict)
    targets: dict[tuple[str, int], Target] = field(default_factory=dict)
    group_counts: dict[str, int] = field(default_factory=dict)
