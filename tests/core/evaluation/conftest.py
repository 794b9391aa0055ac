"""Hand-made motions: a standing body, and what it does with one limb after the other."""

from __future__ import annotations

import math
from collections.abc import Callable

import attrs
import pytest
import torch
from torch import Tensor

from actiongpt_core.data.clip import mirror_motion
from actiongpt_core.geometry.kinematics import forward_kinematics
from actiongpt_core.geometry.rotations import axis_angle_to_matrix, rotation_about_z
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL_BODY

Make = Callable[..., Motion]
FPS = 30.0
_FRAMES = 120
_UPRIGHT = (math.pi / 2, 0.0, 0.0)  # faces -y
_TOES = [SMPL_BODY.index("left_foot"), SMPL_BODY.index("right_foot")]
_HANGING = {"left": -1.3, "right": 1.3}  # shoulder angles about z that let the arms of the T-pose hang


def _build(planted: bool = False, path: Tensor | None = None, turn: Tensor | None = None, **joints: Tensor) -> Motion:
    poses = torch.zeros(_FRAMES, SMPL_BODY.num_joints, 3)
    for side, angle in _HANGING.items():
        poses[:, SMPL_BODY.index(f"{side}_shoulder"), 2] = angle
    for joint, angles in joints.items():
        poses[:, SMPL_BODY.index(joint)] = angles
    rotations = axis_angle_to_matrix(poses)
    rotations[:, 0] = axis_angle_to_matrix(torch.tensor(_UPRIGHT))
    if turn is not None:
        rotations[:, 0] = rotation_about_z(turn) @ rotations[:, 0]
    translation = torch.tensor([0.0, 0.0, 0.94]).repeat(_FRAMES, 1)
    if path is not None:
        translation = translation + path
    if planted:
        ankles = [SMPL_BODY.index("left_ankle"), SMPL_BODY.index("right_ankle")]
        middle = forward_kinematics(rotations, translation, SMPL_BODY)[0][:, ankles].mean(1)
        translation = translation - middle + middle[:1]
    return Motion(rotations=rotations, translation=translation, fps=FPS)


@pytest.fixture
def build() -> Make:
    """`build(left_elbow=(T, 3) axis-angle, path=(T, 3) metres, turn=(T,) radians, planted=True)`."""
    return _build


@pytest.fixture
def seconds() -> Tensor:
    return torch.arange(_FRAMES) / FPS


@pytest.fixture
def ramp(seconds: Tensor) -> Tensor:
    """0, then up to 1 between 1 and 2 s, (T,)."""
    return (seconds - 1).clamp(0, 1)


@pytest.fixture
def pulses(seconds: Tensor) -> Tensor:
    """0 but for two peaks of 1 that last 0.4 s each, (T,)."""
    return sum(((1 - (seconds - time).abs() / 0.2).clamp(min=0) for time in (1.0, 3.0)), torch.zeros(_FRAMES))


@pytest.fixture
def standing() -> Motion:
    return _build()


@pytest.fixture
def walking(seconds: Tensor) -> Motion:
    """Straight legs that swing 0.9 times a second, 1.2 m/s forward, the lower toe on the floor."""
    swing = 0.4 * torch.sin(2 * math.pi * 0.9 * seconds)
    zero = torch.zeros_like(swing)
    path = torch.stack([zero, -1.2 * seconds, zero], -1)
    motion = _build(path=path, left_hip=about_x(swing), right_hip=about_x(-swing))
    toes = forward_kinematics(motion.rotations, motion.translation, SMPL_BODY)[0][:, _TOES, 2]
    down = torch.stack([zero, zero, toes.amin(1) - 0.02], -1)
    return attrs.evolve(motion, translation=motion.translation - down)


def about_x(angle: Tensor) -> Tensor:
    return torch.stack([angle, torch.zeros_like(angle), torch.zeros_like(angle)], -1)


def about_y(angle: Tensor) -> Tensor:
    return torch.stack([torch.zeros_like(angle), angle, torch.zeros_like(angle)], -1)


def about_z(angle: Tensor) -> Tensor:
    return torch.stack([torch.zeros_like(angle), torch.zeros_like(angle), angle], -1)


@pytest.fixture
def raising_left(ramp: Tensor) -> Motion:
    """The left arm goes from hanging to nearly straight up."""
    return _build(left_shoulder=about_z(-1.3 + 2.7 * ramp))


@pytest.fixture
def squatting(ramp: Tensor) -> Motion:
    bend = 1.2 * ramp
    legs = {f"{side}_{joint}": about_x(factor * bend) for side in _HANGING for joint, factor in _SQUAT.items()}
    return _build(planted=True, **legs)


_SQUAT = {"hip": -1.0, "knee": 2.0, "ankle": -1.0}


@pytest.fixture
def sitting(ramp: Tensor) -> Motion:
    bend = math.pi / 2 * ramp
    legs = {f"{side}_{joint}": about_x(sign * bend) for side in _HANGING for joint, sign in _SIT.items()}
    return _build(planted=True, **legs)


_SIT = {"hip": -1.0, "knee": 1.0}


@pytest.fixture
def jumping(seconds: Tensor) -> Motion:
    """A rigid body on a ballistic path of 0.6 s: 0.44 m high."""
    air = (seconds - 1).clamp(0, 0.6)
    height = 9.81 / 2 * air * (0.6 - air)
    return _build(path=torch.stack([torch.zeros_like(air), torch.zeros_like(air), height], -1))


@pytest.fixture
def punching_right(pulses: Tensor) -> Motion:
    """The right upper arm points forward; the folded elbow stretches twice."""
    return _build(right_shoulder=about_y(torch.full_like(pulses, math.pi / 2)), right_elbow=about_y(2.2 * (1 - pulses)))


@pytest.fixture
def kicking_right(pulses: Tensor) -> Motion:
    return _build(right_hip=about_x(-1.2 * pulses))


@pytest.fixture
def waving_right(seconds: Tensor) -> Motion:
    """The right upper arm is level, the forearm up, swinging twice a second."""
    zero = torch.zeros_like(seconds)
    return _build(
        right_shoulder=about_z(zero), right_elbow=about_z(-math.pi / 2 + 0.4 * torch.sin(4 * math.pi * seconds))
    )


@pytest.fixture
def clapping(seconds: Tensor) -> Motion:
    """Straight arms in front that close and open twice a second."""
    angle = 1.58 - 0.27 * torch.cos(4 * math.pi * seconds)
    return _build(left_shoulder=about_y(-angle), right_shoulder=about_y(angle))


@pytest.fixture
def mirrored() -> Callable[[Motion], Motion]:
    def mirror(motion: Motion) -> Motion:
        rotations, translation = mirror_motion(motion.rotations, motion.translation)
        return attrs.evolve(motion, rotations=rotations, translation=translation)

    return mirror


@pytest.fixture
def turned() -> Callable[[Motion, float], Motion]:
    """The whole scene turned about Z and moved."""

    def turn(motion: Motion, angle: float) -> Motion:
        spin = rotation_about_z(torch.tensor(angle))
        root = spin @ motion.rotations[:, :1]
        moved = motion.translation @ spin.T + torch.tensor([3.0, -2.0, 0.0])
        return attrs.evolve(motion, rotations=torch.cat([root, motion.rotations[:, 1:]], 1), translation=moved)

    return turn
