"""A text to actions: by a language model where it is to part it, else by our own rules."""

from __future__ import annotations

import contextlib
from typing import Any

from actiongpt_core.errors import ConfigError
from actiongpt_core.interfaces import LanguageModel, LLMProvider
from actiongpt_core.text.actions import check_text, parse_actions
from actiongpt_core.text.asking import ask
from actiongpt_core.text.cache import DescriptionCache
from actiongpt_core.text.cleaning import UnusableAnswerError
from actiongpt_core.text.describe import cache_key
from actiongpt_core.text.prompts import DECOMPOSE, Strategy, get_strategy
from actiongpt_core.text.strategies.decomposition import actions_of
from actiongpt_core.types.text import Action

#: Of a text that a language model parts.
MAX_CHARACTERS = 4000


def read_text(
    text: str, provider: LLMProvider, strategy: str | Strategy | None, cache: DescriptionCache | None = None
) -> list[Action]:
    """The actions of a text: parted by the language model if the strategy is "decompose", else as `parse_actions` does.

    Raises:
        PromptError: The text cannot be turned into actions.
        ConfigError: No strategy has this name, or the provider asks no language model.
        ProviderError: The language model gives no actions.
    """
    if is_decompose(strategy):
        return decompose(text, provider, cache, strategy=strategy)
    return parse_actions(text, known=getattr(provider, "knows", None))


def is_decompose(strategy: str | Strategy | None) -> bool:
    """Whether a strategy parts a text instead of describing an action.

    Raises:
        ConfigError: No strategy has this name.
    """
    return strategy is not None and get_strategy(strategy).name == DECOMPOSE


def decompose(
    text: str,
    provider: LLMProvider,
    cache: DescriptionCache | None = None,
    *,
    strategy: str | Strategy | None = None,
) -> list[Action]:
    """The actions that a language model finds in a text, in order, each with its seconds.

    Args:
        text: The user's words, at most 4000 characters.
        provider: Who is asked; its answer is cached if it has an attribute `cacheable` that is true.
        cache: Where answers are kept; None for no cache.
        strategy: How it is asked, if in a way of your own; it reads answers into JSON as "decompose" does.

    Raises:
        PromptError: The text is empty, too long, has control characters or no letters.
        ConfigError: The provider asks no language model.
        ProviderError: It cannot answer, or its answers are no actions.
    """
    check_text(text, MAX_CHARACTERS)
    model: Any = provider
    if not isinstance(provider, LanguageModel):
        raise ConfigError(
            f"The provider {getattr(model, 'name', type(model).__name__)!r} asks no language model, so it cannot part "
            f"a text: leave the strategy 'decompose' out, or use the provider 'openai' or 'local'."
        )
    way = get_strategy(DECOMPOSE if strategy is None else strategy)
    cache = cache if getattr(model, "cacheable", False) else None
    key = cache_key(text, model, way)
    kept = cache.get(key).get(0) if cache is not None else None
    if kept is not None:
        with contextlib.suppress(UnusableAnswerError):  # what was imported may be anything
            return actions_of(kept)
    (item,) = ask(model, text, [0], way)
    actions = actions_of(item.text)
    if cache is not None:
        cache.put(key, 0, item.text, item.answer)
    return actions
