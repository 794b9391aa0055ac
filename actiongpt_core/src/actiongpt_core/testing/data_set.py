"""The conformance suite of a data set: subclass it in a test module and say how the set is opened."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import pytest
import torch

from actiongpt_core.body.stick import StickBody
from actiongpt_core.errors import ConfigError
from actiongpt_core.interfaces import DataSet
from actiongpt_core.registry import get_registry
from actiongpt_core.testing.suite import RegisteredSuite
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.segments import Pair, Segment
from actiongpt_core.types.skeleton import SMPL_BODY

_Item = TypeVar("_Item")
_READ = 6  #: clips of a split whose frames are read
_ORTHONORMAL = 1e-4  # float32, from axis-angle or as stored by others
#: Metres between the lowest and the highest joint of a standing adult or child, hands down or up.
_SHORTEST, _TALLEST = 0.7, 2.6


class DataSetSuite(RegisteredSuite):
    """What every data set promises.

    Subclass it, name the class `Test...`, and set `registered`, or write `build_data_set`. A `DataSource` is tested by
    the set that `actiongpt_core.data.prepare.prepare` makes of it.

    Attributes:
        registered: Name under which the data set is registered; without `build_data_set` it is built as users do.
        is_upright: False for a set in which people mostly sit or lie; else "Z up" and "metres" are tested by how tall
            they stand.
    """

    kind = "data"
    is_upright: bool = True

    def build_data_set(self, folder: Path) -> DataSet:
        """The set under test; called for every test.

        Args:
            folder: An empty folder, for a set that is made of files.
        """
        if self.registered is None:
            raise NotImplementedError("Set `registered`, or write build_data_set, which returns the data set.")
        return get_registry().open_data_set(self.registered)

    @pytest.fixture
    def data(self, tmp_path: Path) -> DataSet:
        """The set under test."""
        return self.build_data_set(tmp_path)

    @pytest.fixture
    def segments(self, data: DataSet) -> list[Segment]:
        """All that is said of its clips."""
        return [item for split in data.splits for item in data.segments(split)]

    @pytest.fixture
    def read(self, data: DataSet) -> list[tuple[Segment, Motion]]:
        """Some clips of every split, from its start to its end, with their frames."""
        chosen = [item for split in data.splits for item in _spread(data.segments(split))]
        return [(item, data.motion(item.recording, item.start, item.end)) for item in chosen]

    def test_it_has_what_readers_ask_for(self, data: DataSet) -> None:
        """The set has a name, a frame rate and splits.

        Troubleshooting: `name`, `fps` and `splits` are attributes; `segments` and `motion` are methods.
        """
        assert isinstance(data, DataSet)
        assert data.name
        assert data.fps > 0
        assert data.splits
        assert len(set(data.splits)) == len(data.splits)

    def test_there_are_clips_and_all_have_texts(self, segments: list[Segment]) -> None:
        """Every clip is told in words.

        Troubleshooting: Leave out what has no text; an empty string is none.
        """
        assert segments
        assert all(text.strip() for item in segments for text in item.texts)

    def test_segments_come_in_the_same_order_each_time(self, data: DataSet) -> None:
        """Order is part of the set.

        Troubleshooting: Sort what comes from the file system or from sets: seeds and splits depend on it.
        """
        for split in data.splits:
            assert list(data.segments(split)) == list(data.segments(split))

    def test_keys_differ(self, data: DataSet, segments: list[Segment]) -> None:
        """A key names one clip.

        Troubleshooting: Put the recording and the place in it into the key.
        """
        pairs = [item for split in data.splits for item in _pairs(data, split)]
        assert len({item.key for item in segments}) == len(segments)
        assert len({item.key for item in pairs}) == len(pairs)

    def test_no_recording_is_in_two_splits(self, data: DataSet) -> None:
        """Test data is never trained on.

        Troubleshooting: Split by recording, better by person, before cutting into clips.
        """
        recordings = [{item.recording for item in data.segments(split)} for split in data.splits]
        assert sum(map(len, recordings)) == len(set().union(*recordings))

    def test_a_split_that_is_not_there_is_an_error_that_names_those_that_are(self, data: DataSet) -> None:
        """A mistyped split is told.

        Troubleshooting: Raise `ConfigError` with the list of splits; an empty list would look like an empty
        set.
        """
        with pytest.raises(ConfigError, match=data.splits[0]):
            data.segments("no such split")

    def test_a_clip_has_its_frames(self, data: DataSet, read: list[tuple[Segment, Motion]]) -> None:
        """`motion` gives end - start frames at the set's rate.

        Troubleshooting: The end is exclusive; frames after resampling are not those of the file.
        """
        for item, motion in read:
            assert len(motion) == item.num_frames
            assert motion.fps == data.fps

    def test_motions_are_of_the_body_with_22_joints(self, read: list[tuple[Segment, Motion]]) -> None:
        """All sets speak of the same body.

        Troubleshooting: Map your skeleton to SMPL's first 22 joints (`actiongpt_core.data.retarget`), and leave
        hands out.
        """
        assert {motion.skeleton for _, motion in read} == {SMPL_BODY}

    def test_rotations_are_rotations_and_all_is_finite(self, read: list[tuple[Segment, Motion]]) -> None:
        """Matrices are orthonormal, right-handed and finite.

        Troubleshooting: Degrees taken for radians, Euler angles in another order, or a mirrored axis.
        """
        for _, motion in read:
            product = motion.rotations @ motion.rotations.transpose(-1, -2)
            identity = torch.eye(3, dtype=product.dtype).expand_as(product)
            torch.testing.assert_close(product, identity, rtol=0, atol=_ORTHONORMAL)
            assert (torch.linalg.det(motion.rotations) > 0).all()
            assert motion.translation.isfinite().all()

    def test_bodies_stand_along_z_and_are_as_tall_as_people(self, read: list[tuple[Segment, Motion]]) -> None:
        """Z is up, lengths are metres.

        Troubleshooting: Turn data with Y up by 90 degrees about X, divide centimetres by 100; sets of people
        who lie set `is_upright = False`.
        """
        if not self.is_upright:
            pytest.skip("People in this set mostly do not stand.")
        heights = torch.cat([_height(motion) for _, motion in read])
        assert _SHORTEST < float(heights.median()) < _TALLEST

    def test_a_step_of_the_pelvis_is_one_of_a_person(self, read: list[tuple[Segment, Motion]]) -> None:
        """Nobody moves at 10 m/s.

        Troubleshooting: Another unit of length, or a frame rate that is not the file's.
        """
        speeds = torch.cat([motion.translation.diff(dim=0).norm(dim=-1) * motion.fps for _, motion in read])
        assert float(speeds.median()) < 10.0  # metres a second: more is another unit of length

    def test_a_part_of_a_clip_is_that_part_of_its_frames(
        self, data: DataSet, read: list[tuple[Segment, Motion]]
    ) -> None:
        """Frames do not depend on how they are asked for.

        Troubleshooting: Do not centre, turn or resample by the clip in `motion`: samplers do that.
        """
        for item, motion in read:
            third = item.num_frames // 3
            part = data.motion(item.recording, item.start + third, item.end)
            assert torch.equal(part.rotations, motion.rotations[third:])
            assert torch.equal(part.translation, motion.translation[third:])

    def test_what_was_read_can_be_changed_without_changing_the_set(
        self, data: DataSet, read: list[tuple[Segment, Motion]]
    ) -> None:
        """What is read belongs to the reader.

        Troubleshooting: Return a copy of what is kept in memory or mapped from a file.
        """
        item, motion = read[0]
        before = motion.translation.clone()
        motion.translation.add_(1.0)
        assert torch.equal(data.motion(item.recording, item.start, item.end).translation, before)

    def test_frames_that_are_not_there_are_an_error(self, data: DataSet, segments: list[Segment]) -> None:
        """A range outside the recording is told.

        Troubleshooting: Slices of tensors are silent about it: compare with the number of frames and raise
        `ConfigError`.
        """
        recording = segments[0].recording
        for start, end in ((-1, 2), (2, 2), (0, 10**9)):
            with pytest.raises(ConfigError):
                data.motion(recording, start, end)

    def test_a_recording_that_is_not_there_is_an_error(self, data: DataSet) -> None:
        """A name that is not there is told.

        Troubleshooting: Raise `ConfigError` instead of `KeyError` or `FileNotFoundError`.
        """
        with pytest.raises(ConfigError):
            data.motion("no such recording", 0, 1)

    def test_pairs_are_two_actions_with_texts_of_one_split(self, data: DataSet) -> None:
        """Pairs are two actions in a row, with what is between them.

        Troubleshooting: `durations` are frames of the first, the transition and the second; their sum is end -
        start.
        """
        for split in data.splits:
            inside = {item.recording for item in data.segments(split)}
            for pair in _spread(_pairs(data, split)):
                first, between, second = pair.durations
                assert min(first, second) >= 1
                assert between >= 0
                assert all(texts and all(text.strip() for text in texts) for texts in pair.texts)
                assert pair.recording in inside
                assert len(data.motion(pair.recording, pair.start, pair.end)) == sum(pair.durations)


def _pairs(data: DataSet, split: str) -> Sequence[Pair]:
    known = getattr(data, "pairs", None)
    found: Sequence[Pair] = known(split) if known else ()
    return found


def _spread(items: Sequence[_Item]) -> list[_Item]:
    """A few, from the first to the last."""
    step = max(len(items) // _READ, 1)
    return list(items[::step][:_READ])


def _height(motion: Motion) -> torch.Tensor:
    """Metres from the lowest to the highest joint along Z, (T,)."""
    heights = StickBody().joints(motion)[..., 2]
    return heights.amax(dim=1) - heights.amin(dim=1)
