"""Unusable answers are asked again, then reported; equal ones are kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import pytest

from actiongpt_core.errors import ProviderError
from actiongpt_core.testing.fakes import FakeLanguageModel
from actiongpt_core.text.asking import ask, complete
from actiongpt_core.text.prompts import get_strategy
from actiongpt_core.types.text import Action, Answer, Prompt

PAPER = get_strategy("action-gpt")
GOOD = "The person steps forward with the left leg."


def test_an_unusable_answer_is_asked_for_again_as_another_draw() -> None:
    model = FakeLanguageModel(lambda prompt, draw: "no" if draw == 1 else GOOD)
    assert {item.index: item.text for item in ask(model, "walk", range(3), PAPER)} == dict.fromkeys(range(3), GOOD)
    assert [draws for _, draws in model.asked] == [(0, 1, 2), (1001,)]


def test_an_answer_that_does_not_come_is_asked_for_again() -> None:
    model = FakeLanguageModel(lambda prompt, draw: GOOD if draw % 1000 == 0 or draw > 1000 else None)
    assert len(list(ask(model, "walk", range(3), PAPER))) == 3
    assert [draws for _, draws in model.asked] == [(0, 1, 2), (1001, 1002)]


def test_answers_that_stay_unusable_are_reported_with_how_many_why_and_how_they_begin() -> None:
    def write(prompt: Prompt, draw: int) -> str:
        return GOOD if draw == 0 else "I'm sorry, I cannot do that, whoever asks."

    with pytest.raises(ProviderError) as caught:
        list(ask(FakeLanguageModel(write), "walk", range(2), PAPER))
    assert str(caught.value) == (
        "fake (scripted) gave 1 of 2 descriptions of 'walk' after 3 attempts; 3 answers could not be used (the last "
        'one: it refuses: "I\'m sorry, I cannot do that, whoever asks."). Try another model or strategy, or the '
        "provider 'pack' or 'passthrough'."
    )


@pytest.mark.parametrize(("asked", "again"), [(0.0, 0.3), (0, 0.3), (0.9, 0.9), (None, None)])
def test_an_answer_without_chance_is_asked_for_again_with_some(asked: float | None, again: float | None) -> None:
    class Noting(FakeLanguageModel):
        def answers(self, prompt: Prompt, draws: Sequence[int], sampling: Mapping[str, Any]) -> Iterator[Answer]:
            seen.append(sampling.get("temperature"))
            return super().answers(prompt, draws, sampling)

    seen: list[float | None] = []
    strategy = attrs.evolve(PAPER, sampling={} if asked is None else {"temperature": asked})
    list(ask(Noting(lambda prompt, draw: GOOD if draw >= 1000 else ""), "walk", range(2), strategy))
    assert seen == [asked, again]


def test_an_answer_that_nobody_asked_for_is_passed_by_and_reported() -> None:
    class Careless(FakeLanguageModel):
        def answers(self, prompt: Prompt, draws: Sequence[int], sampling: Mapping[str, Any]) -> Iterator[Answer]:
            yield Answer(draw=draws[0], text=GOOD)
            yield Answer(draw=draws[0], text=GOOD)
            yield Answer(draw=77, text=GOOD)

    assert len(list(ask(Careless(), "walk", range(3), PAPER))) == 3
    with pytest.raises(ProviderError, match=r"3 of 4 descriptions.*6 answers.*draw 77, which was not asked for"):
        list(ask(Careless(), "walk", range(4), PAPER))


def test_where_no_answer_comes_the_message_says_so() -> None:
    with pytest.raises(ProviderError, match=r"0 of 1 descriptions of 'walk' after 3 attempts; none came\."):
        list(ask(FakeLanguageModel(lambda prompt, draw: None), "walk", [0], PAPER))


def test_long_phrases_and_answers_are_shown_by_their_beginning() -> None:
    with pytest.raises(ProviderError) as caught:
        list(ask(FakeLanguageModel(lambda prompt, draw: "sorry, " * 500), "walk " * 800, [0], PAPER))
    assert "'walk walk" in str(caught.value)
    assert "'sorry, sorry," in str(caught.value)
    assert len(str(caught.value)) < 500


def test_good_answers_are_handed_over_before_the_failure_of_others() -> None:
    model = FakeLanguageModel(lambda prompt, draw: GOOD if draw == 0 else "")
    answers = ask(model, "walk", range(2), PAPER)
    assert next(answers).index == 0
    with pytest.raises(ProviderError, match="1 of 2"):
        next(answers)


def test_equal_answers_are_kept_and_not_asked_for_again() -> None:
    model = FakeLanguageModel(lambda prompt, draw: GOOD)
    assert complete(model, Action("walk"), 4).texts == (GOOD,) * 4
    assert len(model.asked) == 1


def test_descriptions_say_how_they_were_asked_for_and_what_they_cost() -> None:
    found = complete(FakeLanguageModel(sampling={"temperature": 0.1}), Action("walk", 2.0), 2)
    assert found.action == Action("walk", 2.0)
    assert (found.provider, found.model, found.strategy, found.source) == ("fake", "scripted", "action-gpt", "llm")
    assert found.sampling == {"temperature": 0.1, "top_p": 1.0, "max_tokens": 128}
    assert found.prompt == "Describe a person's body movements who is performing the action walk in details"
    assert (found.prompt_tokens, found.completion_tokens) == (20, 10)
    assert found.elapsed is not None
