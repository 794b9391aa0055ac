"""Plugins that exist for one test: real metadata and a module on the path, found as installed ones are."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from actiongpt_core.registry import reset_registry

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """`install("name", code)` puts a plugin in place: distribution `actiongpt-NAME`, entry point NAME."""
    site, before = tmp_path / "site", set(sys.modules)
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    for variable in ("ACTIONGPT_PLUGINS", "ACTIONGPT_BLOCK"):
        monkeypatch.delenv(variable, raising=False)

    def write(
        name: str, code: str, *, version: str = "1.0", requires: tuple[str, ...] = (), entry_points: str | None = None
    ) -> None:
        module = f"actiongpt_{name}"
        (site / f"{module}.py").write_text(code, encoding="utf-8")
        info = site / f"{module}-{version}.dist-info"
        info.mkdir()
        lines = [f"Name: actiongpt-{name}", f"Version: {version}", *(f"Requires-Dist: {item}" for item in requires)]
        (info / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", *lines, ""]), encoding="utf-8")
        points = f"[actiongpt]\n{name} = {module}\n" if entry_points is None else entry_points
        (info / "entry_points.txt").write_text(points, encoding="utf-8")
        importlib.invalidate_caches()
        reset_registry()

    reset_registry()
    yield write
    reset_registry()
    for module in set(sys.modules) - before:
        if Path(getattr(sys.modules[module], "__file__", None) or "").parent == site:
            del sys.modules[module]
