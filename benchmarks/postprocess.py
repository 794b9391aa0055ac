"""What clean-up does to real clips and to generated walks, before and after: `nox -s "bench(postprocess)"`.

Real clips are the test split of the CMU set (ACTIONGPT_CMU); walks are those of every backbone that has a checkpoint.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from actiongpt_core.data.cmu import ENVIRONMENT, CmuSet
from actiongpt_core.data.mixture import recorded
from actiongpt_core.data.selection import usable_segments
from actiongpt_core.errors import ActionGPTError
from actiongpt_core.evaluation import measures
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.postprocess import POSTPROCESSES, postprocess
from actiongpt_core.registry import get_registry
from actiongpt_core.types.motion import Motion

WALKS = ("walk forward", "walk backward", "walk slowly", "walk quickly")
SEEDS = 2
STEPS: dict[str, tuple[str, ...]] = {
    "as it is": (),
    **{name: (name,) for name in POSTPROCESSES},
    "all": tuple(POSTPROCESSES),
}


def main() -> None:
    """Read the arguments, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the numbers here")
    arguments = parser.parse_args()
    groups = real_clips() | generated_walks()
    result = {
        group: {step: measure(motions, names) for step, names in STEPS.items()} for group, motions in groups.items()
    }
    _print(result, {group: len(motions) for group, motions in groups.items()})
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def real_clips() -> dict[str, list[Motion]]:
    """The clips of the test split, all and those that walk."""
    if ENVIRONMENT not in os.environ:
        return {}
    data = CmuSet()
    segments = usable_segments(data, "test", min_frames=30)
    motions = [recorded(data, item)[:].motion for item in segments]
    walks = [motion for motion, item in zip(motions, segments, strict=True) if item.texts[0].startswith("walk")]
    return {"real clips, CMU test split": motions, "of these, walks": walks}


def generated_walks() -> dict[str, list[Motion]]:
    """4 s of each walk by each backbone."""
    found: dict[str, list[Motion]] = {}
    for name in (label for label, _ in get_registry().labels("backbone")):
        try:
            pipeline = Pipeline(name)
        except ActionGPTError:  # has no checkpoint here
            continue
        found[f"{name}, walks"] = [
            pipeline.generate(text, seconds=4, seed=seed) for text in WALKS for seed in range(SEEDS)
        ]
    return found


def measure(motions: Sequence[Motion], names: Sequence[str]) -> dict[str, float]:
    """Means over the motions, and how far joints were moved."""
    cleaned = [postprocess(motion, names) for motion in motions]
    joints = [(measures.joint_positions(a), measures.joint_positions(b)) for a, b in zip(motions, cleaned, strict=True)]
    skates = [skate for skate in map(measures.foot_skate, cleaned) if not math.isnan(skate)]
    return {
        "foot skate, m/s": statistics.fmean(skates),
        "jitter, m/s^2": statistics.fmean(map(measures.jitter, cleaned)),
        "frames with a joint 3 cm under the floor, %": 100
        * statistics.fmean(float((after[..., 2].min(1).values < -0.03).double().mean()) for _, after in joints),
        "joints moved by, cm": 100 * statistics.fmean(float((a - b).norm(dim=-1).mean()) for a, b in joints),
    }


def _print(result: Mapping[str, Mapping[str, Mapping[str, float]]], counts: Mapping[str, int]) -> None:
    columns = list(next(iter(next(iter(result.values())).values())))
    console = Console(width=None if Console().is_terminal else 160)
    for group, steps in result.items():
        table = Table(f"{group} ({counts[group]})", *columns)
        for step, values in steps.items():
            table.add_row(step, *(f"{value:.3g}" for value in values.values()))
        console.print(table)


if __name__ == "__main__":
    main()
