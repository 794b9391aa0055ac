"""Pairs of segments that follow each other."""

from __future__ import annotations

import attrs
from hypothesis import given
from hypothesis import strategies as st

from actiongpt_core.data.consecutive import consecutive_pairs
from actiongpt_core.types.segments import Segment


def segment(start: int, end: int, recording: str = "r", *, suspect: bool = False) -> Segment:
    return Segment(
        key=f"{recording}{start}-{end}",
        recording=recording,
        start=start,
        end=end,
        texts=(f"{start} to {end}",),
        suspect=suspect,
    )


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9), st.sampled_from("rs")), max_size=12, unique=True))
def test_the_second_begins_where_the_first_ends_or_within_the_gap(spans: list[tuple[int, int, str]]) -> None:
    segments = [segment(start, start + length, name) for start, length, name in spans]
    known = {(item.recording, item.start, item.end): item for item in segments}
    for pair in consecutive_pairs(segments, max_gap=3):
        first, between, _ = pair.durations
        assert 0 <= between <= 3
        cut = pair.start + first
        assert known[pair.recording, pair.start, cut].texts == pair.texts[0]
        assert known[pair.recording, cut + between, pair.end].texts == pair.texts[1]


def test_the_nearest_one_follows() -> None:
    (pair,) = consecutive_pairs([segment(0, 10), segment(12, 20), segment(11, 15)], max_gap=5)
    assert pair.texts[1] == ("11 to 15",)


def test_another_recording_and_a_segment_that_is_doubted_follow_nothing() -> None:
    assert consecutive_pairs([segment(0, 10), segment(10, 20, "other")]) == []
    assert consecutive_pairs([segment(0, 10), segment(10, 20, suspect=True)]) == []
    assert consecutive_pairs([attrs.evolve(segment(0, 10), suspect=True), segment(10, 20)]) == []
