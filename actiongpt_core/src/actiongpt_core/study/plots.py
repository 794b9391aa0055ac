"""Plots as inline SVG: a line an interval, wide or narrow as the window is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from actiongpt_core.study.summary import Comparison

_HEIGHT = 22  # pixels of a row
_TICKS = 5


def interval_rows(found: Sequence[Comparison], names: Sequence[str]) -> str:
    """One row a comparison, on a common axis: the gain, its 90 % interval thick, its 95 % interval thin.

    Args:
        found: Comparisons by one measure.
        names: What stands before each row.
    """
    low, high = _range(found)
    rows = [_row(item, name, low, high) for item, name in zip(found, names, strict=True)]
    return f'<div class="plot">{"".join(rows)}{_axis(low, high)}</div>'


def _range(found: Sequence[Comparison]) -> tuple[float, float]:
    """From the lowest bound to the highest, 0 in it, with some room."""
    low = min([0.0, *(item.gain.low_95 for item in found)])
    high = max([0.0, *(item.gain.high_95 for item in found)])
    room = 0.06 * (high - low) or 1.0
    return low - room, high + room


def _row(item: Comparison, name: str, low: float, high: float) -> str:
    def place(value: float) -> str:
        return f"{100 * (value - low) / (high - low):.2f}%"

    gain, middle = item.gain, _HEIGHT / 2
    mark = item.verdict.split()[0]
    told = f"{gain.value:+.3f}, 95 % {gain.low_95:+.3f} to {gain.high_95:+.3f}"
    lines = (
        f'<line class="zero" x1="{place(0)}" x2="{place(0)}" y1="0" y2="{_HEIGHT}"/>'
        f'<line class="thin" x1="{place(gain.low_95)}" x2="{place(gain.high_95)}" y1="{middle}" y2="{middle}"/>'
        f'<line class="thick" x1="{place(gain.low_90)}" x2="{place(gain.high_90)}" y1="{middle}" y2="{middle}"/>'
        f'<circle cx="{place(gain.value)}" cy="{middle}" r="4.5"/>'
    )
    return (
        f'<div class="row {mark}"><span class="name">{escape(name)}</span>'
        f'<svg height="{_HEIGHT}" role="img" aria-label="{escape(told)}"><title>{escape(told)}</title>{lines}</svg>'
        f'<span class="value">{gain.value:+.3f}</span></div>'
    )


def _axis(low: float, high: float) -> str:
    ticks = "".join(
        f'<text x="{100 * (value - low) / (high - low):.2f}%" y="12" text-anchor="middle">{value:g}</text>'
        for value in _ticks(low, high)
    )
    return (
        f'<div class="row axis"><span class="name">worse &#8592; 0 &#8594; better</span>'
        f'<svg height="16" aria-hidden="true">{ticks}</svg><span class="value"></span></div>'
    )


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers between the bounds, not at the very edge."""
    rough = (high - low) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    first = math.ceil((low + 0.03 * (high - low)) / step)
    last = math.floor((high - 0.03 * (high - low)) / step)
    return [round(number * step, 10) for number in range(first, last + 1)]
