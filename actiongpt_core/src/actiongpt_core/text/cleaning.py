"""What a language model wrote, made a description: one paragraph of bounded length; or a reason why it is none."""

from __future__ import annotations

import re
import unicodedata

from actiongpt_core.text.folding import words_of
from actiongpt_core.types.text import Answer

#: A description is cut at the end of the last sentence that fits. The longest of those that ship has 261 characters.
MAX_CHARACTERS = 900
_MIN_WORDS = 3
#: Of an answer, its thoughts apart; what stands behind has no part in the description.
_MAX_READ = 4 * MAX_CHARACTERS

# --- around an answer ------------------------------------------------------------------------------------------------
#: What ends a turn or starts the next one, where a server lets it through.
_TEMPLATE = re.compile(r"<\|[^<>|]{1,40}\|>|</?s>|\[/?INST\]|<(?:start|end)_of_turn>")
#: A model that goes on after its answer makes up the next question.
_NEXT_QUESTION = re.compile(r"(?<=\S)\s*\n\s*(?:action|user|human|question)\s*:.*\Z", re.I | re.S)
_TAG = re.compile(r"</?(?:p|br|b|i|u|em|strong|ul|ol|li|div|span)\b[^<>]*>", re.I)

# --- marks of a line -------------------------------------------------------------------------------------------------
_FENCE = re.compile(r"^\s*```.*$", re.M)
_HEADING = re.compile(r"^[ \t]*#{1,6}[ \t].*$", re.M)
_STRONG = re.compile(r"\*{2,}|_{2,}|`+")
_NUMBER = r"(?:\(?\d{1,2}[.)]|(?i:step|option|description|answer)\s*\d{1,2}\s*[:.)\-])"
_MARK = re.compile(rf"^\s*(?:(?:[-*+>\u2022\u2023\u2013\u2014]|\(?[A-Za-z]\)|#+)\s+|{_NUMBER}\s+)+")
_INNER_MARK = re.compile(rf"(?<=[.!?:;])\s+(?:[-*]|{_NUMBER})\s+(?=[A-Z])|\s*\u2022\s*")
_EMPHASIS = re.compile(r"\*|(?<!\w)_+|_+(?!\w)")

# --- what a model says beside its answer -----------------------------------------------------------------------------
_ABOUT = (
    r"(?:description|breakdown|explanation|overview|as follows|following (?:steps|(?:body )?movements|actions|manner"
    r"|way)|body movements (?:of|for|during|in|when|while|who|involved))"
)
_SPEECH = r"(?:sure|certainly|absolutely|of course|okay|ok|alright|yes|no problem)(?: thing)?\s*"
_INTRODUCTION = re.compile(
    rf"(?:{_SPEECH}[!.:]\s+|{_SPEECH},\s+(?=(?:here|i|let|below|this|the|a|when)\b)"
    r"|here(?:['\u2019]s| is| are)\b[^.!?:]{0,200}:\s+"
    rf"|(?:here(?:['\u2019]s| is| are)|this is|below is)\b[^.!?:]{{0,200}}\b{_ABOUT}\b[^.!?:]{{0,160}}\.\s+"
    r"|(?:i(?:['\u2019]ll| will| can| would|['\u2019]d)|let me|let['\u2019]s)\b[^.!?:]{0,200}\b(?:descri|explain|help"
    r"|provide|break)[^.!?:]{0,160}[.!:]\s+"
    rf"|[^.!?:{{\[<]{{0,300}}\b{_ABOUT}\b[^.!?:]{{0,160}}:\s+"
    r"|(?:detailed )?(?:body movements?|movements?|description|answer|output|response|assistant)\s*:\s+)",
    re.I,
)
_CHATTER = re.compile(
    r"(?:^|(?<=[.!?:;)\"'\u201d])\s+)(?:let me know|i hope|hope this|feel free|don['\u2019]t hesitate|would you like"
    r"|do you want|do you need|is there anything|if you(?:['\u2019]d| have| need| would| want| like)|please let"
    r"|(?:please )?note(?: that\b|:)|please keep in mind|i['\u2019]m (?:happy|glad|here)|happy to help"
    r"|i\b[^.!?]*\byou)(?!\w)[^.!?]*[.!?]*[\"'\u201d)]*$",
    re.I,
)
_REFUSAL = re.compile(
    r"(?:i['\u2019]?m sorry|i am sorry|sorry\b|my apologies|i apologi[sz]e|i can(?:['\u2019]?t|not)\b"
    r"|i(?: am|['\u2019]m) (?:not able|unable)|i (?:do not|don['\u2019]t) (?:have|know|understand)"
    r"|as an? (?:ai|(?:large )?language model)\b|unfortunately,? i\b"
    r"|(?:could|can) you (?:please )?(?:clarify|provide|tell|give|specify|explain)|please (?:clarify|provide|specify))",
    re.I,
)
_SENTENCE_END = re.compile(r"[.!?][\"')\]\u201d]*(?=\s+[^a-z0-9\s]|\s*$)")
_QUOTES = {'"': '"', "'": "'", "\u201c": "\u201d", "\u2018": "\u2019", "\u00ab": "\u00bb"}

