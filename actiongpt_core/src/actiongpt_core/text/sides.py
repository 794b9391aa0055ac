"""Left and right in words."""

from __future__ import annotations

import re

_SIDE = re.compile(r"\b(left|right)(?=(?:wards?|y|ies|most|-?handed(?:ly)?|-?footed)?\b)", re.IGNORECASE)


def mirror_text(text: str) -> str:
    """Swap the words left and right (also leftward, right-handed and so on), keeping their case."""
    return _SIDE.sub(_swap_side, text)


def _swap_side(match: re.Match[str]) -> str:
    word = match.group(0)
    other = "right" if word.lower() == "left" else "left"
    if word.isupper():
        return other.upper()
    return other.capitalize() if word[0].isupper() else other
