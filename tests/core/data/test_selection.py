"""What of a set can be used: limits, and messages that count what was left out."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import pytest

from actiongpt_core.data.procedural_set import ProceduralSet
from actiongpt_core.data.selection import require_fps, usable_pairs, usable_segments
from actiongpt_core.errors import ConfigError
from actiongpt_core.types.segments import Pair, Segment


class Told(ProceduralSet):
    """Segments of 10, 20 and 30 frames, one that is doubted, one that is a pose; pairs of two lengths."""

    name = "told"

    def __init__(self) -> None:
        super().__init__(variants=1, seconds=2)

    def segments(self, split: str) -> Sequence[Segment]:
        item = super().segments(split)[0]
        made = [attrs.evolve(item, key=f"k{end}", end=end) for end in (10, 20, 30)]
        doubted = attrs.evolve(item, key="doubted", suspect=True)
        return [*made, doubted, attrs.evolve(item, key="pose", end=20, texts=("t-pose", "stand"))]

    def pairs(self, split: str) -> list[Pair]:
        recording = self.segments(split)[0].recording
        lengths = {"short": (5, 0, 20), "by-transition": (10, 6, 4), "long": (10, 0, 45)}
        return [
            Pair(key=key, recording=recording, start=0, durations=durations, texts=(("a",), ("b",)))
            for key, durations in lengths.items()
        ]


def test_segments_within_the_limits_stay_in_their_order() -> None:
    kept = usable_segments(Told(), "train", min_frames=15, max_frames=30)
    assert [item.key for item in kept] == ["k20", "k30", "pose"]
    kept = usable_segments(Told(), "train", min_frames=10, max_frames=20, actions_only=True)
    assert [item.key for item in kept] == ["k10", "k20"]


def test_a_transition_counts_to_the_second_action_of_a_pair() -> None:
    assert [item.key for item in usable_pairs(Told(), "train", min_frames=10, max_frames=40)] == ["by-transition"]


def test_where_nothing_is_left_it_is_counted_why() -> None:
    with pytest.raises(ConfigError, match=r"4 shorter than 90 frames; 1 doubted by the set"):
        usable_segments(Told(), "train", min_frames=90)
    with pytest.raises(ConfigError, match=r"No pair.*with an action longer than 8 frames"):
        usable_pairs(Told(), "train", min_frames=1, max_frames=8)


def test_a_set_without_pairs_says_so() -> None:
    with pytest.raises(ConfigError, match=r"'val' of 'procedural'.*pair"):
        usable_pairs(ProceduralSet(variants=1), "val", min_frames=1, max_frames=99)


def test_another_frame_rate_is_refused() -> None:
    require_fps(Told(), 30.0)
    with pytest.raises(ConfigError, match=r"30 frames a second, the model 20"):
        require_fps(Told(), 20.0)
