"""The provider of a model in this process, as far as it works without one; `tests/llm` asks a real one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from actiongpt_core.errors import ConfigError, MissingAssetError, ProviderError
from actiongpt_core.interfaces import LanguageModel
from actiongpt_core.registry import get_registry
from actiongpt_core.text.providers.local import LocalProvider
from actiongpt_core.types.text import Prompt

PROMPT = Prompt(messages=({"role": "user", "content": "walk"},), text="walk")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF")
    return path


def test_it_is_a_language_model(file: Path) -> None:
    assert isinstance(LocalProvider(file), LanguageModel)


def test_it_is_built_by_its_name(file: Path) -> None:
    provider: Any = get_registry().build_provider("local", model=str(file), threads=2)
    assert (provider.path, provider.threads) == (file, 2)


def test_examples_are_its_own_way_to_ask(file: Path) -> None:
    assert LocalProvider(file).strategy == "few-shot"


def test_sampling_holds_what_the_user_sets_and_nothing_else(file: Path) -> None:
    assert LocalProvider(file).sampling == {}
    assert LocalProvider(file, temperature=0.0, seed=0).sampling == {"temperature": 0.0, "seed": 0}


def test_a_missing_model_is_reported_when_it_is_built() -> None:
    with pytest.raises(MissingAssetError):
        LocalProvider("/nowhere.gguf")


def test_one_processor_is_left_to_others(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    assert LocalProvider(file).threads == 3


def test_the_only_processor_is_used(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0}, raising=False)
    assert LocalProvider(file).threads == 1


def test_a_machine_that_does_not_tell_affinity_is_asked_for_its_processors(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert LocalProvider(file).threads == 7


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, "2"])
def test_threads_that_cannot_work_are_refused(file: Path, threads: Any) -> None:
    with pytest.raises(ConfigError, match="threads must be a whole number"):
        LocalProvider(file, threads=threads)


def test_without_xllamacpp_the_command_that_installs_it_is_said(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(ProviderError, match=r"pip install 'actiongpt-core\[local\]'"):
        list(LocalProvider(file).answers(PROMPT, [0], {}))
