"""Legs: where the feet stand, and two-bone inverse kinematics that puts them elsewhere."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from actiongpt_core.errors import ConfigError
from actiongpt_core.geometry.kinematics import forward_kinematics
from actiongpt_core.geometry.rotations import axis_angle_to_matrix
from actiongpt_core.types.motion import Motion

SIDES = ("left", "right")
TOE_HEIGHT = 0.02  #: of the toe joint over the floor when the foot is planted, metres
_NEARLY_STRAIGHT = 0.999  #: of the leg's length; at full length the knee would jump
_LOW, _SLOW = 0.06, 0.8  #: a toe that is lower, metres, and slower, m/s, stands
_SHORTEST, _LONGEST_GAP = 0.1, 0.07  #: seconds of a stand, and of a break in one that is none


@attrs.frozen(eq=False)
class Leg:
    """The joints of one leg, by index."""

    hip: int
    knee: int
    ankle: int
    toe: int


def legs(motion: Motion) -> tuple[Leg, Leg]:
    """The left and the right leg.

    Raises:
        ConfigError: The skeleton lacks a joint of them.
    """
    names = motion.skeleton.joint_names
    wanted = [f"{side}_{part}" for side in SIDES for part in ("hip", "knee", "ankle", "foot")]
    if missing := [name for name in wanted if name not in names]:
        raise ConfigError(
            f"The feet of skeleton {motion.skeleton.name!r} cannot be cleaned up: it has no {', '.join(missing)}. "
            "Read the file with retarget=True, which puts the motion on the SMPL body."
        )
    left, right = (Leg(*(names.index(f"{side}_{part}") for part in ("hip", "knee", "ankle", "foot"))) for side in SIDES)
    return left, right


def stands(toe: Tensor, fps: float) -> Tensor:
    """Where a foot stands: its toe is low and slow for a tenth of a second or more.

    Args:
        toe: World positions of the toe joint, (T, 3), metres, floor at 0.
        fps: Frames a second.

    Returns:
        Boolean, (T,).
    """
    steps = torch.diff(toe[:, :2], dim=0).norm(dim=-1) * fps
    padded = torch.cat([steps[:1], steps, steps[-1:]]) if len(steps) else torch.zeros(2).to(toe)
    speed = torch.minimum(padded[:-1], padded[1:])
    stand = (toe[:, 2] < _LOW) & (speed < _SLOW)
    for first, stop in runs(~stand):
        if first > 0 and stop < len(stand) and stop - first <= _LONGEST_GAP * fps:
            stand[first:stop] = True
    for first, stop in runs(stand):
        if stop - first < min(_SHORTEST * fps, len(stand)):
            stand[first:stop] = False
    return stand


def runs(mask: Tensor) -> list[tuple[int, int]]:
    """First frame and stop of each run of True."""
    edges = torch.diff(torch.nn.functional.pad(mask.int(), (1, 1)))
    starts, stops = (torch.nonzero(edges == value).flatten().tolist() for value in (1, -1))
    return list(zip(starts, stops, strict=True))


def move_foot(motion: Motion, leg: Leg, shift: Tensor) -> Motion:
    """Shift a foot as it is, keeping its orientation: hip and knee turn, no bone changes its length.

    Where the leg is too short it stretches as far as it goes towards the goal. The knee bends in the plane that it
    bends in already.

    Args:
        motion: The motion.
        leg: Which one.
        shift: Of the ankle, world, (T, 3), metres.
    """
    rotations = motion.rotations.double()
    joints, turned = forward_kinematics(rotations, motion.translation.double(), motion.skeleton)
    hip, knee, ankle = (joints[:, joint] for joint in (leg.hip, leg.knee, leg.ankle))
    thigh, shank, goal = knee - hip, ankle - knee, ankle + shift.double() - hip
    upper, lower = thigh.norm(dim=-1), shank.norm(dim=-1)
    reach = goal.norm(dim=-1).clamp(min=(upper - lower).abs() + 1e-4, max=_NEARLY_STRAIGHT * (upper + lower))
    reach = torch.where(shift.norm(dim=-1) > 0, reach, (ankle - hip).norm(dim=-1))  # an untouched leg stays untouched
    bend = torch.atan2(torch.linalg.cross(thigh, shank).norm(dim=-1), (thigh * shank).sum(-1))
    wanted = torch.arccos(((reach**2 - upper**2 - lower**2) / (2 * upper * lower)).clamp(-1, 1))
    knee_turn = _about(_hinge(thigh, shank, turned[:, leg.hip]), wanted - bend)
    hip_turn = _between(thigh + (knee_turn @ shank[..., None]).squeeze(-1), goal)
    new_hip, new_knee = hip_turn @ turned[:, leg.hip], hip_turn @ knee_turn @ turned[:, leg.knee]
    parent = motion.skeleton.parents[leg.hip]
    rotations = rotations.clone()
    rotations[:, leg.hip] = turned[:, parent].mT @ new_hip
    rotations[:, leg.knee] = new_hip.mT @ new_knee
    rotations[:, leg.ankle] = new_knee.mT @ turned[:, leg.ankle]
    return attrs.evolve(motion, rotations=rotations.to(motion.rotations))


def _hinge(thigh: Tensor, shank: Tensor, hip: Tensor) -> Tensor:
    """The axis that the knee bends about, (T, 3); of a straight leg the hip's own axis to the left."""
    axis = torch.linalg.cross(thigh, shank)
    size = axis.norm(dim=-1, keepdim=True)
    return torch.where(size > 1e-3, axis / size.clamp(min=1e-9), hip[..., 0])


def _about(axis: Tensor, angle: Tensor) -> Tensor:
    return axis_angle_to_matrix(axis * angle[..., None])


def _between(start: Tensor, end: Tensor) -> Tensor:
    """The smallest turns that take directions to others, (T, 3), (T, 3) -> (T, 3, 3)."""
    axis = torch.linalg.cross(start, end)
    size = axis.norm(dim=-1)
    angle = torch.atan2(size, (start * end).sum(-1))
    return _about(axis / size.clamp(min=1e-12)[..., None], angle)
