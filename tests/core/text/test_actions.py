from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actiongpt_core.errors import ActionGPTError, ConfigError, PromptError
from actiongpt_core.text.actions import parse_actions


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("walk", ["walk"]),
        ("walk forward, then jump", ["walk forward", "jump"]),
        ("Walk forward and then jump.", ["Walk forward", "jump"]),
        ("walk then jump then sit down", ["walk", "jump", "sit down"]),
        ("walk; jump;sit down", ["walk", "jump", "sit down"]),
        ("Walk. Jump!\nSit down", ["Walk", "Jump", "Sit down"]),
        ("walk, after that jump, afterwards sit down", ["walk", "jump", "sit down"]),
        ("walk followed by a jump", ["walk", "a jump"]),
        ("first walk, then jump, finally sit down", ["walk", "jump", "sit down"]),
        ("First, walk, and jump", ["walk", "jump"]),
        ("bend over, scoop up, rise", ["bend over", "scoop up", "rise"]),
        ("wave and smile", ["wave and smile"]),
        ("walk slowly, carefully", ["walk slowly, carefully"]),
        ("walk, with both arms raised, then sit", ["walk, with both arms raised", "sit"]),
        ("walk, swinging the arms", ["walk, swinging the arms"]),
        ("walking, jumping", ["walking", "jumping"]),
        ("strengthen the grip", ["strengthen the grip"]),
        ("  walk \t forward  ,, jump ,", ["walk forward", "jump"]),
    ],
)
def test_text_becomes_the_actions_that_it_lists(text: str, phrases: list[str]) -> None:
    actions = parse_actions(text)
    assert [action.phrase for action in actions] == phrases
    assert all(action.seconds is None for action in actions)


def test_known_phrase_is_not_split() -> None:
    known = {"jump, balance", "run/jog, sudden stop"}.__contains__
    assert [a.phrase for a in parse_actions("jump, balance", known)] == ["jump, balance"]
    assert [a.phrase for a in parse_actions("jump, balance")] == ["jump", "balance"]
    phrases = [a.phrase for a in parse_actions("walk, turn, then run/jog, sudden stop", known)]
    assert phrases == ["walk", "turn", "run/jog, sudden stop"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("walk for 3 seconds, then jump", [("walk", 3.0), ("jump", None)]),
        ("walk (2.5 s), jump (1sec)", [("walk", 2.5), ("jump", 1.0)]),
        ("walk for 10 steps", [("walk for 10 steps", None)]),
    ],
)
def test_duration_at_the_end_of_an_action_is_read(text: str, expected: list[tuple[str, float | None]]) -> None:
    assert [(action.phrase, action.seconds) for action in parse_actions(text)] == expected


def test_impossible_duration_is_refused() -> None:
    with pytest.raises(ConfigError, match="positive"):
        parse_actions("walk for 0 seconds")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        (" \n\t ", "empty"),
        ("walk " * 2000, "10000 characters"),
        ("walk\x00forward", "control character"),
        ("walk \x1b[31m", "control character"),
        ("walk \ud800", "control character"),
        ("1234 !?", "no letters"),
        ("🕺💃", "no letters"),
        (", ".join(["walk"] * 21), "21 actions"),
    ],
)
def test_text_that_cannot_be_actions_is_refused_with_a_reason(text: str, message: str) -> None:
    with pytest.raises(PromptError, match=message):
        parse_actions(text)


def test_non_english_text_is_one_action() -> None:
    assert [action.phrase for action in parse_actions("走る")] == ["走る"]


@pytest.mark.parametrize("text", ["then", "THEN", "and then, then", "followed by ..."])
def test_words_that_only_join_actions_are_no_action(text: str) -> None:
    with pytest.raises(PromptError, match=r"names no action|no letters"):
        parse_actions(text)


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_gives_actions_with_letters_or_an_error_of_the_family(text: str) -> None:
    try:
        actions = parse_actions(text)
    except ActionGPTError:
        return
    assert 1 <= len(actions) <= 20
    assert all(any(character.isalpha() for character in action.phrase) for action in actions)
