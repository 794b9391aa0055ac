"""A sentence to a list of actions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from actiongpt_core.errors import PromptError
from actiongpt_core.types.text import Action

MAX_CHARACTERS = 1000
MAX_ACTIONS = 20

#: Always between two actions: full stops, semicolons, line ends and words of order.
_STRONG = re.compile(
    r"\s*(?:[;\n\r]+|[.!?]+(?=\s|$)|,?\s*\b(?:and\s+)?(?:then|after\s+that|afterwards?|followed\s+by)\b,?)\s*",
    re.IGNORECASE,
)
_COMMA = re.compile(r"\s*,\s*(?:and\s+)?")
_LEADING = re.compile(r"^(?:first(?:ly)?|finally|lastly|next|now|and)\b[\s,]*", re.IGNORECASE)
_SECONDS = re.compile(
    r"\s+(?:\(\s*(\d+(?:\.\d+)?)\s*s(?:ec(?:ond)?s?)?\s*\)|for\s+(\d+(?:\.\d+)?)\s*s(?:ec(?:ond)?s?)?)$", re.IGNORECASE
)
#: What follows a comma and starts like this says more about the action before it: "walk, with the arms raised".
_CONTINUES = re.compile(
    r"^(?:with|without|while|as|using|like|at|on|in|to|from|by|through|over|under|towards?|slow|slower|fast|faster|quick"
    r"|quicker|a|an|the|both|your|his|her|their|my|its|one|\w+ly)\b|^\w+ly$",
    re.IGNORECASE,
)
_PARTICIPLE = re.compile(r"^\w{2,}ing\b", re.IGNORECASE)


def parse_actions(text: str, known: Callable[[str], bool] | None = None) -> list[Action]:
    """The actions that a text lists, in order.

    Actions are separated by commas, semicolons, full stops, line ends, "then", "and then", "after that", "afterwards"
    and "followed by". "and" joins: "wave and smile" is one action. What follows a comma and only says how ("walk,
    slowly", "walk, swinging the arms") stays with its action. A duration may end an action: "walk for 3 seconds",
    "walk (3s)".

    Args:
        text: The user's words, at most 1000 characters.
        known: Tells whether a phrase is known as it stands, such as "jump, balance" in the description pack; a known
            phrase is not split.

    Returns:
        One to 20 actions; `seconds` is None where the text does not say it.

    Raises:
        PromptError: The text is empty, too long, has control characters or no letters, or lists no action or too many.
        ConfigError: A duration in the text is not possible.
    """
    check_text(text)
    is_known = known or (lambda phrase: False)
    phrases = [text] if is_known(text.strip()) else _split(text, is_known)
    actions = [_action(phrase) for phrase in phrases]
    if not actions:
        raise PromptError(f"The text {text.strip()[:40]!r} names no action. Say what the person does, in words.")
    if len(actions) > MAX_ACTIONS:
        raise PromptError(
            f"The text lists {len(actions)} actions; at most {MAX_ACTIONS} are possible. Split it into several texts."
        )
    return actions


def check_text(text: str, max_characters: int = MAX_CHARACTERS) -> None:
    """Stop unless a user's text can be read.

    Raises:
        PromptError: It is empty, too long, has control characters or no letters.
    """
    if not isinstance(text, str) or not text.strip():
        raise PromptError('The text is empty. Say what the person does, for example "walk forward, then jump".')
    if len(text) > max_characters:
        raise PromptError(
            f"The text has {len(text)} characters; at most {max_characters} are possible. Shorten it or split it."
        )
    for character in text:
        # Cc: control characters; Cs: halves of a character, which no encoder can write.
        if unicodedata.category(character) in ("Cc", "Cs") and character not in "\t\n\r":
            raise PromptError(f"The text has a control character ({character!r}). Give plain text.")
    if not any(character.isalpha() for character in text):
        raise PromptError(f"The text has no letters: {text.strip()[:40]!r}. Say what the person does, in words.")


def _split(text: str, is_known: Callable[[str], bool]) -> list[str]:
    phrases: list[str] = []
    for part in _STRONG.split(text):
        part = _LEADING.sub("", part.strip(" \t,"))
        if is_known(part):
            phrases.append(part)
        else:
            phrases.extend(_split_at_commas(part))
    return phrases


def _split_at_commas(part: str) -> list[str]:
    phrases: list[str] = []
    for piece in _COMMA.split(part):
        piece = _LEADING.sub("", piece.strip())
        if not any(character.isalpha() for character in piece):
            continue
        if phrases and _continues(phrases[-1], piece):
            phrases[-1] += f", {piece}"
        else:
            phrases.append(piece)
    return phrases


def _continues(before: str, piece: str) -> bool:
    """Does the piece say more about the action before it?"""
    is_participle = bool(_PARTICIPLE.match(piece)) and not _PARTICIPLE.match(before)
    return is_participle or bool(_CONTINUES.match(piece))


def _action(phrase: str) -> Action:
    phrase = " ".join(phrase.split()).rstrip(" ,.!?;:")
    match = _SECONDS.search(phrase)
    if match is None:
        return Action(phrase)
    return Action(phrase[: match.start()], seconds=float(match[1] or match[2]))
