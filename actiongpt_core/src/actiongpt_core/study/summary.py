"""What a study found: every cell beside its baseline, the verdicts, and how many comparisons stand behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

from actiongpt_core.errors import ConfigError
from actiongpt_core.evaluation.protocol import require_same
from actiongpt_core.study.cells import Cell, all_cells, answers, bases_of
from actiongpt_core.study.grid import PROBES, Grid
from actiongpt_core.study.statistics import MIN_TEXTS, Gain, holm, paired_gain

Verdict = Literal["help", "hurt", "no difference shown"]
VERDICTS: tuple[Verdict, ...] = ("help", "hurt", "no difference shown")
ALPHA = 0.05

_BY_CLIP = ("keys", "texts", "per_clip", "per_pair")

Result = Mapping[str, Any]  #: of one cell, as it is kept


@attrs.frozen(kw_only=True)
class Comparison:
    """One cell beside a baseline, by one measure."""

    cell: Cell
    base: Cell
    measure: str
    gain: Gain
    answers: bool  #: whether the answer counts it; all others are there to be looked at
    p_holm: float | None = None  #: p, raised by the number of comparisons that answer

    @property
    def verdict(self) -> Verdict:
        """What may be said of it."""
        if self.p_holm is None or self.p_holm >= ALPHA or self.gain.value == 0:
            return "no difference shown"
        return "help" if self.gain.value > 0 else "hurt"

    @property
    def in_a_word(self) -> str:
        """The verdict beside the interval: a hint is what the interval alone would say."""
        if self.verdict != "no difference shown":
            return self.verdict
        return "hint" if self.excludes_zero else "includes 0"

    @property
    def excludes_zero(self) -> bool:
        """Whether its own 95 % interval excludes 0, as one of twenty does by chance."""
        return self.gain.low_95 > 0 or self.gain.high_95 < 0


@attrs.frozen(kw_only=True)
class Summary:
    """All that the page tells."""

    grid: Grid
    results: Mapping[str, Result]  #: by the name of the cell
    problems: Mapping[str, str]  #: cells without a result, and why
    comparisons: tuple[Comparison, ...]

    @property
    def answering(self) -> list[Comparison]:
        """The comparisons that the answer counts."""
        return [item for item in self.comparisons if item.answers]

    @property
    def measures(self) -> list[str]:
        """By what is compared."""
        return compared_by(self.grid)

    def cells(self) -> list[Cell]:
        """Those with a result."""
        return [cell for cell in all_cells(self.grid) if cell.name in self.results]

    def of_own(self) -> list[Comparison]:
        """Those with the same weights, told the phrase alone."""
        return [item for item in self.comparisons if item.cell.model == item.base.model]

    def of_others(self) -> list[Comparison]:
        """Those with another model, told the phrase alone."""
        return [item for item in self.comparisons if item.cell.model != item.base.model]

    def to_dict(self) -> dict[str, Any]:
        """For JSON: every number of the page."""
        return {
            "title": self.grid.title,
            "data": {
                name: getattr(self.grid, name) for name in ("data", "split", "num_samples", "seed", "probe_seeds")
            },
            "measures": self.measures,
            "cells": [self._cell(cell) for cell in self.cells()],
            "problems": dict(self.problems),
        }

    def _cell(self, cell: Cell) -> dict[str, Any]:
        result = self.results[cell.name]
        return {
            "name": cell.name,
            "settings": result["settings"],
            "content": result["content"],
            "evaluation": {name: it for name, it in result["evaluation"].items() if name not in _BY_CLIP},
            "probes": {"seeds": result["probes"]["seeds"], "share": probe_share(result)},
            "told": result["told"],
            "answers": answers(self.grid, cell) and not cell.is_baseline,
            "gains": [_gain(item) for item in self.comparisons if item.cell.name == cell.name],
        }


def compared_by(grid: Grid) -> list[str]:
    """The measures of a grid."""
    return [*grid.measures, *([PROBES] if grid.probe_seeds else [])]


def summarise(grid: Grid, results: Mapping[str, Result], problems: Mapping[str, str]) -> Summary:
    """Compare every cell with the baseline of its model.

    Args:
        grid: The study.
        results: What was measured, by the name of the cell.
        problems: Why the others were not.
    """
    problems = dict(problems)
    found = []
    for cell in all_cells(grid):
        for base in bases_of(grid, cell):
            if not {cell.name, base.name} <= results.keys():
                continue
            if why := _why_not_compared(cell, base, results):
                problems[cell.name] = why
                continue
            found += [
                _compare(grid, cell, base, measure, results)
                for measure in compared_by(grid)
                if is_described(results[cell.name], measure)
            ]
    answering = [item for item in found if item.answers]
    raised = dict(zip(map(id, answering), holm([item.gain.p for item in answering]), strict=True))
    return Summary(
        grid=grid,
        results=results,
        problems=problems,
        comparisons=tuple(attrs.evolve(item, p_holm=raised.get(id(item))) for item in found),
    )


def probe_share(result: Result) -> float | None:
    """Share of the probes' motions that pass."""
    passed, seeds = result["probes"]["passed"], result["probes"]["seeds"]
    return sum(passed.values()) / (len(passed) * seeds) if passed else None


