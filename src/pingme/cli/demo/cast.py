"""Who lives in the demo, and where they meet. Invented, like everything that they say."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Character:
    """One account."""

    username: str
    nickname: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A group.

    Attributes:
        key: names its scenes in the catalogue.
        members: usernames, the owner first; the second one is made an admin.
        small_talk: how many scenes that suit every group are told beside its own.
        unread: newest messages that the guest has not read.
        weight: how often something happens here, compared with the others.
    """

    key: str
    name: str
    announcement: str
    members: tuple[str, ...]
    small_talk: int
    unread: int = 0
    weight: int = 1
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Chat:
    """A private chat: two usernames, how many scenes it has, and the guest's unread messages there."""

    one: str
    other: str
    scenes: int
    unread: int = 0


GUEST = "robin"
"""The account that is left to whoever looks at the demo; nobody plays it."""

PEOPLE = (
    Character(GUEST, "Robin"),
    Character("mina", "Mina Okafor"),
    Character("jonas", "Jonas"),
    Character("priya", "Priya R."),
    Character("tomas", "Tomás Vidal"),
    Character("leila", "Leïla"),
    Character("oskar", "Oskar 🚲"),
    Character("nadia", "Nadia"),
    Character("felix", "Félix"),
    Character("yuki", "Yuki"),
    Character("samir", "Samir B."),
    Character("elif", "Elif"),
    Character("hugo", "Hugo"),
)

ROOMS = (
    Room(
        key="street",
        name="Lantern Street",
        announcement="Neighbours, cats, tables. Be kind.",
        members=(
            "nadia",
            "oskar",
            *(one.username for one in PEOPLE if one.username not in {"nadia", "oskar"}),
        ),
        small_talk=9,
        unread=9,
        weight=4,
        is_open=True,
    ),
    Room(
        key="hike",
        name="Saturday hike",
        announcement="Next: the lake side. Bring boots.",
        members=("jonas", "mina", GUEST, "priya", "oskar", "yuki", "hugo"),
        small_talk=3,
        unread=3,
        weight=2,
    ),
    Room(
        key="release",
        name="Release 2.3",
        announcement="Candidate on Thursday, release on Monday.",
        members=("priya", "samir", GUEST, "tomas", "elif"),
        small_talk=2,
        weight=2,
    ),
    Room(
        key="film",
        name="Film club",
        announcement="",
        members=("leila", "felix", GUEST, "nadia", "yuki", "samir", "mina", "hugo"),
        small_talk=3,
        unread=2,
        weight=2,
    ),
    Room(
        key="flat",
        name="Flat 4, kitchen",
        announcement="Bins: green on Tuesday, the rest on Friday.",
        members=("tomas", GUEST, "elif", "felix"),
        small_talk=2,
    ),
)

CHATS = (
    Chat(GUEST, "mina", 3, unread=2),
    Chat("jonas", GUEST, 3),
    Chat("priya", GUEST, 2, unread=1),
    Chat(GUEST, "yuki", 2),
    Chat("tomas", GUEST, 2),
    Chat("mina", "jonas", 2),
    Chat("leila", "felix", 2),
    Chat("samir", "priya", 1),
    Chat("nadia", "oskar", 1),
)

WORDS = {
    "food": ("lentil soup", "plum cake", "noodles", "flatbread", "dumplings", "apple pie", "rice pudding"),
    "place": ("the old bridge", "the market hall", "Quarry Road", "the north pier", "the clock tower"),
    "day": ("Saturday", "Sunday", "Thursday", "Friday", "Tuesday"),
    "time": ("7:40", "half past nine", "noon", "four", "six", "20:15"),
    "thing": ("ladder", "drill", "sewing machine", "green umbrella", "kite", "waffle iron", "tent"),
    "film": ("The Paper Harbour", "Nine Lamps", "A Week in Orrin", "Quiet Engines"),
    "film2": ("Grandmother Robs a Train", "The Wrong Penguin", "Soup, the Musical"),
    "number": ("12", "37", "40", "86", "140"),
}
"""What the slots of the catalogue are filled with."""

PASSWORD_WORDS = (
    "amber", "anchor", "apple", "basket", "birch", "bridge", "candle", "canyon", "cedar", "clover", "cobalt", "comet",
    "copper", "coral", "cotton", "dolphin", "ember", "falcon", "fern", "garnet", "ginger", "glacier", "harbor", "hazel",
    "heron", "indigo", "island", "ivory", "jasmine", "juniper", "kettle", "lantern", "lemon", "lilac", "lotus", "magnet",
    "maple", "marble", "meadow", "mirror", "nectar", "nickel", "oasis", "olive", "orchid", "otter", "paper", "pepper",
    "pilot", "plum", "quartz", "raven", "river", "saffron", "silver", "sparrow", "summit", "thistle", "tulip", "velvet",
    "violet", "walnut", "willow", "zephyr",
)  # fmt: skip
"""64 words: each is worth 6 bits."""
