"""BABEL's annotations as they are downloaded: train.json and val.json, of v1.0 and v2.1 alike.

Source: Punnakkal et al., "BABEL: Bodies, Action and Behavior with English Labels", CVPR 2021, and the notes of its
download.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeGuard

import attrs

from actiongpt_core.data.babel_pairs import TimedLabel
from actiongpt_core.errors import ConfigError, DataError

WEBSITE = "https://babel.is.tue.mpg.de"
#: The splits with labels; those of the test split are not public.
SPLITS = ("train", "val")
_PATHS = "amass-path2babel.json"


@attrs.frozen(kw_only=True)
class BabelSequence:
    """What BABEL says of one recording."""

    seconds: float  #: how long it takes
    frame_labels: tuple[TimedLabel, ...] | None  #: with times; None where only the whole is annotated
    sequence_labels: tuple[TimedLabel, ...]  #: of the whole


@attrs.frozen(kw_only=True, eq=False)
class BabelEntry:
    """An entry of a file of labels; what is in it is checked when it is read."""

    number: str  #: babel_sid
    split: str
    path: str  #: in AMASS: "CMU/CMU/01/01_01_poses.npz"; "" where there is none
    content: Any

    def read(self) -> BabelSequence:
        """The entry, checked.

        Raises:
            DataError: It lacks what it must have, or has it in another form.
        """
        content, seconds = self.content, self.content.get("dur")
        if not self.path or not _is_time(seconds) or seconds <= 0:
            raise DataError(
                f"{self._where} must have feat_p (a path in AMASS) and dur (seconds); "
                f"got {content.get('feat_p')!r} and {seconds!r}."
            )
        frames, whole = content.get("frame_ann"), content.get("seq_ann")
        return BabelSequence(
            seconds=float(seconds),
            frame_labels=None if frames is None else self._labels(frames, None),
            sequence_labels=() if whole is None else self._labels(whole, float(seconds)),
        )

    @property
    def _where(self) -> str:
        return f"BABEL {self.split}.json: sequence {self.number}"

    def _labels(self, annotation: Any, seconds: float | None) -> tuple[TimedLabel, ...]:
        """Labels; `seconds` is the end of those that are about the whole."""
        labels = annotation.get("labels") if isinstance(annotation, dict) else None
        if not isinstance(labels, list) or not all(isinstance(label, dict) for label in labels):
            raise DataError(f"{self._where}: frame_ann and seq_ann must have a list of labels.")
        return tuple(self._label(label, seconds) for label in labels)

    def _label(self, label: dict[str, Any], seconds: float | None) -> TimedLabel:
        start, end = (label.get("start_t"), label.get("end_t")) if seconds is None else (0.0, seconds)
        if not (_is_time(start) and _is_time(end)):
            raise DataError(f"{self._where}: a label of frame_ann must have start_t and end_t in seconds; got {label}.")
        text, raw, categories = label.get("proc_label") or "", label.get("raw_label") or "", label.get("act_cat") or []
        if not isinstance(categories, list) or not all(isinstance(part, str) for part in (text, raw, *categories)):
            raise DataError(f"{self._where}: proc_label and raw_label are texts, act_cat is a list; got {label}.")
        return TimedLabel(text=text, raw_text=raw, start=float(start), end=float(end), categories=tuple(categories))


class BabelFolder:
    """The annotations, and the table of paths if it is there.

    Args:
        folder: Where train.json and val.json lie, or a folder with one folder `babel_*` in which they lie.
    """

    def __init__(self, folder: str | Path) -> None:
        self._given = Path(folder)

    @cached_property
    def folder(self) -> Path:
        """Where the annotations lie.

        Raises:
            ConfigError: There are several versions.
        """
        if any((self._given / f"{split}.json").is_file() for split in SPLITS):
            return self._given
        found = [path for path in sorted(self._given.glob("babel_*")) if path.is_dir()]
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            raise ConfigError(f"{self._given} holds {names}. Name the one to read, such as --source {found[0]}.")
        return found[0] if found else self._given

    def depends_on(self) -> dict[str, str]:
        """The files as they are now: each name and its hash."""
        files = [*(self.folder / f"{split}.json" for split in SPLITS), self._table]
        return {path.name: f"SHA-256 {sha256(path.read_bytes()).hexdigest()}" for path in files if path is not None}

    def missing(self) -> list[str]:
        """A line for each file of labels that is not there."""
        return [
            f"BABEL: {split}.json is not in {self.folder}. Get the annotations at {WEBSITE}."
            for split in SPLITS
            if not (self.folder / f"{split}.json").is_file()
        ]

    @cached_property
    def entries(self) -> Sequence[BabelEntry]:
        """An entry for each recording, split by split, as the files order them.

        Raises:
            DataError: A file cannot be read, or an entry is none.
        """
        paths, found = self._paths(), []
        for split in SPLITS:
            for key, content in _read_json(self.folder / f"{split}.json").items():
                if not isinstance(content, dict):
                    raise DataError(f"BABEL {split}.json: sequence {key} is a {type(content).__name__}, not an object.")
                number = str(content.get("babel_sid", key))
                path = paths.get(number, content.get("feat_p"))
                found.append(
                    BabelEntry(number=number, split=split, path=path if isinstance(path, str) else "", content=content)
                )
        return found

    @property
    def _table(self) -> Path | None:
        places = (self.folder / _PATHS, self.folder / "id2fname" / _PATHS)
        return next((path for path in places if path.is_file()), None)

    def _paths(self) -> dict[str, str]:
        """Number -> path in AMASS, where the table is there; it goes before what the annotations say."""
        if self._table is None:
            return {}
        content = _read_json(self._table)
        if not all(isinstance(number, str | int) for number in content.values()):
            raise DataError(f"{self._table} must hold a number of BABEL for each path.")
        return {str(number): path for path, number in content.items()}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}. Get it again.") from error
    if not isinstance(content, dict):
        raise DataError(f"{path} must hold a JSON object, an entry a sequence; it holds a {type(content).__name__}.")
    return content


def _is_time(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
