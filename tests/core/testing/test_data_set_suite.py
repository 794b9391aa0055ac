"""The suite of data sets passes what is right and fails what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

from actiongpt_core.data.procedural_set import ProceduralSet
from actiongpt_core.interfaces import DataSet
from actiongpt_core.testing.data_set import DataSetSuite
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.segments import Pair, Segment


class Right(ProceduralSet):
    def __init__(self) -> None:
        super().__init__(variants=1, seconds=2)


class Centimetres(Right):
    def motion(self, recording: str, start: int, end: int) -> Motion:
        motion = super().motion(recording, start, end)
        walk = 100 * motion.translation
        walk[:, 0] += 5 * (start + walk.new_ones(len(walk)).cumsum(0))
        return attrs.evolve(motion, translation=walk)


class YUp(Right):
    def motion(self, recording: str, start: int, end: int) -> Motion:
        motion = super().motion(recording, start, end)
        rotations = motion.rotations.clone()
        rotations[:, 0] = rotations[:1, 0].transpose(-1, -2) @ rotations[:, 0]
        return attrs.evolve(motion, rotations=rotations)


class OneFrameShort(Right):
    def motion(self, recording: str, start: int, end: int) -> Motion:
        return super().motion(recording, start, end)[:-1]


class Scaled(Right):
    def motion(self, recording: str, start: int, end: int) -> Motion:
        motion = super().motion(recording, start, end)
        return attrs.evolve(motion, rotations=1.01 * motion.rotations)


class FromTheClip(Right):
    """Starts every clip above the origin, so that a part of a clip is not that part of its frames."""

    def motion(self, recording: str, start: int, end: int) -> Motion:
        motion = super().motion(recording, start, end)
        return attrs.evolve(motion, translation=motion.translation - motion.translation[0])


class Clamping(Right):
    def motion(self, recording: str, start: int, end: int) -> Motion:
        start = max(start, 0)
        return super().motion(recording, start, max(start + 1, min(end, 60)))


class Shuffled(Right):
    turn = 0

    def segments(self, split: str) -> Sequence[Segment]:
        self.turn += 1
        return super().segments(split)[:: (-1) ** self.turn]


class Leaking(Right):
    def segments(self, split: str) -> Sequence[Segment]:
        super().segments(split)
        return super().segments("train")


class Silent(Right):
    def segments(self, split: str) -> Sequence[Segment]:
        return [attrs.evolve(item, texts=(" ",)) for item in super().segments(split)]


class Lenient(Right):
    def segments(self, split: str) -> Sequence[Segment]:
        return super().segments(split) if split in self.splits else ()


class Shared(Right):
    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[Any, Motion] = {}

    def motion(self, *frames: Any) -> Motion:
        return self._kept.setdefault(frames, super().motion(*frames))


class Breathless(Right):
    def pairs(self, split: str) -> list[Pair]:
        item = self.segments(split)[0]
        return [Pair(key="p", recording=item.recording, start=0, durations=(0, 5, 20), texts=(("a",), ("b",)))]


@pytest.mark.parametrize(
    ("wrong", "check"),
    [
        (Centimetres, "test_a_step_of_the_pelvis_is_one_of_a_person"),
        (YUp, "test_bodies_stand_along_z_and_are_as_tall_as_people"),
        (OneFrameShort, "test_a_clip_has_its_frames"),
        (Scaled, "test_rotations_are_rotations_and_all_is_finite"),
        (FromTheClip, "test_a_part_of_a_clip_is_that_part_of_its_frames"),
        (Clamping, "test_frames_that_are_not_there_are_an_error"),
        (Shuffled, "test_segments_come_in_the_same_order_each_time"),
        (Leaking, "test_no_recording_is_in_two_splits"),
        (Leaking, "test_keys_differ"),
        (Silent, "test_there_are_clips_and_all_have_texts"),
        (Lenient, "test_a_split_that_is_not_there_is_an_error_that_names_those_that_are"),
        (Shared, "test_what_was_read_can_be_changed_without_changing_the_set"),
        (Breathless, "test_pairs_are_two_actions_with_texts_of_one_split"),
    ],
)
def test_a_wrong_set_fails_the_check_that_it_should(wrong: type[DataSet], check: str) -> None:
    _check(Right(), check)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        _check(wrong(), check)


def _check(data: Any, check: str) -> None:
    suite = DataSetSuite()
    known: dict[str, Any] = {"data": data, "segments": [item for split in data.splits for item in data.segments(split)]}
    chosen = [item for split in data.splits for item in data.segments(split)[:2]]
    known["read"] = [(item, data.motion(item.recording, item.start, item.end)) for item in chosen]
    method = getattr(suite, check)
    method(**{name: known[name] for name in method.__code__.co_varnames[1 : method.__code__.co_argcount]})


def test_a_subclass_that_does_not_say_how_the_set_is_opened_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(NotImplementedError, match="build_data_set"):
        DataSetSuite().build_data_set(tmp_path)
