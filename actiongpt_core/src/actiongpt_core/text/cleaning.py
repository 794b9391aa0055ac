"""What a language model wrote, made a description: one paragraph of bounded length; or a reason why it is none."""

from __future__ import annotations

import re
import unicodedata

from actiongpt_core.types.text import Answer

#: A description is cut at the end of the last sentence that fits. The longest of those that ship has 300 characters.
MAX_CHARACTERS = 900
_MIN_WORDS = 4

_FENCE = re.compile(r"^\s*```.*$", re.MULTILINE)
_HEADING = re.compile(r"^\s*#{1,6}\s+.*$", re.MULTILINE)
_MARK = re.compile(
    r"^\s*(?:[-*\u2022\u2013]\s+|\(?\d{1,2}[.)]\s+|(?:step|description|option|answer)\s*\d*\s*[:.)]\s*)+", re.I
)
_EMPHASIS = re.compile(r"(\*\*|__|\*|`)(?=\S)(.+?)(?<=\S)\1")
#: "Sure! Here is a detailed description of the movements:" and the like, at the beginning only.
_PREAMBLE = re.compile(
    r"^(?:(?:sure|certainly|of course|absolutely|okay|ok)\b[^.!:\n]{0,40}[.!,:]\s*)?"
    r"(?:(?:here(?:'s| is| are)|this is|below is|the following is)\b[^:\n]{0,160}:\s*)?"
    r"(?:(?:body movements?|movements?|description|answer)\s*:\s*)?",
    re.I,
)
_CHATTER = re.compile(
    r"(?:let me know\b|i hope (?:this|that)\b|feel free\b|would you like\b|do you want me\b|please note\b"
    r"|if you (?:have|need|would|want)\b)[^.!?]*[.!?]*\s*$",
    re.I,
)
_REFUSAL = re.compile(
    r"^(?:i'?m sorry|i am sorry|sorry,|i can(?:'|no)t|i cannot|i'?m (?:not able|unable)|i am (?:not able|unable)"
    r"|as an ai\b|unfortunately, i\b)",
    re.I,
)
_SENTENCE_END = re.compile(r"[.!?](?:[\"')\]]*)(?=\s|$)")
_QUOTES = {'"': '"', "'": "'", "\u201c": "\u201d", "\u2018": "\u2019", "\u00ab": "\u00bb"}


class UnusableAnswerError(ValueError):
    """An answer is no description; the message says why, in a few words. It is asked again, then reported."""


def read_description(phrase: str, answer: Answer) -> str:
    """The description in an answer: without list marks, markdown, preamble and closing words.

    An answer that ended at its limit of tokens is cut at the end of its last whole sentence, if it has one.

    Raises:
        UnusableAnswerError: There is none: no words, a refusal, the question repeated, or one thing over and over.
    """
    text = one_paragraph(answer.text)
    if _REFUSAL.match(text):
        raise UnusableAnswerError("it refuses")
    for pattern in (_PREAMBLE, _CHATTER):
        text = pattern.sub("", text).strip()
    text = _without_quotes(text)
    if answer.is_cut or len(text) > MAX_CHARACTERS:
        text = _whole_sentences(text)
    _check(phrase, text)
    return text


def one_paragraph(text: str) -> str:
    """One line, without markdown, list marks and control characters."""
    text = _HEADING.sub("", _FENCE.sub("", text))
    lines = [_EMPHASIS.sub(r"\2", _MARK.sub("", line)) for line in text.splitlines()]
    joined = " ".join(" ".join(lines).split())
    return "".join(character for character in joined if unicodedata.category(character) not in ("Cc", "Cs", "Cf"))


def _without_quotes(text: str) -> str:
    if len(text) > 1 and _QUOTES.get(text[0]) == text[-1] and text[0] not in text[1:-1]:
        return text[1:-1].strip()
    return text


def _whole_sentences(text: str) -> str:
    ends = [match.end() for match in _SENTENCE_END.finditer(text) if match.end() <= MAX_CHARACTERS]
    return text[: ends[-1]] if ends else text[:MAX_CHARACTERS].rsplit(" ", 1)[0]


def _check(phrase: str, text: str) -> None:
    words = [word.casefold().strip(".,;:!?") for word in text.split()]
    if not any(character.isalpha() for character in text):
        raise UnusableAnswerError("it has no words")
    if len(words) < _MIN_WORDS:
        raise UnusableAnswerError("it is too short")
    if text[0] in "{[<":
        raise UnusableAnswerError("it is data or a page, no sentence")
    if "describe a person's body movements" in text.casefold():
        raise UnusableAnswerError("it repeats the question")
    if len(words) >= 24 and len(set(words)) < len(words) / 4:
        raise UnusableAnswerError("it says one thing over and over")
