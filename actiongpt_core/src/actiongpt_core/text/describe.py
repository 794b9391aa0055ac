"""Descriptions of actions: from the cache where they were paid for before, else from the provider."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs

from actiongpt_core.errors import ConfigError
from actiongpt_core.interfaces import LanguageModel, LLMProvider
from actiongpt_core.text.asking import ask, described, sampling_of, strategy_of
from actiongpt_core.text.cache import CacheKey, DescriptionCache
from actiongpt_core.text.cache_file import without_credentials
from actiongpt_core.text.prompts import Strategy
from actiongpt_core.types.text import Action, Descriptions


def describe(
    actions: Sequence[Action],
    provider: LLMProvider,
    k: int = 4,
    cache: DescriptionCache | None = None,
    *,
    strategy: str | Strategy | None = None,
) -> list[Descriptions]:
    """K descriptions of each action; an action that stands there twice is asked for once.

    Args:
        actions: What to describe.
        provider: Who describes; as many actions at the same time as its `concurrency` allows. Its answers are cached
            if it has an attribute `cacheable` that is true.
        k: Descriptions of one action.
        cache: Where answers are kept, each as it comes; None for no cache.
        strategy: How a language model is asked; None for the provider's own way.

    Raises:
        ConfigError: k is less than 1, no strategy has this name, or the provider asks no language model.
        ProviderError: The provider could not answer. What it answered before is in the cache.
    """
    phrases = list(dict.fromkeys(action.phrase for action in actions))
    num_threads = max(min(len(phrases), getattr(provider, "concurrency", 1)), 1)

    def one(phrase: str) -> Descriptions:
        return describe_action(Action(phrase), provider, k, cache, strategy=strategy)

    if num_threads == 1:
        found = {phrase: one(phrase) for phrase in phrases}
    else:
        with ThreadPoolExecutor(num_threads) as pool:
            found = dict(zip(phrases, pool.map(one, phrases), strict=True))
    return [attrs.evolve(found[action.phrase], action=action) for action in actions]


def describe_action(
    action: Action,
    provider: LLMProvider,
    k: int = 4,
    cache: DescriptionCache | None = None,
    *,
    strategy: str | Strategy | None = None,
) -> Descriptions:
    """K descriptions of one action; see `describe`. Threads may share provider and cache."""
    way = how_to_ask(provider, k, strategy)
    cache = cache if getattr(provider, "cacheable", False) else None
    if way is not None:
        return _ask(action, provider, k, cache, way)
    return _complete(action, provider, k, cache)


def how_to_ask(provider: LLMProvider, k: int, strategy: str | Strategy | None = None) -> Strategy | None:
    """The strategy by which a provider is asked; None for one that asks no language model.

    Raises:
        ConfigError: k is less than 1, no strategy has this name, or the provider asks no language model.
    """
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise ConfigError(f"k, the number of descriptions of an action, must be a whole number of at least 1, got {k}.")
    if isinstance(provider, LanguageModel):
        return strategy_of(provider, strategy)
    if strategy is not None:
        raise ConfigError(
            f"The provider {getattr(provider, 'name', type(provider).__name__)!r} asks no language model, so it has no "
            f"use for a prompt strategy: leave the strategy out, or use the provider 'openai' or 'local'. Which "
            f"recordings 'replay' repeats is its own option: -O strategy=NAME."
        )
    return None


def cache_key(phrase: str, provider: Any, strategy: Strategy | None = None) -> CacheKey:
    """Under what the answers of a provider are kept.

    Args:
        phrase: What it is asked for.
        provider: Its `name`, `model`, `sampling` and `base_url` belong to the key, as far as it has them.
        strategy: How it is asked; None for a provider that asks in a way of its own.
    """
    if strategy is None:
        name, version, sampling = str(getattr(provider, "strategy", "")), 1, dict(getattr(provider, "sampling", {}))
    else:
        name, version, sampling = strategy.name, strategy.version, sampling_of(provider, strategy)
    base_url = getattr(provider, "base_url", None)
    if base_url:  # one model name may mean two models on two servers
        sampling["base_url"] = without_credentials(str(base_url))
    return CacheKey(
        provider=str(getattr(provider, "name", type(provider).__name__)),
        model=str(getattr(provider, "model", "")),
        strategy=name,
        version=version,
        phrase=phrase,
        sampling=sampling,
    )


def _ask(action: Action, provider: Any, k: int, cache: DescriptionCache | None, strategy: Strategy) -> Descriptions:
    key = cache_key(action.phrase, provider, strategy)
    texts = _kept(cache, key, k)
    missing = [index for index in range(k) if index not in texts]
    start, fresh = time.perf_counter(), []
    for item in ask(provider, action.phrase, missing, strategy):
        if cache is not None:
            cache.put(key, item.index, item.text, item.answer)
        texts[item.index] = item.text
        fresh.append(item)
    ordered = [texts[index] for index in range(k)]
    found = described(provider, action, strategy, ordered, fresh)
    return attrs.evolve(found, elapsed=time.perf_counter() - start) if fresh else attrs.evolve(found, source="cache")


def _complete(action: Action, provider: LLMProvider, k: int, cache: DescriptionCache | None) -> Descriptions:
    """A provider that does all by itself: it cannot be told which descriptions are wanted, only how many."""
    if cache is None:
        return provider.complete(action, k)
    key = cache_key(action.phrase, provider)
    texts = _kept(cache, key, k)
    first = next((index for index in range(k) if index not in texts), k)
    kept = [texts[index] for index in range(first)]
    if first == k:
        return Descriptions(
            action=action,
            texts=kept,
            source="cache",
            provider=key.provider,
            model=key.model,
            strategy=key.strategy,
            sampling=dict(getattr(provider, "sampling", {})),
        )
    fresh = provider.complete(action, k - first)
    for index, text in enumerate(fresh.texts, start=first):
        cache.put(key, index, text)
    return attrs.evolve(fresh, texts=(*kept, *fresh.texts))


def _kept(cache: DescriptionCache | None, key: CacheKey, k: int) -> dict[int, str]:
    stored: Mapping[int, str] = {} if cache is None else cache.get(key)
    return {index: text for index, text in stored.items() if index < k}
