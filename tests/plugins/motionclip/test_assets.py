"""The originals' input files: what is read, and what an error says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actiongpt_core.errors import ConfigError, MissingAssetError
from actiongpt_motionclip.assets import EditLine, InterpolationLine, read_edits, read_interpolations, read_texts


def write(folder: Path, text: str) -> Path:
    file = folder / "file.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_phrases_are_read_one_a_line_without_empty_lines(tmp_path: Path) -> None:
    # The originals' file has no line end after the last phrase.
    assert read_texts(write(tmp_path, "Bend walking\n\n  Riding a bike \r\nBowing")) == [
        "Bend walking",
        "Riding a bike",
        "Bowing",
    ]


def test_a_line_without_letters_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"file\.csv, line 2: .*letters"):
        read_texts(write(tmp_path, "walk\n123\n"))


def test_a_file_without_phrases_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no phrase"):
        read_texts(write(tmp_path, "\n\n"))


def test_the_originals_edits_file_is_read(tmp_path: Path) -> None:
    file = write(tmp_path, "motion_source,base,v_start,v_end\ntext,jump,walk,walk old")
    assert read_edits(file) == [EditLine("text", base="jump", v_start="walk", v_end="walk old")]


def test_a_label_keeps_its_spaces_and_a_phrase_does_not(tmp_path: Path) -> None:
    file = write(tmp_path, "motion_source,base,v_start,v_end\ndata, and walk,b,c\ntext, jump , walk,old\n")
    assert read_edits(file) == [EditLine("data", " and walk", "b", "c"), EditLine("text", "jump", "walk", "old")]


def test_columns_may_stand_in_any_order_after_a_byte_order_mark(tmp_path: Path) -> None:
    assert read_interpolations(write(tmp_path, '\ufeffend,start\nrun,"walk, slowly"\n')) == [
        InterpolationLine(start="walk, slowly", end="run")
    ]


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (read_edits, "base,v_start,v_end\na,b,c\n", "line 1: the header 'motion_source,base,v_start,v_end' was"),
        (read_edits, "motion_source,base,v_start,v_end\nvideo,a,b,c\n", "line 2: motion_source is 'text' or 'data'"),
        (read_edits, "motion_source,base,v_start,v_end\ntext,a,b,c\n\ntext,a,,c\n", "line 4: 4 values"),
        (read_interpolations, "start,end\nwalk, slowly,run\n", "line 2: 2 values .* in quotes"),
        (read_interpolations, 'start,end\n"walk,run\n', "not CSV"),
        (read_interpolations, "start,end\n", "no line below"),
        (read_interpolations, "", "line 1: the header"),
    ],
)
def test_an_error_names_the_file_and_the_line(
    read: Callable[[Path], Any], text: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=rf"file\.csv.*{message}"):
        read(write(tmp_path, text))


@pytest.mark.parametrize("read", [read_texts, read_edits, read_interpolations])
def test_a_missing_file_is_a_missing_asset(read: Callable[[Path], Any], tmp_path: Path) -> None:
    with pytest.raises(MissingAssetError, match=r"no file .*nothing\.txt"):
        read(tmp_path / "nothing.txt")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file.csv"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read as text"):
        read_texts(file)
