"""BVH: Y up, centimetres, degrees, as MotionBuilder writes and Blender reads it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import Skeleton

FloatArray = NDArray[np.float64]

CENTIMETRES = 100.0  #: in a metre
#: Z up to Y up: (x, y, z) -> (x, z, -y). Forward, -y in our world, becomes +z.
Z_UP_TO_Y_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
POSITION_CHANNELS = ("Xposition", "Yposition", "Zposition")
ROTATION_CHANNELS = ("Zrotation", "Xrotation", "Yrotation")
#: Where the last bones end, metres from their joint in the rest pose (x left): crown, fingertips, toes.
_END_SITES = {
    "head": (0.0, 0.18, 0.0),
    "left_wrist": (0.17, -0.01, 0.0),
    "right_wrist": (-0.17, -0.01, 0.0),
    "left_foot": (0.0, 0.0, 0.075),
    "right_foot": (0.0, 0.0, 0.075),
}


def save_bvh(motion: Motion, path: Path) -> None:
    """Write a motion as BVH: Y up, centimetres, degrees; the body at rest stands in a T-pose and faces +z.

    The root has six channels, the other joints three, in the order Z, X, Y: the matrix is Rz Rx Ry. Joints keep the
    skeleton's names. Where the actions of a sequence start is not written: BVH has no place for it.
    """
    rotations = motion.rotations.detach().cpu().double().numpy().copy()
    rotations[:, 0] = Z_UP_TO_Y_UP @ rotations[:, 0]
    position = motion.translation.detach().cpu().double().numpy() @ Z_UP_TO_Y_UP.T * CENTIMETRES
    order = _depth_first(motion.skeleton)
    angles = np.degrees(_continuous(_matrix_to_zxy(rotations)))[:, order].reshape(motion.num_frames, -1)
    lines = ["HIERARCHY", *_joint_lines(motion.skeleton, 0, 0), "MOTION"]
    lines += [f"Frames: {motion.num_frames}", f"Frame Time: {1.0 / motion.fps!r}"]
    rows = np.concatenate([position, angles], axis=1)
    lines += [" ".join(f"{value:.6f}" for value in row) for row in rows.tolist()]
    path.write_text("\n".join(lines) + "\n", encoding="ascii", newline="\n")


def _depth_first(skeleton: Skeleton, joint: int = 0) -> list[int]:
    """The order in which a BVH names the joints: each with all that hangs on it."""
    order = [joint]
    for child, parent in enumerate(skeleton.parents):
        if parent == joint:
            order += _depth_first(skeleton, child)
    return order


def _joint_lines(skeleton: Skeleton, joint: int, depth: int) -> list[str]:
    pad, name = "\t" * depth, skeleton.joint_names[joint]
    children = [child for child, parent in enumerate(skeleton.parents) if parent == joint]
    channels = ROTATION_CHANNELS if depth else POSITION_CHANNELS + ROTATION_CHANNELS
    lines = [
        f"{pad}{'JOINT' if depth else 'ROOT'} {name}",
        f"{pad}{{",
        f"{pad}\t{_offset(skeleton.rest_offsets[joint])}",
        f"{pad}\tCHANNELS {len(channels)} {' '.join(channels)}",
    ]
    for child in children:
        lines += _joint_lines(skeleton, child, depth + 1)
    if not children:
        end = _END_SITES.get(name, skeleton.rest_offsets[joint])
        lines += [f"{pad}\tEnd Site", f"{pad}\t{{", f"{pad}\t\t{_offset(end)}", f"{pad}\t}}"]
    return [*lines, f"{pad}}}"]


def _offset(metres: tuple[float, float, float]) -> str:
    return "OFFSET " + " ".join(f"{value * CENTIMETRES:.6f}" for value in metres)


def _matrix_to_zxy(matrix: FloatArray) -> FloatArray:
    """Angles (..., 3) about Z, X, Y in radians with matrix = Rz Rx Ry; X in [-pi/2, pi/2]."""
    x = np.arcsin(np.clip(matrix[..., 2, 1], -1.0, 1.0))
    z = np.arctan2(-matrix[..., 0, 1], matrix[..., 1, 1])
    y = np.arctan2(-matrix[..., 2, 0], matrix[..., 2, 2])
    # At X = +-90 degrees only one of the other two turns is left: it is given to Z.
    is_locked = np.abs(matrix[..., 2, 1]) > 1.0 - 1e-9
    z = np.where(is_locked, np.arctan2(matrix[..., 1, 0], matrix[..., 0, 0]), z)
    return np.stack([z, x, np.where(is_locked, 0.0, y)], axis=-1)


def _continuous(angles: FloatArray) -> FloatArray:
    """The same rotations with angles that do not jump from frame to frame, (T, J, 3): programs interpolate them."""
    result = angles.copy()
    for frame in range(1, len(angles)):
        last, now = result[frame - 1], angles[frame]
        other = now * [1.0, -1.0, 1.0] + np.pi  # Rz Rx Ry has a second set of angles: (z + pi, pi - x, y + pi)
        both = np.stack([now, other])
        both += 2.0 * np.pi * np.round((last - both) / (2.0 * np.pi))
        is_other_nearer = np.abs(both[1] - last).sum(-1) < np.abs(both[0] - last).sum(-1)
        result[frame] = np.where(is_other_nearer[:, None], both[1], both[0])
    return result
