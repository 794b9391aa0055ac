"""Texts as unit vectors of a text encoder's space, whose products say how near two texts are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from actiongpt_core.errors import ConfigError
from actiongpt_core.interfaces import TextEncoder

#: Texts that are encoded together.
_BATCH = 64


def unit_vectors(encoder: TextEncoder, texts: Sequence[str]) -> NDArray[np.float32]:
    """Pooled vectors of length 1, (number of texts, C); there must be a text.

    Raises:
        ConfigError: The encoder gives no pooled vectors.
    """
    rows = []
    for start in range(0, len(texts), _BATCH):
        pooled = encoder.encode(texts[start : start + _BATCH]).pooled
        if pooled is None:
            raise ConfigError(f"The text encoder {encoder.name} gives no pooled vectors; neighbours need them.")
        rows.append(pooled.float().cpu().numpy())
    vectors: NDArray[np.float32] = np.concatenate(rows)
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def embedding_key(texts: Iterable[str], encoder: str) -> str:
    """Names the texts and the encoder that stored vectors belong to."""
    return hashlib.sha256("\n".join([encoder, *texts]).encode()).hexdigest()
