"""What a language model wrote, made a description: one paragraph of bounded length; or a reason why it is none."""

from __future__ import annotations

from actiongpt_core.types.text import Answer


class UnusableAnswerError(ValueError):
    """An answer is no description; the message says why, in a few words. It is asked again, then reported."""


def read_description(phrase: str, answer: Answer) -> str:
    """The description in an answer.

    Raises:
        UnusableAnswerError: There is none.
    """
    # Differs from the original, which deletes newlines and so glues two words together.
    text = " ".join(answer.text.split())
    if not any(character.isalpha() for character in text):
        raise UnusableAnswerError("it has no words")
    return text
