"""What the conformance suites have in common: their tests are a contract, which a subclass does not quietly change."""

from __future__ import annotations

from typing import Any

from actiongpt_core.errors import ConfigError


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


def _inherited(cls: type) -> list[str]:
    """The tests that the suites above a class bring."""
    suites = [base for base in cls.__mro__[1:] if base.__module__.startswith(__package__ or "")]
    return [name for suite in suites for name in vars(suite) if name.startswith("test_")]


def _is_excused(test: Any) -> bool:
    marks = getattr(test, "pytestmark", [])
    return any(mark.name == "xfail" and mark.kwargs.get("reason") for mark in marks)
