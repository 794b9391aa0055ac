"""`actiongpt plugins list` with ten plugins more, one of them broken; each start is a process: `nox -s bench`."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

_PLUGINS = 10
_MODULE = """
from actiongpt_core.hookspecs import LLMProviderSpec, hookimpl

@hookimpl
def actiongpt_llm_providers():
    return [LLMProviderSpec(name="NAME", load=lambda: None, summary="A plugin.")]
"""
_BROKEN = "raise RuntimeError('no licence found')\n"


def main() -> None:
    """Read the arguments, time, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=15, help="timed, after one that is not")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    arguments = parser.parse_args()
    result = measure(arguments.starts)
    table = Table("what", "median, ms", "worst, ms", title=f"{_PLUGINS} plugins more, one of them broken")
    for what, row in result.items():
        table.add_row(what, f"{row['median_ms']:.0f}", f"{row['worst_ms']:.0f}")
    Console().print(table)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def measure(starts: int) -> dict[str, dict[str, float]]:
    """Python alone, `--help`, and the listing."""
    cases = {
        "python -c pass": ["-c", "pass"],
        "actiongpt --help": ["-m", "actiongpt_core.cli.main", "--help"],
        "actiongpt plugins list": ["-m", "actiongpt_core.cli.main", "plugins", "list"],
    }
    with tempfile.TemporaryDirectory() as folder:
        for index in range(_PLUGINS):
            _write(Path(folder), f"timed{index}", _MODULE if index else _BROKEN)
        environment = {**os.environ, "PYTHONPATH": folder}
        return {what: _row(arguments, environment, starts) for what, arguments in cases.items()}


def _write(folder: Path, name: str, code: str) -> None:
    """An installed plugin: its module and its metadata."""
    (folder / f"{name}_module.py").write_text(code.replace("NAME", name), encoding="utf-8")
    metadata = folder / f"actiongpt_{name}-1.0.dist-info"
    metadata.mkdir()
    head = f"Metadata-Version: 2.1\nName: actiongpt-{name}\nVersion: 1.0\nRequires-Dist: actiongpt-core>=0.1\n"
    (metadata / "METADATA").write_text(head, encoding="utf-8")
    (metadata / "entry_points.txt").write_text(f"[actiongpt]\n{name} = {name}_module\n", encoding="utf-8")


def _row(arguments: list[str], environment: dict[str, str], starts: int) -> dict[str, float]:
    times: list[Any] = []
    for _ in range(starts + 1):
        started = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=environment)
        times.append(1000 * (time.perf_counter() - started))
    return {"median_ms": statistics.median(times[1:]), "worst_ms": max(times[1:])}


if __name__ == "__main__":
    main()
