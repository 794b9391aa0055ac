"""The originals' small input files: phrases, edits and interpolations, one a line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import attrs

from actiongpt_core.errors import ConfigError, MissingAssetError

_EDIT_COLUMNS = ("motion_source", "base", "v_start", "v_end")
_INTERPOLATION_COLUMNS = ("start", "end")


@attrs.frozen
class EditLine:
    """One edit: base - v_start + v_end."""

    source: Literal["text", "data"]  #: what the three others are: phrases, or labels of clips in a data base
    base: str
    v_start: str  #: taken away
    v_end: str  #: added


@attrs.frozen
class InterpolationLine:
    """One interpolation from `start` to `end`."""

    start: str
    end: str


def read_texts(path: str | Path) -> list[str]:
    """The phrases of a text file, one a line; empty lines are passed over.

    Raises:
        MissingAssetError: The file is not there.
        ConfigError: It is not text, holds no phrase, or a line has no letters; the message names file and line.
    """
    phrases = []
    for number, line in enumerate(_read(path).splitlines(), start=1):
        phrase = line.strip()
        if phrase and not any(character.isalpha() for character in phrase):
            raise ConfigError(f"{path}, line {number}: a phrase needs letters, got {phrase!r}.")
        if phrase:
            phrases.append(phrase)
    if not phrases:
        raise ConfigError(f"{path} holds no phrase. Write one a line, such as 'riding a bike'.")
    return phrases


def read_edits(path: str | Path) -> list[EditLine]:
    """The lines of an edits file: CSV with the header `motion_source,base,v_start,v_end`.

    Raises:
        MissingAssetError: The file is not there.
        ConfigError: A column is missing or a line is incomplete; the message names file and line.
    """
    edits = []
    for number, row in _rows(path, _EDIT_COLUMNS):
        source = row[0].strip()
        if source == "text":
            edits.append(EditLine("text", *(cell.strip() for cell in row[1:])))
        elif source == "data":
            edits.append(EditLine("data", *row[1:]))
        else:
            raise ConfigError(f"{path}, line {number}: motion_source is 'text' or 'data', got {source!r}.")
    return edits


def read_interpolations(path: str | Path) -> list[InterpolationLine]:
    """The lines of an interpolations file: CSV with the header `start,end`.

    Raises:
        MissingAssetError: The file is not there.
        ConfigError: A column is missing or a line is incomplete; the message names file and line.
    """
    return [InterpolationLine(*row) for _, row in _rows(path, _INTERPOLATION_COLUMNS)]


def _rows(path: str | Path, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each row, in the order of the columns.

    Spaces are kept: a label of a data base may start with one.
    """
    reader = csv.reader(io.StringIO(_read(path)), strict=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        if sorted(header) != sorted(columns):
            raise ConfigError(
                f"{path}, line 1: the header {','.join(columns)!r} was expected, got {','.join(header)!r}."
            )
        order, count = [header.index(column) for column in columns], 0
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(columns) or not all(cell.strip() for cell in cells):
                raise ConfigError(
                    f"{path}, line {reader.line_num}: {len(columns)} values ({', '.join(header)}) were expected, none "
                    f"of them empty; got {','.join(cells)!r}. Put a value that has a comma in quotes."
                )
            count += 1
            yield reader.line_num, [cells[index] for index in order]
    except csv.Error as error:
        raise ConfigError(f"{path}, line {reader.line_num}: this is not CSV ({error}).") from None
    if not count:
        raise ConfigError(f"{path} has a header and no line below it.")


def _read(path: str | Path) -> str:
    try:
        # Spreadsheets write a byte-order mark.
        return Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise MissingAssetError(f"There is no file {str(path)!r}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as text: {error}.") from None
