"""Throughput and memory of `annotate` and of bulk generation, by the local engine and by Ray on this machine.

Phrases are annotated with the provider `passthrough`, which costs nothing, so that what is measured is our own work.
A part of each work comes first: memory that does not grow with its size is nearly the same in both rows.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import attrs
from rich.console import Console
from rich.table import Table

_VERBS = ("walk", "run", "turn left", "raise the right arm", "sit down", "jump", "wave with the left hand", "squat")


@attrs.frozen(kw_only=True)
class Run:
    """One command, measured from outside."""

    work: str
    engine: str
    items: int
    seconds: float  #: of the work, as the command says; with Ray its processes start in it
    wall: float  #: seconds of the command, from the start of its process to the end
    megabytes: float  #: most memory that the command's own process held; those of Ray come on top

    @property
    def rate(self) -> float:
        """Items a second of the work."""
        return self.items / self.seconds


def main() -> None:
    """Read the arguments, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--phrases", type=int, default=100_000, help="phrases that are annotated; 0 for none")
    parser.add_argument("--prompts", type=int, default=2048, help="motions that are made; 0 for none")
    parser.add_argument("--engine", choices=["local", "ray"], action="append", help="default: both")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes of Ray")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    arguments = parser.parse_args()
    engines = {"local": [], "ray": ["--engine", "ray", "--workers", str(arguments.workers)]}
    chosen = {name: engines[name] for name in arguments.engine or engines}
    runs = measure(arguments.phrases, arguments.prompts, chosen)
    machine = {"device": platform.machine(), "cores": os.cpu_count(), "workers": arguments.workers}
    _print(runs, machine)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        rows = [{**attrs.asdict(run), "rate": run.rate} for run in runs]
        arguments.json.write_text(json.dumps({"machine": machine, "runs": rows}, indent=1) + "\n", encoding="utf-8")


def measure(num_phrases: int, num_prompts: int, engines: dict[str, list[str]]) -> list[Run]:
    """Every work by every engine."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        phrases = [
            _annotate(folder, engine, options, count)
            for engine, options in engines.items()
            for count in (num_phrases // 10, num_phrases)
            if count
        ]
        prompts = [
            _generate(folder, engine, options, count)
            for engine, options in engines.items()
            for count in (num_prompts // 8, num_prompts)
            if count
        ]
    return phrases + prompts


def _annotate(folder: Path, engine: str, options: list[str], count: int) -> Run:
    source = folder / "phrases.txt"
    source.write_text("".join(f"walk {number} steps forward, then turn around\n" for number in range(count)))
    command = ["annotate", str(source), "-o", str(folder / "out.json"), "--llm", "passthrough", *options]
    return _measured("annotate", engine, count, command)


def _generate(folder: Path, engine: str, options: list[str], count: int) -> Run:
    source = folder / "prompts.txt"
    texts = (
        f"{_VERBS[number % len(_VERBS)]}, then {_VERBS[number // len(_VERBS) % len(_VERBS)]}" for number in range(count)
    )
    source.write_text("\n".join(texts))
    command = [
        "generate",
        "--input",
        str(source),
        "--out",
        str(folder / f"{engine}-{count}"),
        "--seconds",
        "3",
        *options,
    ]
    return _measured("generate", engine, count, command)


def _measured(work: str, engine: str, items: int, command: list[str]) -> Run:
    program = [sys.executable, "-m", "actiongpt_core.cli.main", *command, "--json"]
    with tempfile.TemporaryFile("w+") as shown:
        start = time.perf_counter()
        process = subprocess.Popen(program, stdout=shown)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"The command failed: {' '.join(program)}")
        shown.seek(0)
        report: dict[str, Any] = json.load(shown)
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes there, else in KiB
    megabytes = usage.ru_maxrss * unit / 1e6
    return Run(work=work, engine=engine, items=items, seconds=report["seconds"], wall=wall, megabytes=megabytes)


def _print(runs: list[Run], machine: dict[str, Any]) -> None:
    table = Table("work", "engine", "items", "items a second", "seconds of the command", "peak memory, MB")
    for run in runs:
        row = (run.work, run.engine, f"{run.items:,}", f"{run.rate:,.1f}", f"{run.wall:.1f}", f"{run.megabytes:.0f}")
        table.add_row(*row)
    console = Console(width=None if Console().is_terminal else 120)
    console.print(table)
    console.print(", ".join(f"{name} {value}" for name, value in machine.items()), highlight=False)


if __name__ == "__main__":
    main()
