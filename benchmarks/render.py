"""Frames a second of films, GIFs and contact sheets, and the sizes of files and pages."""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from actiongpt_core import Motion
from actiongpt_core.export import save
from actiongpt_core.geometry.rotations import axis_angle_to_matrix

_FPS = 30.0


def main() -> None:
    """Read the arguments, draw, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="length of each motion")
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 2, 4], help="so many motions side by side")
    arguments = parser.parse_args()
    table = Table(title=f"{arguments.seconds:g} s at {_FPS:g} frames a second, {os.cpu_count()} cores")
    for heading in ("file", "motions", "seconds", "frames a second", "kB"):
        table.add_column(heading, justify="left" if heading == "file" else "right")
    for row in rows(arguments.seconds, arguments.counts):
        table.add_row(*row)
    Console().print(table)


def rows(seconds: float, counts: list[int]) -> Iterator[tuple[str, ...]]:
    """What was measured, a row a file."""
    motion = walk(seconds)
    with tempfile.TemporaryDirectory() as folder:
        for suffix, rate in ((".html", None), (".mp4", _FPS), (".gif", 1 / 0.07), (".png", None)):
            save(motion[:2], Path(folder) / f"first{suffix}")  # imports are paid here
            for count in counts:
                start = time.perf_counter()
                path = save([motion] * count, Path(folder) / f"motion{suffix}")
                taken = time.perf_counter() - start
                frames = f"{seconds * rate / taken:.1f}" if rate else ""
                yield suffix, str(count), f"{taken:.2f}", frames, f"{path.stat().st_size / 1000:.0f}"


def walk(seconds: float) -> Motion:
    """Swinging limbs on a straight way."""
    time_ = torch.arange(round(seconds * _FPS)) / _FPS
    swing = torch.sin(2 * torch.pi * time_)
    axis_angle = torch.zeros(len(time_), 22, 3)
    axis_angle[:, 0, 0] = torch.pi / 2
    for joint, size in ((1, 0.5), (2, -0.5), (16, -0.4), (17, 0.4)):
        axis_angle[:, joint, 0] = size * swing
    axis_angle[:, 16, 2], axis_angle[:, 17, 2] = -1.2, 1.2
    translation = torch.stack([torch.zeros_like(time_), -time_, torch.full_like(time_, 0.93)], dim=1)
    return Motion(rotations=axis_angle_to_matrix(axis_angle), translation=translation, fps=_FPS)


if __name__ == "__main__":
    main()
