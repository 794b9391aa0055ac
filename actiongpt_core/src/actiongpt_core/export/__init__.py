"""Write a motion to a file and read one; the suffix chooses the format. One format a module, imported on use."""

from __future__ import annotations

import importlib
import os
import secrets
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from actiongpt_core.errors import ExportError, MissingAssetError, did_you_mean

if TYPE_CHECKING:  # the CLI checks paths without paying for torch
    from actiongpt_core.types.motion import Motion


@attrs.frozen(kw_only=True)
class Format:
    """How the files of one suffix are written."""

    module: str  #: of this package
    #: of the module: `(motion, path, **options) -> None`, with a list of motions in place of one where it holds many
    function: str
    summary: str  #: one line for users
    options: tuple[str, ...] = ()  #: its keyword arguments
    holds_many: bool = False  #: several motions in one file, side by side


#: suffix -> its format
FORMATS: dict[str, Format] = {
    ".bvh": Format(
        module="bvh",
        function="save_bvh",
        summary="skeleton and rotations, for animation programs",
        options=("order", "names"),
    ),
    ".glb": Format(
        module="glb", function="save_glb", summary="animated body with skin (glTF 2.0)", options=("names", "smpl")
    ),
    ".npz": Format(
        module="npz",
        function="save_npz",
        summary="arrays in the layout of AMASS",
        options=("layout", "betas", "gender"),
    ),
    ".npy": Format(
        module="positions", function="save_npy", summary="positions of the joints, an array", options=("layout",)
    ),
    ".csv": Format(module="positions", function="save_csv", summary="positions of the joints, a table"),
    ".zip": Format(
        module="obj", function="save_obj_zip", summary="the body's surface, an OBJ a frame", options=("smpl",)
    ),
    ".html": Format(
        module="html",
        function="save_html",
        summary="a page that plays the motion",
        options=("title",),
        holds_many=True,
    ),
    ".mp4": Format(module="video", function="save_mp4", summary="film (needs the extra 'video')", holds_many=True),
    ".gif": Format(module="gif", function="save_gif", summary="animated picture", holds_many=True),
    ".png": Format(module="picture", function="save_png", summary="contact sheet", holds_many=True),
}

#: suffix -> (module of this package, its function `(path, **options) -> Motion`, its keyword arguments)
READERS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    ".bvh": ("bvh_reader", "read_bvh", ("metres_per_unit", "retarget")),
    ".npz": ("npz", "load_npz", ()),
}


def check_path(path: str | Path, options: Collection[str] = (), count: int = 1) -> Path:
    """Check that motions could be written there, before the work that makes them.

    Args:
        path: The file.
        options: Names of the options that the format is to be written with.
        count: Number of motions.

    Returns:
        The path.

    Raises:
        ExportError: The suffix is unknown, the folder does not exist or is not writable, the path is a folder, the
            format has no such option, or holds one motion only.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        shown = f"the suffix {path.suffix!r}" if suffix else "no suffix"
        raise ExportError(
            f"Cannot write {str(path)!r}: it has {shown}, and the suffix chooses the format: {', '.join(FORMATS)}."
            f"{did_you_mean(suffix, FORMATS) if suffix else ''}"
        )
    _check_options(suffix, options, FORMATS[suffix].options)
    if count != 1 and not FORMATS[suffix].holds_many:
        many = ", ".join(name for name, item in FORMATS.items() if item.holds_many)
        raise ExportError(f"A {suffix} file holds one motion, got {count}. Several go side by side into {many}.")
    if path.is_dir():
        raise ExportError(f"Cannot write {str(path)!r}: it is a folder. Give the name of a file.")
    if not path.parent.is_dir():
        raise ExportError(f"Cannot write {str(path)!r}: there is no folder {str(path.parent)!r}. Create it first.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise ExportError(f"Cannot write {str(path)!r}: the folder {str(path.parent)!r} is not writable.")
    return path


def save(motion: Motion | Sequence[Motion], path: str | Path, **options: Any) -> Path:
    """Write a motion in the format that the suffix names. The file appears whole or not at all.

    Args:
        motion: What to write; several, side by side, where the format holds many.
        path: A file ending in one of `FORMATS`; an existing file is replaced.
        options: Of the format; see docs/reference/file-formats.md.

    Returns:
        The path.

    Raises:
        ExportError: See `check_path`; or the format cannot hold this motion; or writing failed.
        ConfigError: An option has a value that cannot work.
        MissingAssetError: A package or a file that the format needs is not there.
    """
    from actiongpt_core.types.motion import Motion

    motions = [motion] if isinstance(motion, Motion) else list(motion)
    path = check_path(path, options, len(motions))
    form = FORMATS[path.suffix.lower()]
    write = getattr(importlib.import_module(f"{__name__}.{form.module}"), form.function)
    # Beside the target, so that the last step is a rename inside one file system.
    unfinished = path.with_name(f".{secrets.token_hex(8)}{path.suffix.lower()}")
    try:
        write(motions if form.holds_many else motions[0], unfinished, **options)
        unfinished.replace(path)
    except (ExportError, MissingAssetError):  # theirs are OSErrors too
        raise
    except OSError as error:
        raise ExportError(f"Cannot write {str(path)!r}: {error.strerror or error}.") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def load(path: str | Path, **options: Any) -> Motion:
    """Read a motion from a file whose suffix is one of `READERS`.

    Args:
        path: The file.
        options: Of the reader: for `.bvh` those of `actiongpt_core.export.bvh_reader.read_bvh`.

    Raises:
        ExportError: No reader has this suffix, or it has no such option.
        MissingAssetError: There is no such file.
        ConfigError: The file is damaged, or something else than its suffix says.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise ExportError(
            f"Cannot read {str(path)!r}: motions are read from {' and '.join(READERS)}; other files do not hold joint "
            "rotations, or are written for others to read."
        )
    module, function, known = READERS[suffix]
    _check_options(suffix, options, known)
    read = getattr(importlib.import_module(f"{__name__}.{module}"), function)
    motion: Motion = read(path, **options)
    return motion


def _check_options(suffix: str, options: Collection[str], known: Sequence[str]) -> None:
    for name in options:
        if name not in known:
            listed = ", ".join(known) or "none"
            raise ExportError(f"{suffix} has no option {name!r}. Its options: {listed}.{did_you_mean(name, known)}")
