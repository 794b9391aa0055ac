"""StickBody: joints from a skeleton alone, and a capsule body around its bones; needs no asset."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from actiongpt_core.body.capsules import Capsule, capsule_mesh
from actiongpt_core.errors import ConfigError, ShapeError
from actiongpt_core.geometry.kinematics import forward_kinematics
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL_BODY, Skeleton

#: The heel in the ankle's frame, metres (x left, y up, z forward in the rest pose), the same for both sides: behind and
#: below the ankle. A body with a skin takes a vertex of it; a stick has none, so the metrics' two heels are this point.
HEEL_OFFSET: tuple[float, float, float] = (0.0, -0.06, -0.05)

#: Radii at both ends, metres, and width, of the bone that leads to a joint of this name (side left out).
_BONES: dict[str, tuple[float, float, float]] = {
    "hip": (0.090, 0.094, 1.0),
    "knee": (0.080, 0.056, 1.0),
    "ankle": (0.054, 0.036, 1.0),
    "foot": (0.037, 0.024, 1.3),
    "spine1": (0.104, 0.094, 1.40),
    "spine2": (0.094, 0.094, 1.40),
    "spine3": (0.094, 0.070, 1.40),
    "neck": (0.060, 0.054, 1.0),
    "collar": (0.060, 0.062, 1.0),
    "shoulder": (0.063, 0.055, 1.0),
    "head": (0.054, 0.052, 1.0),
    "elbow": (0.052, 0.041, 1.0),
    "wrist": (0.042, 0.029, 1.0),
    "hand": (0.031, 0.031, 1.35),
}


class StickBody:
    """A body that a skeleton alone gives: joints by forward kinematics, a surface of capsules that move with the bones.

    Args:
        skeleton: The joints and their rest offsets.
    """

    def __init__(self, skeleton: Skeleton = SMPL_BODY) -> None:
        self.skeleton = skeleton
        self.body_id = f"stick-{skeleton.name}-v1"  #: names the body, its heels included, in reports of metrics
        capsules = sorted(_capsules(skeleton), key=lambda capsule: capsule.joint)
        self._carriers = sorted({capsule.joint for capsule in capsules})
        meshes = [capsule_mesh(capsule) for capsule in capsules]
        starts = np.cumsum([0] + [len(vertices) for vertices, _ in meshes])
        self._rest = torch.from_numpy(np.concatenate([vertices for vertices, _ in meshes]))
        self.faces = torch.from_numpy(np.concatenate([f + s for (_, f), s in zip(meshes, starts, strict=False)]))
        #: index of the joint that carries each vertex, (V,), ascending
        self.vertex_joints = torch.from_numpy(
            np.repeat([capsule.joint for capsule in capsules], [len(vertices) for vertices, _ in meshes])
        )

    def joints(self, motion: Motion) -> Tensor:
        """World positions of the joints, (T, J, 3), metres.

        Raises:
            ShapeError: The motion has another skeleton than the body.
        """
        return self._forward(motion)[0]

    def heels(self, motion: Motion) -> Tensor:
        """World positions of the left and the right heel (`HEEL_OFFSET` in the ankle's frame), (T, 2, 3), metres.

        Raises:
            ConfigError: The skeleton has no ankles.
            ShapeError: The motion has another skeleton than the body.
        """
        try:
            ankles = [self.skeleton.index("left_ankle"), self.skeleton.index("right_ankle")]
        except KeyError as error:
            raise ConfigError(f"Heels need the joints left_ankle and right_ankle: {error.args[0]}") from None
        joints, rotations = self._forward(motion)
        return joints[:, ankles] + rotations[:, ankles] @ joints.new_tensor(HEEL_OFFSET)

    def mesh(self, motion: Motion) -> tuple[Tensor, Tensor]:
        """The surface: vertices (T, V, 3) in metres, world, and faces (N, 3), counter-clockwise seen from outside.

        Raises:
            ShapeError: The motion has another skeleton than the body.
        """
        joints, rotations = self._forward(motion)
        rest = self._rest.to(joints)
        # One product a joint: a rotation for each vertex would be many times the size of the result.
        parts = [
            rest[self.vertex_joints == joint] @ rotations[:, joint].mT + joints[:, joint, None]
            for joint in self._carriers
        ]
        return torch.cat(parts, dim=1), self.faces.to(joints.device)

    def _forward(self, motion: Motion) -> tuple[Tensor, Tensor]:
        if motion.skeleton != self.skeleton:
            raise ShapeError(
                f"This body has skeleton {self.skeleton.name!r}, the motion {motion.skeleton.name!r}. "
                "Build the body with StickBody(motion.skeleton)."
            )
        return forward_kinematics(motion.rotations, motion.translation, self.skeleton)


def _capsules(skeleton: Skeleton) -> list[Capsule]:
    capsules = []
    for joint, (parent, offset) in enumerate(zip(skeleton.parents, skeleton.rest_offsets, strict=True)):
        if parent < 0:
            continue
        plain = min(max(0.2 * math.hypot(*offset), 0.015), 0.06)
        start, end, width = _BONES.get(_part(skeleton.joint_names[joint]), (plain, plain, 1.0))
        capsules.append(Capsule(parent, (0.0, 0.0, 0.0), offset, start, end, width))
    parts = [_part(name) for name in skeleton.joint_names]
    for joint, part in enumerate(parts):
        whole_hand = [] if "hand" in parts else _whole_hand(joint, part, skeleton.rest_offsets[joint])
        capsules += [*whole_hand, *_extra(joint, part, skeleton.rest_offsets[joint])]
    return capsules or [Capsule(0, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 0.05, 0.05)]


def _part(name: str) -> str:
    side, _, part = name.partition("_")
    return part if side in ("left", "right") else name


def _whole_hand(joint: int, part: str, offset: tuple[float, float, float]) -> list[Capsule]:
    """Palm and fingers in one, for a skeleton that ends at the wrists."""
    side = 1.0 if offset[0] >= 0 else -1.0
    hand = Capsule(joint, (0.01 * side, 0.0, 0.0), (0.145 * side, -0.01, 0.0), 0.033, 0.024, 1.35)
    return [hand] if part == "wrist" else []


def _extra(joint: int, part: str, offset: tuple[float, float, float]) -> list[Capsule]:
    """What no bone shows: chest, skull and nose, thumb, fingers, toes, heel."""
    side = 1.0 if offset[0] >= 0 else -1.0
    if part == "spine3":
        return [Capsule(joint, (0.0, -0.075, -0.008), (0.0, 0.115, -0.032), 0.098, 0.088, 1.55)]
    if part == "head":
        skull = Capsule(joint, (0.0, 0.055, 0.005), (0.0, 0.105, 0.0), 0.082, 0.090, 0.88)
        nose = Capsule(joint, (0.0, 0.075, 0.075), (0.0, 0.050, 0.098), 0.016, 0.018)
        return [skull, nose]
    if part == "wrist":
        return [Capsule(joint, (0.03 * side, -0.005, 0.02), (0.085 * side, -0.015, 0.055), 0.018, 0.013)]
    if part == "hand":
        return [Capsule(joint, (0.0, 0.0, 0.0), (0.061 * side, -0.003, 0.006), 0.030, 0.024, 1.35)]
    if part == "foot":
        return [Capsule(joint, (0.0, 0.004, 0.0), (0.004 * side, 0.0, 0.055), 0.024, 0.020, 1.7)]
    if part == "ankle":
        return [Capsule(joint, (0.0, -0.01, 0.0), (0.0, -0.037, -0.035), 0.036, 0.033)]
    return []
