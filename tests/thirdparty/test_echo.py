"""An outside package is installed, used and uninstalled; the core has never heard of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.thirdparty.conftest import Environment

SOURCE = Path(__file__).parent / "actiongpt_echo"

GENERATE = """
import json
from actiongpt_core import Pipeline
motion = Pipeline(backbone="echo", llm="parrot").generate("walk forward, then jump", seconds=1.5, seed=0)
moves = float((motion.rotations[1:] - motion.rotations[:-1]).abs().max())
print(json.dumps({"frames": motion.num_frames, "fps": motion.fps, "starts": motion.starts, "moves": moves}))
"""


@pytest.fixture(scope="module")
def with_echo(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    source = tmp_path_factory.mktemp("source") / "actiongpt_echo"
    shutil.copytree(SOURCE, source)  # a build leaves folders beside the source
    environment.install(source)
    return environment


def test_an_outside_backbone_and_provider_generate_through_the_pipeline(with_echo: Environment) -> None:
    result = json.loads(with_echo.python(GENERATE))
    assert result["frames"] == 60  # two actions of 1.5 s at 20 fps
    assert result["starts"] == [0, 30]
    assert result["moves"] > 0


def test_an_outside_backbone_writes_files_through_the_command(with_echo: Environment, tmp_path: Path) -> None:
    files = [tmp_path / "walk.bvh", tmp_path / "walk.npz"]
    outputs = [argument for file in files for argument in ("-o", str(file))]
    report = json.loads(
        with_echo.actiongpt(
            "generate", "walk", "--backbone", "echo", "--llm", "parrot", "--seed", "1", "--json", *outputs
        )
    )
    assert [Path(file) for file in report["files"]] == files
    assert all(file.stat().st_size > 0 for file in files)
    assert report["actions"][0]["source"] == "parrot"


def test_an_outside_package_is_listed_with_what_it_provides(with_echo: Environment) -> None:
    plugins = {
        plugin["name"]: plugin for plugin in json.loads(with_echo.actiongpt("plugins", "list", "--json"))["plugins"]
    }
    assert plugins["echo"]["status"] == "ok"
    assert plugins["echo"]["provides"] == ["command:echo", "llm:parrot", "backbone:echo"]


def test_an_outside_command_runs_as_one_of_ours(with_echo: Environment) -> None:
    assert with_echo.actiongpt("echo", "say", "walk", "--times", "3") == "walk\nwalk, walk\nwalk, walk, walk\n"
    assert "Says a phrase again and again." in with_echo.actiongpt("--help")
    assert with_echo.fail("echo", "say", "walk", "--times", "0") == "Error: times must be at least 1, got 0.\n"


def test_an_uninstalled_backbone_is_unknown_and_the_installed_ones_are_named(
    with_echo: Environment, tmp_path: Path
) -> None:
    with_echo.uninstall("actiongpt-echo")
    message = with_echo.fail("generate", "walk", "--backbone", "echo", "-o", str(tmp_path / "walk.bvh"))
    assert "No backbone named 'echo'" in message
    assert "echo" not in with_echo.actiongpt("plugins", "list")
    assert "echo" not in with_echo.actiongpt("--help")
    assert not list(tmp_path.iterdir())


def test_the_core_holds_no_word_of_it() -> None:
    import actiongpt_core

    root = Path(actiongpt_core.__file__).parent
    assert not [path for path in root.rglob("*.py") if "parrot" in path.read_text(encoding="utf-8")]
