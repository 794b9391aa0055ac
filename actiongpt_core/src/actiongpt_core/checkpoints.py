"""Checkpoints: a folder with config.json and model.safetensors (weights and feature statistics)."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from actiongpt_core.errors import CheckpointError, ConfigError, did_you_mean

if TYPE_CHECKING:
    from torch import nn

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
#: Prefix of a text encoder's place that is relative to the checkpoint folder.
_HERE = "checkpoint:"

C = TypeVar("C")


def config_from_dict(cls: type[C], values: dict[str, Any]) -> C:
    """Build a frozen attrs settings class from JSON values.

    Raises:
        ConfigError: A key is unknown (with a suggestion), or a value has the wrong type or range.
    """
    known = {field.name: field for field in attrs.fields(cls)}  # type: ignore[arg-type]
    for key, value in values.items():
        if key not in known:
            raise ConfigError(f"Unknown setting {key!r} for {cls.__name__}.{did_you_mean(key, known)}")
        default = known[key].default
        if default is attrs.NOTHING or isinstance(default, tuple):
            continue  # a setting that must be given, or a list in JSON: the class itself checks and converts it
        number = isinstance(default, (int, float)) and not isinstance(default, bool)
        kind = str if default is None else type(default)  # None: a name that may be left out
        fits = isinstance(value, (int, float)) if number else isinstance(value, kind) or (value is None is default)
        if not fits or (number and (isinstance(value, bool) or not math.isfinite(value))):
            raise ConfigError(f"Setting {key!r} must be of type {kind.__name__}, got {value!r}.")
    try:
        return cls(**values)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{cls.__name__}: {error}") from None


def read_config(path: Path, backbone: str) -> dict[str, Any]:
    """The settings in a checkpoint folder of a backbone.

    Raises:
        CheckpointError: The folder or its config is missing or malformed, or it is a checkpoint of another backbone.
    """
    found, settings = read_any_config(path)
    if found != backbone:
        raise CheckpointError(
            f"{path} is a checkpoint of backbone {found!r}, not {backbone!r}. Choose the backbone that it is of."
        )
    return settings


def read_backbone(path: Path) -> str:
    """The backbone that a checkpoint folder names.

    Raises:
        CheckpointError: The folder is missing or malformed; or it names none, as published folders do.
    """
    if path.is_dir() and not (path / CONFIG_FILE).is_file():
        raise CheckpointError(
            f"{path} holds no {CONFIG_FILE}, so it does not say of which backbone it is. If it is a published "
            "experiment, name the backbone: Pipeline(backbone=NAME), or --backbone NAME."
        )
    return read_any_config(path)[0]


def read_any_config(path: Path) -> tuple[str, dict[str, Any]]:
    """The backbone and the settings in a checkpoint folder, whatever backbone it is.

    Raises:
        CheckpointError: The folder or its config is missing or malformed.
    """
    file = path / CONFIG_FILE
    if not path.is_dir():
        raise CheckpointError(
            f"No checkpoint folder at {path}. Expected a folder with {CONFIG_FILE} and {WEIGHTS_FILE}."
        )
    if not file.is_file():
        raise CheckpointError(
            f"{path} holds no {CONFIG_FILE}; it is not a checkpoint folder of this library. "
            "A published experiment is read by the backbone that it is of."
        )
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return str(content["backbone"]), dict(content["config"])
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{file} is damaged ({error}). Download or convert the checkpoint again.") from None


def load_weights(model: nn.Module, path: Path) -> None:
    """Read model.safetensors into a model, strictly.

    Raises:
        CheckpointError: The file is missing or truncated, a key or a shape does not fit, or a weight is not finite.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    file = path / WEIGHTS_FILE
    if not file.is_file():
        raise CheckpointError(f"{path} holds no {WEIGHTS_FILE}. Download or convert the checkpoint again.")
    try:
        state = load_file(file)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{file} is damaged ({error}). Download or convert the checkpoint again.") from None
    load_state(model, {name: tensor.float() for name, tensor in state.items()}, str(file))


def load_state(model: nn.Module, state: dict[str, Any], origin: str) -> None:
    """Copy tensors into a model, strictly.

    Args:
        model: The model.
        state: Name to tensor.
        origin: The file, for messages.

    Raises:
        CheckpointError: A key is missing or unknown, a shape does not fit, or a weight is not finite.
    """
    own = model.state_dict()
    missing, unknown = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    if missing or unknown:
        raise CheckpointError(f"{origin} does not fit: {_some('missing', missing)}{_some('unknown', unknown)}.")
    for name, tensor in state.items():
        if tensor.shape != own[name].shape:
            raise CheckpointError(f"{origin}: {name} is {tuple(tensor.shape)}, {tuple(own[name].shape)} was expected.")
        if not tensor.isfinite().all():
            raise CheckpointError(f"{origin}: {name} holds NaN or infinity; the file is unusable.")
    model.load_state_dict(state)


def _some(word: str, names: list[str]) -> str:
    return f" {len(names)} {word} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})" if names else ""


def write_checkpoint(model: nn.Module, path: Path, backbone: str, config: Any, *, half: bool = True) -> Path:
    """Write a checkpoint folder.

    Args:
        model: The model.
        path: The folder; made if it is not there.
        backbone: The model's name.
        config: Its settings, an attrs class.
        half: Weights in half precision; feature statistics stay in full.

    Returns:
        The folder.
    """
    from safetensors.torch import save_file

    path.mkdir(parents=True, exist_ok=True)
    state = {
        name: (tensor.half() if half and not name.startswith("normalizer.") else tensor).contiguous().cpu()
        for name, tensor in model.state_dict().items()
    }
    save_file(state, path / WEIGHTS_FILE)
    content = {"format": 1, "backbone": backbone, "config": attrs.asdict(config)}
    (path / CONFIG_FILE).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return path


def resolve_text_encoder(source: str, path: Path) -> str | Path:
    """Where a checkpoint's text encoder is: "checkpoint:FOLDER" lies beside the weights, all else stands as it is."""
    return path / source.removeprefix(_HERE) if source.startswith(_HERE) else source


def convert_folder(source: Path, target: Path, convert: Callable[[Path, Path], Path]) -> Path:
    """Convert a published checkpoint so that the target appears whole or not at all.

    Args:
        source: What `convert` reads, a folder or a file.
        target: The folder to write; must not exist.
        convert: Reads the first path, writes a folder at the second and returns it.

    Returns:
        The target.

    Raises:
        CheckpointError: The source does not exist, the target does, or the target's parent folder does not.
    """
    if not source.exists():
        raise CheckpointError(f"No checkpoint folder at {source}.")
    if target.exists():
        raise CheckpointError(f"{target} exists already; name a folder that does not.")
    if not target.resolve().parent.is_dir():
        raise CheckpointError(f"Cannot write {target}: the folder {target.resolve().parent} does not exist.")
    # Written beside the target and moved at the end, so that a failure leaves nothing half-written.
    workshop = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.resolve().parent))
    try:
        convert(source, workshop / target.name).rename(target)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
    return target
