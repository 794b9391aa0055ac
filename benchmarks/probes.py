"""Does a checkpoint do what the text says? Probes in five tellings, beside real clips: `nox -s probes`.

With ACTIONGPT_CMU set, the real clips are measured anew, and APE and AVE on the test split are measured as well.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from actiongpt_core.data.cmu import ENVIRONMENT, CmuSet
from actiongpt_core.evaluation.probe_table import COLUMNS, Cell, ProbeTable, run_probes
from actiongpt_core.evaluation.real_clips import STORED, RealClips, measure_real_clips, real_clips
from actiongpt_core.evaluation.report import SplitReport, evaluate_split
from actiongpt_core.pipeline import Pipeline

Grid = tuple[str, list[str], list[list[str]]]  #: title, head, rows


def main() -> None:
    """Read the arguments, run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", help="name of the motion model (default: the default one)")
    parser.add_argument("--checkpoint", type=Path, help="checkpoint folder (default: the one that ships)")
    parser.add_argument("--seeds", type=int, default=8, help="motions of each text")
    parser.add_argument("--noise-scale", type=float, help="factor on the noise (default: the checkpoint's own)")
    parser.add_argument("--json", type=Path, help="write all numbers here")
    parser.add_argument("--markdown", type=Path, help="write the tables here")
    parser.add_argument(
        "--store-real", action="store_true", help=f"measure the real clips, write {STORED.name} and stop"
    )
    arguments = parser.parse_args()
    if arguments.store_real:
        STORED.write_text(json.dumps(measure_real_clips(CmuSet()).to_dict(), indent=1) + "\n", encoding="utf-8")
        return
    pipeline = Pipeline(arguments.backbone, checkpoint=arguments.checkpoint)
    table = run_probes(pipeline, range(arguments.seeds), noise_scale=arguments.noise_scale)
    split = evaluate_split(pipeline, CmuSet()) if os.environ.get(ENVIRONMENT) else None
    real = real_clips()
    grids = [probe_grid(table, real), quality_grid(table, real), metrics_grid(split, real)]
    _print(grids, missing(table))
    if arguments.json:
        _write(arguments.json, json.dumps(as_json(table, real, split), indent=1))
    if arguments.markdown:
        _write(arguments.markdown, "\n\n".join(map(as_markdown, grids)))


def probe_grid(table: ProbeTable, real: RealClips) -> Grid:
    """Passes and the mean of the measure, telling by telling."""
    head = ["probe", "measure", *COLUMNS, "real clips", "parametric clips"]
    rows = []
    for row in table.rows:
        beside = real.rows.get(row.name)
        outside = [beside.real, beside.parametric] if beside else [None, None]
        cells = [row.cells.get(column) for column in COLUMNS]
        shown = [_cell(cell) for cell in [*cells, *outside]]
        shown[len(COLUMNS) - 1] += f" ({row.other})"
        rows.append([f"{row.name}{' *' if row.required else ''}", row.unit, *shown])
    return f"Passes of {len(table.seeds)} seeds, mean of the measure (* to reach: 6 of 8 with descriptions)", head, rows


def quality_grid(table: ProbeTable, real: RealClips) -> Grid:
    """Foot skate, jitter and variety with descriptions, beside real (else parametric) clips."""
    names = ("foot_skate", "jitter", "variety")
    titles = ["foot skate, m/s", "jitter, m/s^2", "variety between seeds, m"]
    head = ["probe", *(f"{title}{who}" for title in titles for who in ("", " (clips)"))]
    rows = []
    for row in table.rows:
        pairs = [(getattr(row, name), getattr(real.rows.get(row.name), name, None)) for name in names]
        rows.append([row.name, *(_number(value) for pair in pairs for value in pair)])
    return "With descriptions; variety at noise scale 1", head, rows


def metrics_grid(split: SplitReport | None, real: RealClips) -> Grid:
    """APE and AVE on the test split of the CMU set."""
    nearest = split.nearest_text if split else real.nearest_text
    columns: dict[str, dict[str, float]] = {"training clip with the nearest text": nearest}
    if split:
        columns = {"model": split.model, f"model, mean of {split.num_seeds} runs": split.model_average} | columns
    rows = [[name, *(_number(column[name]) for column in columns.values())] for name in nearest]
    title = f"CMU test split, {split.protocol if split else real.protocol}: APE in m, AVE in m^2"
    return title + ("" if split else f" (set {ENVIRONMENT} for the model's)"), ["metric", *columns], rows


def missing(table: ProbeTable) -> list[str]:
    """Required probes that are not reached."""
    return [row.name for row in table.rows if row.required and not row.reached]


def as_json(table: ProbeTable, real: RealClips, split: SplitReport | None) -> dict[str, Any]:
    """All numbers."""
    return {
        "probes": table.to_dict(),
        "not_reached": missing(table),
        "real": real.to_dict(),
        "test_split": split.to_dict() if split else None,
    }


def as_markdown(grid: Grid) -> str:
    """One table."""
    title, head, rows = grid

    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    return "\n".join([title, "", line(head), line("---" for _ in head), *map(line, rows)])


def _print(grids: Sequence[Grid], not_reached: Sequence[str]) -> None:
    console = Console(width=None if Console().is_terminal else 200)
    for title, head, rows in grids:
        table = Table(*head, title=title, title_justify="left")
        for row in rows:
            table.add_row(*row)
        console.print(table)
    verdict = f"not reached: {', '.join(not_reached)}" if not_reached else "all required probes are reached"
    console.print(verdict)


def _cell(cell: Cell | None) -> str:
    return f"{cell.passed}/{cell.of}  {_number(cell.measure)}" if cell else "-"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
