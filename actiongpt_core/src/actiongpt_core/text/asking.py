"""Asking a language model: until every draw has a usable answer, or it is clear that it will not."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from actiongpt_core.errors import ProviderError
from actiongpt_core.text.cleaning import UnusableAnswerError
from actiongpt_core.text.prompts import Strategy, get_strategy
from actiongpt_core.types.text import Action, Answer, Descriptions

if TYPE_CHECKING:
    from actiongpt_core.interfaces import LanguageModel

#: How often one description is asked for, when answers are missing or unusable.
ATTEMPTS = 3
#: Repeated questions are other draws: with a seed the same draw would give the same answer.
_NEXT_ATTEMPT = 1000
#: Of repeated questions, where the temperature is 0.
_LEAST_TEMPERATURE = 0.3
#: Characters of a phrase or an answer in a message.
_SHOWN = 80


@attrs.frozen(kw_only=True)
class Usable:
    """A description, and the answer that it was read from."""

    index: int  #: which of the K
    text: str
    answer: Answer


def strategy_of(model: Any, strategy: str | Strategy | None) -> Strategy:
    """The strategy that is asked by: the one that is given, else the model's own, else the paper's.

    Raises:
        ConfigError: No strategy has this name.
    """
    return get_strategy(strategy if strategy is not None else getattr(model, "strategy", None) or None)


def sampling_of(model: LanguageModel, strategy: Strategy) -> dict[str, Any]:
    """The sampling settings that apply: the strategy's and, over them, the user's."""
    return {**strategy.sampling, **model.sampling}


def ask(model: LanguageModel, phrase: str, indices: Sequence[int], strategy: Strategy) -> Iterator[Usable]:
    """Descriptions of a phrase, each as soon as it is there.

    Args:
        model: Who is asked.
        phrase: The user's words.
        indices: Which of the K descriptions are wanted.
        strategy: How it is asked.

    Raises:
        ProviderError: The model cannot answer, or some of its answers stay unusable; those before are good.
    """
    prompt, sampling = strategy.build(phrase), sampling_of(model, strategy)
    missing, rejected = list(indices), []
    for attempt in range(ATTEMPTS):
        if not missing:
            return
        wanted = {index + attempt * _NEXT_ATTEMPT: index for index in missing}
        for answer in model.answers(prompt, list(wanted), sampling if attempt == 0 else _by_chance(sampling)):
            try:
                text = strategy.read(phrase, answer)
            except UnusableAnswerError as error:
                rejected.append(f"{error}: {_beginning(answer.text)!r}")
                continue
            if answer.draw not in wanted:
                rejected.append(f"it is draw {answer.draw}, which was not asked for, or twice: {_beginning(text)!r}")
                continue
            index = wanted.pop(answer.draw)
            missing.remove(index)
            yield Usable(index=index, text=text, answer=answer)
    if missing:
        why = f"{len(rejected)} answers could not be used (the last one: {rejected[-1]})" if rejected else "none came"
        raise ProviderError(
            f"{model.name} ({model.model}) gave {len(indices) - len(missing)} of {len(indices)} descriptions of "
            f"{_beginning(phrase)!r} after {ATTEMPTS} attempts; {why}. Try another model or strategy, or the provider "
            f"'pack' or 'passthrough'."
        )


def _by_chance(sampling: Mapping[str, Any]) -> dict[str, Any]:
    """Without chance a model would give the answer again that was of no use."""
    return {**sampling, "temperature": _LEAST_TEMPERATURE} if sampling.get("temperature") == 0 else dict(sampling)


def _beginning(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]}..."


def complete(model: LanguageModel, action: Action, k: int) -> Descriptions:
    """K descriptions by the model's own strategy; `complete = asking.complete` in a class makes it a whole provider.

    Raises:
        ProviderError: The model cannot answer, or its answers are unusable.
    """
    strategy, start = strategy_of(model, None), time.perf_counter()
    found = sorted(ask(model, action.phrase, range(k), strategy), key=lambda item: item.index)
    texts = [item.text for item in found]
    return attrs.evolve(described(model, action, strategy, texts, found), elapsed=time.perf_counter() - start)


def described(
    model: LanguageModel, action: Action, strategy: Strategy, texts: Sequence[str], fresh: Sequence[Usable]
) -> Descriptions:
    """Texts with how they were asked for, and what the fresh ones among them cost."""
    return Descriptions(
        action=action,
        texts=tuple(texts),
        source="llm",
        provider=model.name,
        model=model.model,
        strategy=strategy.name,
        prompt=strategy.build(action.phrase).text,
        sampling=sampling_of(model, strategy),
        prompt_tokens=_total(item.answer.prompt_tokens for item in fresh),
        completion_tokens=_total(item.answer.completion_tokens for item in fresh),
    )


def _total(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
