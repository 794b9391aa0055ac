from __future__ import annotations

import importlib
from collections.abc import Iterator

import pytest

from actiongpt_core.torchvision_shim import ensure_torchvision


@pytest.fixture(autouse=True)
def _forget_what_was_done() -> Iterator[None]:
    ensure_torchvision.cache_clear()
    yield
    ensure_torchvision.cache_clear()


def test_text_models_can_be_imported_after_it() -> None:
    ensure_torchvision()
    transformers = importlib.import_module("transformers")
    assert transformers.BertModel.__name__ == "BertModel"


def test_torchvision_may_be_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", absent)
    ensure_torchvision()


def test_other_failures_of_torchvision_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise RuntimeError("something else is broken")

    monkeypatch.setattr(importlib, "import_module", broken)
    with pytest.raises(RuntimeError, match="something else"):
        ensure_torchvision()
