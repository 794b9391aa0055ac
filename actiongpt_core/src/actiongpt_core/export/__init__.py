"""Write a motion to a file; the suffix chooses the format. One format a module, imported by those who write it."""

from __future__ import annotations

import importlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from actiongpt_core.errors import ExportError, did_you_mean

if TYPE_CHECKING:  # the CLI checks paths without paying for torch
    from actiongpt_core.types.motion import Motion

#: suffix -> (module of this package, its function `(motion, path) -> None`)
FORMATS: dict[str, tuple[str, str]] = {
    ".bvh": ("bvh", "save_bvh"),
    ".npz": ("npz", "save_npz"),
    ".png": ("picture", "save_png"),
    ".gif": ("gif", "save_gif"),
}


def check_path(path: str | Path) -> Path:
    """Check that a motion could be written there, before the work that makes the motion.

    Returns:
        The path.

    Raises:
        ExportError: The suffix is unknown, the folder does not exist or is not writable, or the path is a folder.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        shown = f"the suffix {path.suffix!r}" if suffix else "no suffix"
        raise ExportError(
            f"Cannot write {str(path)!r}: it has {shown}, and the suffix chooses the format: {', '.join(FORMATS)}."
            f"{did_you_mean(suffix, FORMATS) if suffix else ''}"
        )
    if path.is_dir():
        raise ExportError(f"Cannot write {str(path)!r}: it is a folder. Give the name of a file.")
    if not path.parent.is_dir():
        raise ExportError(f"Cannot write {str(path)!r}: there is no folder {str(path.parent)!r}. Create it first.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise ExportError(f"Cannot write {str(path)!r}: the folder {str(path.parent)!r} is not writable.")
    return path


def save(motion: Motion, path: str | Path) -> Path:
    """Write a motion in the format that the suffix names. The file appears whole or not at all.

    Args:
        motion: What to write.
        path: A file ending in one of `FORMATS`; an existing file is replaced.

    Returns:
        The path.

    Raises:
        ExportError: See `check_path`; or the format cannot hold this motion; or writing failed.
    """
    path = check_path(path)
    module, function = FORMATS[path.suffix.lower()]
    write = getattr(importlib.import_module(f"{__name__}.{module}"), function)
    # Beside the target, so that the last step is a rename inside one file system.
    unfinished = path.with_name(f".{secrets.token_hex(8)}{path.suffix.lower()}")
    try:
        write(motion, unfinished)
        unfinished.replace(path)
    except ExportError:
        raise
    except OSError as error:
        raise ExportError(f"Cannot write {str(path)!r}: {error.strerror or error}.") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return path
