"""A user's own motions: any folder of AMASS-style .npz and BVH files, with their texts in a CSV or JSON."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from actiongpt_core.data.amass_npz import pelvis_translation, read_npz, resampled_frames
from actiongpt_core.data.consecutive import consecutive_pairs
from actiongpt_core.data.folder_texts import FileTexts, Telling, find_texts, read_texts, same_name
from actiongpt_core.data.recording import Recording
from actiongpt_core.errors import ActionGPTError, ConfigError, DataError, RejectedRecording
from actiongpt_core.types.segments import Segment

Array = NDArray[np.float32]

SUFFIXES = (".npz", ".bvh")
#: Seconds between two segments up to which the stretch between them counts as their transition.
MAX_GAP = 1.0
#: Of a hundred files without a split of their own: those below the first number train, those below the second are val.
SHARES = (80, 90)
#: Seconds that a segment may end after its recording, as rounded times do.
_OVERHANG = 0.1
#: Relative; below it two frame rates are one.
_RATE_TOLERANCE = 1e-3


class FolderSource:
    """All .npz and .bvh files below a folder, with their texts.

    Args:
        folder: Of the files; folders in it are searched too.
        texts: The file with the texts, below the folder or a path of its own; texts.csv or texts.json if not given.
        joints: A JSON file, found like that of the texts, for BVH files whose skeleton is not known: for each of the
            SMPL body's 22 joints the name of the file's joint, or null for one that the files have not.
        fps: Frames a second of the prepared set. Of faster recordings frames are left out as for AMASS, slower ones are
            filled up along straight lines between frames.

    Raises:
        ConfigError: The frame rate is not positive.
    """

    name = "folder"

    def __init__(
        self, folder: str | Path, *, texts: str | None = None, joints: str | None = None, fps: float = 30.0
    ) -> None:
        if isinstance(fps, bool) or not isinstance(fps, int | float) or not fps > 0:
            raise ConfigError(f"fps must be a positive number, got {fps!r}.")
        self._folder, self._texts, self.fps = Path(folder), None if texts is None else str(texts), float(fps)
        self._joints = None if joints is None else self._folder / str(joints)

    def missing(self) -> list[str]:
        """What has to be there before anything is read."""
        if not self._folder.is_dir():
            return [f"There is no folder {self._folder}."]
        if not self._files:
            return [f"{self._folder} holds no .npz or .bvh file."]
        if self._joints is not None and not self._joints.is_file():
            return [f"There is no file {self._joints} with the joints of the BVH files."]
        try:
            find_texts(self._folder, self._texts)
        except ActionGPTError as error:
            return [str(error)]
        return []

    def depends_on(self) -> dict[str, str]:
        """The texts, and the joints if they are given, as they are now: each file and its hash."""
        files = {"texts": find_texts(self._folder, self._texts), "joints": self._joints}
        return {
            name: f"{path.name}, SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()}"
            for name, path in files.items()
            if path is not None
        }

    def recordings(self) -> Iterator[tuple[str, Callable[[], Recording]]]:
        """All files by their path below the folder, in order; then the texts whose file is not there.

        Raises:
            DataError: The texts cannot be read.
        """
        texts = read_texts(find_texts(self._folder, self._texts))
        for name, path in self._files.items():
            yield name, partial(self._read, name, path, texts.get(name))
        for name in sorted(set(texts) - set(self._files)):
            yield name, partial(_no_file, name, texts[name])

    @cached_property
    def _files(self) -> dict[str, Path]:
        paths = [path for path in self._folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file()]
        named = {same_name(path.relative_to(self._folder).as_posix()): path for path in paths}
        return dict(sorted(named.items()))

    @cached_property
    def _map(self) -> dict[str, str | None] | None:
        """Our joints and those of the BVH files."""
        if self._joints is None:
            return None
        try:
            content = json.loads(self._joints.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{self._joints} cannot be read as JSON: {error}.") from error
        if not isinstance(content, dict) or not all(isinstance(value, str | None) for value in content.values()):
            raise DataError(f'{self._joints} must hold an object, {{"pelvis": "Hips", "spine1": null, ...}}.')
        return content

    def _read(self, name: str, path: Path, texts: FileTexts | None) -> Recording:
        if texts is None:
            raise RejectedRecording("no text")
        read = _read_bvh(path, self._map) if path.suffix.lower() == ".bvh" else _read_amass(path)
        poses, translation = at_rate(*read, self.fps)
        segments = [_segment(name, item, texts.where, len(poses), self.fps) for item in texts.tellings]
        timed = [item for item in segments if item.scope == "segment"]
        return Recording(
            poses=poses,
            translation=translation,
            split=texts.split or hashed_split(name),
            segments=segments,
            pairs=consecutive_pairs(timed, round(MAX_GAP * self.fps)),
        )


def hashed_split(name: str) -> str:
    """The split of a file that is given none: always the same, whatever other files there are.

    The first 8 hexadecimal digits of the SHA-256 of its path below the folder, modulo 100: below 80 "train", below 90
    "val", else "test".
    """
    number = int(hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8], 16) % 100
    return "train" if number < SHARES[0] else "val" if number < SHARES[1] else "test"


def _read_bvh(path: Path, joints: dict[str, str | None] | None) -> tuple[Array, Array, float]:
    from actiongpt_core.data.retarget import bvh_to_recording

    return bvh_to_recording(path, joints)


def _read_amass(path: Path) -> tuple[Array, Array, float]:
    file = read_npz(path)
    return file.body_poses, pelvis_translation(file.translation), file.fps


def at_rate(poses: Array, translation: Array, fps: float, target: float) -> tuple[Array, Array]:
    """A recording at another frame rate.

    Raises:
        RejectedRecording: It is shorter than half a second.
    """
    # A BVH's frame time is rounded: .0333333 s are 30 frames a second, and none of them is to be left out.
    fps = target if math.isclose(fps, target, rel_tol=_RATE_TOLERANCE) else fps
    frames = resampled_frames(len(poses), fps, target)
    if fps >= target:
        return poses[frames], translation[frames]
    import torch

    from actiongpt_core.geometry.clips import resample
    from actiongpt_core.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle

    rotations = axis_angle_to_matrix(torch.from_numpy(np.ascontiguousarray(poses)))
    rotations, moved = resample(rotations, torch.from_numpy(translation), fps, target)
    return matrix_to_axis_angle(rotations).numpy(), moved.numpy()


def _segment(name: str, telling: Telling, where: str, num_frames: int, fps: float) -> Segment:
    if telling.start is None or telling.end is None:
        return Segment(key=_key(name), recording=name, start=0, end=num_frames, texts=telling.texts, scope="clip")
    if telling.end > num_frames / fps + _OVERHANG:
        raise DataError(f"{where}: a segment ends at {telling.end:g} s, {name!r} at {num_frames / fps:.2f} s.")
    start, end = round(telling.start * fps), min(round(telling.end * fps), num_frames)
    if start >= end:
        raise DataError(f"{where}: the segment {telling.start:g} to {telling.end:g} s of {name!r} has no frame.")
    return Segment(key=f"{_key(name)}_{start:05d}_{end:05d}", recording=name, start=start, end=end, texts=telling.texts)


def _key(name: str) -> str:
    """The path as a key. Where letters had to be replaced, a piece of its hash keeps two of them apart."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    key = plain if plain[:1].isalnum() else f"x{plain}"
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return key if key == name else f"{key}-{digest}"


def _no_file(name: str, texts: FileTexts) -> Recording:
    raise DataError(f"{texts.where}: there is no file {name!r}.")
