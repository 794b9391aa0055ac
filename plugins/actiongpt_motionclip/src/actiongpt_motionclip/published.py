"""What is read of a published experiment folder besides its weights: the options in opt.yaml."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import attrs

from actiongpt_core.errors import CheckpointError
from actiongpt_core.published import read_yaml

OPTIONS = "opt.yaml"
_CHECKPOINT = re.compile(r"checkpoint_(\d+)\.pth\.tar")
_WINDOW = 100  #: frames of a training clip where `num_frames` does not say how many of them are shown
_FPS = 30.0
#: What the options must be where they are given. The original reads njoints, nfeats and num_classes from its data set.
_SUPPORTED: dict[str, tuple[Any, ...]] = {
    "modeltype": ("motionclip",),
    "archiname": ("transformer",),
    "pose_rep": ("rot6d",),
    "glob": (True,),
    "translation": (True,),
    "activation": ("gelu",),
    "ablation": (None, "", "none"),
    "njoints": (25,),
    "nfeats": (6,),
    "num_classes": (1,),
}


@attrs.frozen(kw_only=True)
class Published:
    """The options of an experiment that decide what its weights mean."""

    latent_dim: int
    num_layers: int
    num_heads: int
    ff_size: int
    dropout: float
    normalise_encoder_output: bool
    normalise_decoder_input: bool
    trained_frames: int
    fps: float
    is_turned_to_front: bool  #: motions were turned so that the first frame's root orientation is the identity


def is_published(path: Path) -> bool:
    """Is it a published experiment's folder, or a checkpoint file in one?"""
    folder = path.parent if path.is_file() else path
    return (folder / OPTIONS).is_file() or bool(_numbered(folder))


def checkpoint_file(path: Path) -> Path:
    """The file itself, or the one with the highest number in a folder.

    Raises:
        CheckpointError: There is none.
    """
    if path.is_file():
        return path
    found = _numbered(path)
    if not found:
        raise CheckpointError(f"There is no {path}/checkpoint_NNNN.pth.tar; a published experiment folder has some.")
    return found[max(found)]


def _numbered(folder: Path) -> dict[int, Path]:
    if not folder.is_dir():
        return {}
    matches = ((_CHECKPOINT.fullmatch(path.name), path) for path in folder.iterdir())
    return {int(match[1]): path for match, path in matches if match}


def read_published(folder: Path) -> Published:
    """Read the options of an experiment.

    Raises:
        CheckpointError: The file is missing, damaged or holds more than plain values; an option is missing or
            malformed, or names a variant that is not supported.
    """
    options = _Options(folder / OPTIONS)
    options.require_supported()
    num_frames = options.whole("num_frames", _WINDOW)
    return Published(
        latent_dim=options.size("latent_dim"),
        num_layers=options.size("num_layers"),
        num_heads=options.size("num_heads", 4),
        ff_size=options.size("ff_size", 1024),
        dropout=options.share("dropout", 0.1),
        normalise_encoder_output=options.truth("normalize_encoder_output"),
        normalise_decoder_input=options.truth("normalize_decoder_input"),
        # 0 and below stand for whole windows of the data.
        trained_frames=num_frames if num_frames > 0 else _WINDOW,
        fps=options.fps(),
        is_turned_to_front=options.truth("align_pose_frontview"),
    )


class _Options:
    """The flat mapping in opt.yaml; None stands for an option that is not given."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.values: dict[str, Any] = read_yaml(path)
        if not isinstance(self.values, dict):
            raise CheckpointError(f"{path} holds no mapping of options. Download the folder again.")
        _require_plain(self.values, path)

    def require_supported(self) -> None:
        """Stop at an option that the library does not reproduce.

        Raises:
            CheckpointError: Names it.
        """
        for name, supported in _SUPPORTED.items():
            if name in self.values and not any(_is_same(self.values[name], value) for value in supported):
                raise CheckpointError(
                    f"{self.path}: {name} = {self.values[name]!r} is a variant that is not supported, only "
                    f"{supported[0]!r}."
                )

    def whole(self, name: str, default: int | None = None) -> int:
        """A whole number."""
        value = default if self.values.get(name) is None else self.values[name]
        if not isinstance(value, int) or isinstance(value, bool):
            raise CheckpointError(f"{self.path}: {name} must be a whole number, got {value!r:.80}.")
        return value

    def size(self, name: str, default: int | None = None) -> int:
        """A whole number above 0."""
        value = self.whole(name, default)
        if value < 1:
            raise CheckpointError(f"{self.path}: {name} must be at least 1, got {value}.")
        return value

    def share(self, name: str, default: float) -> float:
        """A number from 0 to below 1."""
        value = default if self.values.get(name) is None else self.values[name]
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value < 1:
            raise CheckpointError(f"{self.path}: {name} must be a number from 0 to below 1, got {value!r:.80}.")
        return float(value)

    def truth(self, name: str) -> bool:
        """True or False; False where it is not given."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, bool):
            raise CheckpointError(f"{self.path}: {name} must be true or false, got {value!r:.80}.")
        return bool(value)

    def fps(self) -> float:
        """Frames a second, which stand only in the name of the training data: amass_30fps_db.pt."""
        match = re.search(r"(\d{1,3})fps", str(self.values.get("datapath")))
        rate = float(match[1]) if match else _FPS
        return rate if rate > 0 else _FPS


def _is_same(value: Any, supported: Any) -> bool:
    return type(value) is type(supported) and value == supported


def _require_plain(content: Any, path: Path) -> None:
    """Stop unless all is numbers, text, truth, null, lists and mappings.

    Raises:
        CheckpointError: Names what is not, such as a date or binary data.
    """
    open_items, seen = [content], set()
    while open_items:
        item = open_items.pop()
        if isinstance(item, (dict, list)):
            # An alias may stand for its own parent.
            if id(item) not in seen:
                seen.add(id(item))
                open_items += [*item, *item.values()] if isinstance(item, dict) else item
        elif not (
            item is None or isinstance(item, (bool, int, str)) or (isinstance(item, float) and math.isfinite(item))
        ):
            raise CheckpointError(
                f"{path}: {item!r:.60} is no number, text, list or mapping; options of an experiment are."
            )
