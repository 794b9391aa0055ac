"""Do the checkpoints do what the text says? Probes in five tellings, beside real clips: `nox -s probes`.

Every installed backbone that has a checkpoint is measured. A run is a seed; of a deterministic backbone, a phrasing.
With ACTIONGPT_CMU set, the real clips are measured anew, and APE and AVE on the test split are measured as well.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from actiongpt_core.data.cmu import ENVIRONMENT, CmuSet
from actiongpt_core.errors import ActionGPTError
from actiongpt_core.evaluation.evaluate import evaluate
from actiongpt_core.evaluation.evaluation import Evaluation
from actiongpt_core.evaluation.metrics import APE_AVE
from actiongpt_core.evaluation.probe_table import COLUMNS, Cell, ProbeTable, run_probes
from actiongpt_core.evaluation.real_clips import STORED, RealClips, measure_real_clips, real_clips
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.registry import get_registry

Grid = tuple[str, list[str], list[list[str]]]  #: title, head, rows

RUNS = 3  #: motions of each clip of the test split
#: What the columns are called where the runs are phrasings.
_BY_PHRASING = {"descriptions": "phrasings, described", "phrase": "phrasings"}


def main() -> None:
    """Read the arguments, run, print, write."""
    arguments = _arguments()
    if arguments.store_real:
        STORED.write_text(json.dumps(measure_real_clips(CmuSet()).to_dict(), indent=1) + "\n", encoding="utf-8")
        return
    real = real_clips()
    results: dict[str, Any] = {}
    pages = []
    for name, pipeline in pipelines(arguments.backbone, arguments.checkpoint):
        table = run_probes(pipeline, range(arguments.seeds), noise_scale=arguments.noise_scale)
        runs = 1 if table.is_deterministic else RUNS
        split = evaluate(pipeline, CmuSet(), split="test", num_samples=runs) if os.environ.get(ENVIRONMENT) else None
        grids = [probe_grid(table, real), quality_grid(table, real), metrics_grid(split, real)]
        if table.is_deterministic:
            grids.insert(1, phrasing_grid(table))
        _print(name, grids, missing(table))
        results[name] = as_json(table, split)
        pages.append("\n\n".join([f"## {name}", *map(as_markdown, grids)]))
    if not results:
        raise SystemExit("No installed backbone has a checkpoint.")
    if arguments.json:
        _write(arguments.json, json.dumps({"backbones": results, "real": real.to_dict()}, indent=1))
    if arguments.markdown:
        _write(arguments.markdown, "\n\n".join(pages))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", help="name of the motion model (default: all that have a checkpoint)")
    parser.add_argument("--checkpoint", type=Path, help="the backbone's checkpoint folder (default: the shipped one)")
    parser.add_argument("--seeds", type=int, default=8, help="motions of each text; not of a deterministic backbone")
    parser.add_argument("--noise-scale", type=float, help="factor on the noise (default: the checkpoint's own)")
    parser.add_argument("--json", type=Path, help="write all numbers here")
    parser.add_argument("--markdown", type=Path, help="write the tables here")
    parser.add_argument(
        "--store-real", action="store_true", help=f"measure the real clips, write {STORED.name} and stop"
    )
    return parser.parse_args()


def pipelines(backbone: str | None, checkpoint: Path | None) -> Iterator[tuple[str, Pipeline]]:
    """The one that is asked for; else every installed backbone with a checkpoint, one after the other."""
    if backbone or checkpoint:
        yield backbone or get_registry().motion_model().name, Pipeline(backbone, checkpoint=checkpoint)
        return
    for name, _ in get_registry().labels("backbone"):
        try:
            pipeline = Pipeline(name)
        except ActionGPTError as error:
            Console(stderr=True).print(f"{name} is left out: {error}", markup=False, soft_wrap=True)
            continue
        yield name, pipeline


def probe_grid(table: ProbeTable, real: RealClips) -> Grid:
    """Passes and the mean of the measure, telling by telling."""
    titles = [_BY_PHRASING.get(column, column) if table.is_deterministic else column for column in COLUMNS]
    rows = []
    for row in table.rows:
        beside = real.rows.get(row.name)
        outside = [beside.real, beside.parametric] if beside else [None, None]
        cells = [row.cells.get(column) for column in COLUMNS]
        shown = [_cell(cell) for cell in [*cells, *outside]]
        shown[len(COLUMNS) - 1] += f" ({row.other})"
        rows.append([f"{row.name}{' *' if row.required else ''}", row.unit, *shown])
    runs = "8 phrasings (a wording: 1 run)" if table.is_deterministic else f"{len(table.seeds)} seeds"
    title = f"Passes of {runs}, mean of the measure (* to reach: 6 of 8 with descriptions)"
    return title, ["probe", "measure", *titles, "real clips", "parametric clips"], rows


def quality_grid(table: ProbeTable, real: RealClips) -> Grid:
    """Foot skate, jitter and variety with descriptions, beside real (else parametric) clips."""
    names = {"foot_skate": "foot skate, m/s", "jitter": "jitter, m/s^2", "variety": "variety between seeds, m"}
    if table.is_deterministic:
        del names["variety"]
    head = ["probe", *(f"{title}{who}" for title in names.values() for who in ("", " (clips)"))]
    rows = []
    for row in table.rows:
        pairs = [(getattr(row, name), getattr(real.rows.get(row.name), name, None)) for name in names]
        rows.append([row.name, *(_number(value) for pair in pairs for value in pair)])
    return "With descriptions" + ("" if table.is_deterministic else "; variety at noise scale 1"), head, rows


def phrasing_grid(table: ProbeTable) -> Grid:
    """What became of the phrasings: equal texts give equal motions, so that 8 runs may be fewer."""
    rows = []
    for row in table.rows:
        sources = [item.source.partition(":")[0] for item in row.phrasings]
        counts = [
            row.num_texts,
            *map(sources.count, ("pack", "nearest", "phrase")),
            sum(i.is_known for i in row.phrasings),
        ]
        rows.append([row.name, *map(str, counts)])
    head = ["probe", "different texts", "in the pack", "told as a neighbour", "told as they are", "maybe in training"]
    return "Of the 8 phrasings", head, rows


def metrics_grid(split: Evaluation | None, real: RealClips) -> Grid:
    """APE and AVE on the test split of the CMU set."""
    nearest = real.nearest_text
    columns: dict[str, list[str]] = {"training clip with the nearest text": [_number(nearest[it]) for it in nearest]}
    if split:
        runs = split.seeds["num_samples"]
        shown = [split.metrics[name] for name in APE_AVE]
        columns = {
            "model" if runs == 1 else f"model, mean of {runs} runs": [_number(it.value) for it in shown],
            "95 % interval": [f"{_number(it.low)} to {_number(it.high)}" for it in shown],
        } | columns
    rows = [list(row) for row in zip(nearest, *columns.values(), strict=True)]
    title = f"CMU test split, {split.protocol if split else real.protocol}: APE in m, AVE in m^2"
    return title + ("" if split else f" (set {ENVIRONMENT} for the model's)"), ["metric", *columns], rows


def missing(table: ProbeTable) -> list[str]:
    """Required probes that are not reached."""
    return [row.name for row in table.rows if row.required and not row.reached]


def as_json(table: ProbeTable, split: Evaluation | None) -> dict[str, Any]:
    """All numbers of a backbone."""
    return {
        "probes": table.to_dict(),
        "not_reached": missing(table),
        "test_split": split.to_dict() if split else None,
    }


def as_markdown(grid: Grid) -> str:
    """One table."""
    title, head, rows = grid

    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    return "\n".join([title, "", line(head), line("---" for _ in head), *map(line, rows)])


def _print(name: str, grids: Sequence[Grid], not_reached: Sequence[str]) -> None:
    console = Console(width=None if Console().is_terminal else 200)
    console.rule(f"backbone {name}", align="left")
    for title, head, rows in grids:
        table = Table(*head, title=title, title_justify="left")
        for row in rows:
            table.add_row(*row)
        console.print(table)
    verdict = f"not reached: {', '.join(not_reached)}" if not_reached else "all required probes are reached"
    console.print(f"{name}: {verdict}")


def _cell(cell: Cell | None) -> str:
    return f"{cell.passed}/{cell.of}  {_number(cell.measure)}" if cell else "-"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
