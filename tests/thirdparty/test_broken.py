"""A broken plugin is really installed; the command works on and says what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.thirdparty.conftest import Environment

PYPROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "actiongpt-broken"
version = "1.2"

[project.entry-points.actiongpt]
broken = "actiongpt_broken"

[tool.setuptools]
py-modules = ["actiongpt_broken"]
"""


@pytest.fixture(scope="module")
def with_broken(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    source = tmp_path_factory.mktemp("broken")
    (source / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    code = 'print("hello from the plugin")\nraise RuntimeError("no licence found")\n'
    (source / "actiongpt_broken.py").write_text(code, encoding="utf-8")
    environment.install(source)
    return environment


def test_plugins_list_works_with_a_broken_plugin_installed(with_broken: Environment) -> None:
    listing = with_broken.actiongpt("plugins", "list")
    assert "failed: RuntimeError: no licence found" in listing
    assert "passthrough" in listing


def test_what_a_plugin_prints_does_not_end_up_in_the_json(with_broken: Environment) -> None:
    plugins = json.loads(with_broken.actiongpt("plugins", "list", "--json"))["plugins"]
    broken = next(plugin for plugin in plugins if plugin["name"] == "broken")
    assert broken["status"] == "failed"
    assert broken["reason"] == "RuntimeError: no licence found"
    assert broken["provides"] == []


def test_an_unknown_name_tells_of_the_broken_plugin(with_broken: Environment, tmp_path: Path) -> None:
    message = with_broken.fail("generate", "walk", "--backbone", "broken", "-o", str(tmp_path / "walk.bvh"))
    assert "Installed but broken: actiongpt-broken 1.2 (RuntimeError: no licence found)" in message


def test_listing_imports_no_torch(with_broken: Environment) -> None:
    code = (
        "import sys; from actiongpt_core import get_registry; get_registry();"
        "print(sorted({'torch', 'transformers', 'openai'} & set(sys.modules)))"
    )
    assert with_broken.python(code).splitlines()[-1] == "[]"
