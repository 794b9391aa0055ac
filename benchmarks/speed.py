"""Seconds for a 4 s motion: in a new process, warm, with a text seen before, in a batch of 32: `nox -s bench`."""

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

from actiongpt_core.pipeline import Pipeline
from actiongpt_core.text.providers.pack import PackProvider

_SECONDS = 4.0
_BATCH = 32
_TEXT = "walk forward"


def main() -> None:
    """Read the arguments, time, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", help="name of the motion model (default: the default one)")
    parser.add_argument("--checkpoint", type=Path, help="checkpoint folder (default: the one that ships)")
    parser.add_argument("--repeats", type=int, default=5, help="the median of so many is shown")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    arguments = parser.parse_args()
    chosen = {"backbone": arguments.backbone, "checkpoint": arguments.checkpoint}
    seconds = {"new process, motion written": cold(chosen, arguments.repeats)} | warm(chosen, arguments.repeats)
    result = {"machine": machine(), "seconds": seconds}
    _print(result)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


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
    table = Table("case", "seconds", title=f"A motion of {_SECONDS:g} s", title_justify="left")
    for case, seconds in result["seconds"].items():
        table.add_row(case, f"{seconds:.3f}")
    console = Console(width=None if Console().is_terminal else 120)
    console.print(table)
    console.print(", ".join(f"{name} {value}" for name, value in result["machine"].items()), highlight=False)


if __name__ == "__main__":
    main()
