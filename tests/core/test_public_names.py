from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import actiongpt_core

HEAVY = ("torch", "transformers", "openai", "smplx", "lightning", "matplotlib", "numpy", "PIL")


def modules_after(code: str, *arguments: str) -> set[str]:
    """The heavy modules that a fresh process has imported after the code."""
    report = f"import sys; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    process = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}", *arguments], capture_output=True, text=True, check=True
    )
    return set(process.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("name", sorted(actiongpt_core.__all__))
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(actiongpt_core, name) is not None


def test_the_public_names_are_those_that_type_checkers_see() -> None:
    tree = ast.parse(Path(actiongpt_core.__file__).read_text(encoding="utf-8"))
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name for node in guarded.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen | {"__version__"} == set(actiongpt_core.__all__)
    assert set(actiongpt_core._HOME_OF) | {"__version__"} == set(actiongpt_core.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Pipelime"):
        _ = actiongpt_core.Pipelime


def test_dir_shows_the_public_names() -> None:
    assert set(actiongpt_core.__all__) <= set(dir(actiongpt_core))


def test_importing_the_core_imports_nothing_heavy() -> None:
    assert modules_after("import actiongpt_core") == set()


def test_finding_plugins_imports_nothing_heavy() -> None:
    assert modules_after("from actiongpt_core import get_registry; get_registry()") == set()


@pytest.mark.parametrize("arguments", [["--help"], ["plugins", "list"], ["generate", "--help"]])
def test_help_and_listing_import_nothing_heavy(arguments: list[str]) -> None:
    code = "from actiongpt_core.cli.main import app\ntry: app()\nexcept SystemExit: pass\nprint()"
    assert modules_after(code, *arguments) == set()


def test_no_backbone_is_named_in_the_core() -> None:
    """Identifiers and strings only: docstrings may speak of the papers."""
    root = Path(actiongpt_core.__file__).parent
    found = [
        f"{path.relative_to(root)}:{node.lineno}"
        for path in sorted(root.rglob("*.py"))
        for node in _spoken(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not found


def _spoken(tree: ast.Module) -> list[ast.expr | ast.stmt]:
    docstrings = {
        id(body[0].value)
        for node in ast.walk(tree)
        if isinstance(body := getattr(node, "body", None), list) and body and isinstance(body[0], ast.Expr)
    }
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.expr | ast.stmt)
        and id(node) not in docstrings
        and any(letters in word.lower() for word in _words(node) for letters in ("teach", "temos", "motionclip"))
    ]


def _words(node: ast.AST) -> list[str]:
    fields = (getattr(node, name, None) for name in ("id", "attr", "name", "arg", "module", "value"))
    return [field for field in fields if isinstance(field, str)]
