"""Prompt strategies: what a language model is asked for an action."""

from __future__ import annotations

from collections.abc import Callable

from actiongpt_core.errors import ConfigError, did_you_mean

#: The strategy of the paper.
DEFAULT_STRATEGY = "action-gpt"


def action_gpt(phrase: str) -> str:
    """The prompt of the paper, word for word.

    Source: Kalakonda et al., "Action-GPT", ICME 2023, section 3.1.
    """
    return f"Describe a person's body movements who is performing the action {phrase} in details"


STRATEGIES: dict[str, Callable[[str], str]] = {DEFAULT_STRATEGY: action_gpt}


def build_prompt(phrase: str, strategy: str = DEFAULT_STRATEGY) -> str:
    """The prompt of a strategy for a phrase.

    Raises:
        ConfigError: No strategy has this name.
    """
    if strategy not in STRATEGIES:
        raise ConfigError(
            f"No prompt strategy {strategy!r}. Known: {', '.join(STRATEGIES)}.{did_you_mean(strategy, STRATEGIES)}"
        )
    return STRATEGIES[strategy](phrase)
