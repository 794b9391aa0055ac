"""Answers as language models write them, and what is left of them."""

from __future__ import annotations

import functools
import json
import re
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actiongpt_core.text.cleaning import MAX_CHARACTERS, UnusableAnswerError, one_paragraph, read_description
from actiongpt_core.types.text import Answer

STEP = "The person steps forward with the left leg."
SWING = "The right arm swings along."


@functools.cache
def shipped() -> list[str]:
    pack = json.loads(files("actiongpt_core.text").joinpath("packs/default.json").read_text("utf-8"))["descriptions"]
    return [text for texts in pack.values() for text in texts]


def read(text: str, *, is_cut: bool = False) -> str:
    return read_description("walk", Answer(draw=0, text=text, is_cut=is_cut))


@pytest.mark.parametrize(
    ("written", "description"),
    [
        (STEP, STEP),
        (f"\n\n{STEP}\n\n{SWING}\n", f"{STEP} {SWING}"),
        (f"1. {STEP}\n2. {SWING}", f"{STEP} {SWING}"),
        (f"1) {STEP}\n(2) {SWING}", f"{STEP} {SWING}"),
        (f"1. {STEP} 2. {SWING}", f"{STEP} {SWING}"),
        (f"- {STEP}\n* {SWING}\n\u2022 {SWING}", f"{STEP} {SWING} {SWING}"),
        (f"Step 1: {STEP}\nStep 2: {SWING}", f"{STEP} {SWING}"),
        ("1. The knees bend\n2. The hips\n   drop back", "The knees bend. The hips drop back"),
        (f"**Walking** \n {STEP} The *right arm* swings along.", f"Walking {STEP} {SWING}"),
        (f"1. **Start:** {STEP}\n2. **Arms**: {SWING}", f"Start: {STEP} Arms: {SWING}"),
        (f"# How to walk\n{STEP}", STEP),
        (f"### Description\n\n{STEP}\n\n---\n\n_{SWING}_", f"{STEP} {SWING}"),
        (f"```text\n{STEP}\n```", STEP),
        (f"<p>{STEP}</p><p>{SWING}</p>", f"{STEP} {SWING}"),
        (f"Sure! Here is a detailed description of the movements:\n\n{STEP}", STEP),
        (f"Sure, I can describe that for you.\n\n{STEP}", STEP),
        (f"Here's a description of the movement.\n\n{STEP}", STEP),
        (f"Certainly, here's how a person walks: {STEP}", STEP),
        (f'Certainly! When a person does "walk," the movements can be described as follows:\n\n1. {STEP}', STEP),
        (f"When a person walks, they do these things:\n- {STEP}", STEP),
        (f"As an AI language model I have no body, but here is a description: {STEP}", STEP),
        (f"Body movements: {STEP}", STEP),
        (f"Action: walk\nBody movements: {STEP}", STEP),
        (f"Describe a person's body movements who is performing the action walk in details.\n\n{STEP}", STEP),
        (f"{STEP} {SWING} Let me know if you need more detail!", f"{STEP} {SWING}"),
        (f"{STEP} Let me know if you'd like more detail! I'm happy to help.", STEP),
        (f"{STEP} Note: the exact movements may vary.", STEP),
        (f"{STEP} I hope this helps.", STEP),
        (f" {STEP}\n\nAction: jump\nBody movements: The person jumps.", STEP),
        (f"<think>\nThe user wants a description. Maybe:\n</think>\n\n{STEP}", STEP),
        (f"{STEP}<|im_end|>\n<|im_start|>user\nMore!", STEP),
        (f'"{STEP}"', STEP),
        (f"\u201c{STEP}\u201d", STEP),
        (f"{STEP}\x00\x1b {SWING}", f"{STEP} {SWING}"),
        ("\ufeffThe person \u200bsteps\u00a0forward with the left leg.", STEP),
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
        "Sure-footed, the person walks along the beam. The arms spread.",
        "The person shrugs as if to say feel free to pass.",
        "This is done slowly: the left foot lifts, and the right leg carries the weight.",
        "The arms rise: here is the highest point: both hands meet overhead.",
        "Step. Then the person turns around on the left heel.",
        "The person raises the arm to 90\u00b0 \u2013 then lowers it again.",
        "Knees bend deeply, hips drop, arms reach forward, heels stay down.",
        "The person goes left foot, right foot, left foot, right foot, left foot, right foot, and stops.",
        "Person walks forward.",
    ],
)
def test_what_only_looks_like_it_stays(description: str) -> None:
    assert read(description) == description


