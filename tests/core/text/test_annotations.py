from __future__ import annotations

import json
from pathlib import Path

import pytest

from actiongpt_core.errors import ConfigError, MissingAssetError
from actiongpt_core.text.annotations import read_annotations, write_annotations
from actiongpt_core.text.providers.pack import DEFAULT_PACK, read_pack


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "annotations.json"


def rejected(file: Path, content: str) -> list[tuple[int, str, str]]:
    file.write_text(content, encoding="utf-8")
    return [(item.line, item.phrase, item.reason) for item in read_annotations(file).rejected]


def test_what_is_written_is_read(file: Path) -> None:
    annotations = {"wave": ["Lifts a hand."], "走る": ['Says "hi".\nRuns.', "Runs."]}
    write_annotations(file, annotations)
    assert read_annotations(file).annotations == annotations
    assert json.loads(file.read_text(encoding="utf-8")) == annotations
    assert read_pack(file) == annotations


def test_the_same_descriptions_are_the_same_file(file: Path, tmp_path: Path) -> None:
    write_annotations(file, {"b": ["x"], "a": ["y"]})
    write_annotations(tmp_path / "other.json", {"a": ["y"], "b": ["x"]})
    assert file.read_bytes() == (tmp_path / "other.json").read_bytes()


def test_a_file_that_cannot_be_written_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match="Cannot write"):
        write_annotations(tmp_path / "folder", {"a": ["x"]})
    with pytest.raises(ConfigError, match="Cannot write"):
        write_annotations(tmp_path / "none" / "a.json", {"a": ["x"]})
    assert [item.name for item in tmp_path.iterdir()] == ["folder"]


def test_the_file_that_ships_is_read_whole() -> None:
    found = read_annotations(DEFAULT_PACK)
    assert found.rejected == ()
    assert found.annotations == read_pack(DEFAULT_PACK)


@pytest.mark.parametrize("content", ["{}", " {\n} \n", '{"a":["x"]}', '\ufeff{ "a" :\r\n\t["x"] }\r\n'])
def test_what_json_allows_is_read(file: Path, content: str) -> None:
    file.write_bytes(content.encode())
    assert read_annotations(file).annotations == json.loads(content.lstrip("\ufeff"))


def test_each_bad_entry_is_named_by_its_line_and_the_good_ones_are_kept(file: Path) -> None:
    content = """{
  "walk": ["Walks.", "Strolls."],
  "run": "Runs.",
  "jump": [],

  "hop": ["Hops.",
          ""],
  "sit": ["Sits.", 3, "Sits down."],
  "walk": ["Walks again."],
  "123": ["Counts."],
  "spin": [["Spins."]], "turn": null,
  "nod": ["\\ud800 nods"],
  "bow": ["Bows."], "lie": {"text": "Lies."}
}"""
    assert rejected(file, content) == [
        (3, "run", "needs a list of texts, found a string"),
        (4, "jump", "has no texts"),
        (6, "hop", "text 2 has no words"),
        (8, "sit", "text 2 is a number, not a string"),
        (9, "walk", "stands in line 2 already, and the first one counts"),
        (10, "123", "a phrase needs letters"),
        (11, "spin", "text 1 is a list, not a string"),
        (11, "turn", "needs a list of texts, found null"),
        (12, "nod", "text 1 or the phrase has half a character (\\ud800 to \\udfff)"),
        (13, "lie", "needs a list of texts, found an object"),
    ]
    assert read_annotations(file).annotations == {"walk": ["Walks.", "Strolls."], "bow": ["Bows."]}


def test_lines_are_counted_in_the_pack_layout_too(file: Path) -> None:
    content = '{\n"about": {"x": 1},\n"licence": "?",\n"descriptions": {\n"walk": ["Walks."],\n"run": 1}\n}'
    assert rejected(file, content) == [
        (3, "licence", "unknown beside 'about' and 'descriptions'"),
        (6, "run", "needs a list of texts, found a number"),
    ]
    assert read_annotations(file).annotations == {"walk": ["Walks."]}


def test_a_phrase_may_be_called_descriptions(file: Path) -> None:
    assert rejected(file, '{"descriptions": ["Describes."], "about": ["Turns about."]}') == []
    assert set(read_annotations(file).annotations) == {"descriptions", "about"}


@pytest.mark.parametrize(
    ("content", "line", "column"),
    [
        ("", 1, 1),
        ("[1]", 1, 1),
        ('{"a": ["x"]', 1, 12),
        ('{"a": ["x"],\n}', 2, 1),
        ('{"a": ["x"]\n "b": ["y"]}', 2, 2),
        ('{"a"\n["x"]}', 2, 1),
        ('{"a": ["x"]}\n{"b": ["y"]}', 2, 1),
        ('{"a": ["x\n"]}', 1, 10),
        ("{'a': ['x']}", 1, 2),
        ('{"a": ["x"],\n"b": [wrong]}', 2, 7),
        ('{"a": ["x"]} <<<<<<< HEAD', 1, 14),
    ],
)
def test_what_is_no_json_is_an_error_with_its_place(file: Path, content: str, line: int, column: int) -> None:
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"line {line}, column {column}\."):
        read_annotations(file)


def test_lists_that_are_nested_too_deep_are_an_error(file: Path) -> None:
    file.write_text('{"a": ' + "[" * 100_000, encoding="utf-8")
    with pytest.raises(ConfigError, match="nested too deep"):
        read_annotations(file)


def test_another_encoding_is_an_error_with_its_line(file: Path) -> None:
    file.write_bytes('{\n"a": ["Wäscht sich."]}'.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"not UTF-8 \(line 2\)"):
        read_annotations(file)


def test_a_file_that_is_not_there_is_an_error(file: Path) -> None:
    with pytest.raises(MissingAssetError, match=r"annotations\.json"):
        read_annotations(file)
