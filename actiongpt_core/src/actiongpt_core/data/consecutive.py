"""Pairs of segments that follow each other, for sets whose annotation does not name transitions."""

from __future__ import annotations

from collections.abc import Iterable

from actiongpt_core.types.segments import Pair, Segment


def consecutive_pairs(segments: Iterable[Segment], max_gap: int = 0) -> list[Pair]:
    """A pair for each segment and the next one of its recording, where that begins at its end or a little later.

    Args:
        segments: In the order in which the pairs come out. Those that the set doubts take no part.
        max_gap: Most frames between the two; they are the pair's transition.
    """
    sound = [item for item in segments if not item.suspect]
    by_recording: dict[str, list[Segment]] = {}
    for item in sound:
        by_recording.setdefault(item.recording, []).append(item)
    pairs = []
    for first in sound:
        later = [item for item in by_recording[first.recording] if first.end <= item.start <= first.end + max_gap]
        if later:
            pairs.append(_pair(first, min(later, key=lambda item: item.start)))
    return pairs


def _pair(first: Segment, second: Segment) -> Pair:
    return Pair(
        key=f"{first.key}-pair",
        recording=first.recording,
        start=first.start,
        durations=(first.num_frames, second.start - first.end, second.num_frames),
        texts=(first.texts, second.texts),
    )
