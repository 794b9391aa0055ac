"""Labels of a recording as frames, as pairs of consecutive actions, and where a pair is cut.

Rules of the originals, as they were applied: the splits and numbers that were published depend on them.

Source: `reference/teach.md`, section 8.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

import attrs

from actiongpt_core.data.selection import NO_ACTIONS
from actiongpt_core.errors import DataError

TRANSITION = "transition"
#: Poses that calibrate: no action before or after another. A transition is none either, and yet links two.
CALIBRATION_POSES = NO_ACTIONS - {TRANSITION}


@attrs.frozen(kw_only=True)
class TimedLabel:
    """What an annotation says of some seconds of a recording."""

    text: str
    start: float  #: seconds
    end: float
    raw_text: str = ""  #: as it was typed, where `text` is a tidied form of it
    categories: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Span:
    """The frames of a label, as the originals write them: `end` may be read as the last frame, or as the one after."""

    start: int
    end: int
    label: TimedLabel

    @property
    def text(self) -> str:
        """The label's text."""
        return self.label.text

    @property
    def frames(self) -> tuple[int, int]:
        """(start, end)."""
        return self.start, self.end

    def is_before(self, other: Span) -> bool:
        """Does it begin and end before another, and reach it?"""
        return self.start < other.start and self.end < other.end and self.end >= other.start


@attrs.frozen(kw_only=True)
class PairCut:
    """Where a pair is cut: first and last frame of action 1, of the transition if there is one, of action 2."""

    pieces: tuple[tuple[int, int], ...]

    @property
    def start(self) -> int:
        """First frame."""
        return self.pieces[0][0]

    @property
    def end(self) -> int:
        """The frame after the last one that is used; the last frame of action 2 is not."""
        return self.pieces[-1][1]

    @property
    def durations(self) -> tuple[int, int, int]:
        """Frames of action 1, of the transition (or 0), and of action 2; together `end - start`."""
        first, *between, second = (end - start + 1 for start, end in self.pieces)
        return first, sum(between), second - 1


def spans(labels: Iterable[TimedLabel], fps: float, num_frames: int) -> list[Span]:
    """The frames of each label, in order: int(t * fps), not beyond the recording.

    Args:
        labels: In any order.
        fps: Frames a second.
        num_frames: T of the recording.
    """

    def frame(seconds: float) -> int:
        return min(max(int(seconds * fps), 0), num_frames)

    found = [Span(start=frame(label.start), end=frame(label.end), label=label) for label in labels]
    return sorted(found, key=lambda span: span.frames)


def pairs(known: Sequence[Span]) -> list[tuple[Span, ...]]:
    """Spans that follow each other: (before, after), or (before, transition, after).

    A transition links each span that it begins in to each that begins in it; those may be transitions too. Two spans
    without a transition are a pair if they overlap or touch. Calibration poses have no part in it.

    Args:
        known: Spans in order. Of two with the same frames only the later one counts, as in the originals.
    """
    actions = [span for span in known if span.text not in CALIBRATION_POSES]
    actions = list({span.frames: span for span in actions}.values())
    found: list[tuple[Span, ...]] = []
    for span in actions:
        before = [other for other in actions if other.is_before(span)]
        after = [other for other in actions if span.is_before(other)]
        if span.text == TRANSITION:
            found += [(first, span, second) for first, second in product(before, after)]
            continue
        found += [(other, span) for other in before if other.text != TRANSITION]
        found += [(span, other) for other in after if other.text != TRANSITION]
    return list(dict.fromkeys(found))


def cut(frames: Sequence[tuple[int, int]]) -> PairCut:
    """Where a pair is cut.

    Where the actions overlap, in the middle of the overlap; and where a transition lies free between them, at its
    frames. [Sic] Without a transition the boundary lies half the overlap *behind* the end of action 1: a wrong sign in
    the originals, kept since published numbers depend on it.

    Args:
        frames: (start, end) of action 1, of the transition if there is one, of action 2.

    Raises:
        DataError: Neither two nor three spans are given.
    """
    if len(frames) not in (2, 3):
        raise DataError(f"A pair has two spans, or three with its transition; got {len(frames)}.")
    (first_start, first_end), (second_start, second_end) = frames[0], frames[-1]
    gap = second_start - first_end
    if len(frames) == 3 and gap > 0:
        turn = frames[1][0]
        return PairCut(pieces=((first_start, turn), (turn + 1, second_start - 1), (second_start, second_end)))
    middle = first_end + (gap if len(frames) == 3 else -gap) / 2
    return PairCut(pieces=((first_start, int(middle)), (int(middle + 1), second_end)))
