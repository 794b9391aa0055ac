"""Descriptions that were recorded before, and nothing else: the same words every time, offline."""

from __future__ import annotations

from pathlib import Path

import attrs

from actiongpt_core.errors import CacheError, ConfigError, ProviderError
from actiongpt_core.text.cache import DescriptionCache
from actiongpt_core.text.recordings import Recording, Selection, recordings, statistics
from actiongpt_core.types.text import Action, Descriptions


class ReplayProvider:
    """Looks an action up in the description cache, by the phrase as it was recorded; nobody is asked.

    Of several recordings of a phrase it takes the newest one with K descriptions: those of one provider, model,
    strategy with its version, and sampling.

    Args:
        model: Only what this language model wrote.
        provider: Only what came through this provider.
        strategy: Only what was asked by this prompt strategy.
        path: The SQLite file; None for the user's cache.
    """

    name = "replay"
    cacheable = False

    def __init__(
        self,
        model: str | None = None,
        *,
        provider: str | None = None,
        strategy: str | None = None,
        path: str | Path | None = None,
    ) -> None:
        self.path = DescriptionCache(Path(path) if path is not None else None).path
        self._selection = Selection(provider=provider, model=model, strategy=strategy)

    def knows(self, phrase: str) -> bool:
        """Whether the phrase is recorded with these commas, so that it is not to be split at them."""
        try:
            return bool(self._recordings(phrase))
        except CacheError:  # it will be said by `complete`
            return False

    def complete(self, action: Action, k: int) -> Descriptions:
        """The first K descriptions of the newest recording that has K; source "cache".

        Raises:
            ConfigError: k is less than 1.
            ProviderError: There is none, or there is no cache.
        """
        if k < 1:
            raise ConfigError(f"k, the number of descriptions of an action, must be at least 1, got {k}.")
        try:
            found = self._recordings(action.phrase)
            recording = next((item for item in found if len(item.texts) >= k), None)
            if recording is None:
                raise ProviderError(self._what_is_there(action.phrase, k, found))
        except CacheError as error:
            raise ProviderError(f"The provider 'replay' has nothing to repeat. {error}") from error
        key = recording.key
        return Descriptions(
            action=action,
            texts=recording.texts[:k],
            source="cache",
            provider=key.provider,
            model=key.model,
            strategy=key.strategy,
            sampling=dict(key.sampling),
        )

    def _recordings(self, phrase: str) -> list[Recording]:
        return next(recordings(self.path, attrs.evolve(self._selection, phrase=phrase)), [])

    def _what_is_there(self, phrase: str, k: int, found: list[Recording]) -> str:
        if found:
            most = max(found, key=lambda item: len(item.texts))
            way = " ".join(filter(None, (most.key.provider, most.key.model, most.key.strategy)))
            there = f"Of {phrase!r} at most {len(most.texts)} descriptions are recorded ({way}), and k is {k}."
        else:
            num_phrases = statistics(self.path, self._selection).phrases
            there = f"{phrase!r} is not recorded{self._selection}; {num_phrases} other phrases are."
        return (
            f"{there} The provider 'replay' asks nobody: record it with a language model (`actiongpt describe TEXT "
            f"--llm openai --k {k}`), or take it in from a file (`actiongpt cache import`). The cache is {self.path}."
        )
