"""Pooled vectors of the embedded text model: the text space of the checkpoint that ships. It is not CLIP's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs
import torch

from actiongpt_core.text.encoders import TransformersTextEncoder
from actiongpt_core.types.text import TextFeatures


class PooledTextEncoder:
    """A transformers text model whose pooled vector is the mean and, beside it, the maximum of the token states.

    The mean alone hardly tells left from right; among the maxima single words are still seen.

    Attributes:
        name: The source, as given.
        dim: C, channels of a token state; a pooled vector has 2 C.
        space: Name of the space of the pooled vectors.

    Args:
        source: As of `TransformersTextEncoder`.

    Raises:
        MissingAssetError: The model is not there, or its files cannot be read.
    """

    def __init__(self, source: str | Path) -> None:
        self._encoder = TransformersTextEncoder(source)
        self.name = self._encoder.name
        self.dim = self._encoder.dim
        self.space = f"{self.name}/mean+max"

    def to(self, device: torch.device | str) -> PooledTextEncoder:
        """Move the model; returns itself."""
        self._encoder.to(device)
        return self

    def encode(self, texts: Sequence[str]) -> TextFeatures:
        """Encode the K descriptions of one action: tokens (K, L, C), mask (K, L), pooled (K, 2 C).

        Raises:
            PromptError: There is no text, or a text is longer than the model can read.
        """
        return _pool(self._encoder.encode(texts))

    def encode_batch(self, groups: Sequence[Sequence[str]]) -> list[TextFeatures]:
        """Encode many groups of texts; for each group what `encode` returns for it alone.

        Raises:
            PromptError: A group is empty, or a text is longer than the model can read.
        """
        return [_pool(features) for features in self._encoder.encode_batch(groups)]


def _pool(features: TextFeatures) -> TextFeatures:
    assert features.pooled is not None
    largest = features.tokens.masked_fill(~features.mask[..., None], -torch.inf).amax(-2)
    return attrs.evolve(features, pooled=torch.cat([features.pooled, largest], dim=-1))
