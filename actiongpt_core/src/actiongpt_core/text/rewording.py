"""A phrase in other words: does it still say the same? English only, by the word lists of `phrases`."""

from __future__ import annotations

import itertools
import re

from actiongpt_core.text.folding import stem, words_of
from actiongpt_core.text.phrases import Meaning, read_meaning

#: Verbs that say little: "put the arms up" is "raise the arms".
_VAGUE = words_of("get put hold")
#: Verbs of which a plain one may stand for another.
_KIN = {
    stem(word): stem(plain)
    for plain, words in {
        "jump": "leap",
        "run": "jog sprint",
        "walk": "step stride tiptoe",
        "turn": "spin rotate pivot twist",
        "punch": "hit strike",
        "stand": "balance",
    }.items()
    for word in words.split()
}
_TURN = stem("turn")
#: Directions that change a movement; others, such as "over", often only belong to the verb.
_WAYS = words_of("forward backward up down sideways clockwise counterclockwise around in_place")
#: What an article stands before is a noun: "dodge a punch".
_NOUN = re.compile(r"\b(?:an?|the|his|her|their|its|your|my)\s+\w+", re.IGNORECASE)
#: A posture beside an action, no action more: "walk with the arms raised".
_POSTURE = re.compile(r"\b(?:raised|lifted|lowered|held|crossed|stretched|bent)\b", re.IGNORECASE)
_JOINT = re.compile(r"\b(?:and|then|while|before|after)\b|[,;.]", re.IGNORECASE)


def what_is_changed(phrase: str, reworded: str) -> str | None:
    """What a phrase in other words says otherwise.

    A verb that is not known here ("totter") may become another, and then nobody here knows where it leads or how fast.

    Returns:
        "verb", "action" (one is added), "order", "negation", "side", "direction", "count", "speed" or "body part"; None
        if nothing of it is seen to be changed.
    """
    a, b = read_meaning(phrase), read_meaning(reworded)
    before, after = verbs_of(phrase), _verbs(b)
    added = set(_verbs(read_meaning(_NOUN.sub(" ", _POSTURE.sub(" ", reworded))))) - set(_verbs(a))
    differences = {
        "verb": not set(before) <= set(after),
        "action": len(added) > _num_unknown(phrase),
        "order": _order(before, after) != _order(after, before)
        or (a.sides == b.sides and _without_echoes(a.named_sides) != _without_echoes(b.named_sides)),
        "negation": a.negated != b.negated,
        "side": a.sides != b.sides or {a.number, b.number} in ({"one", "both"}, {"one", "plural"}),
        "direction": _differ_in_direction(a, b),
        "count": a.counts != b.counts,
        "speed": bool(a.speeds) and a.speeds != b.speeds,
        "body part": bool(a.parts and b.parts and not a.parts & b.parts)
        or bool((a.parts - b.parts) & {"head", "trunk"}),
    }
    return next((name for name, differs in differences.items() if differs), None)


def verbs_of(phrase: str) -> list[str]:
    """The verbs of a phrase that are known, in order, each as the plain one of its kin; nouns only if nothing else."""
    return _verbs(read_meaning(_NOUN.sub(" ", phrase))) or _verbs(read_meaning(phrase))


def _num_unknown(phrase: str) -> int:
    """How many of the actions that a phrase joins may become any verb, since none is known in them."""
    pieces = [piece for piece in _JOINT.split(phrase) if any(character.isalpha() for character in piece)]
    return sum(not _verbs(read_meaning(piece)) for piece in pieces)


def _verbs(meaning: Meaning) -> list[str]:
    return [_KIN.get(verb, verb) for verb in meaning.known_verbs if verb not in _VAGUE]


def _order(verbs: list[str], others: list[str]) -> list[str]:
    """The verbs that both have, each where it comes first."""
    return [verb for verb in dict.fromkeys(verbs) if verb in others]


def _without_echoes(sides: tuple[str, ...]) -> list[str]:
    return [side for side, _ in itertools.groupby(sides)]


def _differ_in_direction(a: Meaning, b: Meaning) -> bool:
    """Where an unknown verb leads is not known, nor where exactly "over" does."""
    turns = frozenset({"around"}) if _TURN in _verbs(a) else frozenset()
    lost = (a.directions & _WAYS) - b.directions - b.implied - turns
    added = (b.directions & _WAYS) - a.directions - a.implied - turns
    return bool(lost) or bool(added and _verbs(a) and a.directions <= _WAYS)
