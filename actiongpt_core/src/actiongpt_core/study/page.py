"""The page: one HTML file that opens from a disk, with the answer first."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from typing import Any

from actiongpt_core.study.answer import MEANING, sentences
from actiongpt_core.study.appendix import every_cell, method, problems
from actiongpt_core.study.cells import Cell
from actiongpt_core.study.grid import PROBES
from actiongpt_core.study.markup import table
from actiongpt_core.study.player import player_data
from actiongpt_core.study.plots import interval_rows
from actiongpt_core.study.statistics import MIN_TEXTS
from actiongpt_core.study.summary import Comparison, Summary, described


def build_page(summary: Summary, real: Mapping[str, Any], examples: Mapping[str, Any]) -> str:
    """The whole page.

    Args:
        summary: What was found.
        real: The real clips that are played, by key.
        examples: The motions that are played, by cell, by key.
    """
    title = escape(summary.grid.title)
    parts = [
        f"<h1>{title}</h1>",
        *_answer(summary),
        _player(summary, real, examples),
        _intervals(summary),
        _others(summary),
        every_cell(summary),
        problems(summary),
        method(summary),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_file('page.css')}</style></head>\n"
        f"<body><main>{''.join(part + chr(10) for part in parts if part)}</main>"
        f"<script>{_file('player.js')}</script></body></html>\n"
    )


def _file(name: str) -> str:
    return resources.files("actiongpt_core.study").joinpath(name).read_text(encoding="utf-8")


def _answer(summary: Summary) -> list[str]:
    first, *rest = sentences(summary)
    parts = [f'<p class="answer">{escape(first)}</p>']
    if rest:
        parts.append(f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in rest)}</ul>")
    if summary.answering:
        parts += [_gains(summary), _reading(summary)]
    return parts


def _gains(summary: Summary) -> str:
    """A row a model and teller, same weights: by how much descriptions are better."""
    found = {(it.cell.name, it.measure): it for it in summary.of_own() if it.answers}
    rows: list[list[str]] = []
    before = ""
    for cell in {it.cell.name: it.cell for it in summary.of_own() if it.answers}.values():
        about = f"{escape(cell.model.name)}<br><small>{escape(cell.model.about)}</small>"
        gains = (_gain(found.get((cell.name, measure))) for measure in summary.measures)
        who = f"{escape(cell.teller)}<br><small>{_described(summary, cell)}</small>"
        rows.append(["" if cell.model.name == before else about, who, *gains])
        before = cell.model.name
    heads = ["model", "told by", *(f"{name}<br><small>{_heading(name)}</small>" for name in summary.measures)]
    return table(heads, rows, numbers=len(summary.measures))


def _described(summary: Summary, cell: Cell) -> str:
    """How many texts it has something to say of."""
    counts = {
        "probes" if measure == PROBES else "clips": described(summary.results[cell.name], measure)
        for measure in summary.measures
    }
    return "<br>".join(f"{kind}: {some} of {of_all}" for kind, (some, of_all) in counts.items())


def _heading(measure: str) -> str:
    meaning, unit = MEANING[measure]
    return escape(f"{meaning}; gain, {unit}")


def _gain(item: Comparison | None) -> str:
    if item is None:
        return '<span class="no">too few described</span>'
    mark = {"help": "help", "hurt": "hurt"}.get(item.verdict, "no")
    return f'{_with_interval(item)}<br><span class="{mark}">{item.in_a_word}</span>'


def _with_interval(item: Comparison) -> str:
    it = item.gain
    return f"{it.value:+.3f}<br><small>{it.low_95:+.3f} to {it.high_95:+.3f}</small>"


def _reading(summary: Summary) -> str:
    grid, count = summary.grid, len(summary.answering)
    return (
        '<p class="soft">Gains: told by descriptions against the phrase alone, same weights, '
        f"k = {grid.k[0]}, aggregator {escape(grid.aggregators[0])}; above 0 is better with descriptions; below each "
        "its 95 % interval. “help” and “hurt” stand where a difference holds after counting all "
        f"{count} comparisons of the answer, “hint” where the interval alone leaves out 0. Below who "
        "tells: of how many texts there are descriptions; the others are told as they are, and with fewer than "
        f"{MIN_TEXTS} nothing is compared.</p>"
    )


def _player(summary: Summary, real: Mapping[str, Any], examples: Mapping[str, Any]) -> str:
    data = player_data(summary, real, examples)
    if not data["clips"] or not data["models"]:
        return ""
    panels = {"real": "Real clip", "phrase": "Phrase alone", "told": "Descriptions"}
    if not summary.grid.play_real:
        del panels["real"]
    figures = "".join(
        f'<figure><canvas id="canvas-{name}" aria-label="{label}"></canvas>'
        f'<figcaption id="caption-{name}">{label}</figcaption></figure>'
        for name, label in panels.items()
    )
    # A "<" would be taken for the end of the script in a text that says so.
    content = json.dumps(data, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    return (
        '<h2>See for yourself</h2><div id="player"><div class="controls">'
        '<label>text <select id="clip"></select></label><label>model <select id="model"></select></label>'
        '<label>descriptions <select id="teller"></select></label></div>'
        f'<div class="stage">{figures}</div>'
        '<div class="controls"><button id="play" type="button" aria-pressed="false">Play</button>'
        '<input id="scrub" type="range" min="0" max="1" step="0.01" value="0" aria-label="time">'
        '<span id="time" class="soft">0.0 s</span></div>'
        '<p class="soft">Drag a figure to turn all. Left limbs orange, right limbs blue, the line is the way of '
        "the pelvis. Texts at equal steps through the split, the first clip of each and the first motion of each: "
        "chosen before anything was measured.</p>"
        '<div class="told"><span id="source" class="soft"></span><ol id="texts"></ol></div></div>'
        f'<script type="application/json" id="motions">{content}</script>'
    )


def _intervals(summary: Summary) -> str:
    found = [item for item in summary.of_own() if item.answers]
    return _plots("Against the phrase alone, same weights", found, summary) if found else ""


def _others(summary: Summary) -> str:
    found = [item for item in summary.of_others() if item.answers]
    if not found:
        return ""
    about = (
        "<p>Weights trained with descriptions and told by descriptions, against weights trained without any and told "
        "by the phrase alone. This also compares two trainings, of one run each.</p>"
        if all(item.cell.model.about for item in found)
        else ""
    )
    return _plots("Against other weights, told the phrase alone", found, summary, about)


def _plots(title: str, found: Sequence[Comparison], summary: Summary, about: str = "") -> str:
    parts = [f"<h2>{title}</h2>{about}"]
    for measure in summary.measures:
        some = [item for item in found if item.measure == measure]
        meaning, unit = MEANING[measure]
        names = [f"{item.cell.model.name} · {item.cell.teller}" for item in some]
        parts.append(f"<h3>{measure}: {meaning}; gain, {unit}</h3>{interval_rows(some, names)}")
    parts.append(
        '<p class="soft">Thick line: 90 % interval; thin: 95 %. Green or red only where the difference holds after '
        "counting all comparisons.</p>"
    )
    return "".join(parts)
