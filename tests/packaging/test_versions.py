"""The packages are released together: one version, and plugins that ask for it."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]
CORE = tomllib.loads((ROOT / "actiongpt_core" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PLUGINS = [
    tomllib.loads(path.read_text(encoding="utf-8"))["project"] for path in sorted(ROOT.glob("plugins/*/pyproject.toml"))
]
PACKAGES = [CORE, *PLUGINS]


def name(project: dict[str, Any]) -> str:
    return str(project["name"])


def requirements(project: dict[str, Any]) -> list[Requirement]:
    extras = project.get("optional-dependencies", {}).values()
    return [Requirement(line) for line in [*project["dependencies"], *(line for extra in extras for line in extra)]]


@pytest.mark.parametrize("project", PACKAGES, ids=name)
def test_all_packages_carry_one_version(project: dict[str, Any]) -> None:
    assert project["version"] == CORE["version"]


@pytest.mark.parametrize("project", PACKAGES, ids=name)
def test_the_installed_version_is_that_of_the_sources(project: dict[str, Any]) -> None:
    try:
        installed = metadata.version(project["name"])
    except metadata.PackageNotFoundError:
        pytest.skip(f"{project['name']} is not installed.")
    assert installed == project["version"]


@pytest.mark.parametrize("project", PLUGINS, ids=name)
def test_a_plugin_asks_for_the_core_of_its_own_minor_version(project: dict[str, Any]) -> None:
    major, minor = (int(part) for part in CORE["version"].split(".")[:2])
    wanted = SpecifierSet(f">={major}.{minor},<{major}.{minor + 1}")
    asked = [requirement for requirement in requirements(project) if requirement.name == "actiongpt-core"]
    assert asked
    assert all(requirement.specifier == wanted for requirement in asked)


@pytest.mark.parametrize("project", PLUGINS, ids=name)
def test_a_plugin_brings_the_embedded_text_encoder(project: dict[str, Any]) -> None:
    asked = [Requirement(line) for line in project["dependencies"]]
    assert any(requirement.name == "actiongpt-core" and "offline" in requirement.extras for requirement in asked)


@pytest.mark.parametrize("project", PACKAGES, ids=name)
def test_the_constraints_fit_what_the_packages_ask_for(project: dict[str, Any]) -> None:
    pinned = _constraints()
    for requirement in requirements(project):
        if not requirement.name.startswith("actiongpt"):
            version = pinned[_canonical(requirement.name)]
            assert requirement.specifier.contains(version), f"{requirement} is not met by {version}"


def test_the_constraints_are_exact_and_name_no_build_of_torch() -> None:
    lines = _constraint_lines()
    assert all(re.fullmatch(r"[a-z0-9-]+==[\w.]+", line) for line in lines)
    assert {"torch", "torchvision"} <= set(_constraints())


def test_the_changelog_begins_with_the_current_version() -> None:
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == CORE["version"]


def _constraint_lines() -> list[str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _constraints() -> dict[str, str]:
    return {_canonical(line.partition("==")[0]): line.partition("==")[2] for line in _constraint_lines()}


def _canonical(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


@pytest.mark.parametrize("project", PACKAGES, ids=name)
def test_a_package_says_what_an_index_asks_for(project: dict[str, Any]) -> None:
    assert {"description", "readme", "requires-python", "license", "keywords"} <= project.keys()
    assert {"Typing :: Typed", "Programming Language :: Python :: 3.13"} <= set(project["classifiers"])
