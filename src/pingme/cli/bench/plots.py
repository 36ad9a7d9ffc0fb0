"""Line plots as SVG text: no scripts, no fonts, no files from elsewhere; colours come from the page's CSS variables."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 480, 240
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 14, 30
SERIES_MAX = 6  # colours that the page has
TICKS = 5
HINTS_MAX = 60  # points that say their value under the mouse, of one series

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Series:
    """A line: its name in the legend, and its points by ascending x."""

    name: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Axis:
    """One direction of a plot.

    Attributes:
        low, high: the values at its ends.
        ticks: (value, text) of its marks.
        place: from a value to 0 … 1 along the axis.
    """

    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    place: Callable[[float], float]


def linear(low: float, high: float, *, count: int = TICKS, whole: bool = False) -> Axis:
    """Return an axis from ``low`` to ``high``, or to the next mark above it.

    Args:
        low: at the beginning.
        high: must be shown.
        count: of marks, about.
        whole: True ends at ``high`` itself (time), False at a mark.
    """
    step = nice_step((high - low or 1.0) / count)
    end = high if whole else math.ceil(high / step - 1e-9) * step
    end = end if end > low else low + step
    first = math.ceil(low / step - 1e-9)
    ticks = [(n * step, number(n * step)) for n in range(first, math.floor(end / step + 1e-9) + 1)]
    return Axis(low, end, ticks, lambda value: (value - low) / (end - low))


def logarithmic(low: float, high: float) -> Axis:
    """Return an axis of decades around two values above 0, with marks at 1, 2 and 5 of each, or at 1 where many."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    last = max(last, first + 1)
    steps = (1, 2, 5) if last - first <= 2 else (1,)
    marks = [m * 10.0**n for n in range(first, last + 1) for m in steps if n < last or m == 1]

    def place(value: float) -> float:
        return (math.log10(max(value, 10.0**first)) - first) / (last - first)

    return Axis(10.0**first, 10.0**last, [(mark, number(mark)) for mark in marks], place)


PERCENT_TICKS = ((0.0, "0"), (0.5, "50"), (0.9, "90"), (0.99, "99"), (0.999, "99.9"), (0.9999, "99.99"))


def percentiles(highest: float = 0.9999) -> Axis:
    """Return an axis of shares on which every further nine takes the same room (as HdrHistogram plots them)."""
    nines = -math.log10(1 - highest)

    def place(share: float) -> float:
        return min(-math.log10(max(1 - share, 1e-9)) / nines, 1.0)

    return Axis(0.0, highest, [tick for tick in PERCENT_TICKS if tick[0] <= highest], place)


def nice_step(rough: float) -> float:
    """Return 1, 2 or 5 times a power of ten, not below ``rough`` (> 0)."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= rough - 1e-12)


def number(value: float) -> str:
    """Return a mark's text: 0.25, 40, 1.2k, 3M."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.4g}{unit}"
    return f"{value:.4g}"


def line_plot(title: str, unit: str, series: Sequence[Series], *, x: Axis, y: Axis, x_unit: str = "s") -> str:
    """Return a figure: caption, legend (where there are several lines) and drawing.

    Args:
        title: what is shown.
        unit: of y, for the caption.
        series: at most `SERIES_MAX`.
        x: the axis to the right.
        y: the axis upwards.
        x_unit: shown at the end of the x axis.
    """
    shown = series[:SERIES_MAX]
    parts = [*_grid(x, y, x_unit)]
    for place, line in enumerate(shown):
        parts.append(_line(line, place, x, y))
        parts += _hints(line, place, x, y, unit, x_unit)
    caption = f"{escape(title)} <span>{escape(unit)}</span>"
    return (
        f"<figure><figcaption>{caption}</figcaption>{_legend(shown)}"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{"".join(parts)}</svg></figure>'
    )


def _legend(series: Sequence[Series]) -> str:
    if len(series) < 2:
        return ""
    items = (f'<span><i class="s{place}"></i>{escape(line.name)}</span>' for place, line in enumerate(series))
    return f'<div class="legend">{"".join(items)}</div>'


def _across(x: Axis, value: float) -> float:
    return LEFT + x.place(value) * (WIDTH - LEFT - RIGHT)


def _up(y: Axis, value: float) -> float:
    return HEIGHT - BOTTOM - min(max(y.place(value), 0.0), 1.0) * (HEIGHT - TOP - BOTTOM)


def _grid(x: Axis, y: Axis, x_unit: str) -> list[str]:
    floor, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = []
    for value, text in y.ticks:
        at = _up(y, value)
        kind = "base" if at >= floor - 0.5 else "grid"
        parts.append(f'<line class="{kind}" x1="{LEFT}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{text}</text>')
    for place, (value, text) in enumerate(x.ticks):
        at = _across(x, value)
        last = place == len(x.ticks) - 1
        label = f"{text} {x_unit}" if last else text
        anchor = "end" if last and at > right - 24 else "middle"
        parts.append(f'<text x="{at:.1f}" y="{floor + 18}" text-anchor="{anchor}">{escape(label)}</text>')
    return parts


def _line(line: Series, place: int, x: Axis, y: Axis) -> str:
    points = " ".join(f"{_across(x, a):.1f},{_up(y, b):.1f}" for a, b in line.points)
    return f'<polyline class="s{place}" points="{points}"/>'


def _hints(line: Series, place: int, x: Axis, y: Axis, unit: str, x_unit: str) -> list[str]:
    """Return points that are seen under the mouse and say their value there, without a script."""
    step = max(1, -(-len(line.points) // HINTS_MAX))
    return [
        f'<circle class="s{place}" cx="{_across(x, a):.1f}" cy="{_up(y, b):.1f}" r="5">'
        f"<title>{escape(line.name)}: {b:.4g} {escape(unit)} at {100 * a if x_unit == '%' else a:.6g} {x_unit}"
        "</title></circle>"
        for a, b in line.points[::step]
    ]
