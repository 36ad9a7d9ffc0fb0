"""Who may do what, and what it changes: pure decisions, taken in log order on what the store holds.

`decide` answers one command against `Facts`: it raises `Refused`, or returns the effects of the event besides its own row.
It is the only place that decides on writes; services ask earlier to answer quickly, never instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from pingme.domain.effects import (
    ConversationChanged,
    ConversationMade,
    Effect,
    MemberSet,
    MessageEdited,
    MessageRecalled,
    ProfileChanged,
    ReactionSet,
    SettingsChanged,
)
from pingme.domain.errors import ErrorCode, Refused
from pingme.domain.events import (
    Body,
    Command,
    ConversationSettingsBody,
    EditBody,
    GroupCreatedBody,
    GroupUpdatedBody,
    MemberJoinedBody,
    MemberRemovedBody,
    MemberRoleBody,
    MessageBody,
    ProfileUpdatedBody,
    ReactionBody,
    RecallBody,
)
from pingme.domain.facts import Facts
from pingme.domain.model import (
    ROLE_RANKS,
    Conversation,
    ConversationType,
    Member,
    RoleRank,
    Target,
)

B = TypeVar("B", bound=Body)


NO_EFFECTS: tuple[Effect, ...] = ()


def decide(command: Command, facts: Facts) -> tuple[Effect, ...]:
    """Return what the command's event changes besides the log.

    Raises:
        Refused: the command may not be done; the event must not be stored.
    """
    return _RULES[command.kind](command, facts)


def check_writer(command: Command, facts: Facts) -> tuple[Conversation, Member]:
    """Return the conversation and the sender's membership, if the sender may write there.

    Raises:
        Refused: 40001/40002 for strangers (as if it did not exist), 40003 for former members, 40005 where it is closed.
    """
    conversation, member = _check_present(command, facts)
    if conversation.dissolved:
        raise Refused(ErrorCode.NOT_ALLOWED_TO_WRITE, "this group was dissolved")
    if conversation.type is ConversationType.SELF:
        raise Refused(ErrorCode.NOT_ALLOWED_TO_WRITE, "nobody writes into a user's own log")
    return conversation, member


def _check_present(command: Command, facts: Facts) -> tuple[Conversation, Member]:
    conversation = facts.conversation(command.conversation_id)
    member = facts.member(command.conversation_id, command.sender_id)
    if conversation is None or member is None:
        raise Refused(missing_code(command.conversation_id))
    if not member.present:
        raise Refused(ErrorCode.NOT_A_MEMBER)
    return conversation, member


def missing_code(conversation_id: str) -> ErrorCode:
    """Return the code that hides whether a conversation exists: by the form of its id only."""
    return ErrorCode.GROUP_NOT_FOUND if conversation_id.startswith("g") else ErrorCode.CONVERSATION_NOT_FOUND


def _message(command: Command, facts: Facts) -> tuple[Effect, ...]:
    body = _body(command, MessageBody)
    if body.to_user_id is not None and facts.conversation(command.conversation_id) is None:
        if body.reply_to is not None:
            raise Refused(ErrorCode.INVALID_PARAMETERS, "reply_to: there is no message yet to reply to")
        _check_mentions(body, RoleRank.MEMBER)
        return _private_made(command, body.to_user_id, facts)
    _, member = check_writer(command, facts)
    if body.reply_to is not None and not member.from_seq <= body.reply_to <= facts.head_seq(
        command.conversation_id
    ):
        raise Refused(
            ErrorCode.INVALID_PARAMETERS, f"reply_to: no event {body.reply_to} in this conversation"
        )
    if body.mentions:
        _check_mentions(body, member.role)
    return NO_EFFECTS


def _check_mentions(body: MessageBody, role: RoleRank) -> None:
    if body.mentions is not None and "all" in body.mentions and role < RoleRank.ADMIN:
        raise Refused(ErrorCode.FORBIDDEN, 'mentions: only admins may mention "all"')


def _private_made(command: Command, peer_id: str, facts: Facts) -> tuple[Effect, ...]:
    for user_id in (command.sender_id, peer_id):
        if not facts.user_exists(user_id):
            raise Refused(ErrorCode.USER_NOT_FOUND)
    conversation = Conversation(
        command.conversation_id,
        ConversationType.PRIVATE,
        member_count=2,
        created_ts=facts.now_ms,
        history_policy="full",
    )
    members = tuple(sorted({command.sender_id, peer_id}))
    return (
        ConversationMade(replace(conversation, member_count=len(members), peers=members)),
        *(MemberSet(Member(user_id, RoleRank.MEMBER, 1, 1)) for user_id in members),
    )


def _target(command: Command, facts: Facts, seq: int, member: Member) -> Target:
    """Return the message at ``seq`` if the member may see it and it can still be acted on."""
    target = facts.target(command.conversation_id, seq) if seq >= member.from_seq else None
    if target is None or target.kind != "message":
        raise Refused(ErrorCode.NOT_FOUND, f"seq: no message {seq} in this conversation")
    if target.recalled:
        raise Refused(ErrorCode.CONFLICT, f"message {seq} was recalled")
    return target


def _within(window_s: int, target: Target, facts: Facts) -> bool:
    return window_s == 0 or facts.now_ms - target.server_ts <= window_s * 1000


def _edit(command: Command, facts: Facts) -> tuple[Effect, ...]:
    body = _body(command, EditBody)
    _, member = check_writer(command, facts)
    target = _target(command, facts, body.target_seq, member)
    if target.sender_id != command.sender_id:
        raise Refused(ErrorCode.FORBIDDEN, "only its sender may edit a message")
    if not _within(facts.limits.edit_window_s, target, facts):
        raise Refused(ErrorCode.TOO_LATE, f"a message may be edited for {facts.limits.edit_window_s} s")
    return (MessageEdited(body.target_seq, body.content),)


def _recall(command: Command, facts: Facts) -> tuple[Effect, ...]:
    body = _body(command, RecallBody)
    conversation, member = check_writer(command, facts)
    target = _target(command, facts, body.target_seq, member)
    admin = conversation.type is ConversationType.GROUP and member.role >= RoleRank.ADMIN
    if target.sender_id != command.sender_id and not admin:
        raise Refused(ErrorCode.FORBIDDEN, "only its sender or an admin of the group may recall a message")
    if not admin and not _within(facts.limits.recall_window_s, target, facts):
        raise Refused(ErrorCode.TOO_LATE, f"a message may be recalled for {facts.limits.recall_window_s} s")
    return (MessageRecalled(body.target_seq),)


def _reaction(command: Command, facts: Facts) -> tuple[Effect, ...]:
    body = _body(command, ReactionBody)
    _, member = check_writer(command, facts)
    target = _target(command, facts, body.target_seq, member)
    if (
        not body.remove
        and body.emoji not in target.emojis
        and len(target.emojis) >= facts.limits.reaction_kinds
    ):
        raise Refused(
            ErrorCode.LIMIT_REACHED, f"at most {facts.limits.reaction_kinds} kinds of reactions per message"
        )
    return (ReactionSet(body.target_seq, command.sender_id, body.emoji, not body.remove),)


def _group_created(command: Command, facts: Facts) -> tuple[Effect, ...]:
    body = _body(command, GroupCreatedBody)
    if facts.conversation(command.conversation_id) is not None:
        raise Refused(ErrorCode.CONFLICT, "there is a group with this id")
    if body.user_ids[:1] != (command.sender_id,) or len(set(body.user_ids)) < len(body.user_ids):
        raise Refused(ErrorCode.INVALID_PARAMETERS, "user_ids: expected the creator first and nobody twice")
    if len(body.user_ids) > facts.limits.group_members:
        raise Refused(ErrorCode.LIMIT_REACHED, f"a group has at most {facts.limits.group_members} members")
    for user_id in body.user_ids:
        _check_joinable(user_id, facts)
    conversation = Conversation(
        command.conversation_id,
        ConversationType.GROUP,
        name=body.name,
        history_policy=body.history_policy,
        join_policy=body.join_policy,
        member_count=len(body.user_ids),
        created_ts=facts.now_ms,
    )
    members = (
        Member(user_id, RoleRank.OWNER if user_id == command.sender_id else RoleRank.MEMBER, 1, 1)
        for user_id in body.user_ids
    )
    return (ConversationMade(conversation), *(MemberSet(member) for member in members))


def _check_joinable(user_id: str, facts: Facts) -> None:
    if not facts.user_exists(user_id):
        raise Refused(ErrorCode.USER_NOT_FOUND, f"no user {user_id}")
    if facts.group_count(user_id) >= facts.limits.groups_per_user:
        raise Refused(ErrorCode.LIMIT_REACHED, f"a user is in at most {facts.limits.groups_per_user} groups")


def _member_joined(command: Command, facts: Facts) -> tuple[Effect, ...]:
    """Invite (the sender is a member), or join by oneself where the policy is open."""
    body = _body(command, MemberJoinedBody)
    conversation = facts.conversation(command.conversation_id)
    if body.user_ids == (command.sender_id,):
        _check_open(conversation, facts.member(command.conversation_id, command.sender_id))
    else:
        conversation, member = check_writer(command, facts)
        if conversation.type is not ConversationType.GROUP:
            raise Refused(ErrorCode.GROUP_NOT_FOUND)
        if conversation.join_policy == "invite" and member.role < RoleRank.ADMIN:
            raise Refused(ErrorCode.FORBIDDEN, "only the owner and admins may invite into this group")
    assert conversation is not None  # both branches have checked
    return _joined(command, body.user_ids, conversation, facts)


def _check_open(conversation: Conversation | None, member: Member | None) -> None:
    if conversation is None or conversation.type is not ConversationType.GROUP:
        raise Refused(ErrorCode.GROUP_NOT_FOUND)
    if conversation.join_policy != "open":
        if member is None:
            raise Refused(ErrorCode.GROUP_NOT_FOUND)
        if not member.present:
            raise Refused(ErrorCode.NOT_A_MEMBER, "this group takes new members by invitation")
    if conversation.dissolved:
        raise Refused(ErrorCode.NOT_ALLOWED_TO_WRITE, "this group was dissolved")


def _joined(
    command: Command, user_ids: tuple[str, ...], conversation: Conversation, facts: Facts
) -> tuple[Effect, ...]:
    seq = facts.head_seq(command.conversation_id) + 1
    from_seq = 1 if conversation.history_policy == "full" else seq
    new: list[Member] = []
    for user_id in dict.fromkeys(user_ids):
        known = facts.member(command.conversation_id, user_id)
        if known is not None and known.present:
            continue
        _check_joinable(user_id, facts)
        new.append(Member(user_id, RoleRank.MEMBER, seq, from_seq))
    count = conversation.member_count + len(new)
    if new and count > facts.limits.group_members:
        raise Refused(ErrorCode.LIMIT_REACHED, f"a group has at most {facts.limits.group_members} members")
    if not new:
        return NO_EFFECTS
    return (
        ConversationChanged(replace(conversation, member_count=count)),
        *(MemberSet(member) for member in new),
    )


def _check_group(command: Command, facts: Facts, least: RoleRank, what: str) -> tuple[Conversation, Member]:
    conversation, member = check_writer(command, facts)
    if conversation.type is not ConversationType.GROUP:
        raise Refused(ErrorCode.GROUP_NOT_FOUND)
    if member.role < least:
        raise Refused(
            ErrorCode.FORBIDDEN, f"only {'the owner' if least is RoleRank.OWNER else 'admins'} may {what}"
        )
    return conversation, member


def _gone(conversation: Conversation, member: Member, seq: int) -> tuple[Effect, ...]:
    return (
        ConversationChanged(replace(conversation, member_count=conversation.member_count - 1)),
        MemberSet(replace(member, role=RoleRank.MEMBER, until_seq=seq)),
    )


def _member_left(command: Command, facts: Facts) -> tuple[Effect, ...]:
    conversation, member = _check_present(command, facts)
    if conversation.type is not ConversationType.GROUP:
        raise Refused(ErrorCode.GROUP_NOT_FOUND)
    if member.role is RoleRank.OWNER and conversation.member_count > 1 and not conversation.dissolved:
        raise Refused(ErrorCode.FORBIDDEN, "make another member the owner first, or dissolve the group")
    return _gone(conversation, member, facts.head_seq(command.conversation_id) + 1)


def _member_removed(command: Command, facts: Facts) -> tuple[Effect, ...]:
    body = _body(command, MemberRemovedBody)
    conversation, member = _check_group(command, facts, RoleRank.ADMIN, "remove members")
    target = facts.member(command.conversation_id, body.user_id)
    if target is None or not target.present:
        raise Refused(ErrorCode.USER_NOT_FOUND, f"{body.user_id} is not a member")
    if target.role >= member.role:
        raise Refused(ErrorCode.FORBIDDEN, "admins may remove members, the owner may remove anybody else")
    return _gone(conversation, target, facts.head_seq(command.conversation_id) + 1)


def _member_role(command: Command, facts: Facts) -> tuple[Effect, ...]:
    body = _body(command, MemberRoleBody)
    _, member = _check_group(command, facts, RoleRank.OWNER, "change roles")
    target = facts.member(command.conversation_id, body.user_id)
    if target is None or not target.present:
        raise Refused(ErrorCode.USER_NOT_FOUND, f"{body.user_id} is not a member")
    role = ROLE_RANKS[body.role]
    if target.user_id == member.user_id:
        if role is not RoleRank.OWNER:
            raise Refused(ErrorCode.FORBIDDEN, "a group has one owner: make another member the owner instead")
        return NO_EFFECTS
    if role is RoleRank.OWNER:
        return (
            MemberSet(replace(member, role=RoleRank.ADMIN)),
            MemberSet(replace(target, role=RoleRank.OWNER)),
        )
    return (MemberSet(replace(target, role=role)),)


def _group_updated(command: Command, facts: Facts) -> tuple[Effect, ...]:
    body = _body(command, GroupUpdatedBody)
    conversation, _ = _check_group(command, facts, RoleRank.ADMIN, "change the group")
    changes = {name: value for name in body.__struct_fields__ if (value := getattr(body, name)) is not None}
    return (ConversationChanged(replace(conversation, **changes)),)


def _group_dissolved(command: Command, facts: Facts) -> tuple[Effect, ...]:
    conversation, _ = _check_group(command, facts, RoleRank.OWNER, "dissolve the group")
    return (ConversationChanged(replace(conversation, dissolved=True)),)


def _own_log(command: Command, facts: Facts) -> tuple[Effect, ...]:
    """Begin the sender's own log where this is its first event."""
    if command.conversation_id != command.sender_id or not facts.user_exists(command.sender_id):
        raise Refused(ErrorCode.CONVERSATION_NOT_FOUND)
    if facts.conversation(command.conversation_id) is not None:
        return NO_EFFECTS
    own = Conversation(
        command.sender_id,
        ConversationType.SELF,
        member_count=1,
        created_ts=facts.now_ms,
        peers=(command.sender_id,),
    )
    return (ConversationMade(own), MemberSet(Member(command.sender_id, RoleRank.OWNER, 1, 1)))


