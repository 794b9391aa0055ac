from __future__ import annotations

import attrs
import pytest
import torch

from actiongpt_core.geometry.rotations import axis_angle_to_matrix
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL


@pytest.fixture
def motion() -> Motion:
    """Two actions in 40 frames: all joints swing while the body turns and moves; some go through half turns."""
    generator = torch.Generator().manual_seed(3)
    phase = torch.linspace(0, 3, 40)[:, None, None]
    axis_angle = torch.randn(1, 22, 3, generator=generator) * 0.3 * torch.sin(2 * phase)
    axis_angle = axis_angle + torch.zeros(40, 22, 3)
    axis_angle[:, 18, 1] += phase[:, 0, 0]  # an elbow that turns by almost 180 degrees
    axis_angle[:, 4, 0] += phase[:, 0, 0]  # a knee through the gimbal lock of Z, X, Y
    rotations = axis_angle_to_matrix(axis_angle)
    upright = axis_angle_to_matrix(torch.tensor([torch.pi / 2, 0.0, 0.0]))
    turn = axis_angle_to_matrix(torch.cat([torch.zeros(40, 2), phase[:, 0]], dim=1))
    rotations[:, 0] = turn @ upright
    translation = torch.stack([phase[:, 0, 0] * 0.3, -phase[:, 0, 0] * 0.5, torch.full((40,), 0.94)], dim=1)
    return Motion(rotations=rotations, translation=translation, fps=30.0, starts=(0, 25))


@pytest.fixture
def smpl_motion(motion: Motion) -> Motion:
    """The same with the two hand joints of SMPL, which wave."""
    wave = torch.zeros(len(motion.rotations), 2, 3)
    wave[..., 2] = 0.6 * torch.sin(torch.linspace(0, 6, len(wave)))[:, None]
    rotations = torch.cat([motion.rotations, axis_angle_to_matrix(wave)], dim=1)
    return attrs.evolve(motion, rotations=rotations, skeleton=SMPL)
