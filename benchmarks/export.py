"""Seconds and megabytes of a motion in each format: `nox -s "bench(export)"`, on 4 seconds at 30 frames a second."""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from actiongpt_core.data.procedural import sample
from actiongpt_core.errors import MissingAssetError
from actiongpt_core.export import FORMATS, READERS, load, save
from actiongpt_core.geometry.rotations import axis_angle_to_matrix
from actiongpt_core.types.motion import Motion
from speed import machine


def main() -> None:
    """Read the arguments, time, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="the median of so many is shown")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    arguments = parser.parse_args()
    clip = sample("wave with the right hand", np.random.default_rng(0), seconds=4.0)
    motion = Motion(
        rotations=axis_angle_to_matrix(torch.from_numpy(clip.poses)), translation=torch.from_numpy(clip.trans), fps=30
    )
    with tempfile.TemporaryDirectory() as folder:
        formats = {suffix: measure(motion, Path(folder) / f"motion{suffix}", arguments.repeats) for suffix in FORMATS}
    result = {"machine": machine(), "formats": formats}
    _print(result)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def measure(motion: Motion, path: Path, repeats: int) -> dict[str, float] | None:
    """Medians; None where the format needs a package that is not here."""
    try:
        save(motion, path)  # the first one imports
    except MissingAssetError:
        return None
    found = {"write, s": _median(lambda: save(motion, path), repeats), "MB": path.stat().st_size / 1e6}
    if path.suffix in READERS:
        found["read, s"] = _median(lambda: load(path), repeats)
    return found


def _median(work: Any, repeats: int) -> float:
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def _print(result: dict[str, Any]) -> None:
    table = Table("format", "write, s", "read, s", "MB")
    for suffix, values in result["formats"].items():
        shown = values or {}
        table.add_row(
            suffix, *(f"{shown[name]:.3g}" if name in shown else "-" for name in ("write, s", "read, s", "MB"))
        )
    Console().print(table, result["machine"])


if __name__ == "__main__":
    main()