def _conversation_settings(command: Command, facts: Facts) -> tuple[Effect, ...]:
    body = _body(command, ConversationSettingsBody)
    if facts.member(body.about, command.sender_id) is None:
        raise Refused(missing_code(body.about))
    changed = SettingsChanged(command.sender_id, body.about, body.muted, body.pinned, body.draft)
    return (*_own_log(command, facts), changed)


def _profile_updated(command: Command, facts: Facts) -> tuple[Effect, ...]:
    body = _body(command, ProfileUpdatedBody)
    changed = ProfileChanged(command.sender_id, body.nickname, body.email, body.avatar)
    return (*_own_log(command, facts), changed)


def _body(command: Command, kind: type[B]) -> B:
    """Return the body as its kind's type; whoever made the command has checked it."""
    if not isinstance(command.body, kind):
        raise Refused(ErrorCode.INVALID_PARAMETERS, f"expected a body of {kind.__name__}")
    return command.body


_RULES: dict[str, Callable[[Command, Facts], tuple[Effect, ...]]] = {
    "message": _message,
    "edit": _edit,
    "recall": _recall,
    "reaction": _reaction,
    "group_created": _group_created,
    "member_joined": _member_joined,
    "member_left": _member_left,
    "member_removed": _member_removed,
    "member_role": _member_role,
    "group_updated": _group_updated,
    "group_dissolved": _group_dissolved,
    "conversation_settings": _conversation_settings,
    "profile_updated": _profile_updated,
}
