"""The grid file: what it may hold, and errors that say where they are."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from small_study import GRID, STRIDE, write_grid

from actiongpt_core.errors import ConfigError, MissingAssetError
from actiongpt_core.study.grid_file import read_grid

TOML = """
data = "procedural"
k = [4, 2]

[[models]]
name = "mine"
checkpoint = "${runs}/mine"

[[providers]]
name = "file"
llm = "pack"
options = { path = "./texts.json" }
"""


@pytest.fixture(autouse=True)
def _backbone(install: Any) -> None:
    install("stride", STRIDE)


def write(folder: Path, text: str) -> Path:
    path = folder / "grid.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    as_toml = write(tmp_path, TOML)
    as_json = tmp_path / "grid.json"
    as_json.write_text(json.dumps(tomllib.loads(TOML)), encoding="utf-8")
    assert read_grid(as_toml) == read_grid(as_json)


def test_paths_start_at_the_grid_file_wherever_the_command_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = read_grid(write(tmp_path, TOML))
    monkeypatch.chdir("/")
    assert grid.options(grid.providers[0]) == {"path": str(tmp_path / "texts.json")}


def test_a_name_in_a_path_is_what_the_command_says_and_else_the_environments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("runs", str(tmp_path / "environment"))
    file = write(tmp_path, TOML)
    checkpoint = "${runs}/mine"
    assert read_grid(file).path(checkpoint) == tmp_path / "environment" / "mine"
    assert read_grid(file, {"runs": str(tmp_path / "said")}).path(checkpoint) == tmp_path / "said" / "mine"


def test_a_name_that_stands_for_nothing_says_what_to_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("runs", raising=False)
    grid = read_grid(write(tmp_path, TOML))
    with pytest.raises(MissingAssetError, match="-P runs=FOLDER"):
        grid.path("${runs}/mine")


def test_a_misspelt_key_is_named_with_file_line_and_suggestion(tmp_path: Path) -> None:
    file = write(tmp_path, TOML.replace("checkpoint =", "chekpoint ="))
    with pytest.raises(ConfigError) as caught:
        read_grid(file)
    message = str(caught.value)
    assert f"The grid {file}, line 7, model 1" in message
    assert "unknown key 'chekpoint'" in message
    assert "Did you mean 'checkpoint'?" in message


def test_no_line_is_said_where_it_could_be_another(tmp_path: Path) -> None:
    again = '[[models]]\nname = "other"\nchekpoint = "x"\n'
    file = write(tmp_path, TOML.replace("checkpoint =", "chekpoint =") + again)
    with pytest.raises(ConfigError, match="model 1: unknown key") as caught:
        read_grid(file)
    assert ", line " not in str(caught.value)


@pytest.mark.parametrize("suffix", ["toml", "json"])
def test_a_file_that_is_not_of_its_format_says_the_line(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"grid.{suffix}"
    file.write_text('{\n"data": oops\n}' if suffix == "json" else "data = 1\nk = oops\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="line 2"):
        read_grid(file)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(MissingAssetError, match="There is no grid file"):
        read_grid(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"models": [{"name": "m", "backbone": "strid"}]}, "model m: .*Did you mean 'stride'"),
        ({"aggregators": ["maen"]}, "aggregators: .*Did you mean 'mean'"),
        ({"providers": [{"name": "p", "llm": "pakc"}]}, "provider p: .*Did you mean 'pack'"),
        ({"data": "procedual"}, "data: .*Did you mean 'procedural'"),
        ({"baseline": {"llm": "passthru"}}, "baseline: .*Did you mean 'passthrough'"),
        ({"providers": [{"name": "p", "llm": "pack", "strategies": ["few-shots"]}]}, "Did you mean 'few-shot'"),
        ({"measures": ["APE_rot"]}, "Did you mean 'APE_root'"),
        ({"k": []}, "k: a list with one value or more"),
        ({"k": [4, 4]}, "k: a list of different values"),
        ({"k": [0]}, "k: a whole number of at least 1"),
        ({"k": [[4]]}, "k: a whole number"),
        ({"k": 4}, "k: a list"),
        ({"k": [True]}, "k: a whole number"),
        ({"aggregators": [3]}, "aggregators: a text"),
        ({"num_samples": 1.5}, "num_samples: a whole number"),
        ({"models": []}, r"\[\[models\]\] table or more"),
        ({"models": "stride"}, r"\[\[models\]\] table or more"),
        ({"models": [{"name": "m"}]}, "a backbone or a checkpoint is needed"),
        ({"models": [{"backbone": "stride"}]}, "name must be given"),
        ({"models": [{"name": "a/b", "backbone": "stride"}]}, "made of letters"),
        ({"models": [{"name": name, "backbone": "stride"} for name in "aA"]}, "a name of its own"),
        ({"models": [{"name": "ab", "backbone": "stride", "versus": "abc"}]}, "versus names no other model"),
        ({"models": [{"name": "m", "checkpoint": "x", "train": {}}]}, "has no checkpoint yet"),
        ({"providers": [{"name": "phrase-alone", "llm": "pack"}]}, "name of the baseline"),
        ({"folder": "x"}, "unknown key 'folder'"),
        ({"places": {}}, "unknown key 'places'"),
        ({"seed": float("inf")}, "finite"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_measured(
    tmp_path: Path, changes: dict[str, Any], expected: str
) -> None:
    file = write_grid(tmp_path, **changes)
    with pytest.raises(ConfigError, match=expected) as caught:
        read_grid(file)
    assert str(file) in str(caught.value)


def test_the_small_grid_itself_is_one(tmp_path: Path) -> None:
    assert read_grid(write_grid(tmp_path)).data == GRID["data"]


def test_the_grid_in_the_documentation_can_be_read() -> None:
    file = Path(__file__).parents[3] / "docs" / "studies" / "do-descriptions-help.toml"
    grid = read_grid(file, {"raw": "runs"})
    assert {model.versus for model in grid.models if model.versus} <= {model.name for model in grid.models}
    assert all(Path(grid.options(it)["path"]).is_file() for it in grid.providers if it.options)
