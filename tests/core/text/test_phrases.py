from __future__ import annotations

import pytest

from actiongpt_core.text.folding import fold, normalise
from actiongpt_core.text.phrases import why_different


@pytest.mark.parametrize(
    "forms",
    [
        ("walk", "Walks", "WALKING", "walked", "a person is walking", "The person walks.", "he walks"),
        ("run", "running", "runs", "ran"),
        ("wave", "waving", "waves", "waved"),
        ("sit down", "sitting down", "sits down", "sat down"),
        ("punch", "punches", "punching"),
        ("carry a box", "carries the box", "carrying boxes"),
        ("lie down", "lying down", "lies down"),
        ("walk backward", "walk backwards", "Walking, backwards"),
        ("raise the left arm", "raise your left arm", "raises his left arm"),
        ("swing", "swings", "swinging"),
        ("fall", "falling", "falls"),
        ("jump jack", "jumping jacks"),
    ],
)
def test_forms_of_one_phrase_fold_to_one_key(forms: tuple[str, ...]) -> None:
    assert len({fold(form) for form in forms}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [("raise an arm", "raise the arms"), ("swing", "sew"), ("jump", "jump rope"), ("toe touch", "to touch"), ("a", "")],
)
def test_different_phrases_fold_to_different_keys(one: str, other: str) -> None:
    assert fold(one) != fold(other)


def test_normalise_drops_case_and_punctuation_only() -> None:
    assert normalise("Walk,  FORWARD!") == "walk forward"
    assert normalise("run/jog - don't stop 2.5") == "run jog don't stop 2.5"


REFUSED = [
    ("wave with the left hand", "wave with the right hand", "side"),
    ("turn right", "turn left", "side"),
    ("raise both arms", "raise the left arm", "side"),
    ("raise an arm", "raise both arms", "side"),
    ("wave", "wave with the left hand", "side"),
    ("walk backward", "walk forward", "direction"),
    ("walk down stairs", "walk up stairs", "direction"),
    ("kick backwards", "kick forward", "direction"),
    ("look up", "look down", "direction"),
    ("turn clockwise", "turn counterclockwise", "direction"),
    ("jump in place", "jump forward", "direction"),
    ("jump twice", "jump three times", "count"),
    ("hop 3 times", "hop twice", "count"),
    ("spin around once", "spin around twice", "count"),
    ("knock on the door twice", "knock on a door", "count"),
    ("do not walk", "walk", "negation"),
    ("don't jump", "jump", "negation"),
    ("stop running", "running", "negation"),
    ("walk without swinging the arms", "walk swinging the arms", "negation"),
    ("run forward", "walk forward", "head verb"),
    ("stand up from the floor", "sit on the floor", "head verb"),
    ("roll a ball", "throw a ball", "head verb"),
    ("kick with the left foot", "hop on the left foot", "head verb"),
    ("walk and wave", "walk", "action"),
    ("walk quickly", "walk slowly", "speed"),
    ("raise the left leg", "raise the left arm", "body part"),
    ("turn the head to the left", "turn to the left", "body part"),
]


@pytest.mark.parametrize(("phrase", "other", "reason"), REFUSED)
def test_phrases_that_say_something_else_are_told_apart(phrase: str, other: str, reason: str) -> None:
    assert why_different(phrase, other) == reason
    assert why_different(other, phrase) == reason


@pytest.mark.parametrize(
    ("phrase", "other"),
    [
        ("lift the left arm", "raise the left arm"),
        ("walk straight ahead", "walk"),
        ("clap your hands", "clap"),
        ("jog on the spot", "jog in place"),
        ("left leg kick", "kick with the left leg"),
        ("throw a left punch", "punch with the left hand"),
        ("do some jumping jacks", "jumping jacks"),
        ("make a right turn", "turn right"),
        ("step to the right", "side step to the right"),
        ("", ""),
    ],
)
def test_phrases_that_say_the_same_are_not_told_apart(phrase: str, other: str) -> None:
    assert why_different(phrase, other) is None
