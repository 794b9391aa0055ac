"""The example backbone of `examples/` is really installed, built from a data set, used, and tested by its own tests."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.thirdparty.conftest import Environment

SOURCE = Path(__file__).parents[2] / "examples" / "actiongpt_retrieval"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source") / "actiongpt_retrieval"
    shutil.copytree(SOURCE, folder)  # a build leaves folders beside the source
    return folder


@pytest.fixture(scope="module")
def with_retrieval(environment: Environment, source: Path) -> Environment:
    environment.install(source)
    return environment


@pytest.fixture(scope="module")
def index(with_retrieval: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built") / "index"
    printed = with_retrieval.actiongpt("retrieval", "build", "--data", "procedural", "--out", str(folder))
    assert re.search(r"[1-9]\d* clips of [1-9]\d* texts", printed)
    return folder


def test_its_own_tests_pass(with_retrieval: Environment, source: Path) -> None:
    printed = with_retrieval.run("-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", str(source))
    passed = re.search(r"(\d+) passed", printed)
    assert passed is not None
    assert int(passed[1]) > 30
    assert "failed" not in printed


def test_an_index_is_a_checkpoint_without_pickle(index: Path) -> None:
    assert sorted(file.name for file in index.iterdir()) == ["config.json", "model.safetensors"]
    assert json.loads((index / "config.json").read_text())["backbone"] == "retrieval"


def test_it_generates_from_its_index_by_the_command(with_retrieval: Environment, index: Path, tmp_path: Path) -> None:
    output = str(tmp_path / "walk.bvh")
    chosen = ("--checkpoint", str(index), "--llm", "passthrough", "--seed", "0", "--seconds", "2", "--json")
    report = json.loads(with_retrieval.actiongpt("generate", "walk forward, then wave", *chosen, "-o", output))
    assert report["files"] == [output]
    assert "Frames: 120" in Path(output).read_text()  # two actions of 2 s at 30 fps


def test_it_is_evaluated_beside_the_nearest_text(with_retrieval: Environment, index: Path, tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    chosen = ("--checkpoint", str(index), "--data", "procedural", "--llm", "passthrough", "--noise-scale", "0")
    with_retrieval.actiongpt("evaluate", *chosen, "--max-clips", "8", "--json", str(result))
    numbers = json.loads(result.read_text())
    assert numbers["model"]["backbone"] == "retrieval"
    assert set(numbers["nearest_text"]) <= set(numbers["metrics"])


def test_without_an_index_the_command_to_build_one_is_told(with_retrieval: Environment, tmp_path: Path) -> None:
    message = with_retrieval.fail(
        "generate", "walk", "--backbone", "retrieval", "--llm", "passthrough", "-o", str(tmp_path / "walk.bvh")
    )
    assert "actiongpt retrieval build" in message
    assert not list(tmp_path.iterdir())
