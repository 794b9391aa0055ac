"""A JSON file that grows beside its place and appears whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from actiongpt_core.bulk.output import JsonObjectWriter
from actiongpt_core.errors import ConfigError


def test_members_stand_in_their_order_as_json_writes_them(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    with JsonObjectWriter(path) as writer:
        writer.add("walk", ["Große Schritte.", 'with "quotes"\nand a line end'])
        writer.add("run", "text")
        writer.commit()
    content = {"walk": ["Große Schritte.", 'with "quotes"\nand a line end'], "run": "text"}
    assert path.read_text(encoding="utf-8") == json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def test_without_a_commit_the_old_file_stays_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    path.write_text("old")
    with JsonObjectWriter(path) as writer:
        writer.add("walk", ["text"])
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_run_left_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    abandoned = JsonObjectWriter(path).__enter__()
    abandoned.add("walk", ["text"])
    assert len(list(tmp_path.iterdir())) == 1
    with JsonObjectWriter(path) as writer:
        writer.add("run", ["text"])
        writer.commit()
    assert list(tmp_path.iterdir()) == [path]
    assert json.loads(path.read_text()) == {"run": ["text"]}
    abandoned.__exit__()


def test_half_a_character_is_written_as_json_escapes_it(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    with JsonObjectWriter(path) as writer:
        writer.add("a\ud800", "half a character")
        writer.commit()
    assert json.loads(path.read_text(encoding="utf-8")) == {"a\ud800": "half a character"}


def test_an_object_without_members_is_no_file(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    path.write_text("of an earlier run")
    with JsonObjectWriter(path) as writer:
        writer.commit()
    assert not path.exists()


def test_a_place_that_cannot_be_written_is_our_error(tmp_path: Path) -> None:
    for path, message in ((tmp_path, "folder"), (tmp_path / "nowhere" / "out.json", "Cannot write")):
        with pytest.raises(ConfigError, match=message), JsonObjectWriter(path):
            pass
