"""Phrases of actions, compared: are two the same words, and where they are not, may one stand in for the other?

English only, by word lists. The embedded text encoder hears that two phrases are about the same thing, but hardly that
one says "left" and the other "right"; what it does not hear is checked here, in words.
"""

from __future__ import annotations

import itertools
import re

import attrs

from actiongpt_core.text.folding import PLURAL_PARTS, fold, normalise, stem, words_of


def _lexicon(**groups: str) -> dict[str, str]:
    """{stem: group} from groups of words."""
    return {stem(word): group for group, words in groups.items() for word in words.split()}


_DIRECTIONS = _lexicon(
    forward="forward ahead front onward",
    backward="backward back behind reverse rear rearward",
    up="up upward overhead above upstairs high",
    down="down downward below downstairs low",
    sideways="sideways side lateral laterally sideward",
    inward="in inward",
    outward="out outward outside apart",
    around="around round circle circular",
    clockwise="clockwise",
    counterclockwise="counterclockwise anticlockwise",
    away="away off",
    towards="toward",
    over="over",
    under="under underneath beneath",
    in_place="inplace",
)
#: Directions that a verb has anyway, so that saying them makes no difference.
_IMPLIED = {
    stem(verb): frozenset(directions.split())
    for verbs, directions in {
        "raise climb jump": "up",
        "sit lie squat crouch kneel duck": "down",
        "walk run jog sprint march push punch point lunge kick throw": "forward",
        "bow": "down forward",
        "stand turn nod wave clap": "in_place",
    }.items()
    for verb in verbs.split()
}
#: Verbs that go sideways where a side is named: "step to the left" is a side step.
_LATERAL = frozenset(stem(verb) for verb in words_of("step bend lean dodge shuffle"))
#: Words that would be misread one by one.
_IDIOMS = (
    (re.compile(r"\b(?:in place|(?:on|in) (?:the|one) spot)\b"), "inplace"),
    (re.compile(r"\bin (?=\w)"), ""),
    (re.compile(r"\bover (?=to\b)"), ""),
    (re.compile(r"\bthrow\w* (?=.*\b(?:punch|jab|kick|uppercut)\b)"), ""),
    (re.compile(r"\bsidestep"), "side step"),
    (re.compile(r"\b(left|right)(?: hand)? side\b"), r"\1"),
)
_COUNTS = _lexicon(
    one="once one single 1",
    two="twice two double 2",
    three="thrice three triple 3",
    four="four 4",
    five="five 5",
    six="six 6",
    many="several many repeatedly again multiple few",
    half="half",
    quarter="quarter",
    full="full complete",
    ninety="ninety 90",
)
_NEGATIONS = frozenset(stem(word) for word in words_of("not no never without stop cannot nothing neither nor avoid"))
#: Words that say how fast something is done.
SPEED_WORDS = {
    "slow": "slow slowly slower gentle gently calm calmly leisurely unhurried relaxed",
    "fast": "fast faster quick quickly rapid rapidly brisk briskly swift swiftly hurried speedy",
}
_SPEEDS = _lexicon(**SPEED_WORDS)
_PARTS = _lexicon(
    arm="arm arms hand hands fist fists elbow elbows wrist wrists finger forearm palm",
    leg="leg legs foot feet knee knees toe heel ankle thigh shin",
    head="head face neck eye chin nose mouth ear",
    trunk="torso trunk waist chest belly hip shoulder shoulders",
)
#: Parts that a verb moves anyway.
_IMPLIED_PARTS = {
    stem(verb): part
    for part, verbs in {"head": "nod look", "trunk": "shrug twist lean bend bow"}.items()
    for verb in verbs.split()
}
#: Verbs that carry no movement when a noun or another verb follows: "do a cartwheel", "keep walking".
_LIGHT = frozenset(
    stem(word) for word in words_of("do does perform make take give have try start begin keep continue go to")
)
#: Tells verbs from the nouns beside them: "left leg kick", "walk and wave".
_VERBS = frozenset(
    stem(word)
    for word in words_of(
        "walk run jog sprint march jump hop leap skip step stride crawl climb sit stand kneel squat crouch "
        "lie fall roll turn spin rotate pivot twist bend lean bow stretch reach raise lift lower wave clap "
        "punch kick throw catch push pull swing point salute shrug nod shake look dance box fight hit strike "
        "block dodge duck lunge balance swim drink eat wipe wash sweep knock type hug beckon scratch touch "
        "rub draw flap cheer juggle bounce dribble shoot slide limp sneak stumble trip slip veer drop hang "
        "rise grab pick put open close carry hold cross circle tiptoe shuffle conduct play smile laugh talk "
        "sing cry flip dive get"
    )
)
#: Verbs that say the same of a body.
_SYNONYMS = {
    stem(word): stem(verb)
    for verb, words in {
        "raise": "lift",
        "clap": "applaud",
        "walk": "stroll",
        "sneak": "creep",
        "throw": "toss hurl",
        "punch": "jab",
        "spin": "twirl whirl",
    }.items()
    for word in words.split()
}


