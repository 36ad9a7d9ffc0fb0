"""The three parts of the chat screen: conversations, messages, and where one writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message as Posted
from textual.widgets import OptionList, TextArea
from textual.widgets.option_list import Option


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of a list. ``id`` is unique in it; ``fixed`` rows cannot be chosen."""

    id: str
    text: Text
    fixed: bool = False


class Rows(OptionList):
    """A list that is given its rows anew and changes only what differs, so that nothing flickers."""

    def __init__(self, *, id: str) -> None:  # noqa: A002  # Textual's own name
        super().__init__(id=id)
        self._rows: list[Row] = []

    def show(self, rows: Sequence[Row]) -> None:
        """Show these rows; the chosen one stays chosen, the place stays where it was."""
        chosen = self.chosen  # the highlight is an index: of the old rows until they are replaced
        old, self._rows = self._rows, list(rows)
        if [row.id for row in old] == [row.id for row in rows[: len(old)]]:
            for before, row in zip(old, rows, strict=False):
                if before.text != row.text:
                    self.replace_option_prompt(row.id, row.text)
            self.add_options([_option(row) for row in rows[len(old) :]])
            return
        top = self.scroll_offset.y
        _ = self.set_options([_option(row) for row in rows]) if rows else self.clear_options()
        self.scroll_to(y=top, animate=False)
        self.choose(chosen)

    @property
    def chosen(self) -> str | None:
        """The id of the highlighted row, None when there is none."""
        place = self.highlighted
        return self._rows[place].id if place is not None and place < len(self._rows) else None

    def choose(self, row_id: str | None) -> None:
        """Highlight a row."""
        place = next((place for place, row in enumerate(self._rows) if row.id == row_id), None)
        self.highlighted = place

    def has_choice(self, direction: int) -> bool:
        """Return whether there is a row to choose above (−1) or below (1) the highlighted one."""
        place = self.highlighted
        if place is None:
            return True
        rows = self._rows[:place] if direction < 0 else self._rows[place + 1 :]
        return any(not row.fixed for row in rows)


class ConversationList(Rows):
    """The conversations, newest first; Enter opens one."""


class MessageView(Rows):
    """The messages of the open conversation; chosen ones can be answered, edited, recalled, reacted to."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "act('reply')", "Reply"),
        Binding("e", "act('edit')", "Edit"),
        Binding("d,delete", "act('recall')", "Recall"),
        Binding("a,plus", "act('react')", "React"),
        Binding("i", "act('info')", "Info"),
        Binding("escape", "act('leave')", "Write", show=False),
    ]

    class Acted(Posted):
        """A key was pressed on the message ``row_id`` (None: none is chosen)."""

        def __init__(self, action: str, row_id: str | None) -> None:
            super().__init__()
            self.action = action
            self.row_id = row_id

    class OlderWanted(Posted):
        """The beginning of what is loaded is in sight."""

    def __init__(self, *, id: str) -> None:  # noqa: A002  # Textual's own name
        super().__init__(id=id)
        self._follow = True
        self._is_drawing = False

    def action_act(self, action: str) -> None:
        """Post what was asked for."""
        self.post_message(self.Acted(action, self.chosen))

    def show(self, rows: Sequence[Row]) -> None:
        """Show messages: at the end one stays at the end, further up one stays where one reads."""
        follow, top = self.is_at_end, self.scroll_offset.y
        below = self.max_scroll_y - top
        prepended = bool(self._rows) and bool(rows) and self._rows[0].id != rows[0].id
        self._is_drawing = True  # new rows begin at their top, which nobody scrolled to
        try:
            super().show(rows)
            if follow:
                self.scroll_to(y=self.max_scroll_y, animate=False)
            else:
                self.scroll_to(y=self.max_scroll_y - below if prepended else top, animate=False)
        finally:
            self._is_drawing = False
        if follow:
            self.call_after_refresh(self.to_end)  # the height is known for certain

    @property
    def is_at_end(self) -> bool:
        """True when the newest message is in sight."""
        return self._follow or self.scroll_offset.y >= self.max_scroll_y - 1

    def restart(self) -> None:
        """Another conversation is shown: begin at its end."""
        self._follow = True
        self.highlighted = None

    def to_end(self) -> None:
        """Scroll to the newest message."""
        self.scroll_to(y=self.max_scroll_y, animate=False)  # at once, unlike scroll_end
        self._follow = False

    def page(self, direction: int) -> None:
        """Scroll a page up (−1) or down (1) without choosing anything."""
        self.scroll_relative(y=direction * max(self.size.height - 2, 1), animate=False)
        self.call_after_refresh(self._look_up)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Ask for older messages when the top is reached."""
        super().watch_scroll_y(old_value, new_value)
        if new_value < old_value:
            self._look_up()

    def action_cursor_up(self) -> None:
        """Choose the message above; above the first one older ones are loaded."""
        if self.has_choice(-1):
            super().action_cursor_up()
        elif self.scroll_offset.y > 0:
            self.scroll_to(y=0, animate=False)
        else:
            self._look_up()

    def action_cursor_down(self) -> None:
        """Choose the message below; below the last one one writes again."""
        if self.highlighted is not None and self.has_choice(1):
            super().action_cursor_down()
        else:
            self.action_act("leave")

    def _look_up(self) -> None:
        if self.scroll_offset.y <= 1 and not self._follow and not self._is_drawing:
            self.post_message(self.OlderWanted())


class Composer(TextArea):
    """Where one writes: Enter sends, Ctrl+J begins a new line."""

    class Sent(Posted):
        """Enter was pressed on this text."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Scrolled(Posted):
        """PageUp or PageDown: the messages are to move."""

        def __init__(self, direction: int) -> None:
            super().__init__()
            self.direction = direction

    class Left(Posted):
        """``up``: to the messages; ``cancel``: no reply or edit after all."""

        def __init__(self, how: str) -> None:
            super().__init__()
            self.how = how

    def __init__(self, *, id: str) -> None:  # noqa: A002  # Textual's own name
        super().__init__(id=id, soft_wrap=True, show_line_numbers=False, compact=True, tab_behavior="focus")

    async def _on_key(self, event: events.Key) -> None:
        message = self._meaning(event.key)
        if message is not None:
            event.stop()
            event.prevent_default()
            self.post_message(message)
        elif event.key in {"ctrl+j", "shift+enter", "alt+enter"}:
            event.stop()
            event.prevent_default()
            self.insert("\n")
        else:
            await super()._on_key(event)

    def _meaning(self, key: str) -> Posted | None:
        match key:
            case "enter":
                return self.Sent(self.text)
            case "pageup" | "pagedown":
                return self.Scrolled(-1 if key == "pageup" else 1)
            case "escape":
                return self.Left("cancel")
            case "up" if self.cursor_location[0] == 0:
                return self.Left("up")
            case _:
                return None


def _option(row: Row) -> Option:
    return Option(row.text, id=row.id, disabled=row.fixed)
