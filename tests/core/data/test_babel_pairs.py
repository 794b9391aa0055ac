"""Segments and pairs of BABEL: what holds for any labels, and rules that the parity data has no case of."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actiongpt_core.data.babel_pairs import CALIBRATION_POSES, TRANSITION, Span, TimedLabel, cut, pairs, spans
from actiongpt_core.errors import DataError

FPS, NUM_FRAMES = 30, 240


def timed(start: float, length: float, text: str) -> TimedLabel:
    return TimedLabel(text=text, start=start, end=start + length)


TEXTS = st.sampled_from(["walk", "wave", "sit", TRANSITION, *sorted(CALIBRATION_POSES)])
LABELS = st.lists(st.builds(timed, st.floats(0, 9), st.floats(0, 4), TEXTS), max_size=9)


def known(*frames: tuple[int, int, str]) -> list[Span]:
    return [Span(start=start, end=end, label=timed(0, 1, text)) for start, end, text in frames]


def found(given_spans: Sequence[Span]) -> list[tuple[tuple[int, int], ...]]:
    return [tuple(span.frames for span in pair) for pair in pairs(given_spans)]


@given(LABELS)
def test_spans_are_sorted_and_lie_in_the_recording(labels: list[TimedLabel]) -> None:
    made = spans(labels, FPS, NUM_FRAMES)
    frames = [span.frames for span in made]
    assert frames == sorted(frames)
    assert all(0 <= start <= end <= NUM_FRAMES for start, end in frames)
    assert sorted(span.text for span in made) == sorted(label.text for label in labels)


@given(LABELS)
def test_the_order_of_the_labels_in_the_file_does_not_change_the_pairs(labels: list[TimedLabel]) -> None:
    made = spans(labels, FPS, NUM_FRAMES)
    if len({span.frames for span in made}) == len(made):
        assert pairs(spans(labels[::-1], FPS, NUM_FRAMES)) == pairs(made)


@given(LABELS)
def test_a_pair_is_two_consecutive_actions_that_overlap_or_a_transition_links(labels: list[TimedLabel]) -> None:
    for first, *between, second in pairs(spans(labels, FPS, NUM_FRAMES)):
        assert first.start < second.start
        assert first.end < second.end
        assert not {first.text, second.text} & CALIBRATION_POSES
        if between:
            assert [span.text for span in between] == [TRANSITION]
            assert first.is_before(between[0])
            assert between[0].is_before(second)
        else:
            assert first.end >= second.start
            assert TRANSITION not in (first.text, second.text)


@given(LABELS)
def test_no_pair_comes_twice(labels: list[TimedLabel]) -> None:
    frames = found(spans(labels, FPS, NUM_FRAMES))
    assert len(set(frames)) == len(frames)


@given(LABELS)
def test_the_pieces_of_a_cut_fill_the_pair_without_gap(labels: list[TimedLabel]) -> None:
    for frames in found(spans(labels, FPS, NUM_FRAMES)):
        made = cut(frames)
        assert made.start == frames[0][0]
        assert made.end == frames[-1][1]
        assert sum(made.durations) == made.end - made.start
        for (_, end), (start, _) in zip(made.pieces, made.pieces[1:], strict=False):
            assert start == end + 1


@given(st.integers(0, 60), st.integers(1, 60), st.integers(0, 40), st.integers(1, 60))
def test_without_a_transition_the_boundary_is_half_the_overlap_behind_the_first_action(
    start: int, length: int, overlap: int, more: int
) -> None:
    # The sign that the originals have wrong: the middle of the overlap would lie before the end of the first action.
    end = start + length
    second = (end - overlap, end + more)
    assert cut([(start, end), second]).pieces[0] == (start, end + overlap // 2)


def test_with_a_transition_the_boundary_is_in_the_middle_of_the_overlap() -> None:
    assert cut([(0, 40), (25, 35), (30, 70)]).pieces == ((0, 35), (36, 70))


def test_a_transition_between_actions_that_do_not_meet_has_frames_of_its_own() -> None:
    made = cut([(0, 40), (38, 52), (50, 90)])
    assert made.pieces == ((0, 38), (39, 49), (50, 90))
    assert made.durations == (39, 11, 40)


def test_of_two_labels_of_the_same_frames_only_the_later_is_in_pairs() -> None:
    doubled = known((0, 30, "walk"), (25, 60, "wave"), (25, 60, "sit"))
    assert [(pair[0].text, pair[-1].text) for pair in pairs(doubled)] == [("walk", "sit")]


def test_one_action_inside_another_is_no_pair() -> None:
    assert found(known((0, 60, "walk"), (20, 40, "wave"))) == []


def test_actions_that_touch_are_a_pair_and_those_one_frame_apart_are_none() -> None:
    assert found(known((0, 30, "walk"), (30, 60, "sit"))) == [((0, 30), (30, 60))]
    assert found(known((0, 30, "walk"), (31, 60, "sit"))) == []


def test_a_transition_links_every_action_before_with_every_action_after() -> None:
    linked = known((0, 30, "walk"), (5, 32, "wave"), (28, 50, TRANSITION), (45, 90, "sit"))
    assert found(linked)[:1] == [((0, 30), (5, 32))]
    assert set(found(linked)[1:]) == {((first, end), (28, 50), (45, 90)) for first, end in ((0, 30), (5, 32))}


def test_one_span_is_no_pair_to_cut() -> None:
    with pytest.raises(DataError, match="two spans"):
        cut([(0, 10)])
