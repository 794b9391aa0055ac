"""What phrases an input holds, in every layout, and what is said of the entries that are none."""

from __future__ import annotations

import io
import json
import tracemalloc
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from actiongpt_core.bulk.inputs import MAX_SHOWN, Entry, distinct, input_file, read_entries, survey
from actiongpt_core.errors import ConfigError, MissingAssetError


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def write(content: str | bytes | dict[str, Any] | list[Any], name: str = "input.txt") -> Path:
        path = tmp_path / name
        if isinstance(content, str):
            content = content.encode()
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    return write


def phrases(path: Path) -> list[str]:
    return [entry.phrase for entry in read_entries(path) if entry.problem is None]


def problems(path: Path) -> list[str]:
    return [f"{entry.place} {entry.problem}" for entry in read_entries(path) if entry.problem is not None]


def test_every_line_is_one_phrase_and_is_not_split(file: Any) -> None:
    assert phrases(file("walk, then jump\nrun\n")) == ["walk, then jump", "run"]


@pytest.mark.parametrize(
    "content", ["\ufeffwalk\r\nrun\r\n", "  walk \n\n \nrun", "# a note\nwalk\n  # another\nrun\n"]
)
def test_marks_of_order_line_ends_blank_lines_and_comments_are_no_phrase(file: Any, content: str) -> None:
    assert phrases(file(content)) == ["walk", "run"]


def test_a_line_that_is_not_utf_8_is_told_and_the_others_are_read(file: Any) -> None:
    path = file("Wörter\n".encode() + b"caf\xe9\nrun\n")
    assert phrases(path) == ["Wörter", "run"]
    assert problems(path) == ["line 2 is not UTF-8"]


@pytest.mark.parametrize(
    "content",
    [
        ["walk", "run "],
        {"walk": ["one", "two"], "run ": []},
        {"about": {"by": "us"}, "descriptions": {"walk": ["one"], "run ": ["two"]}},
    ],
)
@pytest.mark.parametrize("name", ["input.json", "input.txt"])
def test_json_is_a_list_or_an_object_of_phrases_which_stand_as_they_are_written(
    file: Any, content: Any, name: str
) -> None:
    assert phrases(file(content, name)) == ["walk", "run "]


def test_entries_of_a_list_that_are_no_strings_are_told(file: Any) -> None:
    path = file(["walk", 3, None, "run"])
    assert phrases(path) == ["walk", "run"]
    assert problems(path) == ["entry 2 is not a string", "entry 3 is not a string"]


def label(text: Any) -> dict[str, Any]:
    return {"raw_label": "as it was typed", "proc_label": text, "act_cat": ["walk"]}


def test_of_babel_the_labels_of_the_frames_are_taken_and_without_them_those_of_the_sequence(file: Any) -> None:
    whole = {"labels": [label("walk around")]}
    content = {
        "12": {"seq_ann": whole, "frame_ann": {"labels": [label("walk"), label("turn left")]}},
        "13": {"seq_ann": whole, "frame_ann": None},
        "14": {"seq_anns": [whole, {"labels": [label("stroll")]}], "frame_anns": []},
    }
    assert phrases(file(content)) == ["walk", "turn left", "walk around", "walk around", "stroll"]


def test_sequences_and_labels_of_babel_without_words_are_told(file: Any) -> None:
    content = {
        "12": {"seq_ann": {"labels": [label(None), label("walk")]}},
        "13": {"seq_ann": None, "frame_ann": None},
        "14": "text",
    }
    path = file(content)
    assert phrases(path) == ["walk"]
    assert problems(path) == [
        "sequence 12, seq_ann, label 1 has no text under 'proc_label'",
        "sequence 13 has no labels under 'frame_ann' or 'seq_ann'",
        "sequence 14 has no labels under 'frame_ann' or 'seq_ann'",
    ]


@pytest.mark.parametrize("content", ["{", '["walk"', "[" * 200_000, '{"walk": [1]} more'])
def test_json_that_cannot_be_read_is_our_error(file: Any, content: str) -> None:
    with pytest.raises(ConfigError, match="cannot be read as JSON"):
        list(read_entries(file(content)))


def test_json_of_another_layout_says_which_are_known(file: Any) -> None:
    with pytest.raises(ConfigError, match="list of phrases, an object of phrases, or labels of BABEL"):
        list(read_entries(file("3", "input.json")))


def test_an_input_that_is_not_there_or_a_folder_is_our_error(tmp_path: Path) -> None:
    with pytest.raises(MissingAssetError, match="no file"):
        list(read_entries(tmp_path / "nowhere.txt"))
    with pytest.raises(ConfigError, match="Cannot read"):
        list(read_entries(tmp_path))


def test_equal_phrases_are_counted_and_given_once_in_order(file: Any) -> None:
    path = file("run\nwalk\nrun\nRun\nwalk\n")
    found = survey(path)
    assert (found.entries, found.phrases, found.duplicates, found.malformed) == (5, 3, 2, 0)
    assert list(distinct(read_entries(path))) == ["run", "walk", "Run"]


def test_half_a_character_is_a_phrase_like_others_until_it_is_checked(file: Any) -> None:
    assert list(distinct(read_entries(file('["a\\ud800", "b"]')))) == ["a\ud800", "b"]


def test_of_many_malformed_entries_the_first_are_shown_and_all_are_counted(file: Any) -> None:
    found = survey(file([None] * 50 + ["walk"]))
    assert (found.malformed, len(found.shown), found.phrases) == (50, MAX_SHOWN, 1)


@pytest.mark.parametrize(
    ("content", "message"), [("\n# nothing\n", "holds no phrase"), ([1], "entry 1 is not a string")]
)
def test_an_input_without_a_phrase_is_our_error(file: Any, content: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        survey(file(content))


def test_standard_input_is_read_as_a_file_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"walk\nrun\n")))
    with input_file("-") as path:
        assert [list(read_entries(path)) for _ in range(2)] == [
            [Entry(place="line 1", phrase="walk"), Entry(place="line 2", phrase="run")]
        ] * 2
    assert not path.exists()


def test_lines_are_read_as_they_are_needed(file: Any) -> None:
    path = file("a long phrase of many words that goes on and on\n" * 200_000)
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_entries(path)) == 200_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < path.stat().st_size / 20
