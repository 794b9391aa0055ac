"""Pooled vectors of the embedded text model: the text space of the checkpoint that ships. It is not CLIP's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import attrs
import torch
from torch import Tensor

from actiongpt_core.text.encoders import TransformersTextEncoder
from actiongpt_core.types.text import TextFeatures

_SIDES = ("left", "right")


class PooledTextEncoder:
    """A transformers text model with a pooled vector that tells left from right.

    The mean of the token states hardly does: the vectors of "wave with the left hand" and "wave with the right hand"
    have a cosine of 0.98. So beside it stand the maximum of the token states, among which single words are still seen,
    and the shares of the words "left" and "right".

    Attributes:
        name: The source, as given.
        dim: C, channels of a token state; a pooled vector has 2 C + 2.
        space: The space of the pooled vectors.

    Args:
        source: As of `TransformersTextEncoder`.

    Raises:
        MissingAssetError: The model is not there, or its files cannot be read.
    """

    def __init__(self, source: str | Path) -> None:
        self._encoder = TransformersTextEncoder(source)
        self.name = self._encoder.name
        self.dim = self._encoder.dim
        self.space = f"{self.name}/mean+max+sides"

    def to(self, device: torch.device | str) -> PooledTextEncoder:
        """Move the model; returns itself."""
        self._encoder.to(device)
        return self

    def encode(self, texts: Sequence[str]) -> TextFeatures:
        """Encode the K descriptions of one action: tokens (K, L, C), mask (K, L), pooled (K, 2 C + 2).

        Raises:
            PromptError: There is no text, or a text is longer than the model can read.
        """
        return _pool(self._encoder.encode(texts), texts)

    def encode_batch(self, groups: Sequence[Sequence[str]]) -> list[TextFeatures]:
        """Encode many groups of texts; for each group what `encode` returns for it alone.

        Raises:
            PromptError: A group is empty, or a text is longer than the model can read.
        """
        encoded = self._encoder.encode_batch(groups)
        return [_pool(features, texts) for features, texts in zip(encoded, groups, strict=True)]


def _pool(features: TextFeatures, texts: Sequence[str]) -> TextFeatures:
    assert features.pooled is not None
    largest = features.tokens.masked_fill(~features.mask[..., None], -torch.inf).amax(-2)
    sides = torch.stack([_side_shares(text) for text in texts]).to(features.pooled)
    return attrs.evolve(features, pooled=torch.cat([features.pooled, largest, sides], dim=-1))


def _side_shares(text: str) -> Tensor:
    """How much of a text speaks of the left and of the right side, (2,); both 0 where neither is named."""
    words = re.findall(r"[a-z]+", text.lower())
    counts = torch.tensor([float(words.count(side)) for side in _SIDES])
    return counts / (counts.sum() + 1)
