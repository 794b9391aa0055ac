"""From rows of rotations, as the published files lay them out, to points of a body: joints or vertices."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from actiongpt_core.body.joint_sets import NUM_SMPL_JOINTS, SMPL_JOINT_SETS
from actiongpt_core.body.smpl import SmplBody
from actiongpt_core.errors import ConfigError, ShapeError, did_you_mean
from actiongpt_core.geometry.rotations import axis_angle_to_matrix, quaternion_to_matrix, rot6d_to_matrix
from actiongpt_core.types.skeleton import SMPL

JointSetName = Literal["smpl", "vibe", "a2m", "a2mpl", "vertices"]
RotationForm = Literal["rot6d", "rotvec", "rotquat", "rotmat"]

#: The numbers of a row, and what turns them into a matrix.
_FORMS: dict[str, tuple[int, Callable[[Tensor], Tensor]]] = {
    "rot6d": (6, rot6d_to_matrix),
    "rotvec": (3, axis_angle_to_matrix),
    "rotquat": (4, quaternion_to_matrix),
    "rotmat": (9, lambda rows: rows.unflatten(-1, (3, 3))),
}


def rows_to_xyz(
    x: Tensor,
    mask: Tensor,
    body: SmplBody,
    *,
    joint_set: JointSetName = "smpl",
    translation: bool = True,
    vertstrans: bool = False,
    global_orient: bool = True,
    glob_rot: tuple[float, float, float] = (math.pi, 0.0, 0.0),
    representation: RotationForm = "rot6d",
    betas: Tensor | None = None,
) -> Tensor:
    """Points of the body for each frame, differentiable; SMPL's own axes (Y up), metres.

    Joints are relative to the pelvis, frame by frame; vertices are not. Padded frames are zero.
    # Differs from the original: it adds the displacement of `vertstrans` to padded frames too, which nothing reads.

    Args:
        x: Rows before frames, (B, R, N, T): the root's orientation, 23 joint rotations, a displacement.
        mask: True for real frames, (B, T).
        body: An SMPL body; with an extra regressor for the sets other than "smpl" and "vertices".
        joint_set: A key of `SMPL_JOINT_SETS`, or "vertices".
        translation: Is the last row a displacement? It is used with `vertstrans` alone.
        vertstrans: Add the displacement since the first frame.
        global_orient: Is the first row the root's orientation? Else it is `glob_rot` in all frames.
        glob_rot: Axis-angle, radians.
        representation: What the numbers of a row are; they end in zeros in the row of the displacement.
        betas: Shape coefficients, (K,) or (B, K); without them the mean shape.

    Returns:
        (B, J, 3, T).

    Raises:
        ConfigError: No joint set or representation has this name, the body is not SMPL, or lacks what the set needs.
        ShapeError: The sizes do not fit.
    """
    if body.kind.num_joints != SMPL.num_joints:
        raise ConfigError(
            f"Rows speak of SMPL's {SMPL.num_joints} joints; the body is {body.kind.name}. Give an SMPL body."
        )
    _require_sizes(x, mask, representation, SMPL.num_joints - (not global_orient) + translation)
    rows, row_shift = x.permute(0, 3, 1, 2), None
    if translation:
        rows, row_shift = rows[:, :, :-1], rows[:, :, -1, :3]
    rotations = _FORMS[representation][1](rows[mask])
    if not global_orient:
        root = axis_angle_to_matrix(rotations.new_tensor(glob_rot)).expand(len(rotations), 1, 3, 3)
        rotations = torch.cat([root, rotations], dim=1)
    if betas is not None and betas.ndim == 2:
        betas = betas[:, None].expand(-1, mask.shape[1], -1)[mask]
    points = _points(rotations, body, joint_set, betas)
    if vertstrans and row_shift is not None:
        points = points + (row_shift - row_shift[:, :1])[mask][:, None]
    # Written into zeros, not multiplied by the mask: padded frames may hold anything.
    frames = points.new_zeros(*mask.shape, *points.shape[1:])
    return frames.index_put((mask,), points).permute(0, 2, 3, 1)


def _points(rotations: Tensor, body: SmplBody, joint_set: str, betas: Tensor | None) -> Tensor:
    if joint_set == "vertices":
        return body.forward_rotations(rotations, betas=betas)[1]
    if joint_set not in SMPL_JOINT_SETS:
        known = [*SMPL_JOINT_SETS, "vertices"]
        raise ConfigError(f"No joint set {joint_set!r}. Known: {', '.join(known)}.{did_you_mean(joint_set, known)}")
    chosen = SMPL_JOINT_SETS[joint_set]
    if max(chosen.indices) < SMPL.num_joints:
        joints = body.posed_joints(rotations, betas=betas)
    else:
        joints = body.forward_rotations(rotations, betas=betas)[0]
        if joints.shape[1] != NUM_SMPL_JOINTS:
            raise ConfigError(
                f"The joint set {joint_set!r} is chosen from {NUM_SMPL_JOINTS} joints; the body has {joints.shape[1]}. "
                "It needs SMPL (24 joints) and its nine extra ones: SmplBody('SMPL_NEUTRAL.pkl', "
                "extra_regressor='J_regressor_extra.npy')."
            )
    joints = joints[:, list(chosen.indices)]
    return joints - joints[:, chosen.root, None]


def _require_sizes(x: Tensor, mask: Tensor, representation: str, num_rows: int) -> None:
    if representation not in _FORMS:
        known = ", ".join(_FORMS)
        raise ConfigError(
            f"No representation {representation!r} of rotations. Known: {known}.{did_you_mean(representation, _FORMS)}"
        )
    size = _FORMS[representation][0]
    if x.ndim != 4 or x.shape[1:3] != (num_rows, size):
        raise ShapeError(f"{representation} rows must be (B, {num_rows}, {size}, T), got {tuple(x.shape)}.")
    if mask.shape != (len(x), x.shape[-1]) or mask.dtype != torch.bool:
        raise ShapeError(f"mask must be boolean, {(len(x), x.shape[-1])}; got {mask.dtype} {tuple(mask.shape)}.")
