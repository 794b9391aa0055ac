"""Phrases from a file, one after another: lines of text, JSON, labels of BABEL."""

from __future__ import annotations

import codecs
import contextlib
import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import attrs

from actiongpt_core.errors import ConfigError, MissingAssetError

STDIN = "-"  #: the name of an input that is standard input
#: Malformed entries that are kept to be shown; the others are counted.
MAX_SHOWN = 20

_BABEL_KEYS = ("frame_ann", "frame_anns", "seq_ann", "seq_anns")


@attrs.frozen(kw_only=True)
class Entry:
    """What stands at one place of an input: a phrase, or what is wrong with it."""

    place: str  #: such as "line 12"
    phrase: str = ""
    problem: str | None = None


@attrs.frozen(kw_only=True)
class Survey:
    """What an input holds."""

    entries: int  #: phrases and malformed entries
    phrases: int  #: different ones
    malformed: int
    shown: tuple[Entry, ...]  #: the first of the malformed ones

    @property
    def duplicates(self) -> int:
        """Phrases that stand there once more."""
        return self.entries - self.malformed - self.phrases


@contextlib.contextmanager
def input_file(name: str) -> Iterator[Path]:
    """The file of an input; what comes from standard input is laid into one, so that it can be read twice."""
    if name != STDIN:
        yield Path(name)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stdin"
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield path


def read_entries(path: Path) -> Iterator[Entry]:
    """The entries of a file, in order.

    JSON, if the file is named so or its first character is [ or {: a list of phrases; an object whose keys are the
    phrases, as `gpt3_annotations.json`, or {"about": ..., "descriptions": {phrase: ...}}; or labels of BABEL. Else
    text, one phrase a line, read as it is needed; blank lines and lines that start with # are left out.

    Of a sequence of BABEL the labels of its frames are taken; where it has none, those of the whole. A label's text is
    its `proc_label`, which is what annotations of the published data are looked up by.

    Raises:
        MissingAssetError: The file is not there.
        ConfigError: It cannot be read, or is JSON of another layout.
    """
    try:
        yield from _of_json(path) if _is_json(path) else _lines(path)
    except FileNotFoundError as error:
        raise MissingAssetError(f"There is no file {path}.") from error
    except OSError as error:
        raise ConfigError(f"Cannot read {path}: {error.strerror or error}.") from error


def distinct(entries: Iterable[Entry]) -> Iterator[str]:
    """Each phrase once, in the order in which they come first."""
    seen: set[bytes] = set()
    for entry in entries:
        # Of many phrases the digests take less memory than the words.
        digest = hashlib.blake2b(entry.phrase.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if entry.problem is None and digest not in seen:
            seen.add(digest)
            yield entry.phrase


def survey(path: Path) -> Survey:
    """Read an input once, to know what it holds before anybody is asked.

    Raises:
        MissingAssetError: The file is not there.
        ConfigError: It cannot be read, or holds no phrase.
    """
    num_entries, malformed, shown = 0, 0, []

    def counted() -> Iterator[Entry]:
        nonlocal num_entries, malformed
        for entry in read_entries(path):
            num_entries += 1
            if entry.problem is not None:
                malformed += 1
                shown.extend([entry] if malformed <= MAX_SHOWN else [])
            yield entry

    num_phrases = sum(1 for _ in distinct(counted()))
    if not num_phrases:
        reason = f"; its first entry is malformed: {shown[0].place} {shown[0].problem}" if shown else ""
        raise ConfigError(f"{path} holds no phrase{reason}. Give a text file with one phrase a line, or JSON.")
    return Survey(entries=num_entries, phrases=num_phrases, malformed=malformed, shown=tuple(shown))


def _is_json(path: Path) -> bool:
    if path.suffix.lower() == ".json":
        return True
    with path.open("rb") as file:
        return file.read(4096).removeprefix(codecs.BOM_UTF8).lstrip()[:1] in (b"[", b"{")


def _lines(path: Path) -> Iterator[Entry]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            place = f"line {number}"
            try:
                phrase = line.removeprefix(codecs.BOM_UTF8 if number == 1 else b"").decode("utf-8").strip()
            except UnicodeDecodeError:
                yield Entry(place=place, problem="is not UTF-8")
                continue
            if phrase and not phrase.startswith("#"):
                yield Entry(place=place, phrase=phrase)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be read as JSON: {error}.") from error


def _of_json(path: Path) -> Iterator[Entry]:
    content = _read_json(path)
    if isinstance(content, dict) and isinstance(content.get("descriptions"), dict):
        content = content["descriptions"]
    if isinstance(content, list):
        for number, item in enumerate(content, start=1):
            yield _entry(f"entry {number}", item)
    elif isinstance(content, dict):
        is_babel = any(isinstance(value, dict) and set(value) & set(_BABEL_KEYS) for value in content.values())
        for key, value in content.items():
            if is_babel:
                yield from _of_sequence(f"sequence {key}", value)
            else:
                yield Entry(place=f"entry {key!r}", phrase=key)
    else:
        raise ConfigError(f"{path} must be a list of phrases, an object of phrases, or labels of BABEL.")


def _of_sequence(place: str, sequence: Any) -> Iterator[Entry]:
    for key in _BABEL_KEYS:
        labels = _labels(sequence.get(key) if isinstance(sequence, dict) else None)
        for number, label in enumerate(labels, start=1):
            text = label.get("proc_label") if isinstance(label, dict) else None
            yield _entry(f"{place}, {key}, label {number}", text, "has no text under 'proc_label'")
        if labels:
            return
    yield Entry(place=place, problem="has no labels under 'frame_ann' or 'seq_ann'")


def _labels(annotation: Any) -> list[Any]:
    """The labels of one annotation, or of a list of them, as BABEL's further annotators have."""
    annotations = annotation if isinstance(annotation, list) else [annotation]
    found = [item.get("labels") if isinstance(item, dict) else None for item in annotations]
    return [label for labels in found if isinstance(labels, list) for label in labels]


def _entry(place: str, phrase: Any, problem: str = "is not a string") -> Entry:
    return Entry(place=place, phrase=phrase) if isinstance(phrase, str) else Entry(place=place, problem=problem)
