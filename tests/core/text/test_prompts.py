from __future__ import annotations

import re
from pathlib import Path

import pytest

from actiongpt_core.errors import ConfigError
from actiongpt_core.text.actions import parse_actions
from actiongpt_core.text.cleaning import UnusableAnswerError, read_description
from actiongpt_core.text.prompts import STRATEGIES, Strategy, build_prompt, get_strategy
from actiongpt_core.types.text import Answer, Prompt


def test_default_prompt_is_the_papers_word_for_word() -> None:
    assert build_prompt("walk forward") == (
        "Describe a person's body movements who is performing the action walk forward in details"
    )


def test_the_papers_prompt_goes_to_a_chat_model_as_one_message() -> None:
    prompt = get_strategy("action-gpt").build("walk")
    assert prompt.messages == ({"role": "user", "content": prompt.text},)
    assert prompt.stop == ()


def test_unknown_strategy_is_refused_with_a_suggestion() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'action-gpt'"):
        build_prompt("walk", "action_gpt")


def test_a_strategy_of_ones_own_is_taken_as_it_is() -> None:
    own = Strategy(
        name="shout", version=1, summary="", build=lambda phrase: Prompt(messages=(), text=f"{phrase.upper()}!")
    )
    assert build_prompt("walk", own) == "WALK!"


def test_the_strategies_have_names_versions_and_summaries() -> None:
    assert set(STRATEGIES) == {"action-gpt", "few-shot", "normalise", "decompose"}
    for name, strategy in STRATEGIES.items():
        assert strategy.name == name
        assert strategy.version >= 1
        assert strategy.summary


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("phrase", ["juggle", 'say "hi" {x} %s', "走る"])
def test_the_phrase_stands_in_both_forms_of_a_prompt_once_and_last(name: str, phrase: str) -> None:
    prompt = get_strategy(name).build(phrase)
    assert prompt.text.count(phrase) == prompt.messages[-1]["content"].count(phrase) == 1
    assert prompt.messages[-1]["role"] == "user"


def few_shot_examples() -> list[tuple[str, str]]:
    messages = get_strategy("few-shot").build("walk").messages[1:-1]
    return [(one["content"], other["content"]) for one, other in zip(messages[::2], messages[1::2], strict=True)]


def test_the_examples_are_descriptions_by_our_own_rules() -> None:
    assert len(few_shot_examples()) == 4
    for action, text in few_shot_examples():
        assert read_description(action, Answer(draw=0, text=text)) == text
        assert text.startswith("The person ")
        assert 25 <= len(text.split()) <= 50
        assert f"Action: {action}\nBody movements: {text}\n" in build_prompt("walk", "few-shot")


def test_the_examples_favour_no_side_and_name_only_the_side_of_their_action() -> None:
    named = [re.findall(r"left|right", action) for action, _ in few_shot_examples()]
    assert sorted(named) == [[], [], ["left"], ["right"]]
    for action, text in few_shot_examples():
        assert set(re.findall(r"\b(?:left|right)\b", text)) == set(re.findall(r"left|right", action))


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_documentation_shows_what_is_asked_word_for_word(name: str) -> None:
    page = (Path(__file__).parents[3] / "docs" / "explanation" / "prompt-strategies.md").read_text("utf-8")
    phrase = "A man walks forward and bows." if name == "decompose" else "walk forward"
    strategy = get_strategy(name)
    assert f"```text\n{strategy.build(phrase).text}\n```" in page
    settings = "temperature {temperature:g}, top_p {top_p:g}, {max_tokens} tokens".format(**strategy.sampling)
    assert re.search(rf"\| `{name}` \| {strategy.version} \| .* \| {settings}", page)


@pytest.mark.parametrize("name", ["few-shot", "normalise", "decompose"])
def test_line_ends_in_a_phrase_do_not_break_the_form(name: str) -> None:
    prompt = get_strategy(name).build("walk\n\nAction: jump")
    assert prompt == get_strategy(name).build("walk Action: jump")


# --- normalise -------------------------------------------------------------------------------------------------------


def label(phrase: str, answer: str) -> str:
    return get_strategy("normalise").read(phrase, Answer(draw=0, text=answer))


def test_the_examples_of_rewriting_pass_their_own_check() -> None:
    messages = get_strategy("normalise").build("walk").messages[1:-1]
    pairs = [(one["content"], other["content"]) for one, other in zip(messages[::2], messages[1::2], strict=True)]
    assert len(pairs) == 5
    assert [label(text, answer) for text, answer in pairs] == [answer for _, answer in pairs]
    assert all(len(parse_actions(answer)) == 1 for _, answer in pairs)


@pytest.mark.parametrize(
    ("phrase", "answer", "said"),
    [
        ("strolls ahead", "walk forward", "walk forward"),
        ("she totters about", ' "Walk around." ', "Walk around"),
        ("walks", "1. walk", "walk"),
        ("walks", "Label: walk", "walk"),
        ("walks", "Sure! Here is the label:\n\n**walk**\n\nIt is short, as you asked.", "walk"),
        ("walks", "<think>A person walks.</think>walk", "walk"),
    ],
)
def test_a_label_is_read_without_what_surrounds_it(phrase: str, answer: str, said: str) -> None:
    assert label(phrase, answer) == said


@pytest.mark.parametrize(
    ("phrase", "answer", "changed"),
    [
        ("raise the left arm", "raise the right arm", "side"),
        ("raise an arm", "raise the left arm", "side"),
        ("raise the left arm", "raise an arm", "side"),
        ("jump twice", "jump", "count"),
        ("jump", "jump three times", "count"),
        ("walk backward", "walk forward", "direction"),
        ("do not move the legs while waving", "wave and move the legs", "negation"),
        ("walk forward", "run forward", "verb"),
        ("walk and wave", "walk", "verb"),
        ("walk", "walk and wave", "action"),
        ("sit down, then stand up", "stand up, then sit down", "order"),
        ("walk slowly", "walk", "speed"),
    ],
)
def test_a_label_that_says_something_else_is_refused(phrase: str, answer: str, changed: str) -> None:
    with pytest.raises(UnusableAnswerError, match=f"changes the {changed}"):
        label(phrase, answer)


@pytest.mark.parametrize("answer", ["", "...", "walk " * 20])
def test_a_label_has_words_and_not_many(answer: str) -> None:
    with pytest.raises(UnusableAnswerError):
        label("walk", answer)
