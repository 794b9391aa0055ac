"""Clips: turn to a canonical heading, resample, join one to another, bridge the gap between two. World Z up, metres."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from actiongpt_core.errors import ConfigError
from actiongpt_core.geometry.rotations import (
    matrix_to_axis_angle,
    matrix_to_rot6d,
    rot6d_to_matrix,
    rotation_about_z,
    slerp,
)

#: The direction that canonical clips face at their first frame: -y, as an upright body turned by +90 degrees about x
#: does.
CANONICAL_FACING = -math.pi / 2


def heading(root_rotation: Tensor) -> Tensor:
    """Z component of the root's axis-angle vector, (..., 3, 3) -> (...), radians.

    It is what the originals turn clips by; for an upright body it grows with the facing direction but is not the
    facing angle itself.
    """
    return matrix_to_axis_angle(root_rotation)[..., 2]


def facing(root_rotation: Tensor) -> Tensor:
    """Angle of the body's forward axis (rest +z) in the ground plane, (..., 3, 3) -> (...), radians.

    Grows to the body's left.
    """
    forward = root_rotation[..., :, 2]
    return torch.atan2(forward[..., 1], forward[..., 0])


def canonicalise(rotations: Tensor, translation: Tensor) -> tuple[Tensor, Tensor]:
    """Turn clips about Z by minus their first frame's `heading`, and start them at the origin.

    An axis-angle component is not the facing angle, so a tilted body does not come to face one fixed direction.

    Args:
        rotations: Parent-relative rotations, (..., T, J, 3, 3).
        translation: (..., T, 3).

    Returns:
        The turned rotations and translation; the latter is (0, 0, 0) at the first frame.
    """
    turn = rotation_about_z(-heading(rotations[..., 0, 0, :, :]))[..., None, :, :]
    root = turn[..., None, :, :] @ rotations[..., :1, :, :]
    moved = (translation - translation[..., :1, :]) @ turn.squeeze(-3).mT
    return torch.cat([root, rotations[..., 1:, :, :]], dim=-3), moved


def subsample_frames(num_frames: int, fps: float, new_fps: float) -> Tensor:
    """The frames to keep, at the largest whole step that does not go below `new_fps`. (T',) int64.

    Raises:
        ConfigError: The new rate is higher, or a rate is not positive.
    """
    if not 0 < new_fps <= fps:
        raise ConfigError(f"Dropping frames needs 0 < new_fps <= fps, got {new_fps} of {fps}; see `upsample`.")
    return torch.arange(0, num_frames, int(fps / new_fps))


def upsample(values: Tensor, factor: int) -> Tensor:
    """Straight lines between consecutive frames, `factor` steps each: (T, ...) -> ((T - 1) factor + 1, ...).

    Raises:
        ConfigError: The factor is less than 1.
    """
    if factor < 1:
        raise ConfigError(f"upsample needs a whole factor of at least 1, got {factor}.")
    weights = (torch.arange(factor) / factor).to(values).reshape(1, -1, *[1] * (values.ndim - 1))
    between = (1 - weights) * values[:-1, None] + weights * values[1:, None]
    return torch.cat([between.flatten(0, 1), values[-1:]])


def resample(rotations: Tensor, translation: Tensor, fps: float, new_fps: float) -> tuple[Tensor, Tensor]:
    """The same motion at another frame rate, from the same first frame; no frame is made up after the last.

    Between two frames positions and 6D rotations run along straight lines, so frames of a lower rate should not be far
    apart. A frame that is at hand at its very time is taken as it is.

    Args:
        rotations: (T, J, 3, 3).
        translation: (T, 3).
        fps: Frames a second.
        new_fps: Frames a second of the result.

    Returns:
        rotations (T', J, 3, 3) and translation (T', 3).

    Raises:
        ConfigError: A rate is not positive.
    """
    if not (fps > 0 and new_fps > 0):
        raise ConfigError(f"Resampling needs positive frame rates, got {fps} and {new_fps}.")
    if fps == new_fps:
        return rotations, translation
    last = len(rotations) - 1
    # Rounded, so that frames 3 * (20 / 60) and the like are found at their very time.
    times = (torch.arange(int(last * new_fps / fps + 1e-6) + 1, dtype=torch.float64) * fps / new_fps).round(decimals=6)
    before = times.long().clamp(max=last).to(rotations.device)
    after = (before + 1).clamp(max=last)
    weights = (times.to(rotations.device) - before).to(rotations)
    rot6d = matrix_to_rot6d(rotations)
    turned = rot6d_to_matrix(torch.lerp(rot6d[before], rot6d[after], weights[:, None, None]))
    turned = torch.where((weights == 0)[:, None, None, None], rotations[before], turned)
    return turned, torch.lerp(translation[before], translation[after], weights[:, None])


def align_full(
    rotations: Tensor,
    translation: Tensor,
    last_rotation: Tensor,
    last_translation: Tensor,
    heading: Callable[[Tensor], Tensor] = heading,
) -> tuple[Tensor, Tensor]:
    """Turn a clip about Z to the heading that the previous one ended with, and start it at its last ground position.

    Height is kept. Source: TEACH, section "Sequence generation" (alignment of consecutive actions).

    Args:
        rotations: Parent-relative rotations of the clip, (T, J, 3, 3).
        translation: (T, 3).
        last_rotation: Root rotation of the last frame before the clip, (3, 3).
        last_translation: Root position of that frame, (3,).
        heading: How a root rotation's heading is measured: `heading` as in the originals, or `facing`.

    Returns:
        The turned rotations and the moved translation.
    """
    turn = rotation_about_z(heading(rotations[0, 0]) - heading(last_rotation))
    root = turn.transpose(-1, -2) @ rotations[:, :1]
    velocity = _planar_velocity(translation) @ turn[:2, :2]
    return torch.cat([root, rotations[:, 1:]], dim=1), _integrate(velocity, translation, last_translation)


def align_translation(translation: Tensor, last_translation: Tensor) -> Tensor:
    """Start a clip at the ground position where the previous one ended.

    Height and heading are kept. (T, 3), (3,) -> (T, 3).
    """
    return _integrate(_planar_velocity(translation), translation, last_translation)


def _planar_velocity(translation: Tensor) -> Tensor:
    steps = translation[1:, :2] - translation[:-1, :2]
    return torch.cat([torch.zeros_like(translation[:1, :2]), steps])


def _integrate(velocity: Tensor, translation: Tensor, start: Tensor) -> Tensor:
    return torch.cat([start[:2] + torch.cumsum(velocity, dim=0), translation[:, 2:]], dim=-1)


def bridge(
    rotations: tuple[Tensor, Tensor], translations: tuple[Tensor, Tensor], num_frames: int
) -> tuple[Tensor, Tensor]:
    """Frames between two poses: slerp of every joint, straight line of the root.

    Args:
        rotations: The poses before and after, (J, 3, 3) each.
        translations: The root positions before and after, (3,) each.
        num_frames: W; frame i stands at (i + 1) / (W + 1).

    Returns:
        rotations (W, J, 3, 3) and translation (W, 3).
    """
    weights = torch.arange(1, num_frames + 1, dtype=torch.float64, device=translations[0].device) / (num_frames + 1)
    line = weights[:, None].to(translations[0])
    return slerp(*rotations, weights), (1 - line) * translations[0] + line * translations[1]
