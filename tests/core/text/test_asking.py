"""Unusable answers are asked again, then reported; equal ones are kept."""

from __future__ import annotations

import pytest

from actiongpt_core.errors import ProviderError
from actiongpt_core.testing.fakes import FakeLanguageModel
from actiongpt_core.text.asking import ask, complete
from actiongpt_core.text.prompts import get_strategy
from actiongpt_core.types.text import Action, Prompt

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
