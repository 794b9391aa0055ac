"""A real language model, in this process and as a server; without one the tests here are skipped."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from actiongpt_core.errors import MissingAssetError
from actiongpt_core.text import gguf
from actiongpt_core.text.llama import SLOTS
from actiongpt_core.text.providers.local import LocalProvider


@pytest.fixture(scope="session", autouse=True)
def model_file() -> Path:
    """SmolLM2, or the file that ACTIONGPT_LOCAL_MODEL names."""
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("xllamacpp is not installed: pip install 'actiongpt-core[local]'")
    try:
        return gguf.find(None)
    except MissingAssetError as error:
        pytest.skip(str(error))


@pytest.fixture(autouse=True)
def _cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def local(model_file: Path) -> LocalProvider:
    """The model in this process, with a seed; its answers are short."""
    return LocalProvider(model_file, max_tokens=24, seed=0, threads=1)


@pytest.fixture(scope="session")
def server_url(model_file: Path) -> Iterator[str]:
    """The same model behind the protocol of OpenAI, on a port of this machine."""
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(model_file)
    parameters.n_parallel, parameters.n_ctx = SLOTS, SLOTS * 1024
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    parameters.verbosity = -1
    # What it remembers of the last prompt changes the last digits, and with them the words of a seed.
    parameters.cache_prompt = False
    server = xllamacpp.Server(parameters)
    yield f"{server.listening_address}/v1"
    del server