# --- what is no description ------------------------------------------------------------------------------------------
_QUESTION = "describe a person's body movements who is performing the action"
#: A longer English description has one of these.
_ENGLISH = words_of(
    "the and to of with on at is are his her their its both one then while from arm arms leg legs hand hands knee "
    "knees hip hips foot feet head body trunk torso forward backward up down left right"
)
_CODE = re.compile(r"[{}\[\]<>=|\\_]|\w\((?!e?s\))")


class UnusableAnswerError(ValueError):
    """An answer is no description; the message says why, in a few words. It is asked again, then reported."""


def read_description(phrase: str, answer: Answer) -> str:
    """The description in an answer: without list marks, markdown, introduction and closing words.

    An answer that ended at its limit of tokens is cut at the end of its last whole sentence, if it has one. A
    description is left as it is; what is read once is not changed by being read again.

    Raises:
        UnusableAnswerError: There is none: no words, a refusal, the question repeated, one thing over and over, code
            or another language.
    """
    text = _unwrapped(phrase, without_thoughts(answer.text)[:_MAX_READ])
    if answer.is_cut or len(text) > MAX_CHARACTERS:
        text = _unwrapped(phrase, _whole_sentences(text))
    _check(phrase, text)
    return text


def without_thoughts(text: str) -> str:
    """An answer without what a reasoning model thought before it, and without marks of its chat template."""
    said = re.sub(r"<think>.*", "", text.rpartition("</think>")[2], flags=re.S)
    return next((piece for piece in _TEMPLATE.split(said) if piece.strip()), "")


def one_paragraph(text: str) -> str:
    """One line, without markdown, list marks and control characters; what was an item ends like a sentence."""
    paragraph, is_new = "", False
    for line in _HEADING.sub("", _FENCE.sub("", text)).splitlines():
        plain = _STRONG.sub("", line)
        unmarked = _MARK.sub("", plain)
        piece = " ".join(_EMPHASIS.sub("", _visible(unmarked)).split())
        is_new = is_new or unmarked != plain
        is_said = any(character.isalnum() for character in piece)
        if is_said:
            stop = "." if is_new and paragraph[-1:].isalnum() else ""
            paragraph = f"{paragraph}{stop} {piece}" if paragraph else piece
        is_new = not is_said
    return _INNER_MARK.sub(" ", paragraph).strip()


def _visible(text: str) -> str:
    """Without control characters, half characters and what no font shows."""
    categories = ((character, unicodedata.category(character)) for character in text)
    return "".join(" " if category == "Cc" else character for character, category in categories if _shows(category))


def _shows(category: str) -> bool:
    return category not in ("Cf", "Cs", "Co", "Cn")


def _unwrapped(phrase: str, text: str) -> str:
    """What is left when nothing can be taken off any more."""
    while (less := _unwrapped_once(phrase, text)) != text:
        text = less
    return text


def _unwrapped_once(phrase: str, text: str) -> str:
    text = _NEXT_QUESTION.sub("", without_thoughts(_TAG.sub(" ", text)).strip())
    first, _, rest = text.partition("\n")
    if rest.strip() and first.rstrip(" *_").endswith(":") and len(first.split()) > 3:
        text = rest  # "When a person walks, they do the following things:"
    text = one_paragraph(text)
    for wrapping in (_echo(phrase), _INTRODUCTION):
        text = text[match.end() :] if (match := wrapping.match(text)) else text
    return _without_quotes(_CHATTER.sub("", text).strip())


def _echo(phrase: str) -> re.Pattern[str]:
    """The question, when it stands before the answer."""
    said = re.escape(" ".join(phrase.split()))
    return re.compile(rf"(?:action\s*:\s*{said}|{_QUESTION} {said} in details?)[.:,;]*\s+(?=\S)", re.I)


def _without_quotes(text: str) -> str:
    if len(text) > 1 and _QUOTES.get(text[0]) == text[-1] and text[0] not in text[1:-1]:
        return text[1:-1].strip()
    if text[:1] in ('"', "\u201c") and _QUOTES[text[0]] not in text[1:]:  # the other one was cut off
        return text[1:].strip()
    return text


def _whole_sentences(text: str) -> str:
    ends = [match.end() for match in _SENTENCE_END.finditer(text) if match.end() <= MAX_CHARACTERS]
    return text[: ends[-1]] if ends else text[:MAX_CHARACTERS].rpartition(" ")[0]


def _check(phrase: str, text: str) -> None:
    words = [word.strip(".,;:!?\"'()") for word in text.casefold().split()]
    letters = [character for character in text if character.isalpha()]
    reasons = {
        "it has no words": not letters,
        "it refuses": bool(_REFUSAL.match(text)),
        "it is too short": len(words) < _MIN_WORDS,
        "it repeats the question": _QUESTION in text.casefold() or words == phrase.casefold().split(),
        "it is data or a page, no sentence": text[:1] in ("{", "[", "<")
        or "://" in text
        or len(_CODE.findall(text)) > 2,
        "it is not English": sum(letter.isascii() for letter in letters) < 0.75 * len(letters)
        or (len(words) >= 8 and _ENGLISH.isdisjoint(words)),
        "it says one thing over and over": _is_loop(words),
    }
    for reason, applies in reasons.items():
        if applies:
            raise UnusableAnswerError(reason)


def _is_loop(words: list[str]) -> bool:
    """Are half of its runs of three words repetitions? Of the descriptions that ship, at most 7 in 100 are."""
    runs = list(zip(words, words[1:], words[2:], strict=False))
    return len(runs) > 3 and len(set(runs)) <= len(runs) / 2
