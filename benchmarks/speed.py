"""Seconds for a 4 s motion: in a new process, warm, with a text seen before, in a batch of 32: `nox -s bench`.

Every installed backbone that has a checkpoint is timed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from actiongpt_core.errors import ActionGPTError
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.registry import get_registry
from actiongpt_core.text.providers.pack import PackProvider

_SECONDS = 4.0
_BATCH = 32
_TEXT = "walk forward"


def main() -> None:
    """Read the arguments, time, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", help="name of the motion model (default: all that have a checkpoint)")
    parser.add_argument("--checkpoint", type=Path, help="the backbone's checkpoint folder (default: the shipped one)")
    parser.add_argument("--repeats", type=int, default=5, help="the median of so many is shown")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    arguments = parser.parse_args()
    result = {"machine": machine(), "seconds": times(arguments.backbone, arguments.checkpoint, arguments.repeats)}
    _print(result)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def times(backbone: str | None, checkpoint: Path | None, repeats: int) -> dict[str, dict[str, float]]:
    """Backbone -> case -> seconds: for the one that is asked for, else for all that have a checkpoint."""
    if backbone or checkpoint:
        name = backbone or get_registry().motion_model().name
        return {name: _times({"backbone": name, "checkpoint": checkpoint}, repeats)}
    found = {}
    for name, _ in get_registry().labels("backbone"):
        try:
            found[name] = _times({"backbone": name}, repeats)
        except ActionGPTError as error:
            Console(stderr=True).print(f"{name} is left out: {error}", markup=False, soft_wrap=True)
    if not found:
        raise SystemExit("No installed backbone has a checkpoint.")
    return found


def _times(chosen: dict[str, Any], repeats: int) -> dict[str, float]:
    in_process = warm(chosen, repeats)
    return {"new process, motion written": cold(chosen, repeats)} | in_process


def cold(chosen: dict[str, Any], repeats: int) -> float:
    """`actiongpt generate` from the start of the process to its end."""
    options = [part for name, value in chosen.items() if value for part in (f"--{name}", str(value))]
    with tempfile.TemporaryDirectory() as folder:
        outputs = ["--seconds", str(_SECONDS), "--seed", "0", "-o", str(Path(folder) / "out.bvh")]
        command = [sys.executable, "-m", "actiongpt_core.cli.main", "generate", _TEXT, *options, *outputs]
        return median(lambda _: subprocess.run(command, check=True, capture_output=True), range(repeats))


def warm(chosen: dict[str, Any], repeats: int) -> dict[str, float]:
    """In one process, after a first motion."""
    start = time.perf_counter()
    pipeline = Pipeline(**chosen)
    pipeline.generate(_TEXT, seconds=_SECONDS, seed=0)
    first = time.perf_counter() - start
    phrases = [phrase for phrase in PackProvider().descriptions if "," not in phrase and phrase != _TEXT]
    new, batch = phrases[:repeats], phrases[repeats : repeats + _BATCH]
    return {
        "checkpoint and text model loaded, first motion": first,
        "warm, new text": median(lambda text: pipeline.generate(text, seconds=_SECONDS, seed=0), new),
        "warm, text seen before": median(lambda text: pipeline.generate(text, seconds=_SECONDS, seed=0), new),
        f"batch of {_BATCH}, new texts": median(lambda _: _generate(pipeline, batch), [0]),
        f"batch of {_BATCH}, texts seen before": median(lambda _: _generate(pipeline, batch), range(repeats)),
    }


def _generate(pipeline: Pipeline, texts: list[str]) -> None:
    pipeline.generate_batch(texts, seconds=_SECONDS, seed=0)


def median(call: Callable[[Any], object], values: Iterable[Any]) -> float:
    """Median of the seconds that the calls take, one for each value."""
    taken = []
    for value in values:
        start = time.perf_counter()
        call(value)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def machine() -> dict[str, Any]:
    """What the numbers depend on."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()
    return {"device": device, "cores": os.cpu_count(), "threads": torch.get_num_threads(), "torch": torch.__version__}


def _print(result: dict[str, Any]) -> None:
    columns = result["seconds"]
    table = Table("case", *columns, title=f"Seconds for a motion of {_SECONDS:g} s", title_justify="left")
    for case in next(iter(columns.values())):
        table.add_row(case, *(f"{column[case]:.3f}" for column in columns.values()))
    console = Console(width=None if Console().is_terminal else 120)
    console.print(table)
    console.print(", ".join(f"{name} {value}" for name, value in result["machine"].items()), highlight=False)


if __name__ == "__main__":
    main()
