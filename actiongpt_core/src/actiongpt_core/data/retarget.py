"""From the skeleton of a motion-capture file to the SMPL body's 22 joints.

The global rotation of a joint is carried over, with a constant correction between the rest bones of the two bodies;
the file's unit of length cancels out, since every body is scaled to ours by the length of its legs.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from actiongpt_core.data.bvh import read_bvh_mocap
from actiongpt_core.data.dialects import Dialect, find_dialect
from actiongpt_core.data.mocap import FloatArray, Mocap, turn
from actiongpt_core.errors import DataError
from actiongpt_core.geometry.kinematics import forward_kinematics
from actiongpt_core.geometry.rotations import matrix_to_axis_angle
from actiongpt_core.types.skeleton import SMPL_BODY

Array = np.ndarray[Any, np.dtype[np.float32]]

TOE_HEIGHT = 0.02  #: metres from the floor to the joint of a planted toe
#: Of the frames in a hundred, how many may have a toe lower than that: toes dip below the floor in noise.
TOE_PERCENTILE = 2.0
#: A first frame that is turned this much against the next, on the mean of the joints, can be a calibration pose.
CALIBRATION_STEP = np.radians(5.0)
_LARGEST_CORRECTION = 150.0  #: degrees between a rest bone and ours; near 180 it does not tell about which axis
_MAX_BLEND = 12  #: frames in which a file may go over from its calibration pose to its motion
_Y_UP_TO_Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
_OFFSETS = np.array(SMPL_BODY.rest_offsets)
_LEGS = (("left_hip", "left_knee", "left_ankle"), ("right_hip", "right_knee", "right_ankle"))
#: Joints whose bone, to the joint named here, points where the file's bone points.
_BONES = {
    f"{side}_{start}": f"{side}_{end}"
    for side in ("left", "right")
    for start, end in (
        *(("hip", "knee"), ("knee", "ankle")),
        *(("collar", "shoulder"), ("shoulder", "elbow"), ("elbow", "wrist")),
    )
}


def bvh_to_recording(path: str | Path, joints: Mapping[str, str | None] | None = None) -> tuple[Array, Array, float]:
    """A BVH file, retargeted to the SMPL body's 22 joints.

    Args:
        path: The file.
        joints: See `retarget`.

    Returns:
        See `retarget`.

    Raises:
        MissingAssetError: There is no such file.
        DataError: It is not a BVH, or its skeleton is unknown; the message names the line or the joints.
    """
    return retarget(read_bvh_mocap(path), joints)


def retarget(mocap: Mocap, joints: Mapping[str, str | None] | None = None) -> tuple[Array, Array, float]:
    """A capture, retargeted to the SMPL body's 22 joints.

    It is turned about the vertical so that its first frame faces -y, moved so that this frame's pelvis is above the
    origin, and raised or lowered so that the toes stand on the floor.

    Args:
        mocap: With Y up, standing at rest with its legs below it and its left to +x.
        joints: For each of our joints the file's joint, for a skeleton that is not one of
            `actiongpt_core.data.dialects`. A joint whose file joint is None moves with its parent.

    Returns:
        Poses as axis-angle (T, 22, 3) in radians, translation of the pelvis (T, 3) in metres with Z up and the floor
        at 0, and the frames a second, which are the file's.

    Raises:
        DataError: The skeleton is unknown, does not stand at rest as said above, or has no legs.
    """
    dialect = find_dialect(mocap, joints)
    rest = mocap.rest_positions()
    _check_rest(mocap, dialect, rest)
    source = mocap.global_rotations()
    rotations = _carried_over(mocap, dialect, rest, source)
    translation = _pelvis(mocap, dialect, rest, source, rotations[:, 0])
    first = _first_frame(mocap, rotations) if dialect.starts_in_calibration else 0
    return _placed(mocap.fps, _local(rotations[first:]), translation[first:])


def _carried_over(mocap: Mocap, dialect: Dialect, rest: Mapping[str, FloatArray], source: FloatArray) -> FloatArray:
    """Global rotations of our joints, (T, 22, 3, 3), with Z up."""
    rotations = np.empty((len(source), SMPL_BODY.num_joints, 3, 3))
    corrections = _corrections(mocap.source, dialect, rest)
    for joint, (name, parent) in enumerate(zip(SMPL_BODY.joint_names, SMPL_BODY.parents, strict=True)):
        file_joint = dialect.rotations[name]
        if file_joint is None:
            rotations[:, joint] = rotations[:, parent]
        else:
            rotations[:, joint] = _Y_UP_TO_Z_UP @ source[:, mocap.joints.index(file_joint)] @ corrections[name]
    return rotations


def _local(rotations: FloatArray) -> FloatArray:
    """Parent-relative rotations from global ones."""
    local = rotations.copy()
    for joint, parent in enumerate(SMPL_BODY.parents):
        if parent >= 0:
            local[:, joint] = np.swapaxes(rotations[:, parent], -1, -2) @ rotations[:, joint]
    return local


def _check_rest(mocap: Mocap, dialect: Dialect, rest: Mapping[str, FloatArray]) -> None:
    """Corrections between rest bones mean nothing if the bodies do not stand alike at rest."""
    place = {name: rest[joint] for name, joint in dialect.places.items()}
    hips = (place["left_hip"] + place["right_hip"]) / 2
    for what, vector, axis in (
        ("the left hip is to +x of the right hip", place["left_hip"] - place["right_hip"], 0),
        ("the head is above the hips, in +y", place["head"] - hips, 1),
        ("the ankles are below the hips, in -y", hips - (place["left_ankle"] + place["right_ankle"]) / 2, 1),
    ):
        length = float(np.linalg.norm(vector))
        if length == 0 or vector[axis] / length < np.cos(np.radians(45.0)):
            raise DataError(
                f"{mocap.source}: with all angles 0 the body must stand upright and face +z so that {what}; "
                f"the vector is {np.round(vector, 4).tolist()}. Export the file with Y up from a T-pose."
            )


def _first_frame(mocap: Mocap, rotations: FloatArray) -> int:
    """The first frame of the motion, after a calibration pose and the frames that blend it over.

    Args:
        mocap: The capture; its root is not turned in a calibration pose.
        rotations: Global rotations of our joints, (T, J, 3, 3).
    """
    if len(rotations) < 3 or not np.allclose(mocap.rotations[0, 0], np.eye(3), atol=1e-9):
        return 0
    trace = np.einsum("tjab,tjab->tj", rotations[:-1], rotations[1:])
    steps = np.arccos(np.clip((trace - 1) / 2, -1.0, 1.0)).mean(axis=1)
    usual = 2 * float(np.median(steps))
    if steps[0] < max(CALIBRATION_STEP, usual):
        return 0
    calm = np.flatnonzero(steps[:_MAX_BLEND] < max(usual, np.radians(1.0)))
    return int(calm[0]) if len(calm) else 1


def _corrections(source: str, dialect: Dialect, rest: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """For each joint the turn from our rest axes to the file's."""
    found = dict.fromkeys(SMPL_BODY.joint_names, np.eye(3))
    if dialect.has_smpl_axes:
        return found
    for start, end in _BONES.items():
        if start in dialect.places and end in dialect.places:
            theirs = rest[dialect.places[end]] - rest[dialect.places[start]]
            found[start] = _between(source, f"{start} to {end}", _OFFSETS[SMPL_BODY.index(end)], theirs)
    for side in ("left", "right"):
        # A foot is flat at rest in every body; only where it points may differ.
        toe = f"{side}_foot"
        if toe in dialect.places:
            ours, theirs = (
                _OFFSETS[SMPL_BODY.index(toe)],
                rest[dialect.places[toe]] - rest[dialect.places[f"{side}_ankle"]],
            )
            found[f"{side}_ankle"] = turn(1, np.arctan2(theirs[0], theirs[2]) - np.arctan2(ours[0], ours[2]))
        # A hand that is straight at rest stays so.
        found[f"{side}_wrist"] = found[f"{side}_elbow"]
    return found


