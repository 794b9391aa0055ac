"""KIT-ML: sentences about motions, most of which are in AMASS too.

Source: Plappert, Mandery and Asfour, "The KIT Motion-Language Dataset", Big Data 2016; `reference/temos.md`, section 5.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actiongpt_core.data.amass import AmassTree, body_frames, subject_of
from actiongpt_core.data.amass_npz import read_npz, resampled_frames
from actiongpt_core.data.recording import Recording
from actiongpt_core.errors import ConfigError, DataError, RejectedRecording
from actiongpt_core.types.segments import Segment

WEBSITE = "https://motion-annotation.humanoids.kit.edu/dataset"
SPLITS = ("train", "val", "test")
FRAME_RATES = (12.5, 30.0)
_SENTENCES, _ABOUT = "_annotations.json", "_meta.json"


class KitSource:
    """Each motion whole, with all its sentences; those without a sentence or without a file in AMASS are left out.

    KIT-ML itself has no motions of the SMPL body: a table says which file of AMASS is which of its motions.

    Args:
        folder: NNNNN_annotations.json and NNNNN_meta.json as unpacked. Where it has train.txt, val.txt and test.txt
            (an identifier a line), these are the splits, and what is in none is left out; else all is "train".
        amass: AMASS's files; the folder `amass` in this one if not given.
        paths: The table, JSON: {"00001": "KIT/3/kick_high_left02_poses.npz"} or {"00001": {"path": "KIT/..."}};
            `amass-paths.json` in the folder if not given.
        fps: 12.5, as for the original TEMOS, or 30. Where it is a whole part of the recording's rate every n-th frame
            stays, else those of `resampled_frames`.
        allow_missing: Go on although data sets of AMASS are missing altogether; their motions are left out.
    """

    name = "kit"

    def __init__(
        self,
        folder: str | Path,
        *,
        amass: str | Path | None = None,
        paths: str | Path | None = None,
        fps: float = FRAME_RATES[0],
        allow_missing: bool = False,
    ) -> None:
        if fps not in FRAME_RATES:
            raise ConfigError(f"fps is one of {', '.join(f'{rate:g}' for rate in FRAME_RATES)}; got {fps!r}.")
        self._folder, self.fps, self._allow_missing = Path(folder), float(fps), allow_missing
        self._table = Path(paths or self._folder / "amass-paths.json")
        self._tree = AmassTree(amass or self._folder / "amass")

    def missing(self) -> list[str]:
        """What has to be downloaded; a line for each.

        Raises:
            DataError: The table cannot be read.
        """
        lines = []
        if not self._identifiers:
            lines.append(f"KIT-ML: no NNNNN{_SENTENCES} in {self._folder}. Get and unpack it: {WEBSITE}.")
        if not self._table.is_file():
            lines.append(
                f"KIT-ML: the table of its motions in AMASS is not at {self._table}. Give it: "
                '-O paths=FILE, with {"00001": "KIT/3/kick_high_left02_poses.npz", ...}.'
            )
        if lines := lines + self._tree.missing():
            return lines
        table = _table(self._table)
        return [] if self._allow_missing else self._tree.missing(table[it] for it in self._identifiers if it in table)

    def depends_on(self) -> dict[str, str]:
        """The table and the splits as they are now: each file and its hash."""
        files = [self._table, *(path for split in SPLITS if (path := self._folder / f"{split}.txt").is_file())]
        return {path.name: f"SHA-256 {sha256(path.read_bytes()).hexdigest()}" for path in files}

    def recordings(self) -> Iterator[tuple[str, Callable[[], Recording]]]:
        """Every motion, by its identifier.

        Raises:
            DataError: The table or a file of splits cannot be read.
        """
        table, splits = _table(self._table), self._splits()
        for identifier in self._identifiers:
            split = splits.get(identifier, "") if splits else "train"
            yield identifier, partial(self._read, identifier, split, table.get(identifier))

    @cached_property
    def _identifiers(self) -> list[str]:
        return [path.name.removesuffix(_SENTENCES) for path in sorted(self._folder.glob(f"*{_SENTENCES}"))]

    def _splits(self) -> dict[str, str]:
        """Identifier -> split; empty where there are no files of splits."""
        found: dict[str, str] = {}
        for split in SPLITS:
            path = self._folder / f"{split}.txt"
            for identifier in path.read_text(encoding="utf-8").split() if path.is_file() else ():
                if found.setdefault(identifier, split) != split:
                    raise DataError(f"{identifier} is in {found[identifier]}.txt and in {path}; it can be in one only.")
        return found

    def _read(self, identifier: str, split: str, path: str | None) -> Recording:
        sentences = _sentences(self._folder / f"{identifier}{_SENTENCES}")
        if not split:
            raise RejectedRecording("in no split")
        if not sentences:
            raise RejectedRecording("without a sentence")
        if path is None:
            raise RejectedRecording(f"not in the table of AMASS's files, from {self._origin(identifier)}")
        file = read_npz(self._tree.file(path))
        frames = _frames(file.num_frames, file.fps, self.fps)
        poses, translation = body_frames(file, frames)
        whole = Segment(key=identifier, recording=identifier, start=0, end=len(frames), texts=sentences, scope="clip")
        return Recording(poses=poses, translation=translation, split=split, segments=(whole,), subject=subject_of(path))

    def _origin(self, identifier: str) -> str:
        """Who recorded a motion, as its NNNNN_meta.json says."""
        try:
            about = _read_json(self._folder / f"{identifier}{_ABOUT}")
            return str(about["source"]["institution"]["identifier"])
        except (DataError, LookupError, TypeError):
            return "an unnamed institution"


def _frames(num_frames: int, fps: float, target: float) -> NDArray[np.int64]:
    frames = resampled_frames(num_frames, fps, target)
    step = fps / target
    return np.arange(0, num_frames, int(step)) if step >= 1 and step == int(step) else frames


def _sentences(path: Path) -> tuple[str, ...]:
    content = _read_json(path)
    if not isinstance(content, list) or not all(isinstance(text, str) for text in content):
        raise DataError(f"{path} must hold a list of sentences.")
    return tuple(text.strip() for text in content if text.strip())


def _table(path: Path) -> dict[str, str]:
    """Identifier -> path in AMASS; motions that are not in AMASS left out."""
    content = _read_json(path)
    if not isinstance(content, dict):
        raise DataError(f"{path} must hold a JSON object, a path in AMASS for each identifier of KIT-ML.")
    found = {key: value.get("path") if isinstance(value, dict) else value for key, value in content.items()}
    if wrong := [key for key, value in found.items() if not isinstance(value, str | None)]:
        raise DataError(f'{path}: the entry of {wrong[0]} is neither a path nor {{"path": ...}}.')
    return {key: value for key, value in found.items() if value}


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}. Get it again.") from error
