"""The joint sets and axes of the original code, for parity of joints and for the metrics.

`smplh`: 73 joints of SMPL-H through smplx, SMPL axes, metres. `smplnh`: its 22 body joints. `smplmmm`: 21 joints in
MMM order. `mmmns`: those with Y up, (x, y, z) -> (y, z, -x), metres. `mmm`: the same in about millimetres of the KIT
skeleton. Of SMPL with 24 joints: `SMPL_JOINT_SETS`.

Source: the joint types of the text-to-motion code that followed Petrovich et al., "TEMOS", ECCV 2022; those of SMPL
from Tevet et al., "MotionCLIP", ECCV 2022.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
import torch
from torch import Tensor

from actiongpt_core.errors import ConfigError, ShapeError, did_you_mean
from actiongpt_core.types.skeleton import SMPL_BODY

NUM_SMPLH_JOINTS = 73
#: Where the heels stand among the 73 joints, left and right; they are vertices 3387 and 6787 of the mesh.
SMPLH_HEELS = (59, 62)
HEEL_VERTICES = (3387, 6787)
#: Metres to about millimetres of the KIT skeleton, as the originals have it: 480 / 0.75.
MMM_SCALE = 640.0

#: For each joint of the MMM order (`features.rifke.MMM_JOINTS`) the SMPL joint that stands for it.
_MMM_FROM_SMPL = (
    *("pelvis", "spine1", "spine3", "neck", "head"),
    *("left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist"),
    *("left_hip", "left_knee", "left_ankle", "left_heel", "left_foot"),
    *("right_hip", "right_knee", "right_ankle", "right_heel", "right_foot"),
)


@attrs.frozen
class JointSet:
    """A choice among the joints of SMPL."""

    indices: tuple[
        int, ...
    ]  #: into `SmplBody.all_joints` of SMPL with an extra regressor: 24, 21 vertices, 9 regressed
    root: int  #: where the pelvis stands in the set


NUM_SMPL_JOINTS = 54
_A2M = (0, 12, 17, 19, 21, 16, 18, 20, 24, 2, 5, 8, 1, 4, 7, 31, 34, 48)
#: `smpl`: the 24 joints. `vibe`: those of OpenPose, SPIN and VIBE. `a2m`: those of the HumanAct12 data. `a2mpl`: smpl
#: and a2m together.
SMPL_JOINT_SETS: dict[str, JointSet] = {
    "smpl": JointSet(tuple(range(24)), 0),
    "vibe": JointSet(
        (
            *(24, 12, 17, 19, 21, 16, 18, 20, 0, 2, 5, 8, 1, 4, 7, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34),
            *(8, 5, 45, 46, 4, 7, 21, 19, 17, 16, 18, 20, 47, 48, 49, 50, 51, 52, 53, 24, 26, 25, 28, 27),
        ),
        8,
    ),
    "a2m": JointSet(_A2M, 0),
    "a2mpl": JointSet(tuple(sorted({*range(24), *_A2M})), 0),
}


def joints_to_smplmmm(joints: Tensor, heels: Tensor | None = None) -> Tensor:
    """The 21 joints of the MMM order, SMPL axes, metres.

    Args:
        joints: SMPL joints, (..., 22, 3) or more joints after them.
        heels: Left and right heel, (..., 2, 3). Without them `joints` must be the 73 of SMPL-H, which hold them.

    Returns:
        (..., 21, 3).

    Raises:
        ShapeError: There are too few joints, or no heels.
    """
    if heels is None:
        _require_joints(joints, NUM_SMPLH_JOINTS, "to hold the heels; give heels= for another body")
        heels = joints[..., SMPLH_HEELS, :]
    _require_joints(joints, SMPL_BODY.num_joints, "of the SMPL body")
    names = (*SMPL_BODY.joint_names, "left_heel", "right_heel")
    both = torch.cat([joints[..., : SMPL_BODY.num_joints, :], heels], dim=-2)
    return both[..., [names.index(name) for name in _MMM_FROM_SMPL], :]


def z_up_to_mmm_axes(points: Tensor) -> Tensor:
    """(x, y, z) with Z up -> (y, z, -x) with Y up, (..., 3) -> (..., 3).

    These axes are left-handed: the result is a mirror image. As in the originals; a metric compares two bodies that are
    mirrored alike.
    """
    x, y, z = points.unbind(-1)
    return torch.stack([y, z, -x], dim=-1)


def joints_to_mmmns(joints: Tensor, heels: Tensor | None = None) -> Tensor:
    """MMM order, Y up, metres: what the metrics take. Arguments and errors as in `joints_to_smplmmm`; (..., 21, 3)."""
    return z_up_to_mmm_axes(joints_to_smplmmm(joints, heels))


def joints_to_mmm(joints: Tensor, heels: Tensor | None = None) -> Tensor:
    """MMM order, Y up, metres times `MMM_SCALE`. Arguments and errors as in `joints_to_smplmmm`; (..., 21, 3)."""
    return z_up_to_mmm_axes(joints_to_smplmmm(joints, heels) * MMM_SCALE)


def joints_to_smplnh(joints: Tensor, heels: Tensor | None = None) -> Tensor:
    """The 22 body joints, (..., 22 or more, 3) -> (..., 22, 3); `heels` is not used.

    Raises:
        ShapeError: There are too few joints.
    """
    _require_joints(joints, SMPL_BODY.num_joints, "of the SMPL body")
    return joints[..., : SMPL_BODY.num_joints, :]


def joints_to_smplh(joints: Tensor, heels: Tensor | None = None) -> Tensor:
    """All 73 joints as they are, (..., 73, 3); `heels` is not used.

    Raises:
        ShapeError: There are not 73.
    """
    _require_joints(joints, NUM_SMPLH_JOINTS, "of SMPL-H with smplx's extra joints")
    return joints


JOINT_SETS: dict[str, Callable[[Tensor, Tensor | None], Tensor]] = {
    "smplh": joints_to_smplh,
    "smplnh": joints_to_smplnh,
    "smplmmm": joints_to_smplmmm,
    "mmm": joints_to_mmm,
    "mmmns": joints_to_mmmns,
}


def convert_joints(joints: Tensor, joint_set: str, heels: Tensor | None = None) -> Tensor:
    """Joints of a body in one of the originals' joint sets, by its name.

    Args:
        joints: World positions, Z up, metres: 73 of SMPL-H, or 22 with `heels`; (..., J, 3).
        joint_set: A key of `JOINT_SETS`.
        heels: Left and right heel, (..., 2, 3), for a body that is not SMPL-H.

    Raises:
        ConfigError: No joint set has this name.
        ShapeError: The joints do not hold what the set needs.
    """
    if joint_set not in JOINT_SETS:
        known = ", ".join(JOINT_SETS)
        raise ConfigError(f"No joint set {joint_set!r}. Known: {known}.{did_you_mean(joint_set, JOINT_SETS)}")
    return JOINT_SETS[joint_set](joints, heels)


def shift_to_start(joints: Tensor, smpl_translation: Tensor) -> Tensor:
    """Move a whole clip so that its root begins at SMPL's translation of frame 0, as the originals do.

    They do it for every joint set but vertices, with one and the same translation: Z up, metres. For `mmm` and `mmmns`
    the joints have changed axes (and scale) by then, so the result lies off by a constant on the wrong axes. We
    reproduce it for parity of saved joints; the metrics do not see it, since they remove the start and the floor. For
    the shift that was meant, hand over `z_up_to_mmm_axes(smpl_translation)`, times `MMM_SCALE` for `mmm`.

    Args:
        joints: (..., T, J, 3), the root first.
        smpl_translation: SMPL's own translation (not the pelvis position), (..., T, 3).

    Returns:
        (..., T, J, 3).
    """
    shift = smpl_translation[..., :1, :] - joints[..., :1, 0, :]
    return joints + shift[..., None, :]


def _require_joints(joints: Tensor, count: int, why: str) -> None:
    if joints.shape[-1] != 3 or joints.ndim < 2 or joints.shape[-2] < count:
        raise ShapeError(f"{count} joints {why} expected, (..., {count}, 3); got {tuple(joints.shape)}.")
