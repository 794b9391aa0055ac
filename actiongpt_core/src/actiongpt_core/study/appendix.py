"""The lower part of the page: every cell, what could not run, how it was measured."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from actiongpt_core.study.cells import Cell
from actiongpt_core.study.grid import PROBES
from actiongpt_core.study.markup import table
from actiongpt_core.study.statistics import DRAWS
from actiongpt_core.study.summary import ALPHA, Comparison, Summary, probe_share


def every_cell(summary: Summary) -> str:
    """A row a cell, folded."""
    cells = summary.cells()
    if not cells:
        return ""
    gains = {(item.cell.name, item.measure): item for item in summary.of_own()}
    rows = [
        [escape(cell.model.name), escape(cell.teller), str(cell.k), escape(cell.aggregator)]
        + [_number(summary, cell, measure, gains.get((cell.name, measure))) for measure in summary.measures]
        for cell in cells
    ]
    heads = ["model", "told by", "k", "aggregator", *summary.measures]
    return (
        f"<h2>Every cell</h2>{_looked(summary)}<details><summary>All {len(cells)} cells; below each number the gain "
        f"against the phrase alone with its 95 % interval</summary>{table(heads, rows, numbers=len(summary.measures))}"
        f"</details>{_told(summary)}"
    )


def _looked(summary: Summary) -> str:
    others = [item for item in summary.of_own() if not item.answers]
    if not others:
        return ""
    better, worse = (sum(item.excludes_zero and (item.gain.value > 0) == up for item in others) for up in (True, False))
    return (
        f"<p>Besides the answer, {len(others)} comparisons with other k, aggregators or strategies were made. In "
        f"{better} the own 95 % interval lies above 0 (better with descriptions), in {worse} below; about "
        f"{len(others) * ALPHA:.0f} would leave it out by chance alone. These were looked at without a correction: "
        "they are hints, not findings.</p>"
    )


def _number(summary: Summary, cell: Cell, measure: str, gain: Comparison | None) -> str:
    result = summary.results[cell.name]
    interval = result["evaluation"]["metrics"].get(measure)
    value = probe_share(result) if measure == PROBES else interval and interval["value"]
    text = "-" if value is None else f"{value:.3f}"
    if gain is None:
        return text
    it = gain.gain
    return f"{text}<br><small>{it.value:+.3f} ({it.low_95:+.3f} to {it.high_95:+.3f})</small>"


def _told(summary: Summary) -> str:
    """Where the descriptions came from, a line for each who describes."""
    lines: dict[str, str] = {}
    for cell in summary.cells():
        told = summary.results[cell.name]["told"]
        parts = [f"{kind}: {_sources(told[kind])}" for kind in ("clips", "probes") if told[kind]]
        lines.setdefault(cell.teller, "; ".join(parts))
    items = "".join(f"<li>{escape(teller)}: {escape(parts)}</li>" for teller, parts in lines.items())
    about = {item.name: item.about for item in summary.grid.providers if item.about}
    notes = "".join(f"<li>{escape(name)}: {escape(text)}</li>" for name, text in about.items())
    who = f"<h3>Who describes</h3><ul>{notes}</ul>" if notes else ""
    return (
        f"{who}<h3>Where the descriptions of the texts came from</h3><ul>{items}</ul>"
        '<p class="soft">“phrase”: the text tells itself, as in the baseline; “nearest”: by the descriptions of '
        "another phrase.</p>"
    )


def _sources(counts: Mapping[str, int]) -> str:
    return f"{sum(counts.values())} texts, " + ", ".join(f"{count} {name}" for name, count in counts.items())


def problems(summary: Summary) -> str:
    """What could not run, by reason."""
    if not summary.problems:
        return ""
    by_reason: dict[str, list[str]] = {}
    for name, reason in summary.problems.items():
        by_reason.setdefault(reason, []).append(name)
    items = "".join(
        f"<li>{escape(reason)}<details><summary>{len(names)} cells</summary>{escape(', '.join(names))}</details></li>"
        for reason, names in by_reason.items()
    )
    return f"<h2>What could not run</h2><ul>{items}</ul>"


def method(summary: Summary) -> str:
    """Protocol, versions, seeds, counts, statistics."""
    grid, results = summary.grid, list(summary.results.values())
    if not results:
        return ""
    first = results[0]["evaluation"]
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in first["counts"].items() if count)
    lines = [
        f"Data: {grid.data}, split {grid.split}; {len(set(first['texts']))} different texts; at most 6 s of each clip. "
        f"Counts: {counts}.",
        f"Seeds: {grid.num_samples} motions a clip (one, where the backbone draws no noise), seed {grid.seed}; "
        f"{grid.probe_seeds} motions a probe text, seeds from {grid.seed} on.",
        "APE and AVE are errors against the real clip, lower is better; a gain is by how much they fall. Probes are "
        "texts of which it can be computed whether a motion does what they say; a gain is by how much the share that "
        "passes rises.",
        "The unit is the text: motions of one text are nearly one motion, so clips of a text are drawn together. "
        f"Intervals: percentiles of {DRAWS:,} paired bootstrap samples of the texts.",
        f"P-values: sign flips of the texts' differences. The answer counts a difference where p is below {ALPHA:g} "
        f"after Holm's correction for all {len(summary.answering)} comparisons that answer.",
        "“No difference shown” is no proof that there is none.",
        _yardstick(summary),
        f"Protocol: {first['protocol']}.",
        f"Versions: {_versions(summary)}. All numbers: results.json of the study.",
    ]
    return f"<h2>How it was measured</h2><ul>{''.join(f'<li>{escape(line)}</li>' for line in lines if line)}</ul>"


def _yardstick(summary: Summary) -> str:
    tables = (result["evaluation"]["nearest_text"] for result in summary.results.values())
    nearest: dict[str, Any] = next((found for found in tables if found), {})
    known = [f"{name} {nearest[name]['value']:.3f}" for name in summary.grid.measures if name in nearest]
    return f"For comparison, the training clip with the nearest text: {', '.join(known)}." if known else ""


def _versions(summary: Summary) -> str:
    """Of all cells, which may have been measured at different times."""
    found: dict[str, dict[str, None]] = {}
    for result in summary.results.values():
        for name, version in result["evaluation"]["versions"].items():
            found.setdefault(name, {})[str(version)] = None
    return ", ".join(f"{name} {' and '.join(versions)}" for name, versions in found.items())
