import math

import attrs
import numpy as np
import pytest
import torch

from actiongpt_core.data import gait
from actiongpt_core.data.clip import LabelledClip, face_canonically, mirror_motion
from actiongpt_core.data.procedural import sample
from actiongpt_core.evaluation.measures import forward_speed, turned_angle
from actiongpt_core.geometry.clips import CANONICAL_FACING, facing
from actiongpt_core.geometry.kinematics import forward_kinematics
from actiongpt_core.geometry.rotations import axis_angle_to_matrix, geodesic_angle
from actiongpt_core.types.skeleton import SMPL_BODY


def _walker(num_frames: int = 120, period: int = 30) -> LabelledClip:
    """Legs that swing as a sine, 1.2 m/s, with a slow turn to the left."""
    poses = np.zeros((num_frames, 22, 3), dtype=np.float32)
    phase = 2 * math.pi * np.arange(num_frames) / period
    poses[:, 1, 0], poses[:, 2, 0] = -0.5 * np.sin(phase), 0.5 * np.sin(phase)
    rotations = axis_angle_to_matrix(torch.from_numpy(poses))
    turn = axis_angle_to_matrix(torch.stack([torch.zeros(num_frames)] * 2 + [0.2 * torch.arange(num_frames) / 30], -1))
    rotations[:, 0] = turn @ axis_angle_to_matrix(torch.tensor([math.pi / 2, 0.0, 0.0]))
    direction = facing(rotations[:, 0])
    steps = 1.2 / 30 * torch.stack([direction.cos(), direction.sin(), torch.zeros(num_frames)], -1)
    translation = torch.cumsum(steps, 0) + torch.tensor([0.0, 0.0, 0.93])
    return LabelledClip(rotations=rotations, translation=translation, fps=30.0, texts=("walk",), source="test")


def test_events_stand_one_gait_cycle_apart() -> None:
    events = gait.left_foot_events(_walker())
    assert len(events) >= 3
    assert np.abs(np.diff(events) - 30).max() <= 1  # smoothing at the clip's end may move the last one by a frame


def test_reversed_walking_goes_backward() -> None:
    assert forward_speed(gait.reverse_time(_walker(), ("walk backward",)).motion) == pytest.approx(-1.2, abs=0.01)


def test_a_looped_cycle_goes_on_without_a_jump() -> None:
    clip = _walker()
    first, second = gait.left_foot_events(clip)[:2]
    looped = gait.loop_cycle(clip, first, second, 150)
    assert looped.num_frames == 150
    steps = torch.diff(looped.translation[:, :2], dim=0).norm(dim=-1)
    torch.testing.assert_close(steps, torch.full((149,), 0.04), atol=2e-3, rtol=0)
    poses = geodesic_angle(looped.rotations[1:], looped.rotations[:-1])
    assert float(poses.max()) < 0.15
    assert turned_angle(looped.motion) == pytest.approx(0.2 * 149 / 30, abs=0.02)


def test_mirroring_twice_returns_the_motion_and_once_swaps_the_sides() -> None:
    made = sample("raise the left arm", np.random.default_rng(0), seconds=3.0)
    rotations, translation = axis_angle_to_matrix(torch.from_numpy(made.poses)), torch.from_numpy(made.trans)
    once = mirror_motion(rotations, translation)
    twice = mirror_motion(*once)
    torch.testing.assert_close(twice[0], rotations)
    joints = forward_kinematics(rotations, translation, SMPL_BODY)[0]
    mirrored = forward_kinematics(*once, SMPL_BODY)[0]
    expected = joints[:, list(SMPL_BODY.mirror)] * torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(mirrored, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("frame", [0, 40, -1])
def test_any_frame_can_be_made_to_face_the_canonical_direction(frame: int) -> None:
    clip = attrs.evolve(_walker(), translation=_walker().translation + torch.tensor([2.0, 3.0, 0.0]))
    rotations, translation = face_canonically(clip.rotations, clip.translation, frame)
    assert float(facing(rotations[frame, 0])) == pytest.approx(CANONICAL_FACING, abs=1e-4)
    assert translation[frame, :2].abs().max() < 1e-5
    assert float(translation[frame, 2]) == pytest.approx(float(clip.translation[frame, 2]))
