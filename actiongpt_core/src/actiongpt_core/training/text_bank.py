"""Encoded texts of the training clips, kept in memory and in a file, and the random choice among them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from actiongpt_core.data.procedural import mirror_text
from actiongpt_core.interfaces import TextEncoder
from actiongpt_core.text.aggregators import mean
from actiongpt_core.types.text import TextFeatures

#: How often a sample is told by descriptions rather than by a raw phrase, and how often by all of its descriptions.
DESCRIPTION_SHARE = 0.65
_ALL_SHARE = 0.6
_FIRST_WORDING_SHARE = 0.4
_FORMAT = 2  #: of the file of states


class TextBank:
    """Token states of every text group that training can ask for.

    Args:
        descriptions: phrase -> K texts.
        encoder: The frozen text model.
        seed: Of the choices.
    """

    def __init__(self, descriptions: Mapping[str, Sequence[str]], encoder: TextEncoder, seed: int) -> None:
        self._descriptions = {phrase.casefold(): tuple(texts) for phrase, texts in descriptions.items()}
        self._encoder = encoder
        self._states: dict[tuple[str, ...], tuple[Tensor, Tensor, Tensor | None]] = {}
        self._rng = np.random.default_rng(seed)

    def descriptions(self, phrase: str) -> tuple[str, ...] | None:
        """The phrase's descriptions; a sided phrase without an entry uses its twin's, with the sides swapped."""
        found = self._descriptions.get(phrase.casefold())
        if found is None and (twin := self._descriptions.get(mirror_text(phrase).casefold())) is not None:
            return tuple(mirror_text(text) for text in twin)
        return found

    def encode_all(self, texts: Iterable[tuple[str, ...]], cache: Path) -> None:
        """Encode the raw phrases and the descriptions of all clips, or read the states from `cache`."""
        groups = sorted(set(texts) | {(text,) for group in texts for text in group})
        wanted: set[tuple[str, ...]] = set()
        for group in groups:
            wanted |= {(text,) for text in group}
            wanted |= {found for text in group if (found := self.descriptions(text)) is not None}
        ordered = sorted(wanted)
        stamp = hashlib.sha256(repr((_FORMAT, ordered, self._encoder.name)).encode()).hexdigest()
        if cache.is_file():
            stored = torch.load(cache, weights_only=True)
            if stored["stamp"] == stamp:
                self._states = dict(zip(ordered, stored["states"], strict=True))
                return
        for group in ordered:
            encoded = self._encoder.encode(group)
            self._states[group] = (encoded.tokens.half(), encoded.mask, encoded.pooled)
        torch.save({"stamp": stamp, "states": [self._states[group] for group in ordered]}, cache)

    def draw(self, texts: tuple[str, ...]) -> TextFeatures:
        """Aggregated features of one random telling of a clip: a subset of its descriptions, or one of its phrases."""
        rng = self._rng
        described = [found for text in texts if (found := self.descriptions(text)) is not None]
        if described and rng.random() < DESCRIPTION_SHARE:
            return self._subset(described[int(rng.integers(len(described)))])
        first = rng.random() < _FIRST_WORDING_SHARE
        phrase = texts[0] if first else texts[int(rng.integers(len(texts)))]
        return self._aggregate((phrase,), [0])

    def _subset(self, group: tuple[str, ...]) -> TextFeatures:
        size = len(group)
        if self._rng.random() >= _ALL_SHARE:
            size = int(self._rng.integers(1, len(group)))
        return self._aggregate(group, sorted(self._rng.choice(len(group), size, replace=False).tolist()))

    def _aggregate(self, group: tuple[str, ...], rows: list[int]) -> TextFeatures:
        tokens, mask, pooled = self._states[group]
        tokens, mask = tokens[rows], mask[rows]
        longest = int(mask.sum(-1).max())  # the subset is padded to its own longest text, as generation does
        pooled = None if pooled is None else pooled[rows]
        return mean(TextFeatures(tokens=tokens[:, :longest].float(), mask=mask[:, :longest], pooled=pooled))
