"""Phrases without what does not matter: case, punctuation, articles, inflection. English only, by rule."""

from __future__ import annotations

import re

_WORD = re.compile(r"\d+(?:\.\d+)?|[^\W\d_]+(?:'[^\W\d_]+)?")
_VOWEL = re.compile(r"[aeiouy]")


def words_of(text: str) -> frozenset[str]:
    """The words of a word list that is written as one string."""
    return frozenset(text.split())


_DROPPED = words_of("the a an your my his her their its our")
_SUBJECTS = words_of("person people someone somebody human man woman he she they is are")
#: Plurals that say how many limbs move: "raise the arms" is not "raise an arm".
PLURAL_PARTS = words_of("arms hands legs knees fists elbows shoulders feet wrists")
_IRREGULAR = {
    **dict.fromkeys(("ran",), "run"),
    **dict.fromkeys(("sat", "sits", "sitting"), "sit"),
    **dict.fromkeys(("stood",), "stand"),
    **dict.fromkeys(("fell", "fallen"), "fal"),
    **dict.fromkeys(("threw", "thrown"), "throw"),
    **dict.fromkeys(("lying", "lay", "lies"), "lie"),
    **dict.fromkeys(("swung",), "swing"),
    **dict.fromkeys(("caught",), "catch"),
    **dict.fromkeys(("knelt",), "kneel"),
}


def normalise(phrase: str) -> str:
    """The phrase without case and punctuation: "Walk, forward!" -> "walk forward"."""
    return " ".join(_WORD.findall(phrase.casefold()))


def fold(phrase: str) -> str:
    """The phrase as stems, without articles and subject: "A person is walking" and "walks" -> "walk"."""
    said = normalise(phrase).split()
    words = [word for word in said if word not in _DROPPED] or said
    while len(words) > 1 and words[0] in _SUBJECTS:
        words = words[1:]
    return " ".join(stem(word) for word in words)


def stem(word: str) -> str:
    """A key that the inflected forms of a word share; not always a word itself ("waving", "waves", "wave" -> "wav")."""
    if word in _IRREGULAR or word in PLURAL_PARTS:
        return _IRREGULAR.get(word, word)
    if word.endswith(("wards", "ways")):
        return word[:-1]
    for ending in ("ing", "ed"):
        rest = word.removesuffix(ending)
        # "swing" and "red" only look inflected.
        if rest != word and len(rest) > 1 and _VOWEL.search(rest) and not word.endswith("eed"):
            return _base(rest)
    if word.endswith("es") and word[:-2].endswith(("ch", "sh", "x", "ss", "zz", "i")):
        return _base(word[:-2])
    if word.endswith("s") and len(word) > 3 and not word.endswith(("ss", "us", "is")):
        return _base(word[:-1])
    return _base(word)


def _base(word: str) -> str:
    """Spelling that differs between forms, levelled: double consonants, a silent e, y and i."""
    if len(word) > 3 and word.endswith("e"):
        word = word[:-1]
    if len(word) > 2 and word[-1] == word[-2]:
        word = word[:-1]
    return word[:-1] + "i" if len(word) > 3 and word.endswith("y") else word
