"""The texts of a user's own motion files: a CSV or a JSON beside them."""

from __future__ import annotations

import csv
import io
import json
import math
import unicodedata
from collections.abc import Iterable
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import attrs

from actiongpt_core.errors import ConfigError, DataError, MissingAssetError

#: Looked for in the folder where the user names no file.
DEFAULT_FILES = ("texts.csv", "texts.json")
_COLUMNS = ("file", "text", "start", "end", "split")
_MEMBERS = {"texts", "segments", "split"}
_SPLIT = "a split is a short name, such as train, val or test"


@attrs.frozen
class Telling:
    """What is said of one stretch of a file; of all of it where there are no times."""

    texts: tuple[str, ...]
    start: float | None = None  #: seconds
    end: float | None = None


@attrs.frozen
class FileTexts:
    """What is said of one file."""

    where: str  #: for messages: "texts.csv, line 3"
    tellings: tuple[Telling, ...]
    split: str | None = None


def find_texts(folder: Path, name: str | None = None) -> Path:
    """The file with the texts.

    Args:
        folder: Of the motions.
        name: Of the file, below the folder or a path of its own; texts.csv or texts.json if not given.

    Raises:
        MissingAssetError: It is not there.
        ConfigError: Both defaults are there.
    """
    found = [folder / item for item in ((name,) if name is not None else DEFAULT_FILES) if (folder / item).is_file()]
    if not found:
        wanted = f"There is no file {folder / name}" if name is not None else f"{folder} has no texts.csv or texts.json"
        raise MissingAssetError(
            f'{wanted}. Write one: a CSV with the columns file,text, or a JSON {{"walk.bvh": ["walk forward"]}}.'
        )
    if len(found) > 1:
        raise ConfigError(f"{folder} has both {' and '.join(DEFAULT_FILES)}: say which (-O texts={DEFAULT_FILES[0]}).")
    return found[0]


def read_texts(path: Path) -> dict[str, FileTexts]:
    """What is said of each file, by its path below the folder ("run/fast.bvh"), in the order of the texts.

    Raises:
        DataError: The file is not in one of the two layouts; the message names the line or the member.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as UTF-8 text: {error}.") from error
    found = _from_json(path, text) if path.suffix.lower() == ".json" else _from_csv(path, text)
    if not found:
        raise DataError(f"{path} says nothing of any file.")
    return found


def same_name(name: str) -> str:
    """A path below the folder as it is compared: with slashes, and accents composed, which systems do differently."""
    return unicodedata.normalize("NFC", str(PurePosixPath(name.replace("\\", "/"))))


def _from_csv(path: Path, text: str) -> dict[str, FileTexts]:
    rows = csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True)
    if not {"file", "text"} <= set(rows.fieldnames or ()) <= set(_COLUMNS):
        raise DataError(
            f"{path}: the first line must name the columns file,text and, if needed, start,end,split, separated by "
            f"commas; got {','.join(rows.fieldnames or ()) or 'nothing'!r}."
        )
    spans: dict[str, dict[tuple[float | None, float | None], list[str]]] = {}
    splits: dict[str, str | None] = {}
    places: dict[str, str] = {}
    try:
        for row in rows:
            where = f"{path}, line {rows.line_num}"
            name, span = _row(where, row)
            places.setdefault(name, where)
            spans.setdefault(name, {}).setdefault(span, []).append(row["text"].strip())
            split = _split(where, row.get("split") or None)
            if splits.setdefault(name, split) != split:
                raise DataError(f"{where}: {name!r} is in the split {splits[name]!r} above and {split!r} here.")
    except csv.Error as error:
        raise DataError(f"{path}, line {rows.reader.line_num}: {error}. Is a quote not closed?") from error
    return {
        name: FileTexts(
            places[name], _sorted(Telling(tuple(texts), *span) for span, texts in told.items()), splits[name]
        )
        for name, told in spans.items()
    }


def _row(where: str, row: dict[Any, Any]) -> tuple[str, tuple[float | None, float | None]]:
    if None in row or row["text"] is None:
        raise DataError(f"{where} has more or fewer values than the first line has columns; quote a text with commas.")
    if not row["file"] or not row["text"].strip():
        raise DataError(f"{where} has no file or no text.")
    times = [row.get(key) or None for key in ("start", "end")]
    try:
        numbers = [None if time is None else float(time) for time in times]
    except ValueError:
        raise DataError(f"{where}: start and end are seconds, such as 2.5; got {times}.") from None
    return same_name(row["file"]), _span(where, *numbers)


def _from_json(path: Path, text: str) -> dict[str, FileTexts]:
    try:
        content = json.loads(text, object_pairs_hook=partial(_without_twins, path))
    except DataError:
        raise
    except ValueError as error:
        raise DataError(f"{path} is no JSON: {error}.") from error
    if not isinstance(content, dict):
        raise DataError(f'{path} must hold an object, {{"walk.bvh": ["walk forward"]}}.')
    return {same_name(name): _member(f"{path}, {name!r}", value) for name, value in content.items()}


def _without_twins(path: Path, members: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in members:
        if name in found:
            raise DataError(f"{path} has {name!r} twice in one object.")
        found[name] = value
    return found


def _member(where: str, value: Any) -> FileTexts:
    if not isinstance(value, dict):
        return FileTexts(where, (Telling(_texts(where, value)),))
    if unknown := sorted(set(value) - _MEMBERS):
        raise DataError(f"{where} has {', '.join(unknown)}; it may have {', '.join(sorted(_MEMBERS))}.")
    tellings = [Telling(_texts(where, value["texts"]))] if "texts" in value else []
    segments = value.get("segments", [])
    if not isinstance(segments, list) or not all(isinstance(item, dict) for item in segments):
        raise DataError(f'{where}: segments are a list of {{"start": 0, "end": 2.5, "texts": ["walk"]}}.')
    for item in segments:
        times = [item.get("start"), item.get("end")]
        if set(item) != {"start", "end", "texts"} or not all(type(time) in (int, float) for time in times):
            raise DataError(f"{where}: a segment has start and end in seconds, and texts; got {item}.")
        tellings.append(Telling(_texts(where, item["texts"]), *_span(where, *times)))
    if not tellings:
        raise DataError(f"{where} has neither texts nor segments.")
    return FileTexts(where, _sorted(tellings), _split(where, value.get("split")))


def _texts(where: str, value: Any) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text.strip() for text in texts):
        raise DataError(f"{where}: texts are a list of at least one text; got {value!r}.")
    return tuple(text.strip() for text in texts)


def _span(where: str, start: float | None, end: float | None) -> tuple[float | None, float | None]:
    if start is None and end is None:
        return None, None
    if start is None or end is None or not (math.isfinite(end) and 0 <= start < end):
        raise DataError(f"{where}: start and end must both be given, 0 <= start < end; got {start} and {end}.")
    return start, end


def _split(where: str, value: Any) -> str | None:
    if value is not None and not (isinstance(value, str) and value.strip().isidentifier()):
        raise DataError(f"{where}: {_SPLIT}; got {value!r}.")
    return None if value is None else value.strip()


def _sorted(tellings: Iterable[Telling]) -> tuple[Telling, ...]:
    return tuple(sorted(tellings, key=lambda item: (item.start or 0.0, item.end or 0.0)))
