"""Seconds to measure motions that are there, all metrics against real clips: `nox -s "bench(evaluation)"`."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from actiongpt_core.data.procedural_set import ProceduralSet
from actiongpt_core.evaluation.evaluate import Runs, measure
from actiongpt_core.evaluation.items import Item, clip_items
from actiongpt_core.evaluation.joints import all_metric_joints
from actiongpt_core.interfaces import DataSet
from actiongpt_core.types.motion import Motion
from speed import machine

FRAMES = 120


def seconds(clips: int, samples: int, repeats: int) -> dict[str, float]:
    """Medians of the parts: joints of both sides, metrics with intervals.

    Args:
        clips: Clips of 120 frames.
        samples: Motions of each.
        repeats: The median of so many.
    """
    data = ProceduralSet(variants=max(1, -(-clips // 50)), seconds=FRAMES / 30)
    items = clip_items(data, "train").items[:clips]
    real = [item.reference(data) for item in items]
    made = [real[1:] + real[:1] for _ in range(samples)]  # another clip answers each text: nothing is generated
    times: dict[str, list[float]] = {"joints": [], "metrics": []}
    for _ in range(repeats):
        begun = time.perf_counter()
        runs = [all_metric_joints(motions) for motions in made]
        times["joints"].append(time.perf_counter() - begun)
        begun = time.perf_counter()
        measured = Runs(items=items, joints=runs, counts={})
        measure(measured, Stored(data, items, real), "train", seeds={}, model={}, baseline=False)
        times["metrics"].append(time.perf_counter() - begun)
    found = {name: statistics.median(values) for name, values in times.items()}
    return {"clips": float(len(items)), **found, "all": sum(found.values())}


class Stored:
    """The set with its motions at hand, so that reading them is not timed."""

    def __init__(self, data: DataSet, items: tuple[Item, ...] | list[Item], motions: list[Motion]) -> None:
        self._data = data
        self._motions = {item.recording: motion for item, motion in zip(items, motions, strict=True)}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._data, name)

    def motion(self, recording: str, start: int, end: int) -> Motion:
        """As of a data set."""
        return self._motions[recording][start:end]


def main() -> None:
    """Read the arguments, time, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--samples", type=int, default=1, help="motions of each clip")
    parser.add_argument("--repeats", type=int, default=3, help="the median of so many is shown")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    found = seconds(arguments.clips, arguments.samples, arguments.repeats)
    Console().print(
        f"{found['clips']:.0f} clips of {FRAMES} frames, {arguments.samples} motions each: joints "
        f"{found['joints']:.2f} s, metrics {found['metrics']:.2f} s, together {found['all']:.2f} s\n{machine()}"
    )
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps({"machine": machine(), "seconds": found}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
