"""How many times faster than real time files become a prepared set: `nox -s "bench(preparation)"`, on one thread.

Writes AMASS-style .npz of 120 frames a second, as large as real ones, and prepares them as `actiongpt data prepare`
does.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from actiongpt_core.data.prepare import prepare
from actiongpt_core.registry import get_registry
from speed import machine

_FPS = 120


def times_real_time(minutes: float, files: int) -> float:
    """Seconds of motion for a second of work.

    Args:
        minutes: Of motion, in all.
        files: That hold it.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder / "source", round(minutes * 60 * _FPS / files), files)
        source = get_registry().open_data_source("folder", folder / "source")
        begun = time.perf_counter()
        report = prepare(source, folder / "prepared", settings={})
        taken = time.perf_counter() - begun
    return report.seconds_of_motion / taken


def _write(folder: Path, frames: int, files: int) -> None:
    """Files with the arrays of AMASS: 52 joints of SMPL-H, their angles walking at random."""
    folder.mkdir()
    numbers = np.random.default_rng(0)
    lines = ["file,text"]
    for index in range(files):
        np.savez(
            folder / f"clip{index}.npz",
            poses=np.cumsum(numbers.normal(0, 0.002, (frames, 156)), 0),
            trans=np.cumsum(numbers.normal(0, 0.002, (frames, 3)), 0),
            betas=np.zeros(16),
            mocap_framerate=float(_FPS),
            gender="neutral",
        )
        lines.append(f"clip{index}.npz,walk")
    (folder / "texts.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Read the arguments, time, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="of motion")
    parser.add_argument("--files", type=int, default=60)
    parser.add_argument("--json", type=Path, help="write the numbers here")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    speed = times_real_time(arguments.minutes, arguments.files)
    Console().print(f"{arguments.minutes:g} min of motion: {speed:,.0f} times real time\n{machine()}")
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(
            json.dumps({"machine": machine(), "times_real_time": speed}, indent=1) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
