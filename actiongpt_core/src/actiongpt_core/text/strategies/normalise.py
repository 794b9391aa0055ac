"""The strategy "normalise": the phrase as motion data sets put it."""

from __future__ import annotations

import re

from actiongpt_core.text.cleaning import UnusableAnswerError, one_paragraph, without_thoughts
from actiongpt_core.text.rewording import what_is_changed
from actiongpt_core.text.strategies.examples import by_example
from actiongpt_core.types.text import Answer, Prompt

_INSTRUCTION = (
    "Rewrite what a person does as a short label of an action, as in a motion data set: a plain verb first, then what "
    "it needs. Keep every action, its order, side, direction, count and speed. Add nothing, leave nothing out. Answer "
    "with the label alone."
)
_EXAMPLES = (
    ("strolling ahead like somebody's grandmother", "walk forward slowly"),
    ("He flails his left hand about to greet her, twice", "wave with the left hand twice"),
    ("plops down onto the sofa", "sit down"),
    ("she's running backwards in a hurry", "run backward quickly"),
    ("has to hop about on his right foot three times", "hop on the right foot three times"),
)
#: Words of a label, unless the phrase itself has more.
_MAX_WORDS = 12
_NAME = re.compile(r"^(?:label|text|action|answer|output)\s*:\s*", re.IGNORECASE)


def normalise(phrase: str) -> Prompt:
    """The phrase in the words of motion data sets; nothing is added to it."""
    return by_example(_INSTRUCTION, _EXAMPLES, phrase, question="Text", answer="Label")


def read_label(phrase: str, answer: Answer) -> str:
    """The label in an answer: its first line that does not announce another one.

    Raises:
        UnusableAnswerError: There is none, or it says something else than the phrase; see `what_is_changed`.
    """
    lines = (_NAME.sub("", one_paragraph(line)) for line in without_thoughts(answer.text).splitlines())
    said = [line for line in lines if any(character.isalpha() for character in line) and not line.endswith(":")]
    if not said:
        raise UnusableAnswerError("it has no words")
    label = said[0].strip(" .\"'\u201c\u201d")
    if len(label.split()) > max(_MAX_WORDS, len(phrase.split())):
        raise UnusableAnswerError("it is no short label")
    difference = what_is_changed(phrase, label)
    if difference is not None:
        raise UnusableAnswerError(f"it changes the {difference}")
    return label
