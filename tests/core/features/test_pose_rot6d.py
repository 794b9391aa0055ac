import math

import pytest
import torch

from actiongpt_core.errors import ShapeError
from actiongpt_core.features.pose_rot6d import PoseRot6d, from_rows, to_rows
from actiongpt_core.geometry.clips import CANONICAL_FACING, facing
from actiongpt_core.geometry.rotations import axis_angle_to_matrix, matrix_to_rot6d, rotation_about_z
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL

Clip = tuple[torch.Tensor, torch.Tensor]


@pytest.fixture
def clip() -> Clip:
    generator = torch.Generator().manual_seed(0)
    rotations = axis_angle_to_matrix(0.3 * torch.randn(30, 24, 3, generator=generator))
    rotations[:, 0] = axis_angle_to_matrix(torch.tensor([math.pi / 2, 0.0, 0.0])) @ rotations[:, 0]
    return rotations, torch.cumsum(0.02 * torch.randn(30, 3, generator=generator), dim=0) + torch.tensor([4.0, -1, 0.9])


def test_a_frame_has_25_rows_of_six(clip: Clip) -> None:
    features = PoseRot6d()
    assert features.encode(*clip).shape == (30, features.num_features)
    assert features.num_features == sum(features.groups) == 150


def test_without_canonical_turn_the_round_trip_returns_the_motion_above_the_origin(clip: Clip) -> None:
    features = PoseRot6d(canonicalise=False)
    rotations, translation = features.decode(features.encode(*clip))
    torch.testing.assert_close(rotations, clip[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(translation[:, :2], clip[1][:, :2] - clip[1][:1, :2], atol=1e-6, rtol=0)
    torch.testing.assert_close(translation[:, 2], clip[1][:, 2])


def test_a_batch_decodes_as_its_clips_do(clip: Clip) -> None:
    features = PoseRot6d()
    one = features.encode(*clip)
    batch = torch.stack([one, one.flip(0)])
    rotations, translation = features.decode(batch)
    for index in range(2):
        alone = features.decode(batch[index])
        assert torch.equal(rotations[index], alone[0])
        assert torch.equal(translation[index], alone[1])


def test_the_first_frame_faces_the_canonical_direction_and_the_path_turns_with_it(clip: Clip) -> None:
    rotations, translation = PoseRot6d().decode(PoseRot6d().encode(*clip))
    assert float(facing(rotations[0, 0])) == pytest.approx(CANONICAL_FACING, abs=1e-5)
    turn = rotations[0, 0] @ clip[0][0, 0].T
    torch.testing.assert_close(turn, rotation_about_z(CANONICAL_FACING - facing(clip[0][0, 0])), atol=1e-5, rtol=0)
    path = (clip[1] - clip[1][0]) @ turn.T
    torch.testing.assert_close(translation[:, :2], path[:, :2], atol=1e-5, rtol=0)


@pytest.mark.parametrize("angle", [0.7, -2.5, math.pi])
def test_features_do_not_depend_on_where_a_clip_starts_or_faces(clip: Clip, angle: float) -> None:
    rotations, translation = clip
    turn = rotation_about_z(torch.tensor(angle))
    turned = torch.cat([turn @ rotations[:, :1], rotations[:, 1:]], dim=1)
    moved = translation @ turn.T + torch.tensor([3.0, -7.0, 0.0])
    features = PoseRot6d()
    torch.testing.assert_close(
        features.encode(turned, moved), features.encode(rotations, translation), atol=1e-5, rtol=0
    )


def test_the_last_row_holds_the_displacement_and_the_height(clip: Clip) -> None:
    rows = to_rows(PoseRot6d(canonicalise=False).encode(*clip)[None])[0]
    assert torch.equal(rows[-1, :2, 0], torch.zeros(2))
    assert torch.equal(rows[-1, 2], clip[1][:, 2])
    assert not rows[-1, 3:].any()


def test_a_motion_comes_back_from_its_features(clip: Clip) -> None:
    features = PoseRot6d(canonicalise=False)
    motion = Motion(rotations=clip[0], translation=clip[1], fps=25, skeleton=SMPL)
    back = features.to_motion(features.from_motion(motion), fps=25)
    assert back.skeleton is SMPL
    torch.testing.assert_close(back.rotations, motion.rotations, atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.diff(back.translation, dim=0), torch.diff(clip[1], dim=0), atol=1e-5, rtol=0)


def test_rows_stand_before_frames_joint_after_joint(clip: Clip) -> None:
    features = PoseRot6d(canonicalise=False).encode(*clip)
    rows = to_rows(features[None])
    assert rows.shape == (1, 25, 6, 30)
    assert torch.equal(rows[0, 5, :, 7], matrix_to_rot6d(clip[0][7, 5]))


def test_rows_and_features_hold_the_same_numbers() -> None:
    features = torch.randn(2, 7, 150)
    assert torch.equal(from_rows(to_rows(features)), features)


def test_other_shapes_are_an_error_that_names_the_expected_one() -> None:
    with pytest.raises(ShapeError, match=r"\(B, T, 6 R\)"):
        to_rows(torch.zeros(7, 150))
    with pytest.raises(ShapeError, match=r"\(B, T, 6 R\)"):
        to_rows(torch.zeros(1, 7, 151))
    with pytest.raises(ShapeError, match=r"\(B, R, 6, T\)"):
        from_rows(torch.zeros(2, 25, 3, 7))