def described(result: Result, measure: str) -> tuple[int, int]:
    """How many texts of a measure were told by something else than themselves, of how many."""
    told = result["told"]["probes" if measure == PROBES else "clips"]
    return sum(count for kind, count in told.items() if kind != "phrase"), sum(told.values())


def is_described(result: Result, measure: str) -> bool:
    """Whether enough texts of a measure were described to compare anything: all, or `MIN_TEXTS`."""
    some, of_all = described(result, measure)
    return some >= min(MIN_TEXTS, of_all)


def _why_not_compared(cell: Cell, base_cell: Cell, results: Mapping[str, Result]) -> str | None:
    base, told = results[base_cell.name], results[cell.name]
    first, second = base["evaluation"], told["evaluation"]
    try:
        require_same(first["protocol"], second["protocol"])
    except ConfigError as error:
        return f"{error} Remove its file or its baseline's, and run the study again."
    if cell.model == base_cell.model and first["model"]["weights"] != second["model"]["weights"]:
        return "It was measured with other weights than its baseline. Remove both files and run the study again."
    if first["keys"] != second["keys"] or base["probes"]["passed"].keys() != told["probes"]["passed"].keys():
        return "It was measured on other clips or texts than its baseline. Remove both files and run the study again."
    return None


def _compare(grid: Grid, cell: Cell, base_cell: Cell, measure: str, results: Mapping[str, Result]) -> Comparison:
    base, told = results[base_cell.name], results[cell.name]
    if measure == PROBES:
        texts = list(base["probes"]["passed"])
        higher, lower = (
            [it["probes"]["passed"][text] / it["probes"]["seeds"] for text in texts] for it in (told, base)
        )
        weights = [1.0] * len(texts)
    else:
        texts, columns = base["evaluation"]["texts"], base["evaluation"]["per_clip"]
        higher, lower = columns[measure], told["evaluation"]["per_clip"][measure]
        # A position error is a mean over frames, an error of variances one over clips.
        weights = columns["frames"] if measure.startswith("APE_") else [1.0] * len(texts)
    differences = [one - other for one, other in zip(higher, lower, strict=True)]
    gain = paired_gain(differences, weights, texts)
    return Comparison(cell=cell, base=base_cell, measure=measure, gain=gain, answers=answers(grid, cell))


def _gain(item: Comparison) -> dict[str, Any]:
    told = {"against": item.base.name, "measure": item.measure, "answers": item.answers}
    return told | attrs.asdict(item.gain) | {"p_holm": item.p_holm, "verdict": item.verdict}


def is_too_few(gain: Gain) -> bool:
    """Whether there are too few texts for an interval to mean much."""
    return gain.num_texts < MIN_TEXTS
