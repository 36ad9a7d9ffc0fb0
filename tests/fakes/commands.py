"""Commands in few words, for tests."""

from __future__ import annotations

import itertools

from pingme.domain.events import (
    Command,
    ConversationSettingsBody,
    EditBody,
    GroupCreatedBody,
    GroupDissolvedBody,
    GroupUpdatedBody,
    HistoryPolicy,
    JoinPolicy,
    MemberJoinedBody,
    MemberLeftBody,
    MemberRemovedBody,
    MemberRoleBody,
    MessageBody,
    ProfileUpdatedBody,
    ReactionBody,
    RecallBody,
    Role,
    make_command,
)
from pingme.domain.ids import UserId, private_conversation_id

ADA, BOB, CAI, DEE = "u-ada", "u-bob", "u-cai", "u-dee"
USERS = (ADA, BOB, CAI, DEE)
GROUP = "g-1"

_numbers = itertools.count(1)


def fresh() -> str:
    """Return a msg_id that no other call returns."""
    return f"m{next(_numbers)}"


def private(one: str, other: str) -> str:
    return private_conversation_id(UserId(one), UserId(other))


def to_user(
    sender: str,
    peer: str,
    content: str = "hello",
    *,
    msg_id: str | None = None,
    client_ts: int | None = None,
    content_type: str = "text",
    reply_to: int | None = None,
    mentions: tuple[str, ...] | None = None,
) -> Command:
    body = MessageBody(
        content=content, content_type=content_type, mentions=mentions, reply_to=reply_to, to_user_id=peer
    )
    return make_command(
        "message",
        sender_id=sender,
        msg_id=msg_id or fresh(),
        conversation_id=private(sender, peer),
        body=body,
        client_ts=client_ts,
    )


def to_group(
    sender: str,
    content: str = "hello",
    *,
    group: str = GROUP,
    msg_id: str | None = None,
    reply_to: int | None = None,
    mentions: tuple[str, ...] | None = None,
) -> Command:
    body = MessageBody(content=content, content_type="text", reply_to=reply_to, mentions=mentions)
    return make_command(
        "message", sender_id=sender, msg_id=msg_id or fresh(), conversation_id=group, body=body
    )


def edit(sender: str, conversation_id: str, seq: int, content: str, *, msg_id: str | None = None) -> Command:
    body = EditBody(content=content, target_seq=seq)
    return make_command(
        "edit", sender_id=sender, msg_id=msg_id or fresh(), conversation_id=conversation_id, body=body
    )


def recall(sender: str, conversation_id: str, seq: int, *, msg_id: str | None = None) -> Command:
    body = RecallBody(target_seq=seq)
    return make_command(
        "recall", sender_id=sender, msg_id=msg_id or fresh(), conversation_id=conversation_id, body=body
    )


def react(
    sender: str,
    conversation_id: str,
    seq: int,
    emoji: str,
    *,
    remove: bool = False,
    msg_id: str | None = None,
) -> Command:
    body = ReactionBody(emoji=emoji, remove=remove or None, target_seq=seq)
    return make_command(
        "reaction", sender_id=sender, msg_id=msg_id or fresh(), conversation_id=conversation_id, body=body
    )


def create_group(
    owner: str,
    *others: str,
    group: str = GROUP,
    name: str = "Group",
    history_policy: HistoryPolicy = "from_join",
    join_policy: JoinPolicy = "invite",
    msg_id: str | None = None,
) -> Command:
    body = GroupCreatedBody(
        history_policy=history_policy, join_policy=join_policy, name=name, user_ids=(owner, *others)
    )
    return make_command(
        "group_created", sender_id=owner, msg_id=msg_id or fresh(), conversation_id=group, body=body
    )


def join(sender: str, *users: str, group: str = GROUP, msg_id: str | None = None) -> Command:
    """Invite these users, or join by oneself."""
    body = MemberJoinedBody(user_ids=users or (sender,))
    return make_command(
        "member_joined", sender_id=sender, msg_id=msg_id or fresh(), conversation_id=group, body=body
    )


def leave(sender: str, *, group: str = GROUP) -> Command:
    return make_command(
        "member_left", sender_id=sender, msg_id=fresh(), conversation_id=group, body=MemberLeftBody()
    )


def remove(sender: str, user: str, *, group: str = GROUP) -> Command:
    body = MemberRemovedBody(user_id=user)
    return make_command("member_removed", sender_id=sender, msg_id=fresh(), conversation_id=group, body=body)


def set_role(sender: str, user: str, role: Role, *, group: str = GROUP) -> Command:
    body = MemberRoleBody(role=role, user_id=user)
    return make_command("member_role", sender_id=sender, msg_id=fresh(), conversation_id=group, body=body)


def update_group(
    sender: str,
    *,
    group: str = GROUP,
    name: str | None = None,
    announcement: str | None = None,
    history_policy: HistoryPolicy | None = None,
    join_policy: JoinPolicy | None = None,
) -> Command:
    body = GroupUpdatedBody(
        name=name, announcement=announcement, history_policy=history_policy, join_policy=join_policy
    )
    return make_command("group_updated", sender_id=sender, msg_id=fresh(), conversation_id=group, body=body)


def dissolve(sender: str, *, group: str = GROUP) -> Command:
    return make_command(
        "group_dissolved", sender_id=sender, msg_id=fresh(), conversation_id=group, body=GroupDissolvedBody()
    )


def set_up(
    sender: str,
    about: str,
    *,
    muted: bool | None = None,
    pinned: bool | None = None,
    draft: str | None = None,
) -> Command:
    """Change the sender's settings of a conversation."""
    body = ConversationSettingsBody(about=about, draft=draft, muted=muted, pinned=pinned)
    return make_command(
        "conversation_settings", sender_id=sender, msg_id=fresh(), conversation_id=sender, body=body
    )


def profile(
    sender: str, *, nickname: str | None = None, email: str | None = None, avatar: str | None = None
) -> Command:
    body = ProfileUpdatedBody(avatar=avatar, email=email, nickname=nickname)
    return make_command(
        "profile_updated", sender_id=sender, msg_id=fresh(), conversation_id=sender, body=body
    )
