"""Descriptions of actions: from the cache where they were paid for before, else from the provider."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from actiongpt_core.errors import ConfigError
from actiongpt_core.interfaces import LLMProvider
from actiongpt_core.text.cache import CacheKey, DescriptionCache
from actiongpt_core.types.text import Action, Descriptions


def describe(
    actions: Sequence[Action], provider: LLMProvider, k: int = 4, cache: DescriptionCache | None = None
) -> list[Descriptions]:
    """K descriptions of each action; an action that stands there twice is asked for once.

    Args:
        actions: What to describe.
        provider: Who describes. Its answers are cached if it has an attribute `cacheable` that is true; then `name`,
            `model`, `strategy`, `sampling` and `base_url`, as far as it has them, belong to the key.
        k: Descriptions of one action.
        cache: Where answers are kept; None for no cache.

    Raises:
        ConfigError: k is less than 1.
        ProviderError: The provider could not answer.
    """
    if k < 1:
        raise ConfigError(f"k, the number of descriptions of an action, must be at least 1, got {k}.")
    found: dict[str, Descriptions] = {}
    for action in actions:
        if action.phrase not in found:
            found[action.phrase] = _describe(action, provider, k, cache)
    return [attrs.evolve(found[action.phrase], action=action) for action in actions]


def _describe(action: Action, provider: LLMProvider, k: int, cache: DescriptionCache | None) -> Descriptions:
    if cache is None or not getattr(provider, "cacheable", False):
        return provider.complete(action, k)
    key = _key(action, provider)
    kept = cache.get(key)[:k]
    if len(kept) == k:
        return _cached(action, kept, provider)
    fresh = provider.complete(action, k - len(kept))
    cache.put(key, fresh.texts, first=len(kept))
    return attrs.evolve(fresh, texts=(*kept, *fresh.texts))


def _key(action: Action, provider: Any) -> CacheKey:
    sampling = dict(getattr(provider, "sampling", {}))
    base_url = getattr(provider, "base_url", None)
    if base_url:  # one model name may mean two models on two servers
        sampling["base_url"] = str(base_url)
    return CacheKey(
        provider=str(getattr(provider, "name", type(provider).__name__)),
        model=str(getattr(provider, "model", "")),
        strategy=str(getattr(provider, "strategy", "")),
        phrase=action.phrase,
        sampling=sampling,
    )


def _cached(action: Action, texts: Sequence[str], provider: Any) -> Descriptions:
    return Descriptions(
        action=action,
        texts=tuple(texts),
        source="cache",
        provider=str(getattr(provider, "name", "")),
        model=str(getattr(provider, "model", "")),
        sampling=dict(getattr(provider, "sampling", {})),
    )
