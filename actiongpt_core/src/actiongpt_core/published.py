"""Reading experiment folders that other projects published: settings, feature statistics, weights, strictly.

No code of the files is executed: see `actiongpt_core.safe_pickle`.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor, nn

from actiongpt_core.errors import CheckpointError, MissingAssetError
from actiongpt_core.safe_pickle import load_checkpoint, load_tensor_file

HYDRA_CONFIG = Path(".hydra") / "config.yaml"  #: where Hydra keeps an experiment's composed settings
_MAX_REFERENCES = 20


def read_yaml(path: Path) -> Any:
    """The plain values of a YAML file: tags that name code are refused.

    Raises:
        CheckpointError: There is no such file, or it is damaged.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError:
        raise CheckpointError(f"There is no {path}; a published experiment folder has one.") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged ({type(error).__name__}). Download the folder again.") from None


class HydraSettings:
    """A composed config, whose values may still be references ("${model.latent_dim}")."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._root = read_yaml(path)

    def get(self, key: str, kind: type[Any], default: Any = None) -> Any:
        """The value at a dotted key, of one type; the default where the key is absent or null, if there is one.

        Raises:
            CheckpointError: The value is absent or of another type.
        """
        value = self._resolve(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise CheckpointError(f"{self.path}: {key} must be of type {kind.__name__}, got {value!r:.80}.")
        return value

    def _resolve(self, key: str) -> Any:
        for _ in range(_MAX_REFERENCES):
            value: Any = self._root
            for part in key.split("."):
                value = value.get(part) if isinstance(value, dict) else None
            if not (isinstance(value, str) and value.startswith("${") and value.endswith("}")):
                return value
            key = value[2:-1]
        raise CheckpointError(f"{self.path}: the references of {key} go round in a circle.")

    def require(self, key: str, value: str | bool) -> None:
        """Stop unless a setting has the one value that is supported; an absent key stands for it.

        Raises:
            CheckpointError: It has another value.
        """
        found = self.get(key, type(value), default=value)
        if found != value:
            raise CheckpointError(f"{self.path}: {key} = {found!r} is a variant that is not supported, only {value!r}.")


def read_state(file: Path, key: str | None = None) -> dict[str, Tensor]:
    """The weights in a file of torch.save, in full precision.

    Args:
        file: The file.
        key: Where in it they are ("state_dict" in Lightning's checkpoints); None if it holds nothing else.

    Raises:
        CheckpointError: There is no such file, it is damaged or unsafe, holds something else, or holds NaN.
    """
    if not file.is_file():
        others = sorted(path.name for path in file.parent.glob(f"*{file.suffix}")) if file.parent.is_dir() else []
        there = f" There is {', '.join(others)}: copy the one that you want to that name." if others else ""
        raise CheckpointError(f"There is no {file}.{there}")
    content = load_checkpoint(file)
    state = content if key is None else content.get(key)
    if not isinstance(state, dict) or not state:
        where = "is no dictionary of weights" if key is None else f"holds no {key}; it is not a checkpoint of Lightning"
        raise CheckpointError(f"{file} {where}.")
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise CheckpointError(f"{file}: the weights' {name!r:.80} is not a named tensor.")
        if value.is_floating_point() and not value.isfinite().all():
            raise CheckpointError(f"{file}: {name} holds NaN or infinity; the file is unusable.")
    return {name: value.float() if value.is_floating_point() else value for name, value in state.items()}


def load_renamed(
    model: nn.Module,
    state: dict[str, Tensor],
    origin: Path,
    published_name: Callable[[str], str],
    tolerated: re.Pattern[str],
) -> None:
    """Copy published weights into a model, strictly: every weight of ours in its shape, and nothing else.

    Args:
        model: Ours; weights under `normalizer.` are left alone, as published files hold no statistics.
        state: Published name -> tensor.
        origin: The file, for messages.
        published_name: Our name of a weight -> theirs.
        tolerated: Published names that are in the files but not needed.

    Raises:
        CheckpointError: Names the published key that does not fit.
    """
    own = {published_name(name): name for name in model.state_dict() if not name.startswith("normalizer.")}
    shapes = {name: value.shape for name, value in model.state_dict().items()}
    given = {key for key in state if not tolerated.fullmatch(key)}
    for word, keys in (("lacks", own.keys() - given), ("has unknown", given - own.keys())):
        if keys:
            some = ", ".join(sorted(keys)[:3])
            raise CheckpointError(f"{origin} does not fit its config: it {word} weights, {len(keys)} of them: {some}.")
    for key, name in own.items():
        if state[key].shape != shapes[name]:
            raise CheckpointError(
                f"{origin}: {key} is {tuple(state[key].shape)}; by its config {tuple(shapes[name])} was expected."
            )
    with torch.no_grad():
        model.load_state_dict(model.state_dict() | {name: state[key] for key, name in own.items()})


def rename(name: str, prefixes: dict[str, str]) -> str:
    """A name with its prefix replaced: the first one, in order, that it has; one must fit."""
    ours = next(prefix for prefix in prefixes if name.startswith(prefix))
    return prefixes[ours] + name.removeprefix(ours)


def read_stats(source: Path | None, entry: str, num_features: int) -> tuple[Tensor, Tensor]:
    """Mean and std of the features, (F,) each.

    Args:
        source: An npz with keys like "rots2rfeats/.../rfeats_mean", or the originals' `deps/transforms` folder of `.pt`
            files at the same paths.
        entry: The path below it.
        num_features: F.

    Raises:
        MissingAssetError: There is no such file, or it lacks the entry.
        CheckpointError: The file is damaged or unsafe, or its numbers cannot be statistics.
    """
    if source is None:
        raise MissingAssetError(
            "A published experiment holds no feature statistics. Give stats=: an npz, or the originals' folder "
            f"deps/transforms, with {entry}/rfeats_mean and rfeats_std."
        )
    source = Path(source)
    if not source.exists():
        raise MissingAssetError(f"There are no feature statistics at {source}: no such file or folder.")
    read = _read_folder if source.is_dir() else _read_npz
    mean, std = (read(source, f"{entry}/rfeats_{name}") for name in ("mean", "std"))
    for name, values in (("mean", mean), ("std", std)):
        if values.shape != (num_features,) or not values.isfinite().all():
            raise CheckpointError(
                f"{source}: {entry}/rfeats_{name} must be {num_features} finite numbers, got {tuple(values.shape)}."
            )
    if bool((std < 0).any()):
        raise CheckpointError(f"{source}: {entry}/rfeats_std holds negative numbers.")
    return mean, std


def _read_folder(folder: Path, name: str) -> Tensor:
    file = folder / f"{name}.pt"
    if not file.is_file():
        raise MissingAssetError(f"There is no {file}. Give the folder deps/transforms of the original code.")
    return load_tensor_file(file).float()


def _read_npz(file: Path, name: str) -> Tensor:
    try:
        # Opened here: numpy leaves a file that it cannot read open.
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            if name not in archive.files:
                raise MissingAssetError(f"{file} has no entry {name}. It has: {', '.join(archive.files[:4])}, ...")
            return torch.from_numpy(archive[name].astype(np.float32))
    except MissingAssetError:
        raise
    except (OSError, EOFError, ValueError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{file} cannot be read as an npz of plain arrays ({error}).") from None
