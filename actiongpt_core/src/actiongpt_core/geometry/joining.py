"""Several actions as one motion: align each to what precedes it, bridge the gaps between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

from actiongpt_core.geometry.clips import align_full, align_translation, bridge, facing

Align = Literal["full", "translation", "none"]


def join_actions(
    rotations: Tensor,
    translation: Tensor,
    starts: Sequence[int],
    *,
    gap: int,
    align: Align = "full",
    heading: Callable[[Tensor], Tensor] = facing,
) -> tuple[Tensor, Tensor]:
    """Join actions that stand one after the other.

    Args:
        rotations: Parent-relative rotations of all actions, (T, J, 3, 3).
        translation: Root positions, (T, 3), metres.
        starts: First frame of each action; the first is 0.
        gap: Frames at the start of every later action that hold nothing yet: they become a bridge between the poses
            around them.
        align: "full" turns each action to the heading that the one before ended with and moves it there,
            "translation" only moves it, "none" leaves it as it is.
        heading: How a root rotation's heading is measured, (..., 3, 3) -> (...), radians.

    Returns:
        The joined rotations and translation, of the same shapes.

    Source: Athanasiou et al., "TEACH", 3DV 2022 (alignment and slerp of consecutive actions).
    """
    rotations, translation = rotations.clone(), translation.clone()
    ends = [*starts[1:], len(rotations)]
    for start, end in zip(starts[1:], ends[1:], strict=True):
        last, body = start - 1, slice(start + gap, end)
        if align == "full":
            rotations[body], translation[body] = align_full(
                rotations[body], translation[body], rotations[last, 0], translation[last], heading=heading
            )
        elif align == "translation":
            translation[body] = align_translation(translation[body], translation[last])
        if gap:
            between = slice(start, body.start)
            rotations[between], translation[between] = bridge(
                (rotations[last], rotations[body.start]), (translation[last], translation[body.start]), gap
            )
    return rotations, translation


def start_frames(blocks: Sequence[Tensor]) -> tuple[int, ...]:
    """Where each block (T_i, ...) starts when all stand one after the other."""
    starts = torch.tensor([0, *(len(block) for block in blocks[:-1])]).cumsum(0)
    return tuple(starts.tolist())
