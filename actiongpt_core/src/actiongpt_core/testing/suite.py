"""What the conformance suites have in common: their tests are a contract, which a subclass does not quietly change."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from typing import Any

import pytest

from actiongpt_core import builtins
from actiongpt_core.errors import ConfigError
from actiongpt_core.hookspecs import PROJECT
from actiongpt_core.plugins import CORE, PluginInfo
from actiongpt_core.registry import get_registry

#: No listing needs these.
_HEAVY = {"lightning", "matplotlib", "open_clip", "openai", "smplx", "torch", "transformers"}


class ConformanceSuite:
    """The base of the suites.

    A subclass sets attributes and adds tests. One that replaces a test of the suite must mark it
    `@pytest.mark.xfail(reason=...)`: whoever reads the results then sees what the plugin does not promise, and why.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.__module__.startswith(__package__ or ""):
            return  # a suite of this package, not somebody's use of one
        for name in set(vars(cls)) & set(_inherited(cls)):
            if not _is_excused(vars(cls)[name]):
                raise ConfigError(
                    f"{cls.__name__}.{name} replaces a test of the conformance suite. Mark it with "
                    f"@pytest.mark.xfail(reason='what the plugin does not promise, and why'), or give it another name."
                )

    @classmethod
    def claims(cls) -> list[str]:
        """Names of all its tests, in alphabetical order."""
        return sorted(name for name in dir(cls) if name.startswith("test_"))


class RegisteredSuite(ConformanceSuite):
    """The base of the suites of parts that users name.

    Attributes:
        kind: The registry's word for the part.
        registered: Name under which the part is registered; without a `build_...` it is built as users do.
    """

    kind: str = ""
    registered: str | None = None

    def test_the_registration_imports_nothing_heavy(self) -> None:
        """The module of the hooks is cheap to import.

        Troubleshooting: Import inside the function that `load` is, and keep the package's `__init__` empty, or lazy:
        the module of the hooks is reached through it. Every `actiongpt` command pays for what is imported here.
        """
        if self.registered is None:
            pytest.skip("The suite names no registered part.")
        plugin = get_registry().part(self.kind, self.registered).plugin
        code = f"import sys, {_module_of(plugin)}; print(*sorted({_HEAVY!r} & sys.modules.keys()))"
        process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert process.returncode == 0, process.stderr
        assert process.stdout.split() == [], "imported with the hooks"


def _module_of(plugin: PluginInfo) -> str:
    if plugin.distribution == CORE:
        return builtins.__name__
    points = metadata.distribution(plugin.distribution).entry_points
    (point,) = (point for point in points if point.group == PROJECT and point.name == plugin.name)
    return point.module


def _inherited(cls: type) -> list[str]:
    """The tests that the suites above a class bring."""
    suites = [base for base in cls.__mro__[1:] if base.__module__.startswith(__package__ or "")]
    return [name for suite in suites for name in vars(suite) if name.startswith("test_")]


def _is_excused(test: Any) -> bool:
    marks = getattr(test, "pytestmark", [])
    return any(mark.name == "xfail" and mark.kwargs.get("reason") for mark in marks)
