"""Rendered frames as the image tower sees them."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
import torch

from actiongpt_core.geometry.rotations import axis_angle_to_matrix, rotation_about_z
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL
from actiongpt_motionclip.clip import Clip
from actiongpt_motionclip.clip_encoder import ClipImageEncoder
from actiongpt_motionclip.database import Recording, read_database
from actiongpt_motionclip.dataset import load_item, windows
from actiongpt_motionclip.images import add_image_features, image_features, middle_frames, render_frames

#: A float's last digit moves the edge of a limb over the middle of a pixel here and there.
LEVELS = 1.0


@pytest.fixture
def images(tiny_clip: Clip) -> ClipImageEncoder:
    return ClipImageEncoder(tiny_clip)


@pytest.fixture(scope="module")
def motion() -> Motion:
    """250 frames: the body stands, then raises its arms, and walks along x all the time."""
    generator = torch.Generator().manual_seed(0)
    rotations = axis_angle_to_matrix(0.1 * torch.randn(250, 24, 3, generator=generator))
    rotations[:, 0] = axis_angle_to_matrix(torch.tensor([torch.pi / 2, 0.0, 0.0])) @ rotations[:, 0]
    rotations[125:, SMPL.index("left_shoulder")] = axis_angle_to_matrix(torch.tensor([0.0, 0.0, 1.3]))
    translation = torch.stack([torch.linspace(0, 4, 250), torch.zeros(250), torch.full((250,), 0.95)], dim=1)
    return Motion(rotations=rotations, translation=translation, fps=30, skeleton=SMPL)


@pytest.fixture
def recordings(lists: dict[str, Any], write_database: Any) -> list[Recording]:
    del lists["clip_images_emb"]
    return read_database(write_database(lists))


def difference(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a.float() - b.float()).abs().mean())


# --- which frames --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("num_frames", "expected"),
    [(1, [0]), (60, [30]), (99, [49]), (100, [50]), (199, [50]), (200, [50, 150]), (305, [50, 150, 250])],
)
def test_each_whole_window_shows_its_middle_frame(num_frames: int, expected: list[int]) -> None:
    assert middle_frames(num_frames) == expected


def test_a_short_motion_shows_its_own_middle_frame_whatever_the_window() -> None:
    assert middle_frames(30, window=60) == [15]


# --- pictures ------------------------------------------------------------------------------------------------------


def test_a_picture_shows_a_body(motion: Motion) -> None:
    picture = render_frames(motion, [10], size=96)
    assert picture.shape == (1, 96, 96, 3)
    assert picture.dtype == torch.uint8
    red, _, blue = picture[0].int().unbind(-1)
    assert int((red - blue > 60).sum()) > 50  # left limbs are orange
    assert int((blue - red > 60).sum()) > 50  # right limbs are blue


def test_a_picture_depends_on_its_own_frame_alone(motion: Motion) -> None:
    among = render_frames(motion, [3, 200], size=64)[1:]
    assert torch.equal(among, render_frames(motion[200:201], [0], size=64))


def test_a_picture_does_not_tell_where_the_body_stands_or_faces(motion: Motion) -> None:
    turn = rotation_about_z(torch.tensor(2.0))
    rotations = motion.rotations.clone()
    rotations[:, 0] = turn @ rotations[:, 0]
    moved = attrs.evolve(
        motion, rotations=rotations, translation=motion.translation @ turn.T + torch.tensor([3.0, -1.2, 0.0])
    )
    assert difference(render_frames(moved, [0, 200], 64), render_frames(motion, [0, 200], 64)) < LEVELS


def test_another_pose_is_another_picture(motion: Motion) -> None:
    standing, raised = render_frames(motion, [100, 150], 64)
    assert difference(standing, raised) > 2 * LEVELS


def test_the_motion_itself_is_not_changed(motion: Motion) -> None:
    before = motion.rotations.clone(), motion.translation.clone()
    render_frames(motion, [0], 32)
    assert torch.equal(motion.rotations, before[0])
    assert torch.equal(motion.translation, before[1])


# --- vectors -------------------------------------------------------------------------------------------------------


def test_a_motion_has_one_vector_a_window(motion: Motion, images: ClipImageEncoder) -> None:
    vectors = image_features(motion, images)
    assert vectors.shape == (2, images.dim)
    alone = image_features(motion[100:200], images)
    torch.testing.assert_close(vectors[1:], alone, atol=2e-5, rtol=1e-4)
    assert (vectors[0] - vectors[1]).abs().max() > 1e-3


def test_a_recording_without_images_is_rendered(recordings: list[Recording], images: ClipImageEncoder) -> None:
    found = add_image_features(recordings, images)
    for recording, window in ((found[0], 0), (found[2], 1)):
        assert recording.image_features is not None
        assert recording.image_features.shape == (recording.num_windows, images.dim)
        part = attrs.evolve(recording, thetas=recording.thetas[100 * window : 100 * window + 100], image_features=None)
        expected = add_image_features([part], images)[0].image_features
        torch.testing.assert_close(recording.image_features[window : window + 1], expected, atol=2e-5, rtol=1e-4)


def test_a_recordings_own_images_are_taken_before_rendering(
    recordings: list[Recording], images: ClipImageEncoder
) -> None:
    pictures = torch.randint(0, 256, (1, 40, 40, 3), dtype=torch.uint8)
    found = add_image_features([attrs.evolve(recordings[0], images=pictures.numpy())], images)[0]
    torch.testing.assert_close(torch.as_tensor(found.image_features), images.encode(pictures))


def test_vectors_that_are_there_are_kept(recordings: list[Recording], images: ClipImageEncoder) -> None:
    first = add_image_features(recordings, images)
    assert all(again is before for again, before in zip(add_image_features(first, images), first, strict=True))


def test_a_recording_shorter_than_a_window_needs_no_vector(
    recordings: list[Recording], images: ClipImageEncoder
) -> None:
    short = attrs.evolve(recordings[0], thetas=recordings[0].thetas[:99])
    assert add_image_features([short], images)[0].image_features is None


def test_an_item_carries_the_vector_of_its_window(recordings: list[Recording], images: ClipImageEncoder) -> None:
    recording = add_image_features(recordings, images)[2]
    items = [load_item(window) for window in windows([recording])]
    assert recording.image_features is not None
    for item, vector in zip(items, recording.image_features, strict=True):
        assert item is not None
        assert item.image_features is not None
        assert item.image_features.tolist() == vector.tolist()
