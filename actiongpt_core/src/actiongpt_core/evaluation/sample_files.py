"""The files of sampled motions: ours, and those that the originals' evaluation reads."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import attrs
import numpy as np
import torch
from torch import Tensor

from actiongpt_core.body.stick import StickBody
from actiongpt_core.errors import CheckpointError, ConfigError, DataError
from actiongpt_core.evaluation.items import Item
from actiongpt_core.evaluation.joints import BodyWithHeels, with_hands
from actiongpt_core.export.npz import save_npz
from actiongpt_core.export.positions import published_joints
from actiongpt_core.features.rifke import MMM_JOINTS
from actiongpt_core.safe_pickle import load_object_npy
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL, Skeleton

Layout = Literal["ours", "published"]
LAYOUTS: tuple[Layout, ...] = ("ours", "published")

#: Folders of the originals that write SMPL's 24 joints.
REAL, GENERATED = "ground_truth", "action_gpt"
_PART = re.compile(r"\.[0-9a-f]{16}\.part\.\w+")


class Files(Protocol):
    """Where the motions of a folder are, and how they are written."""

    def path(self, item: Item, index: int) -> Path:
        """The file of a motion, below the folder."""
        ...

    def write(self, motion: Motion, item: Item, index: int, folder: Path) -> None:
        """Write a motion; its file appears whole or not at all."""
        ...


@attrs.frozen(kw_only=True)
class OurFiles:
    """KEY.npz, or KEY_INDEX.npz where each clip has several motions; AMASS-style, as `export.npz` writes them."""

    num_samples: int
    suffix: str = ".npz"

    def path(self, item: Item, index: int) -> Path:
        """KEY.npz or KEY_INDEX.npz."""
        return Path(_name(item.key, index, self.num_samples) + self.suffix)

    def write(self, motion: Motion, item: Item, index: int, folder: Path) -> None:
        """The motion."""
        write_whole(folder / self.path(item, index), lambda path: save_npz(motion, path))


@attrs.frozen(kw_only=True)
class JointFiles:
    """The layout that the originals' evaluation of APE and AVE reads: 21 joints, with texts and lengths.

    A file is a pickled dictionary: motion (T, 21, 3) float32 in MMM order, Y up, metres; text and lengths, one an
    action. As in the originals the root begins at SMPL's translation in other axes than the joints', which their
    evaluation takes away again; see `joint_sets.shift_to_start`.
    """

    num_samples: int
    split: str
    pairs: bool
    has_transitions: bool  #: the model fills the frames between two actions by interpolation
    noise_scale: float | None
    body: BodyWithHeels = attrs.field(factory=StickBody)
    suffix: str = ".npy"

    @property
    def folder(self) -> Path:
        """As the originals name it, by what was sampled and how."""
        slerp = "slerp" if self.pairs and self.has_transitions else "no-slerp"
        kind = f"samples_{slerp}_aligned_pairs" if self.pairs else "samples_no-slerp_unaligned"
        is_mean = self.noise_scale == 0
        factor = "" if self.noise_scale in (None, 0, 1) else f"{self.noise_scale}_"
        ending = "_mean" if is_mean else "_multi" if self.num_samples > 1 else ""
        return Path(kind, "checkpoint-last", f"{factor}{self.split}{ending}")

    def path(self, item: Item, index: int) -> Path:
        """KEY.npy or KEY_INDEX.npy in `folder`."""
        return self.folder / (_name(item.key, index, self.num_samples) + self.suffix)

    def write(self, motion: Motion, item: Item, index: int, folder: Path) -> None:
        """The joints, the texts and the lengths."""
        content = published_joints(motion, item.texts, self.body)
        save_array(folder / self.path(item, index), np.array(content, dtype=object))


@attrs.frozen(kw_only=True)
class PelvisFiles:
    """The layout of the originals that write SMPL's 24 joints: 0.npy, 1.npy, ... in two folders, real and generated.

    (T, 24, 3) float32, metres, the pelvis at the origin in every frame, Y up. Differs from the originals: both stand in
    the same axes, and each file holds the clip of its number.
    """

    keys: Sequence[str]
    reference: Callable[[Item], Motion]
    body: BodyWithHeels
    suffix: str = ".npy"

    def path(self, item: Item, index: int) -> Path:
        """The generated motion; it is written last."""
        return Path(GENERATED, f"{self.keys.index(item.key)}{self.suffix}")

    def write(self, motion: Motion, item: Item, index: int, folder: Path) -> None:
        """The real motion and the generated one, cut to their common length."""
        real = self.reference(item)
        frames = min(len(real), len(motion))
        name = self.path(item, index).name
        save_array(folder / REAL / name, self._joints(real[:frames]))
        save_array(folder / GENERATED / name, self._joints(motion[:frames]))

    def _joints(self, motion: Motion) -> np.ndarray[Any, Any]:
        shown = motion if motion.skeleton == SMPL else with_hands(motion, SMPL)
        joints: Tensor = self.body.joints(shown).cpu()
        x, y, z = (joints - joints[:, :1]).unbind(-1)
        return torch.stack([x, z, -y], dim=-1).numpy().astype(np.float32)


def choose_files(
    layout: Layout,
    skeleton: Skeleton,
    *,
    settings: Mapping[str, Any],
    keys: Sequence[str],
    reference: Callable[[Item], Motion],
    body: BodyWithHeels | None,
    has_transitions: bool,
) -> Files:
    """How the motions of a model are written.

    Args:
        layout: "ours", or "published": what the originals wrote for bodies of this skeleton.
        skeleton: Of the model's motions.
        settings: Of the samples; see `sampling.Settings`.
        keys: Of the clips, in order.
        reference: The real motion of a clip.
        body: Whose joints are written; None for `StickBody`.
        has_transitions: As of `JointFiles`.

    Raises:
        ConfigError: There is no such layout, or it holds no more than one motion a clip.
    """
    count = int(settings["num_samples"])
    if layout == "ours":
        return OurFiles(num_samples=count)
    if layout not in LAYOUTS:
        raise ConfigError(f"No layout {layout!r}. Known: {', '.join(LAYOUTS)}.")
    if skeleton == SMPL:
        if count > 1 or settings["pairs"]:
            raise ConfigError("The published layout of SMPL's 24 joints holds one motion a clip, and no pairs.")
        return PelvisFiles(keys=keys, reference=reference, body=body or StickBody(SMPL))
    return JointFiles(
        num_samples=count,
        split=settings["split"],
        pairs=settings["pairs"],
        has_transitions=has_transitions,
        noise_scale=settings["noise_scale"],
        body=body or StickBody(skeleton),
    )


@attrs.frozen(eq=False)
class JointFile:
    """What is in a file of `JointFiles`, ours or an original's."""

    joints: Tensor  #: (T, 21, 3)
    lengths: tuple[int, ...]


