"""Parrot: a provider that needs no language model."""

from __future__ import annotations

from actiongpt_core import Action, Descriptions


class Parrot:
    """Says the phrase once, twice, and so on."""

    def complete(self, action: Action, k: int) -> Descriptions:
        """The phrase, repeated."""
        phrase = " ".join(action.phrase.split())
        texts = tuple(", ".join([phrase] * count) for count in range(1, k + 1))
        return Descriptions(action=action, texts=texts, source="parrot", provider="parrot")
