"""What is read of a published experiment folder besides its weights: a few settings, and the feature statistics."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
import yaml
from torch import Tensor

from actiongpt_core.errors import CheckpointError, MissingAssetError
from actiongpt_core.safe_pickle import load_tensor_file
from actiongpt_teach.config import BACKBONE

CONFIG = Path(".hydra") / "config.yaml"
_MAX_REFERENCES = 20


@attrs.frozen(kw_only=True)
class Published:
    """The settings of an experiment that decide what its weights mean."""

    latent_dim: int
    num_layers: int
    ff_size: int
    hist_frames: int
    fps: float
    min_frames: int
    max_frames: int
    stats_entry: str  #: path of the feature statistics below `transforms/`


class _Settings:
    """A composed config, whose values may still be references ("${model.latent_dim}")."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._root = yaml.safe_load(path.read_text(encoding="utf-8"))
        except OSError:
            raise CheckpointError(f"There is no {path}; a published experiment folder has one.") from None
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
            raise CheckpointError(f"{path} is damaged ({type(error).__name__}). Download the folder again.") from None

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


def read_published(folder: Path) -> Published:
    """Read the settings of an experiment.

    Raises:
        CheckpointError: It is of another backbone, a setting is missing or malformed, or it names a variant that is not
            supported.
    """
    settings = _Settings(folder / CONFIG)
    found = settings.get("model.modelname", str, default="none")
    if found != BACKBONE:
        raise CheckpointError(f"{folder} is a published experiment of backbone {found!r}, not {BACKBONE!r}.")
    _require(settings, "model.vae", True)
    _require(settings, "model.z_prev_text", False)
    _require(settings, "model.activation", "gelu")
    _require(settings, "data.transforms.normalization", True)
    _require(settings, "data.transforms.rots2rfeats.name", "Globalvelandy")
    _require(settings, "data.transforms.rots2rfeats.pose_rep", "rot6d")
    _require(settings, "data.transforms.rots2rfeats.canonicalize", True)
    return Published(
        latent_dim=settings.get("model.latent_dim", int),
        num_layers=settings.get("model.num_layers", int),
        ff_size=settings.get("model.ff_size", int),
        hist_frames=settings.get("model.hist_frames", int),
        fps=float(settings.get("data.framerate", int)),
        min_frames=settings.get("sampler.min_len", int, default=15),
        max_frames=settings.get("sampler.max_len", int, default=750),
        stats_entry=_stats_entry(settings.get("data.dataname", str), settings.get("data.dtype", str)),
    )


def _require(settings: _Settings, key: str, value: str | bool) -> None:
    """An absent key stands for the released value."""
    found = settings.get(key, type(value), default=value)
    if found != value:
        raise CheckpointError(f"{settings.path}: {key} = {found!r} is a variant that is not supported, only {value!r}.")


def _stats_entry(dataname: str, dtype: str) -> str:
    # Pairs are normalised with the statistics of all data; every other kind of data has its own below.
    entry = f"rots2rfeats/globalvelandy/rot6d/{dataname}"
    return entry if dtype == "separate_pairs" else f"{entry}/{dtype}"


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