def read_joint_file(path: Path) -> JointFile:
    """Read a file of the originals without executing any of its code.

    Raises:
        DataError: It is damaged, names code, or holds something else.
    """
    try:
        content = load_object_npy(path)
    except CheckpointError as error:
        raise DataError(str(error)) from None
    motion = content.get("motion") if isinstance(content, dict) else None
    if (
        not isinstance(motion, np.ndarray)
        or motion.dtype.kind != "f"
        or motion.shape[1:] != (len(MMM_JOINTS), 3)
        or not np.isfinite(motion).all()
    ):
        raise DataError(
            f"{path} holds no joints: a dictionary with motion (T, {len(MMM_JOINTS)}, 3) of finite numbers was "
            "expected, as sampling with joints 'mmmns' writes it."
        )
    try:
        lengths = tuple(int(length) for length in content["lengths"])
    except (KeyError, TypeError, ValueError):
        raise DataError(f"{path} holds no lengths, one for each action.") from None
    return JointFile(torch.from_numpy(motion.astype(np.float32)), lengths)


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file so that it appears whole or not at all, and survives the end of this process.

    Raises:
        ConfigError: Nothing can be written there.
    """
    unfinished = path.with_name(f".{secrets.token_hex(8)}.part{path.suffix}")  # writers look at the suffix
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(unfinished)
        unfinished.replace(path)
    except OSError as error:
        raise ConfigError(f"Cannot write {path}: {error.strerror or error}.") from error
    finally:
        unfinished.unlink(missing_ok=True)


def save_array(path: Path, array: np.ndarray[Any, Any]) -> None:
    """An array as .npy."""

    def write(unfinished: Path) -> None:
        with unfinished.open("wb") as file:
            np.save(file, array, allow_pickle=array.dtype.hasobject)

    write_whole(path, write)


def drop_unfinished(folder: Path) -> None:
    """What killed processes had begun to write."""
    for path in folder.rglob(".*.part.*"):
        if _PART.fullmatch(path.name):
            path.unlink(missing_ok=True)


def _name(key: str, index: int, num_samples: int) -> str:
    return key if num_samples == 1 else f"{key}_{index}"
