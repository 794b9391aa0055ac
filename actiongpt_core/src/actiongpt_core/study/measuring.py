"""Measuring one cell: its motions for the clips of a split and for the probes, judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs

from actiongpt_core.evaluation.evaluate import evaluate
from actiongpt_core.interfaces import DataSet
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.registry import get_registry
from actiongpt_core.study.cells import Cell
from actiongpt_core.study.examples import example_items, made_examples
from actiongpt_core.study.grid import Grid
from actiongpt_core.study.probing import TEXTS, probes_passed
from actiongpt_core.types.text import Action


@attrs.frozen(kw_only=True)
class Bench:
    """What all cells of a study are measured with."""

    grid: Grid
    data: DataSet
    device: str = "auto"

    def pipeline(self, cell: Cell, checkpoint: Path | None) -> Pipeline:
        """The way of a cell to make motions.

        Args:
            cell: The cell.
            checkpoint: Folder of its model's weights; None for the ones that ship.

        Raises:
            As `Pipeline`.
        """
        return Pipeline(
            cell.model.backbone,
            llm=get_registry().build_provider(cell.provider.llm, **self.grid.options(cell.provider)),
            aggregator=cell.aggregator,
            checkpoint=checkpoint,
            text_encoder=self.grid.named(cell.model.text_encoder),
            strategy=cell.strategy,
            k=cell.k,
            device=self.device,
        )

    def measure(self, pipeline: Pipeline, *, with_nearest: bool = False) -> dict[str, Any]:
        """All numbers of a cell, as plain values.

        Args:
            pipeline: The cell's.
            with_nearest: Whether the training clips with the nearest texts are measured too, a yardstick.

        Raises:
            As `evaluate` and `Pipeline.generate_batch`.
        """
        grid, is_deterministic = self.grid, "deterministic" in (pipeline.capabilities or ())
        evaluation = evaluate(
            pipeline,
            self.data,
            split=grid.split,
            num_samples=1 if is_deterministic else grid.num_samples,
            seed=grid.seed,
            max_clips=grid.max_clips,
            baseline=with_nearest,
        )
        seeds = range(grid.seed, grid.seed + grid.probe_seeds)[: 1 if is_deterministic else None]
        return {
            "evaluation": evaluation.to_dict(),
            "probes": {"seeds": len(seeds), "passed": probes_passed(pipeline, seeds) if seeds else {}},
            "told": {
                "clips": _sources(pipeline, evaluation.texts),
                "probes": _sources(pipeline, TEXTS if seeds else ()),
            },
        }

    def examples(self, pipeline: Pipeline) -> dict[str, Any]:
        """Motions of a cell that the page plays."""
        return made_examples(example_items(self.grid, self.data), pipeline, self.grid.seed)


def _sources(pipeline: Pipeline, texts: Iterable[str]) -> dict[str, int]:
    """Where the descriptions of the different texts come from: "pack", "nearest", "phrase", ..., each with a count."""
    described = [pipeline.describe(Action(text))[0] for text in dict.fromkeys(texts)]
    return dict(Counter(item.source.partition(":")[0] for item in described))
