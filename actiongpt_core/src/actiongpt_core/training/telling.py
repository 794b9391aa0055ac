"""How actions are told in training: by a phrase of theirs, or by some of its descriptions."""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from actiongpt_core.interfaces import Aggregator, LLMProvider
from actiongpt_core.text.aggregators import first
from actiongpt_core.text.cache import DescriptionCache
from actiongpt_core.text.describe import describe
from actiongpt_core.text.sides import mirror_text
from actiongpt_core.training.config import TrainingConfig
from actiongpt_core.training.epochs import telling_numbers
from actiongpt_core.training.samples import ActionSample
from actiongpt_core.training.text_states import Group, TextStates
from actiongpt_core.types.text import Action, Descriptions, TextFeatures


@attrs.frozen
class Described:
    """The descriptions of a run's phrases."""

    texts: Mapping[str, Group]  #: by phrase; a phrase that is told by itself alone is not there
    asked: int  #: phrases in all


def describe_phrases(phrases: Iterable[str], provider: LLMProvider, k: int, strategy: str | None) -> Described:
    """K descriptions of each phrase, where the provider has its own.

    A phrase that stands for itself, or that a recorded set answers with another phrase's descriptions, is told by
    itself alone: what is learned belongs to the text that is there. A phrase with a side that a recorded set does not
    hold takes its twin's descriptions, with the sides swapped.

    Args:
        phrases: Each once.
        provider: Who describes. Answers that cost something are cached as in generation.
        k: Descriptions of a phrase.
        strategy: How a language model is asked; None for its own way.

    Raises:
        ProviderError: The provider could not answer; what it answered before is in the cache.
    """
    wanted = list(phrases)
    cache = DescriptionCache()

    def ask(texts: Sequence[str]) -> dict[str, Descriptions]:
        with _without_notes():
            found = describe([Action(text) for text in texts], provider, k, cache, strategy=strategy)
        return {
            item.phrase: item for item in found if item.source != "phrase" and not item.source.startswith("nearest:")
        }

    own = ask(wanted)
    twins = {phrase: mirror_text(phrase) for phrase in wanted if phrase not in own}
    others = ask(sorted({twin for phrase, twin in twins.items() if twin != phrase}))
    texts = {phrase: item.texts for phrase, item in own.items()}
    for phrase, twin in twins.items():
        if twin in others:
            texts[phrase] = tuple(mirror_text(text) for text in others[twin].texts)
    return Described(texts, len(wanted))


@contextlib.contextmanager
def _without_notes() -> Iterator[None]:
    """Without a note for each phrase that the provider does not know; the caller counts them."""
    logger = logging.getLogger("actiongpt_core")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


class Telling:
    """Draws one telling of every action, by the run's seed and the sample's number.

    Args:
        states: Of the text model.
        descriptions: By phrase.
        aggregator: Makes one text of K.
        config: Says how often which is taken.
        seed: Of the run.
    """

    def __init__(
        self,
        states: TextStates,
        descriptions: Mapping[str, Group],
        aggregator: Aggregator,
        config: TrainingConfig,
        seed: int,
    ) -> None:
        self._states, self._descriptions, self._config, self._seed = states, descriptions, config, seed
        self._aggregator: Any = aggregator
        self._needs_phrase = bool(getattr(aggregator, "needs_phrase", False))

    def prepare(self, texts: Iterable[tuple[str, ...]], progress: Callable[[int, int], None] | None = None) -> int:
        """Encode all that can be told of actions with these texts; returns how many groups were new."""
        phrases = {text for group in texts for text in group}
        groups: set[Group] = {(text,) for text in phrases}
        return self._states.add(groups | {self._descriptions[it] for it in phrases & set(self._descriptions)}, progress)

    def __call__(self, actions: Sequence[ActionSample], indices: Sequence[int]) -> list[TextFeatures]:
        """Aggregated features of one telling of each action.

        Args:
            actions: What is told.
            indices: The number of the sample that each belongs to; actions of one sample stand in their order.
        """
        places: Counter[int] = Counter()
        told = []
        for action, index in zip(actions, indices, strict=True):
            told.append(self._draw(action.texts, telling_numbers(self._seed, index, places[index])))
            places[index] += 1
        return told

    def in_full(self, texts: tuple[str, ...]) -> TextFeatures:
        """Told by all descriptions of the first text that has some, else by the first text."""
        described = next((text for text in texts if text in self._descriptions), None)
        if described is None:
            return self._aggregate((texts[0],), None, texts[0])
        return self._aggregate(self._descriptions[described], None, described)

    def _draw(self, texts: tuple[str, ...], numbers: np.random.Generator) -> TextFeatures:
        config = self._config
        described = [text for text in texts if text in self._descriptions]
        if described and numbers.random() < config.description_share:
            phrase = described[int(numbers.integers(len(described)))]
            group = self._descriptions[phrase]
            return self._aggregate(group, self._subset(len(group), numbers), phrase)
        is_first = numbers.random() < config.first_text_share
        phrase = texts[0] if is_first else texts[int(numbers.integers(len(texts)))]
        return self._aggregate((phrase,), None, phrase)

    def _subset(self, size: int, numbers: np.random.Generator) -> list[int] | None:
        """Which of K descriptions are taken; None for all."""
        least = self._config.min_k
        if least is None or least >= size or numbers.random() < self._config.all_k_share:
            return None
        return sorted(numbers.choice(size, int(numbers.integers(least, size)), replace=False).tolist())

    def _aggregate(self, group: Group, rows: Sequence[int] | None, phrase: str) -> TextFeatures:
        features = self._states.features(group, rows)
        if not self._needs_phrase:
            found: TextFeatures = self._aggregator(features)
            return found
        told: TextFeatures = self._aggregator(features, phrase=first(self._states.features((phrase,))))
        return told
