"""The cells of a grid: each is one way to make motions, which is measured on its own."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path
from typing import Any

import attrs

from actiongpt_core.study.grid import PHRASE_ALONE, Grid, Model, Provider


@attrs.frozen(kw_only=True)
class Cell:
    """One model, told in one way."""

    model: Model
    provider: Provider
    strategy: str | None
    k: int
    aggregator: str
    is_baseline: bool = False

    @property
    def name(self) -> str:
        """Names its files: "model--provider--k4--mean", with the strategy where there is one."""
        told = [self.provider.name] if self.strategy is None else [self.provider.name, self.strategy]
        return "--".join([self.model.name, *told, f"k{self.k}", self.aggregator.replace(":", "_")])

    @property
    def teller(self) -> str:
        """Who describes, as the page says it."""
        return self.provider.name if self.strategy is None else f"{self.provider.name}, {self.strategy}"

    def settings(self, grid: Grid) -> dict[str, Any]:
        """All that decides about its numbers, as plain values of the grid; what lies in files is not here."""
        model = attrs.asdict(self.model)
        provider = attrs.asdict(self.provider)
        names = ("data", "data_dir", "data_options", "split", "max_clips", "num_samples", "seed", "probe_seeds")
        return {
            "model": {name: model[name] for name in ("backbone", "checkpoint", "text_encoder", "train")},
            "provider": {name: provider[name] for name in ("llm", "options")},
            "strategy": self.strategy,
            "k": self.k,
            "aggregator": self.aggregator,
            **{name: getattr(grid, name) for name in names},
        }


def baseline_of(grid: Grid, model: Model) -> Cell:
    """The cell that all others of a model are compared with."""
    phrase = Provider(name=PHRASE_ALONE, llm=grid.baseline.llm)
    return Cell(
        model=model,
        provider=phrase,
        strategy=None,
        k=grid.baseline.k,
        aggregator=grid.baseline.aggregator,
        is_baseline=True,
    )


def bases_of(grid: Grid, cell: Cell) -> list[Cell]:
    """What a cell is compared with: the phrase alone, by its own model and by the one that it is set against."""
    if cell.is_baseline:
        return []
    others = [model for model in grid.models if model.name == cell.model.versus and answers(grid, cell)]
    return [baseline_of(grid, model) for model in (cell.model, *others)]


def told_cells(grid: Grid, model: Model) -> list[Cell]:
    """The other cells of a model, the ones that answer first.

    With k = 1 nothing is aggregated: only the first aggregator stands there.
    """
    ways = [(provider, strategy) for provider in grid.providers for strategy in provider.strategies or (None,)]
    cells = [
        Cell(model=model, provider=provider, strategy=strategy, k=k, aggregator=aggregator)
        for k, aggregator, (provider, strategy) in itertools.product(grid.k, grid.aggregators, ways)
        if k > 1 or aggregator == grid.aggregators[0]
    ]
    return sorted(cells, key=lambda cell: not answers(grid, cell))


def all_cells(grid: Grid) -> list[Cell]:
    """Every cell: what the answer needs of all models comes first."""
    told = [told_cells(grid, model) for model in grid.models]
    first = [cell for cells in told for cell in cells if answers(grid, cell)]
    rest = [cell for cells in told for cell in cells if not answers(grid, cell)]
    return [*(baseline_of(grid, model) for model in grid.models), *first, *rest]


def answers(grid: Grid, cell: Cell) -> bool:
    """Whether the page's answer is computed from this cell: the first k, aggregator and strategy.

    A model that another one is set against is there for that one's sake, and gives no answer of its own.
    """
    first = cell.provider.strategies[0] if cell.provider.strategies else None
    is_set_against = any(model.versus == cell.model.name for model in grid.models)
    return not is_set_against and (cell.k, cell.aggregator, cell.strategy) == (grid.k[0], grid.aggregators[0], first)


def content(grid: Grid, cell: Cell, checkpoint: Path | None) -> dict[str, str]:
    """Digests of the files that decide about the numbers of a cell, as far as they are there.

    Args:
        grid: The grid.
        cell: The cell.
        checkpoint: Folder of the model's weights; None for the ones that ship.
    """
    found = {}
    for file in sorted(checkpoint.glob("*")) if checkpoint is not None else []:
        if file.name in ("config.json", "model.safetensors"):
            found[file.name] = _digest(file)
    for name, value in grid.options(cell.provider).items():
        if value != cell.provider.options[name] and Path(value).is_file():
            found[f"option {name}"] = _digest(Path(value))
    return found


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]
