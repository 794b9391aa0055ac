"""Descriptions as a JSON file, {phrase: [texts]} as the paper's gpt3_annotations.json: read line by line, written."""

from __future__ import annotations

import bisect
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from actiongpt_core.errors import ConfigError, MissingAssetError, PromptError
from actiongpt_core.types.text import Action

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()
_SPEAKING = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}


@attrs.frozen(kw_only=True)
class Rejected:
    """An entry that cannot be used."""

    line: int  #: of the file, counted from 1
    phrase: str
    reason: str


@attrs.frozen(kw_only=True)
class AnnotationFile:
    """What a file holds."""

    annotations: dict[str, list[str]]  #: the good entries, texts as they are written
    rejected: tuple[Rejected, ...]


@attrs.frozen
class _Member:
    """One entry of a JSON object, and where it stands in the text."""

    key: str
    key_start: int
    value_start: int
    value: Any


def read_annotations(path: Path) -> AnnotationFile:
    """Read {phrase: [texts]}, or {"about": ..., "descriptions": {phrase: [texts]}} as the file that ships.

    Raises:
        MissingAssetError: The file is not there.
        ConfigError: It cannot be read, or is not a JSON object; the message says where.
    """
    text = _read(path)
    try:
        members, end = _read_object(text, _after_space(text, 0))
        if _after_space(text, end) < len(text):
            raise json.JSONDecodeError("Something follows the object", text, _after_space(text, end))
        unknown: list[_Member] = []
        nested = next((m for m in members if m.key == "descriptions" and isinstance(m.value, dict)), None)
        if nested is not None:
            unknown = [member for member in members if member is not nested and member.key != "about"]
            members, _ = _read_object(text, nested.value_start)
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{path} is no JSON object of phrases, each with a list of texts: {error.msg}, line {error.lineno}, "
            f"column {error.colno}."
        ) from error
    except RecursionError as error:
        raise ConfigError(f"{path} is no JSON object of phrases: its lists are nested too deep.") from error
    return _checked(members, unknown, [match.start() for match in re.finditer("\n", text)])


def write_annotations(path: Path, annotations: Mapping[str, Sequence[str]]) -> None:
    """Write {phrase: [texts]}, in the order of the phrases' letters; the file appears whole or not at all.

    Raises:
        ConfigError: It cannot be written there.
    """
    content = json.dumps(annotations, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    # Beside the target, so that the last step is a rename inside one file system.
    unfinished = path.with_name(f".{secrets.token_hex(8)}{path.suffix}")
    try:
        unfinished.write_text(content, encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        raise ConfigError(f"Cannot write {str(path)!r}: {error.strerror or error}.") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise MissingAssetError(f"There is no file {path}.") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path} is not UTF-8 (line {line}). Save it as UTF-8.") from error
    except OSError as error:
        raise ConfigError(f"Cannot read {path}: {error.strerror or error}.") from error


def _read_object(text: str, start: int) -> tuple[list[_Member], int]:
    """The entries of the object that starts there, equal keys too, and where it ends."""
    members: list[_Member] = []
    position = _after(text, start, "{")
    if text.startswith("}", position):
        return members, position + 1
    while True:
        if not text.startswith('"', position):
            raise json.JSONDecodeError("Expecting a phrase in double quotes", text, position)
        key, end = _DECODER.raw_decode(text, position)
        value_start = _after(text, _after_space(text, end), ":")
        value, end = _DECODER.raw_decode(text, value_start)
        members.append(_Member(key, position, value_start, value))
        position = _after_space(text, end)
        if text.startswith("}", position):
            return members, position + 1
        position = _after(text, position, ",")


def _after_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _after(text: str, position: int, mark: str) -> int:
    """Where the next thing after a mark starts."""
    if not text.startswith(mark, position):
        raise json.JSONDecodeError(f"Expecting {mark!r}", text, position)
    return _after_space(text, position + 1)


def _checked(members: Sequence[_Member], unknown: Sequence[_Member], line_ends: Sequence[int]) -> AnnotationFile:
    def line(member: _Member) -> int:
        return bisect.bisect_left(line_ends, member.key_start) + 1

    rejected = [
        Rejected(line=line(member), phrase=member.key, reason="unknown beside 'about' and 'descriptions'")
        for member in unknown
    ]
    first_lines: dict[str, int] = {}
    annotations: dict[str, list[str]] = {}
    for member in members:
        reason = _reason_against(member)
        if member.key in first_lines:
            reason = f"stands in line {first_lines[member.key]} already, and the first one counts"
        first_lines.setdefault(member.key, line(member))
        if reason is None:
            annotations[member.key] = member.value
        else:
            rejected.append(Rejected(line=line(member), phrase=member.key, reason=reason))
    return AnnotationFile(annotations=annotations, rejected=tuple(sorted(rejected, key=lambda item: item.line)))


def _reason_against(member: _Member) -> str | None:
    try:
        Action(member.key)
    except PromptError:
        return "a phrase needs letters"
    if not isinstance(member.value, list):
        return f"needs a list of texts, found {_SPEAKING.get(type(member.value), 'a number')}"
    if not member.value:
        return "has no texts"
    for number, text in enumerate(member.value, start=1):
        if not isinstance(text, str):
            return f"text {number} is {_SPEAKING.get(type(text), 'a number')}, not a string"
        if not any(character.isalpha() for character in text):
            return f"text {number} has no words"
        if not _can_be_written(member.key + text):
            return f"text {number} or the phrase has half a character (\\ud800 to \\udfff)"
    return None


def _can_be_written(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
