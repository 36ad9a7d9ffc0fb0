"""The catalogue of lines, read and cast. Pure: the same dice give the same scenes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from random import Random

from pingme.cli.demo.cast import WORDS

ANSWERS, QUESTIONS, ANY, TWO = "answers", "questions", "any", "two"
_LINE = re.compile(r"(?P<part>[a-z])(?P<mark>[:>]) (?P<text>.+)\Z")
_REACTION = re.compile(r"\+ (?P<part>[a-z]) (?P<emoji>\S+)\Z")
_MENTION = re.compile(r"(?<!\w)@([a-z])\b")
_SLOT = re.compile(r"\{(\w+)\}")
EDITED, RECALLED = " => ", " =/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """Somebody says something.

    Attributes:
        part: who, by letter.
        is_reply: to the message before.
        edited: what it becomes a moment later; "" = it stays.
        is_recalled: True when it is taken back a moment later.
    """

    part: str
    text: str
    is_reply: bool = False
    edited: str = ""
    is_recalled: bool = False

    @property
    def mentions(self) -> tuple[str, ...]:
        """The parts that are mentioned."""
        return tuple(dict.fromkeys(_MENTION.findall(self.text)))


@dataclass(frozen=True, slots=True)
class React:
    """Somebody puts an emoji on the message before."""

    part: str
    emoji: str


Step = Say | React
Scene = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Scenes by the key of their room, and single lines that answer a stranger."""

    scenes: Mapping[str, tuple[Scene, ...]]
    answers: tuple[str, ...]
    questions: tuple[str, ...]


def parts_of(scene: Scene) -> tuple[str, ...]:
    """Return the letters of a scene, in the order in which they appear."""
    return tuple(dict.fromkeys(step.part for step in scene))


def speaker_of(scene: Scene) -> str:
    """Return the part that has the last word."""
    return next(step.part for step in reversed(scene) if isinstance(step, Say))


def load_catalogue() -> Catalogue:
    """Return the built-in catalogue."""
    file = resources.files("pingme.cli.demo").joinpath("catalogue.txt")
    return parse_catalogue(file.read_text(encoding="utf-8"))


def parse_catalogue(text: str) -> Catalogue:
    """Read a catalogue; its form stands at its top.

    Raises:
        ValueError: a line that fits nothing, or a scene that begins with a reply or a reaction.
    """
    blocks: dict[str, list[list[str]]] = {}
    lines: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        if line.startswith("== "):
            lines = blocks.setdefault(line[3:].strip(), [[]])
        elif line.strip():
            lines[-1].append(line.strip())
        else:
            lines.append([])
    single = {
        key: tuple(line for block in blocks.pop(key, []) for line in block) for key in (ANSWERS, QUESTIONS)
    }
    scenes = {
        key: tuple(tuple(map(parse_step, block)) for block in found if block) for key, found in blocks.items()
    }
    for scene in (scene for found in scenes.values() for scene in found):
        first = scene[0]
        if not isinstance(first, Say) or first.is_reply:
            raise ValueError(f"expected a scene to begin with a message, got {first}")
    return Catalogue(scenes, single[ANSWERS], single[QUESTIONS])


def parse_step(line: str) -> Step:
    """Read one line of a scene.

    Raises:
        ValueError: it fits no form.
    """
    if found := _REACTION.match(line):
        return React(found["part"], found["emoji"])
    if not (found := _LINE.match(line)):
        raise ValueError(f"expected `a: text`, `a> text` or `+ a emoji`, got {line!r}")
    text, _, edited = found["text"].partition(EDITED)
    is_recalled = text.endswith(RECALLED)
    return Say(
        part=found["part"],
        text=text.removesuffix(RECALLED),
        is_reply=found["mark"] == ">",
        edited=edited,
        is_recalled=is_recalled,
    )


def cast_parts(scene: Scene, members: Sequence[str], dice: Random) -> dict[str, str] | None:
    """Give each part of a scene to another member; None when there are too few."""
    parts = parts_of(scene)
    if len(parts) > len(members):
        return None
    return dict(zip(parts, dice.sample(list(members), len(parts)), strict=True))


def deal(scenes: Sequence[Scene], counts: Sequence[int], dice: Random) -> list[list[Scene]]:
    """Deal so many scenes to each of several; a scene comes again only when all have been dealt."""
    deck: list[Scene] = []
    hands: list[list[Scene]] = []
    for count in counts:
        while len(deck) < count:
            deck = [*deck, *dice.sample(scenes, len(scenes))]
        hands.append(deck[:count])
        deck = deck[count:]
    return hands


def fill_in(scene: Scene, dice: Random) -> Scene:
    """Return a scene with its slots filled, with the same word wherever the same slot stands."""
    words = {slot: dice.choice(choices) for slot, choices in WORDS.items()}
    return tuple(
        replace(step, text=fill_words(step.text, words), edited=fill_words(step.edited, words))
        if isinstance(step, Say)
        else step
        for step in scene
    )


def fill_words(text: str, words: Mapping[str, str]) -> str:
    """Return a text with its slots filled."""
    return _SLOT.sub(lambda found: words[found[1]], text)


def shown(text: str, names: Mapping[str, str]) -> str:
    """Return a text with the names of those whom it mentions."""
    return _MENTION.sub(lambda found: f"@{names[found[1]]}", text)
