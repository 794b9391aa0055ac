"""The interface of motion features, and their normalisation."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from actiongpt_core.errors import ShapeError
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import Skeleton

_EPSILON = 1e-12  # of the originals; guards entries with zero spread


class MotionFeatures(Protocol):
    """A way to write a motion as (T, F) numbers."""

    num_features: int

    def encode(self, rotations: Tensor, translation: Tensor) -> Tensor:
        """Rotations (T, J, 3, 3), translation (T, 3) -> (T, F), not normalised."""
        ...

    def decode(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(..., T, F), not normalised -> rotations (..., T, J, 3, 3), translation (..., T, 3)."""
        ...

    def to_motion(self, features: Tensor, *, fps: float, skeleton: Skeleton) -> Motion:
        """(T, F), not normalised -> the motion."""
        ...


class Normalizer(nn.Module):
    """(x - mean) / (std + 1e-12), and back without the epsilon, as in the originals.

    Both (F,), kept with the weights.
    """

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        if mean.shape != std.shape or mean.ndim != 1:
            raise ShapeError(f"mean and std must both be (F,), got {tuple(mean.shape)} and {tuple(std.shape)}.")
        self.register_buffer("mean", mean.detach().clone().float())
        self.register_buffer("std", std.detach().clone().float())
        self.mean: Tensor
        self.std: Tensor

    @classmethod
    def fit(cls, features: Tensor, min_std: float = 1e-3) -> Normalizer:
        """Statistics of (N, F) rows; entries that hardly move get `min_std`."""
        return cls(features.mean(0), features.std(0).clamp(min=min_std))

    @classmethod
    def identity(cls, num_features: int) -> Normalizer:
        """Changes nothing; to be overwritten by a checkpoint's statistics."""
        return cls(torch.zeros(num_features), torch.ones(num_features))

    def normalise(self, features: Tensor) -> Tensor:
        """(..., F) -> (..., F)."""
        return (features - self.mean) / (self.std + _EPSILON)

    def denormalise(self, features: Tensor) -> Tensor:
        """(..., F) -> (..., F)."""
        return features * self.std + self.mean
