"""From a BVH, ours or another program's, to a motion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from actiongpt_core.data.bvh import read_bvh_mocap
from actiongpt_core.data.mocap import Mocap
from actiongpt_core.data.retarget import retarget as to_our_body
from actiongpt_core.errors import ConfigError, DataError
from actiongpt_core.export.bvh import CENTIMETRES, Z_UP_TO_Y_UP
from actiongpt_core.export.names import own_names
from actiongpt_core.geometry.rotations import axis_angle_to_matrix
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SKELETONS, Skeleton


def read_bvh(path: str | Path, *, metres_per_unit: float = 1 / CENTIMETRES, retarget: bool = False) -> Motion:
    """The motion in a BVH with Y up: any joints, channels in any order.

    A file of this library, with the joint names of any rig in `names.NAMES`, comes back on the skeleton that it was
    written from. Another body keeps its own joints and bones, unless it is retargeted.

    Args:
        path: The file.
        metres_per_unit: Length of the file's unit; BVH is usually in centimetres, and does not say so.
        retarget: Put the motion on our 22 joints, standing on the floor, facing -y at first, above the origin; for
            bodies that `actiongpt_core.data.dialects` knows.

    Returns:
        The motion in our frame: Z up, metres.

    Raises:
        MissingAssetError: There is no such file.
        ConfigError: It is not a whole BVH (the message names the line), or its skeleton cannot be retargeted.
    """
    if not metres_per_unit > 0:
        raise ConfigError(f"metres_per_unit must be a positive number, got {metres_per_unit!r}.")
    try:
        mocap = read_bvh_mocap(path)
        return _retargeted(mocap) if retarget else _as_it_is(mocap, Path(path).stem, metres_per_unit)
    except DataError as error:
        raise ConfigError(str(error)) from error


def _retargeted(mocap: Mocap) -> Motion:
    poses, translation, fps = to_our_body(mocap)
    return Motion(
        rotations=axis_angle_to_matrix(torch.from_numpy(poses)), translation=torch.from_numpy(translation), fps=fps
    )


def _as_it_is(mocap: Mocap, name: str, metres_per_unit: float) -> Motion:
    names = own_names(mocap.joints)
    skeleton = _skeleton(mocap, names, name, metres_per_unit)
    back = Z_UP_TO_Y_UP.T
    rotations = mocap.rotations[:, [names.index(joint) for joint in skeleton.joint_names]]
    rotations[:, 0] = back @ rotations[:, 0]
    return Motion(
        rotations=torch.from_numpy(rotations).float(),
        translation=torch.from_numpy(mocap.root * metres_per_unit @ back.T).float(),
        fps=mocap.fps,
        skeleton=skeleton,
    )


def _skeleton(mocap: Mocap, names: tuple[str, ...], name: str, metres_per_unit: float) -> Skeleton:
    """A named skeleton if the file has its joints and bones, else one of the file's joints, in their order."""
    offsets = mocap.offsets * metres_per_unit
    parents = dict(zip(names, ["", *(names[parent] for parent in mocap.parents[1:])], strict=True))
    for known in SKELETONS.values():
        theirs = ["", *(known.joint_names[parent] for parent in known.parents[1:])]
        if parents != dict(zip(known.joint_names, theirs, strict=True)):
            continue
        places = [names.index(joint) for joint in known.joint_names]
        if np.allclose(offsets[places][1:], known.rest_offsets[1:], atol=1e-6):
            return known
    offsets[0] = 0.0  # programs do not agree on what the root's means, and nothing is drawn from it
    return Skeleton(
        name=name,
        joint_names=mocap.joints,
        parents=tuple(mocap.parents),
        rest_offsets=tuple((x, y, z) for x, y, z in offsets.tolist()),
    )
