import math

import pytest
import torch

from actiongpt_core.features.base import Normalizer
from actiongpt_core.features.root_velocity_rot6d import RootVelocityRot6d
from actiongpt_core.geometry.clips import facing
from actiongpt_core.geometry.rotations import axis_angle_to_matrix, rotation_about_z
from actiongpt_core.types.motion import Motion


@pytest.fixture
def clip() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    rotations = axis_angle_to_matrix(0.3 * torch.randn(30, 22, 3, generator=generator))
    rotations[:, 0] = axis_angle_to_matrix(torch.tensor([math.pi / 2, 0.0, 0.0])) @ rotations[:, 0]
    return rotations, torch.cumsum(0.02 * torch.randn(30, 3, generator=generator), dim=0)


def test_a_frame_has_135_numbers(clip: tuple[torch.Tensor, torch.Tensor]) -> None:
    assert RootVelocityRot6d().encode(*clip).shape == (30, 135)


def test_without_canonical_turn_the_round_trip_returns_the_motion(clip: tuple[torch.Tensor, torch.Tensor]) -> None:
    features = RootVelocityRot6d(canonicalise=False)
    rotations, translation = features.decode(features.encode(*clip))
    torch.testing.assert_close(rotations, clip[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(translation[:, 2], clip[1][:, 2])
    torch.testing.assert_close(translation[:, :2], clip[1][:, :2] - clip[1][:1, :2], atol=1e-5, rtol=0)


def test_a_motion_comes_back_from_its_features(clip: tuple[torch.Tensor, torch.Tensor]) -> None:
    features = RootVelocityRot6d(canonicalise=False)
    motion = Motion(rotations=clip[0], translation=clip[1] - clip[1][0] * torch.tensor([1.0, 1.0, 0.0]), fps=25)
    back = features.to_motion(features.from_motion(motion), fps=25)
    torch.testing.assert_close(back.rotations, motion.rotations, atol=1e-5, rtol=0)
    torch.testing.assert_close(back.translation, motion.translation, atol=1e-5, rtol=0)


def test_features_do_not_depend_on_where_the_clip_starts(clip: tuple[torch.Tensor, torch.Tensor]) -> None:
    rotations, translation = clip
    features = RootVelocityRot6d()
    moved = translation + torch.tensor([3.0, -7.0, 0.0])
    torch.testing.assert_close(
        features.encode(rotations, moved), features.encode(rotations, translation), atol=1e-5, rtol=0
    )


def test_turning_features_turns_the_motion(clip: tuple[torch.Tensor, torch.Tensor]) -> None:
    features = RootVelocityRot6d(canonicalise=False)
    encoded, angle = features.encode(*clip), torch.tensor([0.8])
    rotations, translation = features.decode(features.turn(encoded[None], angle))
    turn = rotation_about_z(-angle[0])
    torch.testing.assert_close(rotations[0, :, 0], turn @ clip[0][:, 0], atol=1e-5, rtol=0)
    torch.testing.assert_close(
        translation[0, :, :2], (clip[1][:, :2] - clip[1][:1, :2]) @ turn[:2, :2].T, atol=1e-5, rtol=0
    )
    assert float(facing(rotations[0, 0, 0])) == pytest.approx(float(facing(clip[0][0, 0])) - 0.8, abs=1e-4)


def test_normalising_and_back_returns_the_features() -> None:
    rows = torch.randn(50, 7) * torch.arange(1.0, 8.0) + 3
    normalizer = Normalizer.fit(rows)
    torch.testing.assert_close(normalizer.denormalise(normalizer.normalise(rows)), rows, atol=1e-4, rtol=0)
    torch.testing.assert_close(normalizer.normalise(rows).std(0), torch.ones(7), atol=1e-4, rtol=0)