def test_every_description_that_ships_comes_out_as_it_went_in() -> None:
    assert len(shipped()) > 1000
    assert [text for text in shipped() if read(text) != text] == []


def test_an_answer_that_was_cut_ends_with_its_last_whole_sentence() -> None:
    assert read(f"{STEP} {SWING} Then the left", is_cut=True) == f"{STEP} {SWING}"
    assert (
        read("The person steps forward and then the left", is_cut=True)
        == ("The person steps forward and then the left"[: -len(" left")])
    )


def test_a_cut_answer_ends_neither_with_a_list_mark_nor_at_an_abbreviation() -> None:
    assert read(f"1. {STEP} 2. {SWING} 3. Both feet st", is_cut=True) == f"{STEP} {SWING}"
    assert read(f"{STEP} The trunk leans to approx. 45 degrees and", is_cut=True) == STEP
    assert read(f'"{STEP} Then the', is_cut=True) == STEP


def test_a_long_answer_ends_with_the_last_sentence_that_fits() -> None:
    sentences = [f"Word{number} the word{number + 100} word{number + 200} forward." for number in range(60)]
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
        ("I\u2019m sorry, but I can\u2019t describe that.", "refuses"),
        ("As an AI language model, I have no body to move.", "refuses"),
        ("Unfortunately, I cannot provide that description.", "refuses"),
        ("Could you please clarify which action you mean?", "refuses"),
        ("<think>\nThe user wants to know how a person walks. I will", "no words"),
        ('{"description": "The person walks forward slowly."}', "data"),
        ("<html><body>Please log in to go on.</body></html>", "data"),
        ("Describe a person's body movements who is performing the action walk in details", "question"),
        ("def walk(person):\n    person.legs = ['left', 'right']\n    return person", "data"),
        ("```python\ndef walk(person):\n    for leg in person.legs:\n        leg.move(forward=True)\n```", "data"),
        ("See https://example.org/walk for the movements of the legs.", "data"),
        ("La persona camina hacia adelante lentamente y mueve los brazos a los lados.", "not English"),
        ("\u4eba \u5411\u524d \u8d70\uff0c \u624b\u81c2 \u6446\u52a8", "not English"),
        ("the person walks and " * 12, "over and over"),
        ("The person throws the ball. " * 4, "over and over"),
    ],
)
def test_what_is_no_description_is_refused_with_a_reason(written: str, reason: str) -> None:
    with pytest.raises(UnusableAnswerError, match=reason):
        read(written)


WRAPPINGS = [
    "Sure!",
    "Both arms swing",
    "Here is a description:",
    "Action: walk",
    "Description:",
    "Let me know.",
    "I hope this helps!",
    "I can help:",
    "Note that it",
    "- ",
    "1. ",
    "(2)",
    "Step 1: ",
    "**",
    "*",
    "_",
    "`",
    "# ",
    "```",
    "> ",
    "<br>",
    "<think>",
    "</think>",
    "</s>",
]
PIECES = st.sampled_from(
    [STEP, SWING, *WRAPPINGS, "\n", "\n\n", " ", '"', "\u201c", "\u2022", "\u200b", "\x00", "\ud800"]
)


@settings(max_examples=300)
@given(st.lists(PIECES | st.text(max_size=3), max_size=12).map("".join) | st.text(max_size=300), st.booleans())
def test_whatever_comes_is_refused_or_becomes_one_bounded_line(text: str, is_cut: bool) -> None:
    try:
        description = read(text, is_cut=is_cut)
    except UnusableAnswerError:
        return
    assert description == " ".join(description.split())
    assert 0 < len(description) <= MAX_CHARACTERS
    assert description.encode("utf-8")
    assert not re.match(r"[-*>#\u2022] |\(?\d{1,2}[.)] |step \d+:", description, re.I)
    assert read(description) == description


@given(st.lists(st.sampled_from(shipped()), min_size=1, max_size=3, unique=True), st.sampled_from([" ", "\n", "\n\n"]))
def test_good_sentences_pass_unchanged(texts: list[str], between: str) -> None:
    assert read(between.join(texts)) == " ".join(texts)
    assert one_paragraph(" ".join(texts)) == " ".join(texts)
