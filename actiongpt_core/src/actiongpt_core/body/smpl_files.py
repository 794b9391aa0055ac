"""Body files of SMPL, SMPL-H and SMPL-X, `.npz` or `.pkl`: the arrays that a body needs, checked, and which body it is.

No code of a file is ever run: of an `.npz` only plain arrays are opened, a `.pkl` goes through `safe_pickle`, without
chumpy and scipy. Which body a file holds follows from the shapes of its arrays.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from actiongpt_core.errors import CheckpointError, ConfigError, MissingAssetError
from actiongpt_core.safe_pickle import dense_array, load_pickle
from actiongpt_core.types.skeleton import SMPL, SMPL_BODY, Skeleton

Arrays = dict[str, NDArray[Any]]


@attrs.frozen
class BodyKind:
    """One of the bodies."""

    name: str
    key: str  #: for body ids
    num_joints: int
    num_vertices: int
    skeleton: Skeleton  #: the named skeleton that its first joints form
    hands: tuple[int, int]  #: the joints that a "left_hand" and a "right_hand" turn: the index fingers' first ones
    where: str  #: what to download, and where


SMPL_KIND = BodyKind(
    *("SMPL", "smpl", 24, 6890, SMPL, (22, 23)),
    'https://smpl.is.tue.mpg.de, "version 1.0.0 for Python" or later (SMPL_NEUTRAL.pkl)',
)
KINDS = (
    SMPL_KIND,
    BodyKind(
        *("SMPL-H", "smplh", 52, 6890, SMPL_BODY, (22, 37)),
        'https://mano.is.tue.mpg.de, "Extended SMPL+H model" (smplh.tar.xz, male/model.npz)',
    ),
    BodyKind(
        *("SMPL-X", "smplx", 55, 10475, SMPL_BODY, (25, 40)),
        'https://smpl-x.is.tue.mpg.de, "SMPL-X with removed head bun" or plain (SMPLX_NEUTRAL.npz)',
    ),
)
_WHERE = "Body files are licensed and cannot ship with this library. Register and download one of them:" + "".join(
    f"\n- {kind.name}: {kind.where}" for kind in KINDS
)
_HOW = (
    f"{_WHERE}\nUnpack it anywhere and give the path of one model, for example SmplBody('models/SMPL_NEUTRAL.pkl') or "
    "SmplBody('smplh/male/model.npz')."
)
_EXTRA = (
    "The 9 extra joints of the sets vibe, a2m and a2mpl come from J_regressor_extra.npy (9 x 6890), which the data of "
    "SPIN (https://github.com/nkolot/SPIN, fetch_data.sh) and VIBE hold. Give its path: "
    "SmplBody(..., extra_regressor='models/J_regressor_extra.npy')."
)
_NEEDED = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table", "f")
#: What numpy raises on files that are no archives of plain arrays.
_DAMAGE = (OSError, EOFError, AttributeError, ValueError, zipfile.BadZipFile)


def read_body_file(path: Path) -> tuple[BodyKind, Arrays]:
    """The arrays that a body needs, dense, their shapes checked; everything else in the file is left alone.

    Raises:
        MissingAssetError: There is no such file; the message says where to get one.
        ConfigError: The file is not one of the bodies, is damaged, or its pickle names code.
    """
    if not path.is_file():
        raise MissingAssetError(f"There is no body file {str(path)!r}. {_HOW}")
    readers = {".npz": _read_npz, ".pkl": _read_pickle}
    if path.suffix.lower() not in readers:
        raise ConfigError(
            f"{path}: a body is read from .npz or .pkl, not from {path.suffix or 'a bare name'!r}. {_HOW}"
        )
    arrays = readers[path.suffix.lower()](path)
    return _check(path, arrays), arrays


def read_extra_regressor(path: Path, kind: BodyKind) -> NDArray[Any]:
    """The weights of further joints, (9, V).

    Raises:
        MissingAssetError: There is no such file.
        ConfigError: It holds something else.
    """
    if not path.is_file():
        raise MissingAssetError(f"There is no extra joint regressor {str(path)!r}. {_EXTRA}")
    try:
        array = np.asarray(np.load(path, allow_pickle=False))
    except _DAMAGE as error:
        raise ConfigError(f"{path} cannot be read as an .npy array, without pickle: {error}. {_EXTRA}") from error
    if array.ndim != 2 or array.shape[1] != kind.num_vertices or array.dtype.kind != "f":
        raise ConfigError(
            f"{path}: a row of {kind.num_vertices} weights a joint expected for {kind.name}, got {array.shape} "
            f"{array.dtype}. {_EXTRA}"
        )
    return array


def _read_npz(path: Path) -> Arrays:
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            _require_names(path, set(archive.files))
            return {name: archive[name] for name in _NEEDED}
    except _DAMAGE as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"{path} cannot be read as an .npz of plain arrays, without pickle: {error}.") from error


def _read_pickle(path: Path) -> Arrays:
    try:
        content = load_pickle(path)
        if not isinstance(content, Mapping):
            raise ConfigError(f"{path} holds a {type(content).__name__}; a body file is a dictionary of arrays. {_HOW}")
        _require_names(path, set(content))
        return {name: dense_array(content[name]) for name in _NEEDED}
    except CheckpointError as error:
        raise ConfigError(f"{path} cannot be read as a body file: {error} {_HOW}") from error


def _require_names(path: Path, names: set[Any]) -> None:
    if missing := sorted(set(_NEEDED) - names):
        raise ConfigError(f"{path} is not a body file: {', '.join(missing)} missing. {_HOW}")


def _check(path: Path, arrays: Arrays) -> BodyKind:
    kind = _kind_of(path, arrays)
    for name, shape in _shapes(kind).items():
        found = arrays[name].shape
        fits = len(found) == len(shape) and all(want in (None, got) for want, got in zip(shape, found, strict=True))
        if not fits or arrays[name].dtype.kind not in "fiu":
            expected = ", ".join("any" if size is None else str(size) for size in shape)
            raise ConfigError(
                f"{path}: {name} must be ({expected}) numbers for {kind.name}, got {found} {arrays[name].dtype}. {_HOW}"
            )
    if tuple(arrays["kintree_table"][0, 1 : kind.skeleton.num_joints]) != kind.skeleton.parents[1:]:
        raise ConfigError(f"{path}: its joints do not form the tree of {kind.skeleton.name}. {_HOW}")
    return kind


def _kind_of(path: Path, arrays: Arrays) -> BodyKind:
    joints, vertices = arrays["J_regressor"].shape[:1], arrays["v_template"].shape[:1]
    for kind in KINDS:
        if (joints, vertices) == ((kind.num_joints,), (kind.num_vertices,)):
            return kind
    known = ", ".join(f"{kind.name} {kind.num_joints} and {kind.num_vertices}" for kind in KINDS)
    found = " and ".join(str(*sizes) or "none" for sizes in (joints, vertices))
    raise ConfigError(f"{path}: joints and vertices are {found}, which no body has ({known}). {_HOW}")


def _shapes(kind: BodyKind) -> dict[str, tuple[int | None, ...]]:
    """The shape of each array; None for a size that may vary."""
    joints, vertices = kind.num_joints, kind.num_vertices
    return {
        "v_template": (vertices, 3),
        "shapedirs": (vertices, 3, None),
        "posedirs": (vertices, 3, 9 * (joints - 1)),
        "J_regressor": (joints, vertices),
        "weights": (vertices, joints),
        "kintree_table": (2, joints),
        "f": (None, 3),
    }
