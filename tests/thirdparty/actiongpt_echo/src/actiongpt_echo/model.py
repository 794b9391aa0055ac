"""Echo: a backbone without weights."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from actiongpt_core import SMPL_BODY, Motion, TextFeatures

_SWAY_HZ = 0.5


class Echo:
    """Sways from side to side: the longer the text, the further; the text's numbers give the rhythm's phase.

    A single leaning spine is enough to see that a text went in and a motion came out.
    """

    def __init__(self) -> None:
        self.fps = 20.0
        self.skeleton = SMPL_BODY
        self.default_seconds = 2.0

    def generate(
        self,
        features: Sequence[TextFeatures],
        lengths: Sequence[int],
        *,
        generator: torch.Generator | None = None,
        noise_scale: float | None = None,
    ) -> Motion:
        """One motion of sum(lengths) frames, standing on the spot."""
        scale = 1.0 if noise_scale is None else noise_scale
        lean = torch.cat(
            [self._lean(text, length, scale, generator) for text, length in zip(features, lengths, strict=True)]
        )
        rotations = torch.eye(3).repeat(len(lean), self.skeleton.num_joints, 1, 1)
        # The rest frame has y up and z forward: a quarter turn about x stands the body up, facing -y.
        rotations[:, 0] = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
        rotations[:, self.skeleton.index("spine1")] = _rotation_about_forward_axis(lean)
        translation = torch.tensor([0.0, 0.0, 0.93]).repeat(len(lean), 1)
        starts = tuple(sum(lengths[:i]) for i in range(len(lengths)))
        return Motion(rotations=rotations, translation=translation, fps=self.fps, skeleton=self.skeleton, starts=starts)

    def _lean(self, text: TextFeatures, length: int, scale: float, generator: torch.Generator | None) -> Tensor:
        """Angle of the lean, (T,), radians."""
        phase = float(text.tokens[text.mask].mean()) + scale * float(torch.randn((), generator=generator))
        amplitude = 0.02 * min(int(text.mask.sum()), 20)
        return amplitude * torch.sin(2 * math.pi * _SWAY_HZ * torch.arange(length) / self.fps + phase)


def _rotation_about_forward_axis(angle: Tensor) -> Tensor:
    """(T,) radians -> (T, 3, 3) about z of the rest frame."""
    cos, sin, zero, one = torch.cos(angle), torch.sin(angle), torch.zeros_like(angle), torch.ones_like(angle)
    return torch.stack([cos, -sin, zero, sin, cos, zero, zero, zero, one], dim=-1).reshape(-1, 3, 3)
