"""The files of a prepared set: which there are, what a line of the index says, and how a recording's frames lie.

A frame is a row of float32: 66 numbers of the poses, 3 of the translation, then the numbers of each extra array. So
one file holds a recording, any stretch of it is contiguous, and `numpy.load` opens it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from actiongpt_core.data.recording import Recording
from actiongpt_core.errors import ActionGPTError, DataError
from actiongpt_core.types.segments import Pair, Segment
from actiongpt_core.types.skeleton import SMPL_BODY

FORMAT = 1
HEADER, INDEX, RECORDINGS = "prepared.json", "index.jsonl", "recordings"

NUM_POSE = 3 * SMPL_BODY.num_joints
NUM_MOTION = NUM_POSE + 3


@attrs.frozen(kw_only=True)
class Entry:
    """A recording as the index knows it."""

    id: str
    file: str  #: below the set's folder
    split: str
    subject: str
    frames: int
    segments: tuple[Segment, ...] = ()
    pairs: tuple[Pair, ...] = ()
    extra: Mapping[str, tuple[int, ...]] = attrs.field(factory=dict)  #: shape of a frame of each extra array

    @property
    def columns(self) -> int:
        """F, numbers in a row."""
        return NUM_MOTION + sum(math.prod(shape) for shape in self.extra.values())

    @classmethod
    def of(cls, recording: Recording, name: str, file: str) -> Entry:
        """What the index says of a recording."""
        return cls(
            id=name,
            file=file,
            split=recording.split,
            subject=recording.subject,
            frames=recording.num_frames,
            segments=recording.segments,
            pairs=recording.pairs,
            extra={name: array.shape[1:] for name, array in recording.extra.items()},
        )

    def to_dict(self) -> dict[str, Any]:
        """For a line of the index; what is as usual is left out."""
        values: dict[str, Any] = {"id": self.id, "file": self.file, "split": self.split, "frames": self.frames}
        values |= {"subject": self.subject} if self.subject else {}
        values["segments"] = [_without_defaults(item) for item in self.segments]
        values |= {"pairs": [_without_defaults(item) for item in self.pairs]} if self.pairs else {}
        return values | ({"extra": self.extra} if self.extra else {})

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Entry:
        """From a line of the index."""
        name = values["id"]
        return cls(
            id=name,
            file=values["file"],
            split=values["split"],
            subject=values.get("subject", ""),
            frames=values["frames"],
            segments=tuple(Segment(recording=name, **item) for item in values["segments"]),
            pairs=tuple(_pair(name, item) for item in values.get("pairs", ())),
            extra={key: tuple(shape) for key, shape in values.get("extra", {}).items()},
        )


@attrs.frozen
class Rejection:
    """A recording that was left out by the rules of its set."""

    id: str
    reason: str


def rows_of(recording: Recording) -> NDArray[np.float32]:
    """The frames of a recording as they are stored, (T, F).

    Raises:
        DataError: An extra array does not have a row a frame, or holds NaN.
    """
    frames = recording.num_frames
    parts = [recording.poses.reshape(frames, -1), recording.translation]
    for name, array in recording.extra.items():
        if len(array) != frames or not np.isfinite(array).all():
            raise DataError(f"The extra array {name!r} must have {frames} rows of finite numbers; got {array.shape}.")
        parts.append(array.reshape(frames, -1))
    return np.concatenate(parts, axis=1, dtype=np.float32, casting="same_kind")


def columns_of(entry: Entry, name: str) -> slice:
    """Where an extra array lies in the rows.

    Raises:
        KeyError: The recording has none of this name.
    """
    start = NUM_MOTION
    for other, shape in entry.extra.items():
        end = start + math.prod(shape)
        if other == name:
            return slice(start, end)
        start = end
    raise KeyError(name)


def read_index(folder: Path) -> Iterator[Entry | Rejection]:
    """What the lines of an index say. A last line that was not written to its end is passed over.

    Raises:
        DataError: Another line is damaged, or the index cannot be read.
    """
    path = folder / INDEX
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}.") from error
    for number, line in enumerate(lines, start=1):
        try:
            values = json.loads(line)
            yield Rejection(values["id"], values["rejected"]) if "rejected" in values else Entry.from_dict(values)
        except (ValueError, TypeError, KeyError, AttributeError, ActionGPTError) as error:
            raise DataError(
                f"{path}, line {number} is damaged ({error}). Remove this set and prepare it again."
            ) from error


def read_header(folder: Path) -> dict[str, Any]:
    """What `prepared.json` says.

    Raises:
        DataError: It is no such file, or of another format.
    """
    path = folder / HEADER
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        number = values["format"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(f"{path} is no header of a prepared set: {error}. Prepare the set again.") from error
    if number != FORMAT:
        raise DataError(
            f"{path} is of format {number}, this version reads {FORMAT}. Prepare the set again, or upgrade."
        )
    if not {"name", "fps", "state"} <= set(values) or not isinstance(values.get("source"), dict):
        raise DataError(f"{path} says not all of name, fps, state and source. Prepare the set again.")
    return values


def is_prepared(folder: Path) -> bool:
    """Whether a folder holds a prepared set, be it unfinished."""
    return (folder / HEADER).is_file()


def _without_defaults(item: Segment | Pair) -> dict[str, Any]:
    named = {field.name: field.default for field in attrs.fields(type(item))}
    values = {name: getattr(item, name) for name in named if name != "recording"}
    return {name: value for name, value in values.items() if value != named[name]}


def _pair(recording: str, values: dict[str, Any]) -> Pair:
    first, second = values["texts"]
    return Pair(recording=recording, **(values | {"texts": (tuple(first), tuple(second))}))
