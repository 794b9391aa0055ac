"""Positions of the joints, for programs that want numbers: an array (.npy) or a table (.csv). Rotations are lost."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from actiongpt_core.body.joint_sets import joints_to_mmmns, shift_to_start
from actiongpt_core.body.smpl import SmplBody
from actiongpt_core.body.stick import StickBody
from actiongpt_core.errors import ConfigError, ExportError
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL_BODY, SMPL_REST_PELVIS

LAYOUTS = ("joints", "published")


def save_npy(motion: Motion, path: Path, *, layout: str = "joints") -> None:
    """Write the positions of the joints as an array.

    Args:
        motion: What to write.
        path: The file.
        layout: "joints": (T, J, 3) float32, world, Z up, metres, in the skeleton's order. "published": the file that
            the originals' evaluation of APE and AVE reads; see `published_joints`.

    Raises:
        ConfigError: There is no such layout.
        ExportError: The motion cannot be written in the published layout.
    """
    if layout not in LAYOUTS:
        raise ConfigError(f"No layout {layout!r} of .npy. Known: {', '.join(LAYOUTS)}.")
    if layout == "joints":
        np.save(path, _joints(motion), allow_pickle=False)
        return
    if motion.skeleton != SMPL_BODY:
        raise ExportError(f"The published layout needs SMPL's 22 body joints, not skeleton {motion.skeleton.name!r}.")
    texts = [item.phrase for item in motion.descriptions] or [""] * len(motion.starts)
    np.save(path, np.array(published_joints(motion, texts, StickBody()), dtype=object), allow_pickle=True)


def save_csv(motion: Motion, path: Path) -> None:
    """Write a table: a row a frame; seconds, then x, y, z of each joint, world, Z up, metres."""
    names = [f"{joint}_{axis}" for joint in motion.skeleton.joint_names for axis in "xyz"]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["seconds", *names])
        for frame, row in enumerate(_joints(motion).reshape(len(motion), -1).tolist()):
            writer.writerow([f"{frame / motion.fps:.6f}", *(f"{value:.6f}" for value in row)])


def published_joints(motion: Motion, texts: Sequence[str], body: StickBody | SmplBody | Any) -> dict[str, Any]:
    """What the originals save of a sample with joints "mmmns".

    Args:
        motion: 22 body joints.
        texts: One an action.
        body: Whose joints and heels are written.

    Returns:
        motion (T, 21, 3) float32 in MMM order, Y up, metres; text and lengths, one an action. As in the originals the
        root begins at SMPL's translation in other axes than the joints', which their evaluation takes away again; see
        `joint_sets.shift_to_start`.
    """
    joints = joints_to_mmmns(body.joints(motion), body.heels(motion)).cpu()
    translation = motion.translation.cpu() - torch.tensor(SMPL_REST_PELVIS)
    ends = [*motion.starts[1:], len(motion)]
    return {
        "motion": shift_to_start(joints, translation).numpy().astype(np.float32),
        "text": list(texts),
        "lengths": [end - start for start, end in zip(motion.starts, ends, strict=True)],
    }


def _joints(motion: Motion) -> np.ndarray[Any, np.dtype[np.float32]]:
    return StickBody(motion.skeleton).joints(motion).detach().cpu().numpy().astype(np.float32)
