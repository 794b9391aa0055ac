"""Who may know whom: the core no plugin, plugins not each other; each heavy package has one wrapper."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "actiongpt_core" / "src" / "actiongpt_core"
CORE_FILES = sorted(CORE.rglob("*.py"))
PLUGINS = {path.parent.name: path.parent / "src" / path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml")}
PLUGIN_FILES = sorted(path for folder in PLUGINS.values() for path in folder.rglob("*.py"))

#: Packages that are slow, optional or both: one module of the core wraps each.
HEAVY = ["openai", "transformers", "smplx", "lightning", "open_clip", "huggingface_hub", "ray", "xllamacpp"]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(path: Path) -> set[str]:
    """The modules that a file imports, wherever in it; the packages of relative imports are not needed here."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def test_the_core_imports_no_plugin() -> None:
    plugins = [module for path in CORE_FILES for module in imported(path) if module.partition(".")[0] in PLUGINS]
    assert plugins == []


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=name)
def test_a_plugin_imports_no_other_plugin(path: Path) -> None:
    own = path.relative_to(ROOT / "plugins").parts[0]
    packages = {module.partition(".")[0] for module in imported(path)}
    assert packages & PLUGINS.keys() <= {own}


@pytest.mark.parametrize("package", HEAVY)
def test_a_heavy_package_is_imported_by_one_module(package: str) -> None:
    users = [path for path in CORE_FILES if package in {module.partition(".")[0] for module in imported(path)}]
    wrappers = {path.with_name(path.stem.partition("_")[0]) for path in users}  # openai.py with openai_errors.py
    assert len(wrappers) <= 1, users


def test_every_project_has_the_licence_a_readme_and_its_types() -> None:
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    for source in [CORE, *PLUGINS.values()]:
        project = source.parents[1]
        assert (project / "LICENSE").read_text(encoding="utf-8") == licence
        assert (project / "README.md").is_file()
        assert (source / "py.typed").is_file()


def test_imports_are_linted_for_every_package() -> None:
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert [package for package in ["actiongpt_core", *PLUGINS] if f'"{package}"' not in settings] == []
