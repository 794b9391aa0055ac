"""Answers as language models write them, and what is left of them."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actiongpt_core.text.cleaning import MAX_CHARACTERS, UnusableAnswerError, one_paragraph, read_description
from actiongpt_core.types.text import Answer

STEP = "The person steps forward with the left leg."
SWING = "The right arm swings along."


def read(text: str, *, is_cut: bool = False) -> str:
    return read_description("walk", Answer(draw=0, text=text, is_cut=is_cut))


@pytest.mark.parametrize(
    ("written", "description"),
    [
        (STEP, STEP),
        (f"\n\n{STEP}\n\n{SWING}\n", f"{STEP} {SWING}"),
        (f"1. {STEP}\n2. {SWING}", f"{STEP} {SWING}"),
        (f"1) {STEP}\n(2) {SWING}", f"{STEP} {SWING}"),
        (f"- {STEP}\n* {SWING}\n\u2022 {SWING}", f"{STEP} {SWING} {SWING}"),
        (f"Step 1: {STEP}\nStep 2: {SWING}", f"{STEP} {SWING}"),
        (f"**Walking** \n {STEP} The *right arm* swings along.", f"Walking {STEP} {SWING}"),
        (f"# How to walk\n{STEP}", STEP),
        (f"```text\n{STEP}\n```", STEP),
        (f"Sure! Here is a detailed description of the movements:\n\n{STEP}", STEP),
        (f"Certainly, here's how a person walks: {STEP}", STEP),
        (f"Body movements: {STEP}", STEP),
        (f"{STEP} {SWING} Let me know if you need more detail!", f"{STEP} {SWING}"),
        (f"{STEP} I hope this helps.", STEP),
        (f'"{STEP}"', STEP),
        (f"\u201c{STEP}\u201d", STEP),
        (f"{STEP}\x00\x1b {SWING}", f"{STEP} {SWING}"),
    ],
)
def test_what_surrounds_a_description_is_taken_off(written: str, description: str) -> None:
    assert read(written) == description


@pytest.mark.parametrize(
    "description",
    [
        "At 90 degrees the knee stops; 2. is no list mark inside of a line, and 3 steps are counted.",
        'The person shouts "go" and raises the "left" arm.',
        "The person walks 1.5 m forward, here and there: first slowly, then faster.",
        "Certain of the way, the person walks straight ahead.",
        "Here the person turns around and walks back.",
    ],
)
def test_what_only_looks_like_it_stays(description: str) -> None:
    assert read(description) == description


def test_every_description_that_ships_comes_out_as_it_went_in() -> None:
    pack = json.loads(files("actiongpt_core.text").joinpath("packs/default.json").read_text("utf-8"))["descriptions"]
    texts = [text for texts in pack.values() for text in texts]
    assert len(texts) > 1000
    assert [text for text in texts if read(text) != text] == []


def test_an_answer_that_was_cut_ends_with_its_last_whole_sentence() -> None:
    assert read(f"{STEP} {SWING} Then the left", is_cut=True) == f"{STEP} {SWING}"
    assert (
        read("The person steps forward and then the left", is_cut=True)
        == ("The person steps forward and then the left"[: -len(" left")])
    )


def test_a_long_answer_ends_with_the_last_sentence_that_fits() -> None:
    sentences = [f"Word{number} word{number + 100} word{number + 200} forward." for number in range(60)]
    read_back = read(" ".join(sentences))
    assert MAX_CHARACTERS - 60 < len(read_back) <= MAX_CHARACTERS
    assert " ".join(sentences).startswith(read_back)
    assert read_back.endswith("forward.")


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", "no words"),
        ("  \n ", "no words"),
        ("1234 !!", "no words"),
        ("walk", "too short"),
        ("I'm sorry, but I can't help with that request.", "refuses"),
        ("As an AI language model, I have no body to move.", "refuses"),
        ('{"description": "The person walks forward slowly."}', "data"),
        ("<html><body>Please log in to go on.</body></html>", "data"),
        ("Describe a person's body movements who is performing the action walk in details", "question"),
        ("the person walks and " * 12, "over and over"),
    ],
)
def test_what_is_no_description_is_refused_with_a_reason(written: str, reason: str) -> None:
    with pytest.raises(UnusableAnswerError, match=reason):
        read(written)


@given(st.text(max_size=300), st.booleans())
def test_whatever_comes_is_refused_or_becomes_one_bounded_line(text: str, is_cut: bool) -> None:
    try:
        description = read(text, is_cut=is_cut)
    except UnusableAnswerError:
        return
    assert description == " ".join(description.split())
    assert 0 < len(description) <= MAX_CHARACTERS
    assert description.encode("utf-8")


@given(st.lists(st.sampled_from([STEP, SWING, "Both knees bend.", "Then the body turns to the right."]), min_size=1))
def test_plain_sentences_are_left_alone_and_cleaning_twice_is_cleaning_once(sentences: list[str]) -> None:
    text = one_paragraph("\n".join(sentences))
    assert text == " ".join(sentences)
    assert one_paragraph(text) == text
