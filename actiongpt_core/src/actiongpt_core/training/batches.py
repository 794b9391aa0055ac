"""Single actions side by side: told by a text each, padded to a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import torch
from torch import Tensor

from actiongpt_core.nn.generation import pad_texts
from actiongpt_core.nn.masks import pad
from actiongpt_core.training.samples import ActionSample
from actiongpt_core.types.text import TextFeatures


@attrs.frozen(eq=False, kw_only=True)
class Actions:
    """One action of every sample."""

    indices: tuple[int, ...]  #: the samples' numbers
    tokens: Tensor  #: aggregated token states, (B, L, C)
    mask: Tensor  #: (B, L)
    features: Tensor  #: not normalised, zero beyond the lengths, (B, T, F)
    lengths: Tensor  #: frames, (B,)
    pooled: Tensor | None = None  #: aggregated pooled vectors, (B, C), where the text model has them

    def to(self, device: torch.device) -> Actions:
        """On another device."""
        names = ("tokens", "mask", "features", "lengths", "pooled")
        moved: dict[str, Any] = {name: x.to(device) for name in names if (x := getattr(self, name)) is not None}
        return attrs.evolve(self, **moved)


def collate_actions(actions: Sequence[ActionSample], told: Sequence[TextFeatures], indices: Sequence[int]) -> Actions:
    """Pad and mask.

    Args:
        actions: One of each sample.
        told: The aggregated text of each.
        indices: The samples' numbers.
    """
    tokens, mask = pad_texts(told)
    pooled = [text.pooled for text in told if text.pooled is not None]
    return Actions(
        indices=tuple(indices),
        tokens=tokens,
        mask=mask,
        features=pad([action.features for action in actions]),
        lengths=torch.tensor([len(action.features) for action in actions]),
        pooled=torch.stack(pooled) if len(pooled) == len(told) else None,
    )
