import math

import pytest
import torch

from actiongpt_core.errors import ConfigError
from actiongpt_core.geometry.clips import (
    align_full,
    align_translation,
    bridge,
    canonicalise,
    facing,
    resample,
    subsample_frames,
    upsample,
)
from actiongpt_core.geometry.rotations import axis_angle_to_matrix, geodesic_angle, rotation_about_z

_UPRIGHT = axis_angle_to_matrix(torch.tensor([math.pi / 2, 0.0, 0.0]))


def _clip(turn: float, num_frames: int = 20) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    rotations = axis_angle_to_matrix(0.1 * torch.randn(num_frames, 22, 3, generator=generator))
    rotations[:, 0] = rotation_about_z(torch.tensor(turn)) @ _UPRIGHT @ rotations[:, 0]
    return rotations, torch.randn(num_frames, 3, generator=generator)


def test_an_upright_body_faces_minus_y_and_turning_left_increases_the_angle() -> None:
    assert float(facing(_UPRIGHT)) == pytest.approx(-math.pi / 2, abs=1e-6)
    turned = rotation_about_z(torch.tensor(0.3)) @ _UPRIGHT
    assert float(facing(turned)) == pytest.approx(-math.pi / 2 + 0.3, abs=1e-6)


@pytest.mark.parametrize("turn", [0.5, 1.5, 3.0, -2.0])
def test_aligning_by_facing_continues_the_direction_exactly(turn: float) -> None:
    before, after = _clip(turn), _clip(0.4)
    rotations, translation = align_full(*after, before[0][-1, 0], before[1][-1], heading=facing)
    assert float(facing(rotations[0, 0])) == pytest.approx(float(facing(before[0][-1, 0])), abs=1e-5)
    torch.testing.assert_close(translation[0, :2], before[1][-1, :2])


def test_aligning_keeps_heights_and_relative_rotations() -> None:
    before, after = _clip(1.0), _clip(0.0)
    rotations, translation = align_full(*after, before[0][-1, 0], before[1][-1])
    torch.testing.assert_close(translation[:, 2], after[1][:, 2])
    torch.testing.assert_close(rotations[:, 1:], after[0][:, 1:])


def test_aligning_the_translation_only_keeps_every_step() -> None:
    _, translation = _clip(0.0)
    moved = align_translation(translation, torch.tensor([5.0, -2.0, 0.0]))
    torch.testing.assert_close(torch.diff(moved, dim=0), torch.diff(translation, dim=0), atol=1e-5, rtol=0)


def test_a_bridge_moves_in_equal_steps() -> None:
    (first, place), (second, other) = _clip(0.0), _clip(1.0)
    rotations, translation = bridge((first[-1], second[0]), (place[-1], other[0]), 4)
    path = torch.cat([first[-1:], rotations, second[:1]])
    steps = geodesic_angle(path[:-1, 0], path[1:, 0])
    torch.testing.assert_close(steps, steps.mean().expand(5), atol=1e-3, rtol=0)
    torch.testing.assert_close(torch.diff(translation, dim=0), (other[0] - place[-1]).expand(3, 3) / 5)


def test_canonical_clips_start_at_the_origin_and_move_as_before() -> None:
    rotations, translation = _clip(0.7)
    turned, moved = canonicalise(rotations, translation)
    torch.testing.assert_close(moved[0], torch.zeros(3))
    torch.testing.assert_close(moved.diff(dim=0).norm(dim=-1), translation.diff(dim=0).norm(dim=-1))
    torch.testing.assert_close(turned[:, 1:], rotations[:, 1:])
    relative = turned[0, 0].mT @ turned[:, 0], rotations[0, 0].mT @ rotations[:, 0]
    torch.testing.assert_close(*relative, atol=1e-5, rtol=0)


def test_canonical_clips_of_a_batch_equal_each_alone() -> None:
    clips = [_clip(0.7), _clip(-1.1)]
    together = canonicalise(*(torch.stack(parts) for parts in zip(*clips, strict=True)))
    for index, clip in enumerate(clips):
        for batched, alone in zip(together, canonicalise(*clip), strict=True):
            torch.testing.assert_close(batched[index], alone, atol=1e-6, rtol=0)


def test_dropping_filled_in_frames_gives_the_clip_back() -> None:
    values = torch.randn(6, 4, 3, generator=torch.Generator().manual_seed(0))
    filled = upsample(values, 4)
    torch.testing.assert_close(filled[subsample_frames(len(filled), 120, 30)], values)
    torch.testing.assert_close(filled.diff(dim=0)[:3], filled.diff(dim=0)[1:4])


def test_resampling_the_wrong_way_is_an_error() -> None:
    with pytest.raises(ConfigError, match="new_fps <= fps"):
        subsample_frames(10, 30, 60)
    with pytest.raises(ConfigError, match="at least 1"):
        upsample(torch.zeros(3, 2), 0)


@pytest.mark.parametrize(("fps", "new_fps", "num_frames"), [(20.0, 60.0, 58), (60.0, 20.0, 7), (30.0, 20.0, 13)])
def test_resampling_keeps_the_frames_that_fall_on_frames(fps: float, new_fps: float, num_frames: int) -> None:
    rotations, translation = _clip(0.3)
    new_rotations, new_translation = resample(rotations, translation, fps, new_fps)
    assert len(new_rotations) == len(new_translation) == num_frames
    for frame in range(num_frames):
        time = frame * fps / new_fps
        if abs(time - round(time)) < 1e-9:
            torch.testing.assert_close(new_rotations[frame], rotations[round(time)], atol=0, rtol=0)
            torch.testing.assert_close(new_translation[frame], translation[round(time)])


def test_resampling_a_steady_turn_gives_a_steady_turn() -> None:
    angles = torch.arange(10) * 0.1
    rotations = rotation_about_z(angles)[:, None]
    translation = angles[:, None].repeat(1, 3)
    turned, moved = resample(rotations, translation, 10.0, 25.0)
    expected = torch.arange(len(turned)) * 0.04
    assert float(geodesic_angle(turned[:, 0], rotation_about_z(expected)).max()) < 1e-3
    torch.testing.assert_close(moved[:, 0], expected)


def test_resampling_to_the_same_rate_changes_nothing_and_to_none_is_an_error() -> None:
    rotations, translation = _clip(0.3)
    assert resample(rotations, translation, 30.0, 30.0)[0] is rotations
    with pytest.raises(ConfigError, match="positive frame rates"):
        resample(rotations, translation, 30.0, 0.0)
