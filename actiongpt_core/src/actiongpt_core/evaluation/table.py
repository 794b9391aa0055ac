"""An evaluation as lines of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from actiongpt_core.evaluation.bootstrap import Interval
from actiongpt_core.evaluation.evaluation import Difference, Evaluation

#: Units by the beginning or the whole of a metric's name.
_UNITS = {
    "APE": "m",
    "AVE": "m2",
    "transition_distance": "m",
    "foot_skate": "m/s",
    "jitter": "m/s2",
    "diversity": "m",
    "multimodality": "m",
}


def unit(metric: str) -> str:
    """Of a metric; empty where it is not known."""
    name = metric.removeprefix("best_")
    return next((found for start, found in _UNITS.items() if name.startswith(start)), "")


def table(result: Evaluation) -> Iterator[str]:
    """The metrics with their intervals, what they are of real clips, and what was left out."""
    header = ("metric", "unit", "value", "95 % interval", "real clips", "nearest text")
    rows = [
        (name, unit(name), f"{it.value:.4g}", _range(it), _value(result.real, name), _value(result.nearest_text, name))
        for name, it in result.metrics.items()
    ]
    yield from _aligned([header, *rows])
    counts = {name: count for name, count in result.counts.items() if count}
    yield ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in counts.items())
    yield f"protocol {result.protocol}"


def comparison(found: Mapping[str, Difference]) -> Iterator[str]:
    """Two results side by side; a difference whose interval holds 0 may be chance."""
    header = ("metric", "unit", "first", "second", "second - first", "95 % interval", "")
    rows = []
    for name, it in found.items():
        change = it.change
        shown = ("", "", "") if change is None else (f"{change.value:+.4g}", _range(change), _verdict(change))
        rows.append((name, unit(name), f"{it.first.value:.4g}", f"{it.second.value:.4g}", *shown))
    yield from _aligned([header, *rows])


def _verdict(change: Interval) -> str:
    return "may be chance" if change.low <= 0 <= change.high else ""


def _range(interval: Interval) -> str:
    return f"{interval.low:.4g} to {interval.high:.4g}"


def _value(numbers: Mapping[str, Interval], name: str) -> str:
    return f"{numbers[name].value:.4g}" if name in numbers else "-"


def _aligned(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