def _between(source: str, bone: str, ours: FloatArray, theirs: FloatArray) -> FloatArray:
    """The smallest turn that takes one direction to another."""
    length = np.linalg.norm(theirs)
    if not length:
        raise DataError(f"{source}: at rest the bone from {bone} has no length, so nobody knows where it points.")
    a, b = ours / np.linalg.norm(ours), theirs / length
    if a @ b < np.cos(np.radians(_LARGEST_CORRECTION)):
        raise DataError(
            f"{source}: at rest the bone from {bone} points in {np.round(b, 2).tolist()}, more than "
            f"{_LARGEST_CORRECTION:g} degrees from that of a T-pose. Export the file with a T-pose as its rest."
        )
    x, y, z = np.cross(a, b)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    matrix: FloatArray = np.eye(3) + cross + cross @ cross / (1.0 + a @ b)
    return matrix


def _pelvis(
    mocap: Mocap, dialect: Dialect, rest: Mapping[str, FloatArray], source: FloatArray, pelvis: FloatArray
) -> FloatArray:
    """Where our pelvis is when the middle of the hips is where the file has it, in our scale, (T, 3)."""
    file_leg = np.mean([_length([rest[dialect.places[name]] for name in leg]) for leg in _LEGS])
    our_leg = np.mean([np.linalg.norm(_OFFSETS[SMPL_BODY.index(name)]) for leg in _LEGS for name in leg[1:]]) * 2
    scale = our_leg / file_leg
    middle = _middle_of_hips(mocap, dialect, rest, source) @ _Y_UP_TO_Z_UP.T * scale
    translation: FloatArray = middle - pelvis @ _OFFSETS[[1, 2]].mean(axis=0)
    return translation


def _length(points: list[FloatArray]) -> float:
    return float(sum(np.linalg.norm(end - start) for start, end in itertools.pairwise(points)))


def _middle_of_hips(mocap: Mocap, dialect: Dialect, rest: Mapping[str, FloatArray], source: FloatArray) -> FloatArray:
    """World positions in the file, (T, 3)."""
    total = np.zeros_like(mocap.root)
    for name in ("left_hip", "right_hip"):
        joint = mocap.joints.index(dialect.places[name])
        position = mocap.root.copy()
        while (parent := mocap.parents[joint]) >= 0:
            position += source[:, parent] @ mocap.offsets[joint]
            joint = parent
        total += position
    return total / 2


def _placed(fps: float, local: FloatArray, translation: FloatArray) -> tuple[Array, Array, float]:
    """Face -y, start above the origin, stand on the floor."""
    forward = local[0, 0] @ [0.0, 0.0, 1.0]
    about_z = turn(2, np.array(-np.pi / 2 - np.arctan2(forward[1], forward[0])))
    local[:, 0] = about_z @ local[:, 0]
    translation = translation @ about_z.T
    translation[:, :2] -= translation[0, :2].copy()
    joints, _ = forward_kinematics(torch.from_numpy(local), torch.from_numpy(translation), SMPL_BODY)
    toes = joints[:, [SMPL_BODY.index("left_foot"), SMPL_BODY.index("right_foot")], 2].amin(dim=1).numpy()
    translation[:, 2] -= np.percentile(toes, TOE_PERCENTILE) - TOE_HEIGHT
    poses = matrix_to_axis_angle(torch.from_numpy(local)).float().numpy()
    return poses, translation.astype(np.float32), fps
