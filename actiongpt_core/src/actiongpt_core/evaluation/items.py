"""What is sampled and evaluated: the clips of a split, each with its texts, lengths and seeds."""

from __future__ import annotations

import hashlib
import math
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import attrs

from actiongpt_core.errors import ConfigError
from actiongpt_core.interfaces import DataSet
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.segments import Pair, Segment

#: Shorter clips are left out; the shortest that the originals train and test on, 15 frames at 30 a second.
MIN_SECONDS = 0.5
#: Of each action; longer ones are cut, so that numbers do not depend on how long a motion a checkpoint can make.
MAX_SECONDS = 6.0


@attrs.frozen(kw_only=True)
class Item:
    """One clip, or one pair of consecutive clips: frames of a recording, and what is to be made of its texts."""

    key: str
    recording: str
    start: int
    actions: tuple[tuple[str, int], ...]  #: text and number of frames of each

    @property
    def num_frames(self) -> int:
        """T."""
        return sum(frames for _, frames in self.actions)

    @property
    def texts(self) -> tuple[str, ...]:
        """What is told, a text an action."""
        return tuple(text for text, _ in self.actions)

    def reference(self, data: DataSet) -> Motion:
        """The real motion."""
        return data.motion(self.recording, self.start, self.start + self.num_frames)


@attrs.frozen(kw_only=True)
class Selection:
    """The items of a split, and how many there were."""

    items: tuple[Item, ...]
    counts: dict[str, int]  #: all of the split, and those left out or cut, by reason


def clip_items(
    data: DataSet,
    split: str,
    *,
    texts: Collection[str] | None = None,
    max_clips: int | None = None,
    max_seconds: float = MAX_SECONDS,
) -> Selection:
    """The clips of a split, each with its first text; at most `max_seconds` from its start.

    Args:
        data: The set.
        split: Of it.
        texts: Only clips that have one of these as their first text; None for all.
        max_clips: At most so many, spread over the split; None for all.
        max_seconds: Longest clip.

    Raises:
        ConfigError: There is no such split, or nothing of it is left.
    """
    counts: Counter[str] = Counter(clips=0, suspect=0, too_short=0, other_text=0, over_max_clips=0, cut=0)

    def reason(segment: Segment) -> str | None:
        if segment.suspect:
            return "suspect"
        if texts is not None and segment.texts[0] not in texts:
            return "other_text"
        return "too_short" if segment.num_frames < MIN_SECONDS * data.fps else None

    longest = longest_frames(data, max_seconds)
    kept = _kept(data.segments(split), reason, max_clips, counts, "clips")
    counts["cut"] = sum(segment.num_frames > longest for segment in kept)
    items = [
        Item(
            key=it.key,
            recording=it.recording,
            start=it.start,
            actions=((it.texts[0], min(it.num_frames, longest)),),
        )
        for it in kept
    ]
    return _selection(items, counts, f"clip of the split {split!r} of the data set {data.name}")


def pair_items(
    data: DataSet, split: str, *, max_pairs: int | None = None, max_seconds: float = MAX_SECONDS
) -> Selection:
    """The pairs of a split: two actions, the transition taken to the second one.

    Of a longer action the frames that are next to the transition are taken, `max_seconds` at most.

    Raises:
        ConfigError: There is no such split, the set has no pairs, or nothing is left.
    """
    counts: Counter[str] = Counter(pairs=0, too_short=0, over_max_clips=0, cut=0)
    shortest, longest = MIN_SECONDS * data.fps, longest_frames(data, max_seconds)

    def reason(pair: Pair) -> str | None:
        return "too_short" if min(pair.durations[0], sum(pair.durations[1:])) < shortest else None

    items = []
    for pair in _kept(pairs_of(data, split), reason, max_pairs, counts, "pairs"):
        first, second = pair.durations[0], sum(pair.durations[1:])
        counts["cut"] += max(first, second) > longest
        lengths = [min(first, longest), min(second, longest)]
        texts = [action[0] for action in pair.texts]
        start = pair.start + first - lengths[0]
        actions = tuple(zip(texts, lengths, strict=True))
        items.append(Item(key=pair.key, recording=pair.recording, start=start, actions=actions))
    return _selection(items, counts, f"pair of the split {split!r} of the data set {data.name}")


def longest_frames(data: DataSet, max_seconds: float) -> int:
    """Frames of the longest action.

    Raises:
        ConfigError: That is shorter than the shortest clip.
    """
    if not max_seconds >= MIN_SECONDS:
        raise ConfigError(f"max_seconds must be at least {MIN_SECONDS:g}, the shortest clip; got {max_seconds}.")
    return sys.maxsize if math.isinf(max_seconds) else round(max_seconds * data.fps)


def pairs_of(data: DataSet, split: str) -> Sequence[Pair]:
    """The pairs of a split; none for a set that knows none."""
    pairs: Callable[[str], Sequence[Pair]] | None = getattr(data, "pairs", None)
    return [] if pairs is None else pairs(split)


def clip_seed(seed: int, key: str, index: int) -> int:
    """The seed of one motion, which depends on nothing else: not on the batch, the order or the other clips.

    Args:
        seed: Of the whole run.
        key: Of the clip.
        index: Of the motion among those of the clip.
    """
    digest = hashlib.blake2b(f"{seed}/{key}/{index}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def items_digest(items: Iterable[Item]) -> str:
    """Names the clips, with their texts and lengths."""
    lines = [repr((item.key, item.recording, item.start, item.actions)) for item in items]
    return hashlib.blake2b("\n".join(lines).encode(), digest_size=4).hexdigest()


def _kept(
    found: Sequence[Any], reason: Callable[[Any], str | None], most: int | None, counts: Counter[str], what: str
) -> list[Any]:
    if most is not None and most < 1:
        raise ConfigError(f"max_clips must be at least 1, got {most}.")
    counts[what] = len(found)
    kept = []
    for item in found:
        if (why := reason(item)) is None:
            kept.append(item)
        else:
            counts[why] += 1
    if most is not None and len(kept) > most:
        counts["over_max_clips"] = len(kept) - most
        kept = [kept[place * len(kept) // most] for place in range(most)]
    return kept


def _selection(items: Sequence[Item], counts: Counter[str], what: str) -> Selection:
    if not items:
        left_out = ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "it has none"
        raise ConfigError(f"There is no {what} to work on: {left_out}. Choose another split, or other texts.")
    return Selection(items=tuple(items), counts=dict(counts))
