"""BVH: Y up, centimetres, degrees, as MotionBuilder writes and Blender reads it.

Written here, since pybvh 0.9, the lightest library, needs matplotlib to write a file of text.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from actiongpt_core.errors import ConfigError, did_you_mean
from actiongpt_core.export.names import joint_names
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import Skeleton

FloatArray = NDArray[np.float64]

CENTIMETRES = 100.0  #: in a metre
#: Z up to Y up: (x, y, z) -> (x, z, -y). Forward, -y in our world, becomes +z.
Z_UP_TO_Y_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
#: In which the three turns of a joint may stand; the first is done last.
ORDERS = ("ZXY", "ZYX", "XYZ", "XZY", "YXZ", "YZX")
_POSITIONS = "Xposition Yposition Zposition"
#: Where the last bones end, metres from their joint in the rest pose (x left): crown, fingertips, toes.
_END_SITES = {
    "head": (0.0, 0.18, 0.0),
    "left_wrist": (0.17, -0.01, 0.0),
    "right_wrist": (-0.17, -0.01, 0.0),
    "left_foot": (0.0, 0.0, 0.075),
    "right_foot": (0.0, 0.0, 0.075),
}


def save_bvh(motion: Motion, path: Path, *, order: str = "ZXY", names: str | Mapping[str, str] | None = None) -> None:
    """Write a motion as BVH: Y up, centimetres, degrees; the body at rest stands in a T-pose and faces +z.

    The root has six channels, the other joints three. Where the actions of a sequence start is not written: BVH has no
    place for it.

    Args:
        motion: What to write.
        path: The file.
        order: Of the channels, one of `ORDERS`: "ZXY" means the matrix Rz Rx Ry.
        names: What the joints are called; see `actiongpt_core.export.names.joint_names`.

    Raises:
        ConfigError: There is no such order, or the names do not fit.
    """
    order = order.upper()
    if order not in ORDERS:
        raise ConfigError(f"No rotation order {order!r}. Known: {', '.join(ORDERS)}.{did_you_mean(order, ORDERS)}")
    written = joint_names(motion.skeleton, names)
    rotations = motion.rotations.detach().cpu().double().numpy().copy()
    rotations[:, 0] = Z_UP_TO_Y_UP @ rotations[:, 0]
    position = motion.translation.detach().cpu().double().numpy() @ Z_UP_TO_Y_UP.T * CENTIMETRES
    angles = np.degrees(_continuous(matrix_to_euler(rotations, order)))
    rows = np.concatenate([position, angles[:, _depth_first(motion.skeleton)].reshape(motion.num_frames, -1)], axis=1)
    turns = " ".join(f"{axis}rotation" for axis in order)
    lines = ["HIERARCHY", *_joint_lines(motion.skeleton, written, turns, 0, 0), "MOTION"]
    lines += [f"Frames: {motion.num_frames}", f"Frame Time: {1.0 / motion.fps!r}"]
    lines += [" ".join(f"{value:.6f}" for value in row) for row in rows.tolist()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def matrix_to_euler(matrix: FloatArray, order: str) -> FloatArray:
    """Angles (..., 3) about the axes of an order, radians, whose turns multiply to the matrices (..., 3, 3).

    The second angle is in [-pi/2, pi/2]. Where it is at an end only one of the other two turns is left: the first has
    it, and the third is 0.
    """
    i, j, k = ("XYZ".index(axis) for axis in order)
    sign = 1.0 if (j - i) % 3 == 1 else -1.0
    across = np.hypot(matrix[..., i, i], matrix[..., i, j])
    second = np.arctan2(sign * matrix[..., i, k], across)
    is_locked = across < 1e-6
    first = np.where(
        is_locked,
        np.arctan2(sign * matrix[..., k, j], matrix[..., j, j]),
        np.arctan2(-sign * matrix[..., j, k], matrix[..., k, k]),
    )
    third = np.where(is_locked, 0.0, np.arctan2(-sign * matrix[..., i, j], matrix[..., i, i]))
    return np.stack([first, second, third], axis=-1)


def _continuous(angles: FloatArray) -> FloatArray:
    """The same rotations with angles that do not jump from frame to frame, (T, J, 3): programs interpolate them."""
    result = angles.copy()
    for frame in range(1, len(angles)):
        last, now = result[frame - 1], angles[frame]
        other = now * [1.0, -1.0, 1.0] + np.pi  # three axes have a second set of angles: (a + pi, pi - b, c + pi)
        both = np.stack([now, other])
        both += 2.0 * np.pi * np.round((last - both) / (2.0 * np.pi))
        is_other_nearer = np.abs(both[1] - last).sum(-1) < np.abs(both[0] - last).sum(-1)
        result[frame] = np.where(is_other_nearer[:, None], both[1], both[0])
    return result


def _depth_first(skeleton: Skeleton, joint: int = 0) -> list[int]:
    """The order in which a BVH names the joints: each with all that hangs on it."""
    order = [joint]
    for child, parent in enumerate(skeleton.parents):
        if parent == joint:
            order += _depth_first(skeleton, child)
    return order


def _joint_lines(skeleton: Skeleton, names: tuple[str, ...], turns: str, joint: int, depth: int) -> list[str]:
    pad = "\t" * depth
    children = [child for child, parent in enumerate(skeleton.parents) if parent == joint]
    lines = [
        f"{pad}{'JOINT' if depth else 'ROOT'} {names[joint]}",
        f"{pad}{{",
        f"{pad}\t{_offset(skeleton.rest_offsets[joint])}",
        f"{pad}\tCHANNELS {f'3 {turns}' if depth else f'6 {_POSITIONS} {turns}'}",
    ]
    for child in children:
        lines += _joint_lines(skeleton, names, turns, child, depth + 1)
    if not children:
        end = _END_SITES.get(skeleton.joint_names[joint], skeleton.rest_offsets[joint])
        lines += [f"{pad}\tEnd Site", f"{pad}\t{{", f"{pad}\t\t{_offset(end)}", f"{pad}\t}}"]
    return [*lines, f"{pad}}}"]


def _offset(metres: tuple[float, float, float]) -> str:
    return "OFFSET " + " ".join(f"{value * CENTIMETRES:.6f}" for value in metres)