@attrs.frozen
class Meaning:
    """What a phrase says, as far as the word lists tell."""

    verb: str
    verbs: frozenset[str]
    known_verbs: tuple[str, ...]  #: in order
    sides: frozenset[str]
    named_sides: tuple[str, ...]  #: in order
    number: str | None  #: of limbs: "both", "plural" (the arms), "one"; None: not said
    directions: frozenset[str]
    implied: frozenset[str]  #: directions that its verbs have anyway
    counts: frozenset[str]
    negated: bool
    speeds: frozenset[str]
    parts: frozenset[str]


#: Numbers of limbs that do not go together. "clap your hands" is "clap"; "raise the arms" is not "raise an arm".
_OPPOSED = ({"one", "both"}, {"one", "plural"}, {"both", None})


def why_different(phrase: str, other: str) -> str | None:
    """Why one phrase cannot stand in for the other, however near they are.

    Returns:
        "negation", "head verb", "side", "direction", "count", "action", "speed" or "body part"; None if nothing speaks
        against it.
    """
    a, b = read_meaning(phrase), read_meaning(other)
    differences = {
        "negation": a.negated != b.negated,
        "head verb": a.verb != b.verb,
        "side": a.sides != b.sides or {a.number, b.number} in _OPPOSED,
        "direction": a.directions != b.directions,
        "count": a.counts != b.counts,
        "action": a.verbs != b.verbs,
        "speed": bool(a.speeds and b.speeds) and a.speeds != b.speeds,
        "body part": _differ_in_parts(a.parts, b.parts),
    }
    return next((name for name, differs in differences.items() if differs), None)


def read_meaning(phrase: str) -> Meaning:
    """What a phrase says."""
    text = normalise(phrase)
    for idiom, plain in _IDIOMS:
        text = idiom.sub(plain, text)
    words = text.split()
    stems = [_SYNONYMS.get(word, word) for word in fold(text).split()]
    verb, known = _head_verb(stems), tuple(word for word in stems if word in _VERBS)
    named = tuple(match[1] for word in words if (match := re.fullmatch(r"(left|right)(?:wards?|most)?", word)))
    sides = frozenset(named)
    return Meaning(
        verb=verb,
        verbs=frozenset(known) | {verb},
        known_verbs=known,
        sides=sides,
        named_sides=named,
        number=_number(words, bool(sides)),
        directions=_directions(stems, verb, bool(sides)),
        implied=frozenset().union(*(_IMPLIED.get(word, frozenset()) for word in known)),
        counts=_counts(words),
        negated=any(word in _NEGATIONS or word.endswith("n't") for word in stems),
        speeds=frozenset(_SPEEDS[word] for word in stems if word in _SPEEDS),
        parts=frozenset(_PARTS[word] for word in stems if word in _PARTS)
        | frozenset(_IMPLIED_PARTS.get(verb, "").split()),
    )


def _directions(stems: list[str], verb: str, is_sided: bool) -> frozenset[str]:
    said = frozenset(_DIRECTIONS[word] for word in stems if word in _DIRECTIONS)
    implied = _IMPLIED.get(verb, frozenset())
    return said - implied - (frozenset({"sideways"}) if is_sided and verb in _LATERAL else frozenset())


def _differ_in_parts(a: frozenset[str], b: frozenset[str]) -> bool:
    """Limbs may be left out ("kick", "kick with a foot"); head and trunk may not ("turn", "turn the head")."""
    return bool(a and b and not a & b) or bool((a ^ b) & {"head", "trunk"})


def _head_verb(stems: list[str]) -> str:
    """The first verb; the first word that is not an adverb, a side or the like where none is known."""
    for word in stems:
        if word in _VERBS:
            return word
    skipped = _LIGHT | _NEGATIONS | _DIRECTIONS.keys() | _SPEEDS.keys() | _COUNTS.keys() | {"left", "right", "both"}
    return next((word for word in stems if word not in skipped and not word.endswith("li")), stems[0] if stems else "")


def _number(words: list[str], is_sided: bool) -> str | None:
    pairs = [(first, second) for first, second in itertools.pairwise(words) if stem(second) in _PARTS]
    if "both" in words or any(first == "two" for first, _ in pairs):
        return "both"
    if any(word in PLURAL_PARTS for word in words):
        return "plural"
    return "one" if is_sided or any(first in {"one", "a", "an", "single"} for first, _ in pairs) else None


def _counts(words: list[str]) -> frozenset[str]:
    """Numbers, but not those of limbs, which `_number` tells: "hop twice", not "on one leg"."""
    following = [*words[1:], ""]
    stems = [stem(word) for word, after in zip(words, following, strict=False) if stem(after) not in _PARTS]
    return frozenset(_COUNTS.get(word, word) for word in stems if word in _COUNTS or word[0].isdigit())
