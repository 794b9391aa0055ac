"""Smoothing: a Gaussian over time that does not shift the motion."""

from __future__ import annotations

import math

import attrs
import torch
from torch import Tensor

from actiongpt_core.errors import ConfigError
from actiongpt_core.types.motion import Motion

#: Standard deviation, seconds: tremor above about 5 Hz goes, steps and blows stay.
SECONDS = 0.04


def smooth(motion: Motion, seconds: float = SECONDS) -> Motion:
    """Smooth rotations and root over time, without delay.

    A rotation becomes the chordal mean of those around it, weighted by a Gaussian: the mean matrix, projected onto the
    rotations. Source: Hartley et al., "Rotation Averaging", IJCV 2013, section 5.1.

    Args:
        motion: What to smooth.
        seconds: Standard deviation of the Gaussian.

    Raises:
        ConfigError: seconds is not a positive number.
    """
    if not (math.isfinite(seconds) and seconds > 0):
        raise ConfigError(f"Smoothing needs a positive number of seconds, got {seconds}.")
    radius = min(math.ceil(3 * seconds * motion.fps), motion.num_frames - 1)
    steps = torch.arange(-radius, radius + 1, dtype=torch.float64) / (seconds * motion.fps)
    kernel = torch.exp(-0.5 * steps**2)
    kernel /= kernel.sum()
    rotations, translation = motion.rotations.double(), motion.translation.double()
    mean = _over_time(torch.cat([rotations[:1].expand(radius, -1, -1, -1), rotations]), rotations[-1:], kernel)
    # A root that travels goes on beyond the ends as it came, so that they stay where they are.
    before = 2 * translation[:1] - translation[1 : radius + 1].flip(0)
    after = 2 * translation[-1:] - translation[-radius - 1 : -1].flip(0)
    path = _over_time(torch.cat([before, translation, after]), None, kernel)
    return attrs.evolve(
        motion, rotations=_nearest_rotation(mean).to(motion.rotations), translation=path.to(motion.translation)
    )


def _over_time(values: Tensor, last: Tensor | None, kernel: Tensor) -> Tensor:
    """Weighted means of windows of the padded values; `last` is repeated behind them where it is given."""
    radius = len(kernel) // 2
    if last is not None:
        values = torch.cat([values, last.expand(radius, *last.shape[1:])])
    count = len(values) - 2 * radius
    return torch.stack([weight * values[i : i + count] for i, weight in enumerate(kernel.tolist())]).sum(0)


def _nearest_rotation(matrix: Tensor) -> Tensor:
    left, _, right = torch.linalg.svd(matrix)
    sign = torch.linalg.det(left @ right)
    left = torch.cat([left[..., :2], left[..., 2:] * sign[..., None, None]], dim=-1)
    return left @ right
