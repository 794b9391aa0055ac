"""Prompt strategies: what a language model is asked for an action, and how its answer is read. Named and versioned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from actiongpt_core.errors import ConfigError, did_you_mean
from actiongpt_core.text.cleaning import read_description
from actiongpt_core.text.strategies.decomposition import decompose_prompt, read_actions
from actiongpt_core.text.strategies.few_shot import few_shot
from actiongpt_core.text.strategies.normalise import normalise, read_label
from actiongpt_core.types.text import Answer, Prompt

#: The strategy of the paper.
DEFAULT_STRATEGY = "action-gpt"
#: The strategy that parts a text into actions; the others describe one.
DECOMPOSE = "decompose"

#: The paper's sampling (its released code: temperature 0.5, top_p 1, 128 tokens).
PAPER_SAMPLING: Mapping[str, Any] = {"temperature": 0.5, "top_p": 1.0, "max_tokens": 128}


@attrs.frozen(kw_only=True)
class Strategy:
    """A way to ask. A change of what is asked is a new version: answers of another version are not reused."""

    name: str
    version: int
    summary: str
    build: Callable[[str], Prompt]  #: phrase -> what is asked
    #: phrase, answer -> the description; raises `UnusableAnswerError` where the answer is none
    read: Callable[[str, Answer], str] = read_description
    sampling: Mapping[str, Any] = PAPER_SAMPLING  #: where the user sets nothing


def action_gpt(phrase: str) -> Prompt:
    """The prompt of the paper, word for word.

    Source: Kalakonda et al., "Action-GPT", ICME 2023, section 3.1.
    """
    text = f"Describe a person's body movements who is performing the action {phrase} in details"
    return Prompt(messages=({"role": "user", "content": text},), text=text)


STRATEGIES: dict[str, Strategy] = {
    strategy.name: strategy
    for strategy in (
        Strategy(name=DEFAULT_STRATEGY, version=1, summary="The paper's sentence, exactly.", build=action_gpt),
        Strategy(
            name="few-shot",
            version=2,
            summary="Four examples in the style of the descriptions that ship, then the phrase.",
            build=few_shot,
            sampling={"temperature": 0.3, "top_p": 1.0, "max_tokens": 128},
        ),
        Strategy(
            name="normalise",
            version=1,
            summary="The phrase as a short label in the style of motion data sets; adds nothing.",
            build=normalise,
            read=read_label,
            sampling={"temperature": 0.2, "top_p": 1.0, "max_tokens": 32},
        ),
        Strategy(
            name=DECOMPOSE,
            version=2,
            summary="A long text into its actions, with seconds.",
            build=decompose_prompt,
            read=read_actions,
            sampling={"temperature": 0.0, "top_p": 1.0, "max_tokens": 768},
        ),
    )
}


def get_strategy(strategy: str | Strategy | None) -> Strategy:
    """A strategy by name; one of your own as it is; None for the paper's.

    Raises:
        ConfigError: No strategy has this name.
    """
    if isinstance(strategy, Strategy):
        return strategy
    name = DEFAULT_STRATEGY if strategy is None else strategy
    if name not in STRATEGIES:
        raise ConfigError(
            f"No prompt strategy {name!r}. Known: {', '.join(STRATEGIES)}.{did_you_mean(name, STRATEGIES)}"
        )
    return STRATEGIES[name]


def build_prompt(phrase: str, strategy: str | Strategy | None = None) -> str:
    """The prompt of a strategy for a phrase, as one text.

    Raises:
        ConfigError: No strategy has this name.
    """
    return get_strategy(strategy).build(phrase).text
