"""Who may do what: one table, role × operation, and what an allowed operation changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from pingme.domain.effects import ConversationChanged, MemberSet
from pingme.domain.errors import ErrorCode, Refused
from pingme.domain.events import BODIES, Command, RecallBody
from pingme.domain.model import Conversation, ConversationType, Member, RoleRank, RuleLimits, Target
from pingme.domain.rules import decide
from tests.fakes.commands import (
    GROUP,
    create_group,
    dissolve,
    edit,
    join,
    leave,
    profile,
    react,
    recall,
    remove,
    set_role,
    set_up,
    to_group,
    update_group,
)

OWNER, ADMIN, ADMIN2, MEMBER, MEMBER2 = "u-owner", "u-admin", "u-admin2", "u-member", "u-member2"
FORMER, STRANGER, NEW = "u-former", "u-stranger", "u-new"
HEAD = 20


class State:
    """A group of five with one message of each, 11 to 15, and a former member."""

    def __init__(self, *, join_policy: str = "invite", dissolved: bool = False) -> None:
        self.limits = RuleLimits(edit_window_s=60, recall_window_s=60)
        self.now_ms = 60_000
        self.group = Conversation(
            GROUP, ConversationType.GROUP, join_policy=join_policy, member_count=5, dissolved=dissolved
        )
        ranks = {OWNER: RoleRank.OWNER, ADMIN: RoleRank.ADMIN, ADMIN2: RoleRank.ADMIN}
        self.members = {
            user: Member(user, ranks.get(user, RoleRank.MEMBER), 1, 1)
            for user in (OWNER, ADMIN, ADMIN2, MEMBER, MEMBER2)
        }
        self.members[FORMER] = Member(FORMER, RoleRank.MEMBER, 1, 1, until_seq=5)
        senders = (OWNER, ADMIN, ADMIN2, MEMBER, MEMBER2)
        self.targets = {seq: Target(seq, "message", user, 0, False) for seq, user in enumerate(senders, 11)}

    def conversation(self, conversation_id: str) -> Conversation | None:
        return self.group if conversation_id == GROUP else None

    def head_seq(self, conversation_id: str) -> int:
        return HEAD

    def member(self, conversation_id: str, user_id: str) -> Member | None:
        return self.members.get(user_id) if conversation_id == GROUP else None

    def user_exists(self, user_id: str) -> bool:
        return True

    def target(self, conversation_id: str, seq: int) -> Target | None:
        return self.targets.get(seq)

    def group_count(self, user_id: str) -> int:
        return 1


def verdict(command: Command, state: State) -> int:
    """Return the code of the refusal, 0 for allowed."""
    try:
        decide(command, state)
    except Refused as refusal:
        return int(refusal.code)
    return 0


OK, NO, GONE, HIDDEN, CLOSED = (
    0,
    int(ErrorCode.FORBIDDEN),
    int(ErrorCode.NOT_A_MEMBER),
    int(ErrorCode.GROUP_NOT_FOUND),
    int(ErrorCode.NOT_ALLOWED_TO_WRITE),
)
SEQ = {OWNER: 11, ADMIN: 12, MEMBER: 14}
USERS = (OWNER, ADMIN, MEMBER, FORMER, STRANGER)
# operation -> what it is, for a sender -> what owner, admin, member, former member and stranger are answered
TABLE: dict[str, tuple[Callable[[str], Command], tuple[int, int, int, int, int]]] = {
    "send": (to_group, (OK, OK, OK, GONE, HIDDEN)),
    "mention all": (lambda u: to_group(u, mentions=("all",)), (OK, OK, NO, GONE, HIDDEN)),
    "mention one": (lambda u: to_group(u, mentions=(MEMBER2,)), (OK, OK, OK, GONE, HIDDEN)),
    "edit own": (lambda u: edit(u, GROUP, SEQ.get(u, 11), "x"), (OK, OK, OK, GONE, HIDDEN)),
    "edit another's": (lambda u: edit(u, GROUP, 15, "x"), (NO, NO, NO, GONE, HIDDEN)),
    "recall own": (lambda u: recall(u, GROUP, SEQ.get(u, 11)), (OK, OK, OK, GONE, HIDDEN)),
    "recall a member's": (lambda u: recall(u, GROUP, 15), (OK, OK, NO, GONE, HIDDEN)),
    "recall the owner's": (lambda u: recall(u, GROUP, 11), (OK, OK, NO, GONE, HIDDEN)),
    "react": (lambda u: react(u, GROUP, 15, "x"), (OK, OK, OK, GONE, HIDDEN)),
    "invite": (lambda u: join(u, NEW), (OK, OK, NO, GONE, HIDDEN)),
    "join": (join, (OK, OK, OK, GONE, HIDDEN)),
    "leave": (leave, (NO, OK, OK, GONE, HIDDEN)),
    "remove a member": (lambda u: remove(u, MEMBER2), (OK, OK, NO, GONE, HIDDEN)),
    "remove an admin": (lambda u: remove(u, ADMIN2), (OK, NO, NO, GONE, HIDDEN)),
    "remove the owner": (lambda u: remove(u, OWNER), (NO, NO, NO, GONE, HIDDEN)),
    "remove nobody": (lambda u: remove(u, FORMER), (30001, 30001, NO, GONE, HIDDEN)),
    "make an admin": (lambda u: set_role(u, MEMBER2, "admin"), (OK, NO, NO, GONE, HIDDEN)),
    "make an owner": (lambda u: set_role(u, MEMBER2, "owner"), (OK, NO, NO, GONE, HIDDEN)),
    "demote oneself": (lambda u: set_role(u, u, "member"), (NO, NO, NO, GONE, HIDDEN)),
    "rename": (lambda u: update_group(u, name="x"), (OK, OK, NO, GONE, HIDDEN)),
    "dissolve": (dissolve, (OK, NO, NO, GONE, HIDDEN)),
    "settings": (lambda u: set_up(u, GROUP, muted=True), (OK, OK, OK, OK, HIDDEN)),
    "profile": (lambda u: profile(u, nickname="x"), (OK, OK, OK, OK, OK)),
    "create it again": (create_group, (10006, 10006, 10006, 10006, 10006)),
}


@pytest.mark.parametrize("operation", TABLE)
def test_who_may(operation: str) -> None:
    """Owner, admin, member, former member, stranger: as the table says."""
    make, expected = TABLE[operation]

    assert tuple(verdict(make(user), State()) for user in USERS) == expected


@pytest.mark.parametrize("operation", TABLE)
def test_a_dissolved_group_is_read_only(operation: str) -> None:
    """For its members every operation on it but leaving is refused; strangers and former members are answered as before."""
    make, _ = TABLE[operation]
    state = State(dissolved=True)
    if operation in {"settings", "profile", "join", "create it again"}:
        return
    answer = OK if operation == "leave" else CLOSED

    assert tuple(verdict(make(user), state) for user in USERS) == (answer, answer, answer, GONE, HIDDEN)


def test_an_open_group() -> None:
    """Anybody joins by oneself, every member may invite, strangers may invite nobody."""
    state = State(join_policy="open")

    assert [verdict(join(user), state) for user in USERS] == [OK] * 5
    assert [verdict(join(user, NEW), state) for user in USERS] == [OK, OK, OK, GONE, HIDDEN]


def test_the_last_owner_may_leave_alone() -> None:
    """With others in it, somebody else must be made owner first."""
    state = State()
    state.group = replace(state.group, member_count=1)

    assert verdict(leave(OWNER), state) == OK


def test_a_transfer_keeps_one_owner() -> None:
    """The former owner becomes an admin."""
    effects = decide(set_role(OWNER, MEMBER, "owner"), State())

    roles = {effect.member.user_id: effect.member.role for effect in effects if isinstance(effect, MemberSet)}
    assert roles == {OWNER: RoleRank.ADMIN, MEMBER: RoleRank.OWNER}


def test_inviting_members_changes_nothing() -> None:
    """The event is stored, with only the new ones counted."""
    assert decide(join(OWNER, MEMBER), State()) == ()
    changed, new = decide(join(OWNER, MEMBER, NEW, NEW), State())
    assert isinstance(changed, ConversationChanged)
    assert changed.conversation.member_count == 6
    assert new == MemberSet(Member(NEW, RoleRank.MEMBER, HEAD + 1, HEAD + 1))


@pytest.mark.parametrize(
    ("window_s", "age_ms", "code"),
    [(60, 60_000, OK), (60, 60_001, int(ErrorCode.TOO_LATE)), (0, 10**12, OK), (60, -(10**6), OK)],
)
def test_the_window_to_edit_and_recall(window_s: int, age_ms: int, code: int) -> None:
    """Inclusive; 0 is no limit; a clock that went back forbids nothing."""
    state = State()
    state.limits = RuleLimits(edit_window_s=window_s, recall_window_s=window_s)
    state.now_ms = age_ms

    assert verdict(edit(MEMBER, GROUP, 14, "x"), state) == code
    assert verdict(recall(MEMBER, GROUP, 14), state) == code
    assert verdict(recall(ADMIN, GROUP, 14), state) == OK


@pytest.mark.parametrize(
    "target", [None, Target(14, "edit", MEMBER, 0, False), Target(14, "message", MEMBER, 0, True)]
)
def test_only_a_standing_message_is_a_target(target: Target | None) -> None:
    """Missing and other events are not found, recalled ones a conflict."""
    state = State()
    state.targets = {} if target is None else {14: target}
    code = ErrorCode.CONFLICT if target is not None and target.recalled else ErrorCode.NOT_FOUND

    for command in (edit(MEMBER, GROUP, 14, "x"), recall(OWNER, GROUP, 14), react(ADMIN, GROUP, 14, "x")):
        assert verdict(command, state) == code


def test_what_came_before_joining_is_no_target() -> None:
    """Nor may it be replied to."""
    state = State()
    state.members[MEMBER] = replace(state.members[MEMBER], from_seq=13)

    assert verdict(react(MEMBER, GROUP, 12, "x"), state) == ErrorCode.NOT_FOUND
    assert verdict(to_group(MEMBER, reply_to=12), state) == ErrorCode.INVALID_PARAMETERS
    assert verdict(to_group(MEMBER, reply_to=13), state) == OK
    assert verdict(to_group(MEMBER, reply_to=HEAD), state) == OK
    assert verdict(to_group(MEMBER, reply_to=HEAD + 1), state) == ErrorCode.INVALID_PARAMETERS


@pytest.mark.parametrize("kind", BODIES)
def test_every_kind_has_its_rule(kind: str) -> None:
    """And refuses the body of another."""
    body = RecallBody(target_seq=1)
    command = Command(kind, STRANGER, "m", "u-other", body, b'{"target_seq":1}')

    assert verdict(command, State()) != OK
