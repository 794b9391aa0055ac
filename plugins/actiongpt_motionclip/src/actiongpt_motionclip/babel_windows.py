"""AMASS with BABEL's raw labels frame by frame, as the original's parser makes its data bases, in windows.

Source: `reference/motionclip.md`, sections 5.2 to 5.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from actiongpt_core.data.amass import FPS, TEST_SETS, VALIDATION_SETS, AmassTree, body_frames, dataset_of, subject_of
from actiongpt_core.data.amass_npz import AmassFile, read_npz
from actiongpt_core.data.babel import missing_files
from actiongpt_core.data.babel_files import BabelEntry, BabelFolder, BabelSequence
from actiongpt_core.data.babel_pairs import TimedLabel
from actiongpt_core.data.prepared import PreparedSet
from actiongpt_core.data.prepared_index import Entry
from actiongpt_core.data.recording import Recording
from actiongpt_core.errors import ConfigError, DataError, RejectedRecording
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.segments import Scope, Segment
from actiongpt_motionclip.database import WINDOW_FRAMES

NAME = "babel-windows"
#: Those that the original's parser goes through, as AMASS's folders are called.
TRAINING_SETS = frozenset(
    {
        "ACCAD",
        "BioMotionLab_NTroje",
        "CMU",
        "EKUT",
        "Eyes_Japan_Dataset",
        "KIT",
        "MPI_Limits",
        "TCD_handMocap",
        "TotalCapture",
    }
)
DATASETS = TRAINING_SETS | TEST_SETS | VALIDATION_SETS
MIN_FRAMES = 60
_SMPLH_JOINTS = 52
_HANDS = [22, 37]  #: the first finger joints of SMPL-H, which stand for SMPL's hands
_FARTHEST_RATE = 5.0  #: frames a second that a thinned-out recording may be away from the wanted rate


class BabelWindowsSource:
    """Every annotated recording of the data sets that the original uses; its segments are runs of one raw label.

    Each n-th frame stays, n being the whole number that comes nearest to 30 frames a second. Where labels overlap the
    later one counts. Without labels of frames those of the whole hold for all of them, joined as the original does.

    Args:
        folder: BABEL's annotations; see `BabelFolder`.
        amass: AMASS's files for SMPL-H; the folder `amass` in that of the annotations if not given.
        allow_missing: Go on although data sets of AMASS are missing altogether; their recordings are left out.
    """

    name = NAME
    fps = FPS

    def __init__(self, folder: str | Path, *, amass: str | Path | None = None, allow_missing: bool = False) -> None:
        self._babel, self._tree = BabelFolder(folder), AmassTree(amass or Path(folder) / "amass")
        self._allow_missing = allow_missing

    def missing(self) -> list[str]:
        """What has to be downloaded; a line for each."""
        return missing_files(self._babel, self._tree, allow_missing=self._allow_missing, datasets=DATASETS)

    def depends_on(self) -> dict[str, str]:
        """The labels as they are now: each file and its hash."""
        return self._babel.depends_on()

    def recordings(self) -> Iterator[tuple[str, Callable[[], Recording]]]:
        """Every annotated recording, by BABEL's number.

        Raises:
            DataError: A file of labels cannot be read.
        """
        for entry in self._babel.entries:
            yield entry.number, partial(self._read, entry)

    def _read(self, entry: BabelEntry) -> Recording:
        told = entry.read()
        if dataset_of(entry.path) not in DATASETS:
            raise RejectedRecording(f"of {dataset_of(entry.path)}, which the original does not use")
        path = self._tree.file(entry.path, entry.number)
        file = read_npz(path)
        if file.poses.shape[1] != _SMPLH_JOINTS:
            raise DataError(f"{path} has {file.poses.shape[1]} joints; get AMASS's file for SMPL+H G, which has 52.")
        step = _step(file)
        poses, translation = body_frames(file, np.arange(0, file.num_frames, step))
        labels = _frame_labels(told, file.num_frames)[::step]
        scope: Scope = "clip" if told.frame_labels is None else "segment"
        return Recording(
            poses=poses,
            translation=translation,
            split=entry.split,
            subject=subject_of(entry.path),
            segments=tuple(_runs(entry.number, labels, scope)),
            extra={"hands": file.poses[::step][:, _HANDS]},
        )


def _step(file: AmassFile) -> int:
    """Each how many-th frame stays.

    Raises:
        RejectedRecording: The frame rate is too far from any multiple of 30, or too few frames stay.
    """
    step = max(round(file.fps / FPS), 1)
    if abs(file.fps / step - FPS) > _FARTHEST_RATE:
        raise RejectedRecording(f"of a frame rate that no step brings to within {_FARTHEST_RATE:g} of {FPS:g}")
    if -(-file.num_frames // step) < MIN_FRAMES:
        raise RejectedRecording(f"shorter than {MIN_FRAMES} frames")
    return step


def _frame_labels(told: BabelSequence, num_frames: int) -> list[TimedLabel | None]:
    """The label of each frame of a recording at its own rate."""
    if told.frame_labels is None:
        labels = told.sequence_labels
        # [Sic] no blank before "and": descriptions that were published are found by such texts.
        text = "and ".join(label.raw_text for label in labels)
        categories = tuple(dict.fromkeys(name for label in labels for name in label.categories))
        whole = TimedLabel(text=text, raw_text=text, start=0.0, end=told.seconds, categories=categories)
        return [whole] * num_frames
    rate = num_frames / told.seconds
    found: list[TimedLabel | None] = [None] * num_frames
    for label in told.frame_labels:
        start, last = (min(max(round(time * rate), 0), num_frames) for time in (label.start, label.end))
        end = max(start, last)
        found[start:end] = [label] * (end - start)
    return found


def _runs(number: str, labels: Sequence[TimedLabel | None], scope: Scope) -> Iterator[Segment]:
    """A segment for each run of frames with one label."""
    start = 0
    for label, frames in groupby(labels, key=lambda item: item):
        end = start + len(list(frames))
        if label is not None and label.raw_text:
            yield Segment(
                key=f"{number}-{start}",
                recording=number,
                start=start,
                end=end,
                texts=(label.raw_text,),
                scope=scope,
                categories=label.categories,
            )
        start = end


class BabelWindows:
    """A prepared "babel-windows": segments are the windows of 100 frames from each recording's start on.

    A window is told by the labels of its frames, sorted and joined; a frame without one has the label "", as in the
    original. Windows without any label are left out.

    Args:
        folder: As `actiongpt data prepare babel-windows` wrote it.

    Raises:
        MissingAssetError: There is no prepared set.
        ConfigError: It is another one.
        DataError: It was not finished, or is damaged.
    """

    name = NAME

    def __init__(self, folder: str | Path | None = None) -> None:
        self._set = PreparedSet(folder)
        if self._set.name != NAME:
            raise ConfigError(f"{folder} holds the set {self._set.name!r}, not {NAME!r}: --data {self._set.name}.")
        self.fps, self.splits = self._set.fps, self._set.splits
        self._labels = {entry.id: _labels_of(entry.segments, entry.frames) for entry in self._set.recordings}

    def segments(self, split: str) -> list[Segment]:
        """The windows of a split.

        Raises:
            ConfigError: There is no such split.
        """
        self._set.segments(split)  # which tells a split that is none
        entries = [entry for entry in self._set.recordings if entry.split == split]
        return [item for entry in entries for item in self._windows(entry)]

    def motion(self, recording: str, start: int, end: int) -> Motion:
        """Frames [start, end) of a recording.

        Raises:
            ConfigError: There is no such recording, or it does not have these frames.
            DataError: Its file is missing or damaged.
        """
        return self._set.motion(recording, start, end)

    def frame_labels(self, recording: str, start: int, end: int) -> Sequence[str]:
        """The raw label of each of these frames, "" where there is none."""
        return self._labels[recording][start:end]

    def extra(self, recording: str, name: str, start: int, end: int) -> Any:
        """Of these frames "hands", axis-angle of SMPL's two hand joints, (T, 2, 3).

        Raises:
            ConfigError: There is nothing else.
        """
        return self._set.extra(recording, name, start, end)

    def _windows(self, entry: Entry) -> Iterator[Segment]:
        for index in range(entry.frames // WINDOW_FRAMES):
            start, end = index * WINDOW_FRAMES, (index + 1) * WINDOW_FRAMES
            text = " and ".join(sorted(set(self._labels[entry.id][start:end])))
            runs = [run for run in entry.segments if run.start < end and run.end > start]
            if text:  # Differs from the original, which trains on windows that nobody has named, by "".
                yield Segment(
                    key=f"{entry.id}-{index}",
                    recording=entry.id,
                    start=start,
                    end=end,
                    texts=(text,),
                    scope="window",
                    categories=dict.fromkeys(name for run in runs for name in run.categories),
                )


def _labels_of(runs: Sequence[Segment], num_frames: int) -> Sequence[str]:
    labels = [""] * num_frames
    for run in runs:
        labels[run.start : run.end] = run.texts * run.num_frames
    return labels
