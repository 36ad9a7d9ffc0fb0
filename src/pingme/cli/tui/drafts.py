"""What was written and is no message yet: half-written texts, and what waits for the server's answer. Pure."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from dataclasses import dataclass

MAX_UNSETTLED = 10_000  # as many as wait in the SDK's outbox


@dataclass(frozen=True, slots=True)
class Mode:
    """What the composer is for: ``write``, or ``reply`` or ``edit`` of the message ``seq``."""

    kind: str = "write"
    seq: int = 0


WRITE = Mode()


@dataclass(frozen=True, slots=True)
class Draft:
    """A text, where it belongs, and what it is: a message, a reply or an edit."""

    conversation_id: str
    text: str
    mode: Mode = WRITE


class Drafts:
    """The texts that are not in the composer now.

    A text is kept behind the composer of its conversation, and taken from there when that is empty: after
    sending, after an edit, when the conversation is opened.
    """

    def __init__(self) -> None:
        self._behind: defaultdict[str, str] = defaultdict(str)
        self._unsettled: OrderedDict[str, Draft] = OrderedDict()
        self._given = ""

    def __len__(self) -> int:
        """Return how many wait for the server's answer."""
        return len(self._unsettled)

    def keep(self, conversation_id: str, text: str) -> None:
        """Keep a text behind the composer, below what is there already."""
        self._behind[conversation_id] = _joined(self._behind[conversation_id], text)

    def take(self, conversation_id: str) -> str:
        """Return what is behind the composer, which is then to hold it; empty when there is nothing."""
        return self._behind.pop(conversation_id, "")

    def sent(self, msg_id: str, draft: Draft) -> None:
        """Remember what goes out under a msg_id."""
        self._unsettled[msg_id] = draft
        if len(self._unsettled) > MAX_UNSETTLED:
            self._unsettled.popitem(last=False)

    def settle(self, msg_id: str) -> Draft | None:
        """Forget and return what went out under a msg_id: it is stored, or refused."""
        return self._unsettled.pop(msg_id, None)

    def give_back(self, draft: Draft, *, current: str | None, written: str, mode: Mode) -> Draft | None:
        """Return what the composer is to hold now that a draft was refused; None: as before, it is kept behind.

        It goes into an empty composer, and below an earlier one that nobody has touched since.

        Args:
            draft: what was refused.
            current: the open conversation.
            written: what is in the composer.
            mode: what the composer is for.
        """
        if draft.conversation_id == current and mode == WRITE and not written:
            self._given = draft.text
            return draft
        is_mate = bool(written) and written == self._given and "edit" not in {mode.kind, draft.mode.kind}
        if draft.conversation_id == current and is_mate:
            self._given = _joined(written, draft.text)
            return Draft(current, self._given, mode)
        self.keep(draft.conversation_id, draft.text)
        return None


def _joined(above: str, below: str) -> str:
    return "\n".join(text for text in (above, below) if text)
