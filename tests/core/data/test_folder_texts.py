"""The texts of a user's own files: what is understood, and that every mistake is named with its place."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actiongpt_core.data.folder_texts import FileTexts, Telling, find_texts, read_texts
from actiongpt_core.errors import ConfigError, DataError, MissingAssetError


def read(folder: Path, content: str, name: str = "texts.csv") -> dict[str, FileTexts]:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return read_texts(path)


def told(found: dict[str, FileTexts]) -> dict[str, tuple[tuple[Telling, ...], str | None]]:
    return {name: (item.tellings, item.split) for name, item in found.items()}


def test_lines_of_one_file_are_its_texts(tmp_path: Path) -> None:
    found = read(tmp_path, 'file,text\na.bvh,walk\nb.npz,"run, then stop"\na.bvh,go forward\n')
    assert told(found) == {
        "a.bvh": ((Telling(("walk", "go forward")),), None),
        "b.npz": ((Telling(("run, then stop",)),), None),
    }


def test_lines_with_times_are_segments_in_the_order_of_time(tmp_path: Path) -> None:
    found = read(tmp_path, "file,start,end,text,split\na.bvh,2.5,4,sit,val\na.bvh,0,2.5,walk,val\na.bvh,0,2.5,go,val\n")
    assert told(found) == {"a.bvh": ((Telling(("walk", "go"), 0.0, 2.5), Telling(("sit",), 2.5, 4.0)), "val")}


def test_both_layouts_say_the_same(tmp_path: Path) -> None:
    table = "file,text,start,end,split\na/b.bvh,walk,,,test\na/b.bvh,sit,1,2,test\nc.npz,run,,,\n"
    content = {
        "a/b.bvh": {"texts": ["walk"], "segments": [{"start": 1, "end": 2, "texts": ["sit"]}], "split": "test"},
        "c.npz": "run",
    }
    assert told(read(tmp_path, table)) == told(read(tmp_path, json.dumps(content), "texts.json"))


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["a.bvh", "b c.npz", "ü/d.bvh"]),
            st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(str.strip),
        ),
        min_size=1,
    ),
    crlf=st.booleans(),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_that_a_program_writes_as_csv_is_read_as_it_was(
    rows: list[tuple[str, str]], crlf: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\r\n" if crlf else "\n")
    writer.writerows([("file", "text"), *rows])
    path = tmp_path_factory.mktemp("texts") / "texts.csv"
    path.write_bytes(b"\xef\xbb\xbf" + made.getvalue().encode())  # as spreadsheets write it
    found = read_texts(path)
    for name in {name for name, _ in rows}:
        (telling,) = found[name].tellings
        assert list(telling.texts) == [text.strip() for other, text in rows if other == name]


def test_a_path_may_be_written_with_backslashes_and_with_accents_in_two_parts(tmp_path: Path) -> None:
    assert list(read(tmp_path, "file,text\nrun\\cafe\u0301.bvh,run\n")) == ["run/café.bvh"]


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("a.bvh,,,,", "no file or no text"),
        (",walk,,,", "no file or no text"),
        ("a.bvh,  ,,,", "no file or no text"),
        ("a.bvh", "more or fewer values"),
        ("a.bvh,walk, then sit,,,", "more or fewer values.*quote"),
        ("a.bvh,walk,one,2,", r"seconds.*'one'"),
        ("a.bvh,walk,1,,", "both be given"),
        ("a.bvh,walk,2,1,", "0 <= start < end"),
        ("a.bvh,walk,-1,1,", "0 <= start < end"),
        ("a.bvh,walk,nan,1,", "0 <= start < end"),
        ("a.bvh,walk,0,inf,", "0 <= start < end"),
        ("a.bvh,walk,,,70 %", "split is a short name"),
        ("b.bvh,walk,,,val", "'train' above and 'val' here"),
        ('a.bvh,"walk', "quote not closed"),
    ],
)
def test_a_wrong_line_of_a_csv_is_named(tmp_path: Path, line: str, wrong: str) -> None:
    with pytest.raises(DataError, match=rf"texts\.csv, line 4\b.*{wrong}"):
        read(tmp_path, f"file,text,start,end,split\nb.bvh,sit,,,train\n\n{line}\n")


@pytest.mark.parametrize("header", ["", "name,caption", "file;text", "file,text,speed"])
def test_wrong_columns_are_told_with_those_that_are_expected(tmp_path: Path, header: str) -> None:
    with pytest.raises(DataError, match=r"columns file,text"):
        read(tmp_path, f"{header}\na.bvh,walk,1\n")


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("{", "no JSON"),
        ("[1]", "object"),
        ('{"a.bvh": []}', "'a.bvh': texts are a list of at least one"),
        ('{"a.bvh": [""]}', "'a.bvh'"),
        ('{"a.bvh": 3}', "'a.bvh'"),
        ('{"a.bvh": "walk", "a.bvh": "run"}', "'a.bvh' twice"),
        ('{"a.bvh": {}}', "neither texts nor segments"),
        ('{"a.bvh": {"text": "walk"}}', "has text; it may have segments, split, texts"),
        ('{"a.bvh": {"segments": [3]}}', "segments are a list"),
        ('{"a.bvh": {"segments": [{"start": 0, "texts": ["walk"]}]}}', "start and end in seconds"),
        ('{"a.bvh": {"segments": [{"start": "0", "end": 1, "texts": ["walk"]}]}}', "start and end in seconds"),
        ('{"a.bvh": {"segments": [{"start": 3, "end": 1, "texts": ["walk"]}]}}', "0 <= start < end"),
        ('{"a.bvh": {"segments": [{"start": 0, "end": NaN, "texts": ["walk"]}]}}', "0 <= start < end"),
        ('{"a.bvh": {"texts": ["walk"], "split": 3}}', "split is a short name"),
        ("{}", "nothing of any file"),
    ],
)
def test_a_wrong_member_of_a_json_is_named(tmp_path: Path, content: str, wrong: str) -> None:
    with pytest.raises(DataError, match=rf"texts\.json.*{wrong}"):
        read(tmp_path, content, "texts.json")


def test_a_file_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    (tmp_path / "texts.csv").write_bytes("file,text\na.bvh,gehe r\xfcckw\xe4rts\n".encode("latin-1"))
    with pytest.raises(DataError, match="UTF-8"):
        read_texts(tmp_path / "texts.csv")


def test_texts_are_found_by_their_usual_names_or_by_that_which_is_given(tmp_path: Path) -> None:
    with pytest.raises(MissingAssetError, match="columns file,text"):
        find_texts(tmp_path)
    (tmp_path / "texts.json").write_text("{}")
    (tmp_path / "other.csv").write_text("")
    assert find_texts(tmp_path).name == "texts.json"
    assert find_texts(tmp_path, "other.csv").name == "other.csv"
    assert find_texts(tmp_path / "sub", str(tmp_path / "other.csv")).name == "other.csv"
    (tmp_path / "texts.csv").write_text("")
    with pytest.raises(ConfigError, match="say which"):
        find_texts(tmp_path)
