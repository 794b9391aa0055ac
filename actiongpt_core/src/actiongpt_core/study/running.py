"""Running a study: what is missing is measured, then the page is written."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from actiongpt_core.errors import ActionGPTError, MissingAssetError
from actiongpt_core.interfaces import DataSet
from actiongpt_core.plugins import one_line
from actiongpt_core.registry import get_registry
from actiongpt_core.study.cells import Cell, all_cells, answers, content
from actiongpt_core.study.examples import example_items, real_examples
from actiongpt_core.study.grid import Grid, Model
from actiongpt_core.study.measuring import Bench
from actiongpt_core.study.page import build_page
from actiongpt_core.study.store import PAGE, RESULTS, Store, as_json, to_text
from actiongpt_core.study.summary import Summary, summarise
from actiongpt_core.study.weights import Weights

_log = logging.getLogger(__name__)
_REAL = "real"  #: the file of the real clips


@attrs.define(kw_only=True)
class Count:
    """How far a study is."""

    cells: int
    before: int = 0  #: cells that were measured by an earlier run
    measured: int = 0
    problems: dict[str, str] = attrs.field(factory=dict)  #: cells that have no result, and why
    current: str = ""  #: the cell, or what else is being done
    seconds: float = 0.0

    @property
    def done(self) -> int:
        """Cells of which it is known what came of them."""
        return self.before + self.measured + len(self.problems)


def run(
    grid: Grid, out: Path, *, device: str = "auto", report: Callable[[Count], None] = lambda count: None
) -> tuple[Summary, Count]:
    """Measure the cells that are missing and write the page.

    A cell that cannot run (a checkpoint that is not there, a provider that is not installed, a backbone that cannot do
    what is asked) is reported, and tried again by the next run; the others go on.

    Args:
        grid: The study.
        out: Its folder: `index.html`, `results.json`, and what was measured. One run at a time.
        device: As of `Pipeline`.
        report: Called before and after every cell.

    Raises:
        ConfigError: The folder cannot be written.
        MissingAssetError: The data set is not there, and something is to be measured.
    """
    work = _Work(grid, Store(out), device, report)
    for cell in all_cells(grid):
        work.cell(cell)
    summary = summarise(grid, work.results, work.count.problems)
    work.store.write(RESULTS, to_text(summary.to_dict()))
    work.store.write(PAGE, build_page(summary, work.real(), work.examples))
    return summary, work.count


class _Work:
    """One run."""

    def __init__(self, grid: Grid, store: Store, device: str, report: Callable[[Count], None]) -> None:
        self.grid, self.store = grid, store
        self._device, self._report = device, report
        self.results: dict[str, Any] = {}
        self.examples: dict[str, Any] = {}  #: by cell, by clip
        self.count = Count(cells=len(all_cells(grid)))
        self._weights = Weights(grid, store, self._data, device, self._tell)
        self._start = time.perf_counter()
        self._example_key = as_json(
            [grid.data, grid.data_dir, grid.data_options, grid.split, grid.max_clips, grid.examples]
        )

    def cell(self, cell: Cell) -> None:
        """Measure a cell unless it is there; whatever goes wrong with it is noted."""
        self._tell(cell.name)
        try:
            self._one(cell)
        except ActionGPTError as error:
            if isinstance(error, _NoDataError):
                raise
            self.count.problems[cell.name] = str(error)
        except Exception as error:  # one cell, perhaps a plugin's mistake, must not take the others down
            _log.debug("The cell %s failed.", cell.name, exc_info=True)
            self.count.problems[cell.name] = f"It failed: {one_line(error)}"
        self._tell(cell.name)

    def real(self) -> dict[str, Any]:
        """The real clips among the examples."""
        found = self.store.examples(_REAL, self._example_key)
        if found is None and self.results and self.grid.examples:
            self.store.keep_examples(_REAL, self._example_key, self._real_examples())
            found = self.store.examples(_REAL, self._example_key)
        return found["motions"] if found else {}

    def _one(self, cell: Cell) -> None:
        settings = cell.settings(self.grid)
        problem, checkpoint = self._checkpoint(cell.model)
        digests = content(self.grid, cell, checkpoint) if problem is None else None
        result = self.store.result(cell.name, settings, digests)
        pipeline: list[Any] = []  # built when it is needed, and once

        def built() -> Any:
            if problem is not None:
                raise problem
            if not pipeline:
                pipeline.append(self._bench.pipeline(cell, checkpoint))
            return pipeline[0]

        if result is None:
            numbers = self._bench.measure(built(), with_nearest=cell.is_baseline)
            result = {"settings": settings, "content": digests, **numbers}
            self.store.keep(cell.name, result)
            self.count.measured += 1
        else:
            self.count.before += 1
        self.results[cell.name] = as_json(result)
        if self.grid.examples and (cell.is_baseline or answers(self.grid, cell)):
            self._examples(cell, [self._example_key, as_json(settings), result["content"]], built)

    def _examples(self, cell: Cell, key: Any, built: Callable[[], Any]) -> None:
        found = self.store.examples(cell.name, key)
        if found is None:
            try:
                made = self._bench.examples(built())
            except ActionGPTError as error:
                _log.info("The page plays nothing of %s: %s", cell.name, error)
                return
            self.store.keep_examples(cell.name, key, made)
            found = {"motions": made}
        self.examples[cell.name] = found["motions"]

    def _checkpoint(self, model: Model) -> tuple[ActionGPTError | None, Path | None]:
        """Why a model's weights are not at hand, or where they are; None and None for those that ship."""
        try:
            return None, self._weights.folder(model)
        except _NoDataError:
            raise
        except ActionGPTError as error:
            return error, None

    def _real_examples(self) -> dict[str, Any]:
        return real_examples(example_items(self.grid, self._bench.data), self._bench.data)

    @functools.cached_property
    def _bench(self) -> Bench:
        return Bench(grid=self.grid, data=self._data(), device=self._device)

    def _data(self) -> DataSet:
        grid = self.grid
        try:
            folder = None if grid.data_dir is None else grid.path(grid.data_dir)
            return get_registry().open_data_set(grid.data, folder, **grid.data_options)
        except ActionGPTError as error:
            raise _NoDataError(f"The study's data set cannot be opened. {error}") from error

    def _tell(self, name: str) -> None:
        self.count.current, self.count.seconds = name, time.perf_counter() - self._start
        self._report(self.count)


class _NoDataError(MissingAssetError):
    """Nothing can be measured, so that going on makes no sense."""
