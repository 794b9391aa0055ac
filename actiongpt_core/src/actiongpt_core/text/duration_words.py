"""What a phrase says about time: "for 5 seconds", "three times", "slowly", "briefly". English only, by rule."""

from __future__ import annotations

import re
from collections.abc import Iterable

import attrs

from actiongpt_core.text.phrases import SPEED_WORDS


def _numbers(words: str, start: int, step: int = 1) -> dict[str, float]:
    return {word: float(start + step * index) for index, word in enumerate(words.split())}


_ONES = _numbers("one two three four five six seven eight nine", 1)
_TENS = _numbers("twenty thirty forty fifty sixty", 20, 10)
_TEENS = _numbers("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen", 10)
_PARTS = {"a": 1.0, "an": 1.0, "half a": 0.5, "half an": 0.5, "a couple of": 2.0, "a few": 3.0, "several": 4.0}
_NUMBERS = _ONES | _TEENS | _TENS | _PARTS | {"a dozen": 12.0}
_VAGUE = {"multiple": 3.0, "many": 5.0}  #: of times
#: More than this is a slip of the pen, and any bound is reached before.
_MOST = 100.0


def _any(words: Iterable[str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_AMOUNT = rf"(?P<amount>(?:\d+(?:[.,]\d+)?|(?:{_any(_TENS)})[ -](?:{_any(_ONES)})|{_any(_NUMBERS)})(?: and a half)?)"
_DURATION = re.compile(
    r"(?:\b(?P<no>after|every|each|per) )?(?:\b(?P<at>for|over|during|within|in|lasting) )?"
    r"(?:\b(?:about|around|roughly|exactly|only|just|another|at least|at most|up to|the next) )*"
    rf"\(?\b{_AMOUNT}[ -]?(?:(?:full|whole|good|more) )?(?P<unit>s|secs?|seconds?|mins?|minutes?|hours?)\b"
    r"(?P<half> and a half)?\)?(?: long)?"
)
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
#: "for a second", but not "for a second time" or "in a second jump".
_ENDS = re.compile(r"\s*(?:$|[^\w\s]|(?:and|or|while|with|then|before|at|in|on|\w+ly)\b)")

_RATE = r"(?! ?(?:a|an|per|each|every|in a) (?:second|minute))"
_TIMES = re.compile(
    rf"\b(?:(?P<word>(?<!at )once|twice|thrice)|(?:{_AMOUNT}|(?P<vague>{_any(_VAGUE)}))(?: more)? times)\b{_RATE}"
    r"|\b(?P<again>repeatedly|again and again|over and over(?: again)?)\b"
)
_TIMES_WORDS = {"once": 1.0, "twice": 2.0, "thrice": 3.0}
_AGAIN = 3.0
_COUNTED = re.compile(
    rf"\b{_AMOUNT} (?=(?:[a-z]+[ -])?(?:jumps|jacks|hops|squats|kicks|punches|claps|lunges|bows|nods|waves|spins|turns"
    r"|circles|swings|twists|throws|cartwheels|push-?ups|sit-?ups|laps|rounds|repetitions|reps)\b)"
)

_HOW = r"(?:as |(?:very|really|quite|rather|extremely|more|a (?:bit|little)) )*"
_SPEEDS = {
    speed: re.compile(
        rf"\b(?:(?:at|in|with) (?:an? )?{_HOW}(?:{_any(words.split())}) (?:pace|speed|tempo|manner|way|motion)"
        # "a quick stop" says how the stop is, not how long the run before it.
        rf"|{_HOW}(?:{_any(words.split())}))\b(?: as (?:possible|(?:you|they|he|she) can))?(?! stop)"
    )
    for speed, words in SPEED_WORDS.items()
}
_NAMED = r"(?= (?:walk|stroll|run|jog|sprint|march|dance|swim|wait|pause|rest|break|look|hug|wave|stretch|hold)\b)"
_EXTENTS = {
    "short": re.compile(
        r"\b(?:very )?brief(?:ly)?\b(?! (?:moment|instant|while|time))"
        r"|\bfor (?:an? )(?:(?:very|brief|short|little|quick) )*(?:moment|instant|bit)\b"
        rf"|\bfor (?:a )(?:very )?(?:brief|short|little) (?:while|time|period)\b|\bshort{_NAMED}"
    ),
    "long": re.compile(
        r"\b(?:for )?(?:a |quite a |some )(?:(?:very|good) )?(?:long (?:time|while|moment|period)|while)\b"
        rf"|\bfor (?:very )?(?:long|ages|some time)\b|\blong{_NAMED}"
    ),
}
#: What is left of "slowly and carefully, walk," at its ends.
_LOOSE = re.compile(r"^(?:[\s,.;:!?-]|and\b|but\b)+|(?:[\s,.;:!?-]|\band|\bbut)+$")


@attrs.frozen(kw_only=True)
class DurationWords:
    """What a phrase says about time, and the phrase without these words."""

    phrase: str
    seconds: float | None = None  #: said outright; several are added: "walk for 2 seconds and wave for 3 seconds"
    times: float = 1.0
    speeds: frozenset[str] = frozenset()  #: of "slow" and "fast"
    extents: frozenset[str] = frozenset()  #: of "short" and "long"

    @property
    def is_plain(self) -> bool:
        """Whether the phrase says nothing about time."""
        return self.seconds is None and self.times == 1.0 and not self.speeds | self.extents


def read_duration_words(phrase: str) -> DurationWords:
    """Read what a phrase says about time; whatever cannot be read stays a part of the phrase."""
    text = " ".join(phrase.casefold().split())
    durations = [match for match in _DURATION.finditer(text) if _is_duration(match)]
    text = _without(text, durations)
    counts = [*_TIMES.finditer(text), *_COUNTED.finditer(text)]
    times = max([1.0, *map(_times, counts)])
    text = _without(text, counts)
    found: dict[str, frozenset[str]] = {}
    for kind, patterns in (("extents", _EXTENTS), ("speeds", _SPEEDS)):
        found[kind] = frozenset(name for name, pattern in patterns.items() if pattern.search(text))
        for pattern in patterns.values():
            text = pattern.sub(" ", text)
    seconds = sum(map(_seconds, durations))
    rest = _LOOSE.sub("", " ".join(text.split()))
    return DurationWords(phrase=rest, seconds=seconds or None, times=times, **found)


def _is_duration(match: re.Match[str]) -> bool:
    """Not a moment or a rate ("after 3 seconds", "every 2 seconds"), nor an ordinal ("a second jump")."""
    if match["no"]:
        return False
    is_article = match["amount"] in ("a", "an")
    return not is_article or bool(match["at"] and _ENDS.match(match.string, match.end()))


def _seconds(match: re.Match[str]) -> float:
    half = 0.5 if match["half"] else 0.0
    return (_number(match["amount"]) + half) * _SECONDS[match["unit"][0]]


def _times(match: re.Match[str]) -> float:
    said = match.groupdict()
    if said.get("again"):
        return _AGAIN
    known = _TIMES_WORDS.get(said.get("word") or "") or _VAGUE.get(said.get("vague") or "")
    return known or min(_number(match["amount"]), _MOST)


def _number(amount: str) -> float:
    plain = amount.removesuffix(" and a half")
    half = 0.5 if plain != amount else 0.0
    if plain[0].isdigit():
        return float(plain.replace(",", ".")) + half
    known = _NUMBERS.get(plain)
    return half + (sum(_NUMBERS[word] for word in re.split("[ -]", plain)) if known is None else known)


def _without(text: str, matches: list[re.Match[str]]) -> str:
    for match in sorted(matches, key=lambda match: match.start(), reverse=True):
        text = f"{text[: match.start()]} {text[match.end() :]}"
    return text
