"""Motions that the page plays, small enough to stand in it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from actiongpt_core.body.stick import StickBody
from actiongpt_core.data.clip import face_canonically
from actiongpt_core.evaluation.generating import ClipGenerator
from actiongpt_core.evaluation.items import Item, clip_items
from actiongpt_core.interfaces import DataSet
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.study.grid import Grid
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL_BODY
from actiongpt_core.types.text import Action

#: Moments a second; the player draws straight lines between them.
FPS = 12.0
_MILLIMETRES = 1000.0


def example_items(grid: Grid, data: DataSet) -> list[Item]:
    """The clips that are played, chosen before anything is measured: texts at equal steps, the first clip of each."""
    first: dict[str, Item] = {}
    for item in clip_items(data, grid.split, max_clips=grid.max_clips).items:
        first.setdefault(item.texts[0], item)
    texts = list(first)
    count = min(grid.examples, len(texts))
    return [first[texts[place * len(texts) // count]] for place in range(count)]


def real_examples(items: Sequence[Item], data: DataSet) -> dict[str, Any]:
    """The real clips, with their texts."""
    return {item.key: encoded(item.reference(data)) | {"text": item.texts[0]} for item in items}


def made_examples(items: Sequence[Item], pipeline: Pipeline, seed: int) -> dict[str, Any]:
    """The motions of a pipeline: the first of those that are measured, not the best."""
    made = ClipGenerator(pipeline, seed=seed).make((item, 0) for item in items)
    return {one.item.key: encoded(one.motion) | _told(pipeline, one.item) for one in made if one.motion is not None}


def _told(pipeline: Pipeline, item: Item) -> dict[str, Any]:
    described = pipeline.describe(Action(item.texts[0]))[0]
    return {"told": list(described.texts), "source": described.source}


def encoded(motion: Motion) -> dict[str, Any]:
    """Positions of the joints as text: 16-bit whole numbers, little-endian, millimetres, (frames, 22, 3), Z up.

    The body starts at the origin and faces as all others do.
    """
    rotations, translation = face_canonically(motion.rotations, motion.translation)
    turned = Motion(rotations=rotations, translation=translation, fps=motion.fps, skeleton=motion.skeleton)
    joints = StickBody(motion.skeleton).joints(turned)[:, : SMPL_BODY.num_joints]
    joints = joints - joints.new_tensor([*joints[0, 0, :2].tolist(), 0.0])
    thinned = _resampled(joints, motion.fps)
    values = (thinned * _MILLIMETRES).round().clamp(-32768, 32767).numpy().astype("<i2")
    return {"frames": len(values), "joints": base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()}


def _resampled(joints: torch.Tensor, fps: float) -> torch.Tensor:
    """At `FPS`, by straight lines between frames; from the first frame to the last."""
    count = max(round((len(joints) - 1) / fps * FPS) + 1, 2)
    places = torch.linspace(0, len(joints) - 1, count)
    before = places.floor().long()
    after = (before + 1).clamp(max=len(joints) - 1)
    share = (places - before)[:, None, None]
    return joints[before] * (1 - share) + joints[after] * share
