"""The originals' motion data bases: joblib files `<name>_<fps>fps_<split>.pt`, read without executing their code.

A data base has been prepared from AMASS, with labels of BABEL, by the original's parser. See
`actiongpt_core.safe_pickle` for what is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from actiongpt_core.errors import ConfigError, ShapeError

#: Frames of one window; a data base has one image, image feature and image path a window.
WINDOW_FRAMES = 100
SPLITS = ("train", "vald", "test")
_POSE = 72  # axis-angle of 24 joints
_ANY_SPLIT = "_db.pt"
_REQUIRED = ("vid_names", "thetas", "joints3d", "text_raw_labels")
_OPTIONAL = ("text_proc_labels", "action_cat", "clip_images", "clip_images_emb", "clip_pathes")


@attrs.frozen(eq=False, kw_only=True)
class Recording:
    """One sequence of T frames, as stored: the axes of AMASS (Z up), radians, metres."""

    name: str
    thetas: NDArray[np.float64]  #: axis-angle of the 24 SMPL joints, the global orientation first, (T, 72)
    #: joints of a body whose pelvis stays where it is, (T, J, 3); the first of them is the right ankle
    joints: NDArray[np.float32]
    raw_labels: tuple[str, ...]  #: BABEL's raw label of each frame, "" where there is none
    proc_labels: tuple[str, ...] | None = None  #: BABEL's processed label of each frame
    categories: tuple[str, ...] | None = None  #: categories of each frame, joined with commas
    images: NDArray[np.uint8] | None = None  #: a rendered frame of each window, (W, height, width, 3 or 4)
    image_paths: tuple[str, ...] | None = None  #: where the images came from, W names
    image_features: NDArray[np.float32] | None = None  #: CLIP features of the images, (W, C)

    @property
    def num_frames(self) -> int:
        """T."""
        return len(self.thetas)

    @property
    def num_windows(self) -> int:
        """Whole windows of `WINDOW_FRAMES` frames; what is left at the end is not used."""
        return self.num_frames // WINDOW_FRAMES


def split_file(path: str | Path, split: str) -> Path:
    """The file of a split, from the path that an experiment's settings have: `x_db.pt` -> `x_<split>.pt`.

    Any other path is taken as it is.

    Raises:
        ConfigError: The path names no split yet, and `split` is none.
    """
    path = Path(path)
    if not path.name.endswith(_ANY_SPLIT):
        return path
    if split not in SPLITS:
        raise ConfigError(f"A data base has the splits {', '.join(SPLITS)}; got {split!r}.")
    return path.with_name(f"{path.name.removesuffix(_ANY_SPLIT)}_{split}.pt")


def read_database(path: str | Path, *, align_categories: bool = True) -> list[Recording]:
    """The sequences of a data base file.

    Args:
        path: The file of one split.
        align_categories: The original's parser thinned out everything to the target frame rate except the categories,
            which so run up to four times too slow. True brings such categories to the frames; False leaves them as
            they are stored, for the numbers of the originals.

    Raises:
        CheckpointError: The file is missing, damaged, or names code ("refused: os.system").
        ConfigError: It is not a data base, or an entry is missing or of the wrong kind.
        ShapeError: An array of a sequence does not fit; the message names the key and the sequence.
    """
    from actiongpt_core.safe_pickle import load_joblib

    content = load_joblib(path)
    if not isinstance(content, dict):
        raise ConfigError(f"{path} holds a {type(content).__name__}; a motion data base is a dictionary of lists.")
    known = (key for key in (*_REQUIRED, *_OPTIONAL) if content.get(key) is not None)
    lists = {key: _entries(str(path), key, content[key]) for key in known}
    missing = [key for key in _REQUIRED if key not in lists]
    if missing:
        raise ConfigError(
            f"{path} lacks {', '.join(map(repr, missing))}; a motion data base has these lists, one entry a sequence."
        )
    for key, entries in lists.items():
        if len(entries) != len(lists["vid_names"]):
            raise ShapeError(f"{path}: {key!r} has {len(entries)} entries, 'vid_names' has {len(lists['vid_names'])}.")
    # As in the original, no sequence has images if the first has none.
    if "clip_images" in lists and (not lists["clip_images"] or lists["clip_images"][0] is None):
        del lists["clip_images"]
    return [_recording(str(path), lists, index, align_categories) for index in range(len(lists["vid_names"]))]


def _entries(path: str, key: str, value: object) -> list[Any]:
    if not isinstance(value, (list, tuple, np.ndarray)) or (isinstance(value, np.ndarray) and not value.ndim):
        raise ConfigError(f"{path}: {key!r} is a {type(value).__name__}; a list was expected, one entry a sequence.")
    return list(value)


def _recording(path: str, lists: Mapping[str, Sequence[Any]], index: int, align_categories: bool) -> Recording:
    entry = _Entry(path, {key: values[index] for key, values in lists.items()}, index)
    thetas = entry.array("thetas", (None, _POSE))
    frames, windows = len(thetas), len(thetas) // WINDOW_FRAMES
    categories = entry.texts("action_cat", frames, or_more=True)
    if categories is not None and align_categories:
        categories = _thin_out(categories, frames)
    images = entry.rows("clip_images", windows, (None, None, None, None))
    if images is not None and (images.dtype != np.uint8 or images.shape[-1] not in (3, 4)):
        raise ShapeError(
            f"{entry.where('clip_images')} must be bytes (W, height, width, 3 or 4), got {images.dtype} {images.shape}."
        )
    features = entry.rows("clip_images_emb", windows, (None, None))
    paths = entry.texts("clip_pathes", 0, or_more=True) or ()
    return Recording(
        name=entry.name,
        thetas=thetas.astype(np.float64),
        joints=entry.array("joints3d", (frames, None, 3)).astype(np.float32),
        raw_labels=entry.texts("text_raw_labels", frames) or (),
        proc_labels=entry.texts("text_proc_labels", frames),
        categories=categories,
        images=images,
        image_paths=paths if len(paths) >= windows else None,
        image_features=None if features is None else features.astype(np.float32),
    )


class _Entry:
    """What the lists hold for one sequence."""

    def __init__(self, path: str, values: Mapping[str, Any], index: int) -> None:
        self._path, self._values, self._index = path, values, index
        name = values["vid_names"]
        if isinstance(name, np.ndarray) and name.size:  # one name, repeated for each frame
            name = name.flat[0]
        if not isinstance(name, str):
            raise ConfigError(f"{path}: 'vid_names' of sequence {index} is a {type(name).__name__}, not a name.")
        self.name = str(name)

    def where(self, key: str) -> str:
        return f"{self._path}: {key!r} of sequence {self._index} ({self.name})"

    def array(self, key: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
        array = self._values[key]
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
            raise ConfigError(f"{self.where(key)} is not an array of numbers.")
        fits = array.ndim == len(shape) and all(b in (None, a) for a, b in zip(array.shape, shape, strict=True))
        if not fits or not len(array):
            wanted = ", ".join("N" if size is None else str(size) for size in shape)
            raise ShapeError(f"{self.where(key)} has shape {array.shape}; ({wanted}) was expected.")
        if not np.isfinite(array).all():
            raise ConfigError(f"{self.where(key)} holds NaN or infinity.")
        return array

    def rows(self, key: str, windows: int, shape: tuple[int | None, ...]) -> NDArray[Any] | None:
        """An array with at least one row a window, if there is one."""
        if self._values.get(key) is None:
            return None
        rows = self.array(key, shape)
        if len(rows) < windows:
            raise ShapeError(f"{self.where(key)} has {len(rows)} rows for {windows} windows of {WINDOW_FRAMES} frames.")
        return rows

    def texts(self, key: str, count: int, *, or_more: bool = False) -> tuple[str, ...] | None:
        """Texts, if there are any."""
        entry = self._values.get(key)
        if entry is None and key not in _REQUIRED:
            return None
        texts = tuple(entry) if isinstance(entry, (list, tuple, np.ndarray)) else ()
        if len(texts) < count or (len(texts) > count and not or_more):
            wanted = f"at least {count}" if or_more else str(count)
            raise ShapeError(f"{self.where(key)} has {len(texts)} texts; {wanted} were expected.")
        if not all(isinstance(text, str) for text in texts):
            raise ConfigError(f"{self.where(key)} holds something else than text.")
        return tuple(str(text) for text in texts)


def _thin_out(texts: tuple[str, ...], num_frames: int) -> tuple[str, ...]:
    """Every n-th text, n so that one is left for each frame; the texts as they are if there is no such n."""
    step = -(-len(texts) // num_frames)
    return texts[::step] if len(texts[::step]) == num_frames else texts
