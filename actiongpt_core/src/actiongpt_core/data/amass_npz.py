"""AMASS-style .npz: axis-angle poses of SMPL, SMPL-H or SMPL-X, SMPL's translation, a frame rate. Z up, metres.

Only the arrays that are named here are opened, and none that would need a pickle: AMASS files hold more.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from actiongpt_core.errors import DataError, MissingAssetError, RejectedRecording
from actiongpt_core.types.skeleton import SMPL_BODY, SMPL_REST_PELVIS

Array = NDArray[np.float32]

#: Joints of a row of `poses`: the body alone, SMPL, SMPL-H, SMPL-X. The first 22 are the same joints in all of them.
JOINT_COUNTS = (22, 24, 52, 55)
#: AMASS for SMPL+H, AMASS for SMPL-X, and files that others write in this layout.
FRAME_RATE_KEYS = ("mocap_framerate", "mocap_frame_rate", "fps")
MIN_SECONDS = 0.5  #: shorter recordings are left out

# Four full turns: no recorded joint winds up so far, and a pose in degrees nearly always does.
_LARGEST_ANGLE = 8 * math.pi
#: What numpy raises on files that are no archives of plain arrays.
_UNREADABLE = (EOFError, ValueError, zipfile.BadZipFile, zlib.error, NotImplementedError, MemoryError)


@attrs.frozen(eq=False, kw_only=True)
class AmassFile:
    """What one file holds, as it is written there."""

    poses: Array  #: parent-relative joint rotations as axis-angle, (T, J, 3), radians; J is one of `JOINT_COUNTS`
    translation: Array  #: SMPL's, (T, 3), metres; see `pelvis_translation`
    fps: float
    gender: str  #: "male", "female", "neutral"; "" where the file does not say
    betas: Array | None  #: shape of the body, or None

    @property
    def num_frames(self) -> int:
        """T."""
        return len(self.poses)

    @property
    def body_poses(self) -> Array:
        """The first 22 joints, (T, 22, 3): the body without hands and face."""
        return self.poses[:, : SMPL_BODY.num_joints]


def read_npz(path: str | Path) -> AmassFile:
    """Read one file: `poses` (or `root_orient` and `pose_body`), `trans`, a frame rate, `gender`, `betas`.

    Raises:
        MissingAssetError: There is no such file.
        DataError: It is no .npz, holds a pickle or a NaN, an array is missing or of the wrong shape, or the angles
            cannot be radians.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:  # numpy leaves a damaged file open that it has opened itself
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, Mapping):
                raise DataError(f"{path} holds a single array, not an .npz with poses and trans.")
            return _file(path, archive)
    except FileNotFoundError:
        raise MissingAssetError(f"There is no motion file {str(path)!r}.") from None
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}.") from error
    except _UNREADABLE as error:
        told = str(error) or type(error).__name__
        raise DataError(f"{path} is no .npz of plain arrays, or is cut off: {told}. Get it again.") from error


def pelvis_translation(translation: Array, rest_pelvis: tuple[float, float, float] = SMPL_REST_PELVIS) -> Array:
    """SMPL's translation as the position of the pelvis, (T, 3), which is what `Motion.translation` is.

    Args:
        translation: SMPL's, (T, 3), metres.
        rest_pelvis: Rest position of the body's pelvis joint, metres.
    """
    return translation + np.asarray(rest_pelvis, dtype=np.float32)


def resampled_frames(num_frames: int, fps: float, target: float = 30.0) -> NDArray[np.int64]:
    """Numbers of the frames that stay when a recording is brought to a lower frame rate.

    A recording that is slower than the target keeps all its frames, as in the originals: its motion is then too fast.

    Args:
        num_frames: Frames of the recording.
        fps: Its frame rate.
        target: The frame rate that is wanted.

    Returns:
        Ascending frame numbers, int(target / fps * num_frames) of them, the first and the last frame among them.

    Raises:
        RejectedRecording: It is shorter than half a second.

    Source: `reference/teach.md`, section 8: linspace(0, n - 1, int(30 / fps * n)), truncated.
    """
    if num_frames < MIN_SECONDS * fps:
        raise RejectedRecording(f"shorter than {MIN_SECONDS} s")
    if fps <= target:
        return np.arange(num_frames)
    return np.linspace(0, num_frames - 1, int(target / fps * num_frames)).astype(np.int64)


def _file(path: Path, archive: Mapping[str, NDArray[Any]]) -> AmassFile:
    poses = _poses(path, archive)
    translation = _numbers(path, archive, "trans")
    if translation.shape != (len(poses), 3):
        raise DataError(f"{path}: trans must be ({len(poses)}, 3), a row a pose; got {translation.shape}.")
    return AmassFile(
        poses=poses,
        translation=translation,
        fps=_frame_rate(path, archive),
        gender=_gender(archive),
        betas=_numbers(path, archive, "betas").reshape(-1) if "betas" in archive else None,
    )


def _poses(path: Path, archive: Mapping[str, NDArray[Any]]) -> Array:
    """(T, J, 3), from `poses`, or from the root and the body apart."""
    if "poses" in archive or not {"root_orient", "pose_body"} <= set(archive):
        rows = _numbers(path, archive, "poses")
    else:
        parts = [_numbers(path, archive, key) for key in ("root_orient", "pose_body")]
        if any(part.ndim != 2 or part.shape[1] != width for part, width in zip(parts, (3, 63), strict=True)):
            shapes = " and ".join(str(part.shape) for part in parts)
            raise DataError(f"{path}: root_orient and pose_body must be (T, 3) and (T, 63); got {shapes}.")
        if len(parts[0]) != len(parts[1]):
            raise DataError(f"{path}: root_orient has {len(parts[0])} rows and pose_body {len(parts[1])}.")
        rows = np.concatenate(parts, axis=1)
    flat = rows.reshape(len(rows), -1) if rows.ndim == 3 and rows.shape[-1] == 3 else rows
    widths = [3 * count for count in JOINT_COUNTS]
    if flat.ndim != 2 or flat.shape[1] not in widths or not len(flat):
        listed = ", ".join(map(str, widths[:-1]))
        raise DataError(f"{path}: poses must be (T, {listed} or {widths[-1]}) with T >= 1; got {rows.shape}.")
    poses = flat.reshape(len(flat), -1, 3)
    if np.abs(poses[:, : SMPL_BODY.num_joints]).max() > _LARGEST_ANGLE:
        raise DataError(f"{path}: poses hold angles of more than four turns; radians are expected, not degrees.")
    return poses


def _numbers(path: Path, archive: Mapping[str, NDArray[Any]], key: str) -> Array:
    """An array of finite floating-point numbers, as float32."""
    if key not in archive:
        raise DataError(
            f"{path}: the array {key!r} is missing. An AMASS-style motion has poses (or root_orient and pose_body), "
            f"trans and {FRAME_RATE_KEYS[0]}; this file has {', '.join(sorted(archive)) or 'nothing'}."
        )
    array = archive[key]
    if array.dtype.kind != "f":
        raise DataError(f"{path}: {key} must hold floating-point numbers, got {array.dtype}.")
    made = array.astype(np.float32, copy=False)
    if not np.isfinite(made).all():
        raise DataError(f"{path}: {key} hold NaN or infinity.")
    return made


def _frame_rate(path: Path, archive: Mapping[str, NDArray[Any]]) -> float:
    key = next((key for key in FRAME_RATE_KEYS if key in archive), None)
    if key is None:
        raise DataError(f"{path}: the frame rate is missing: one number called {' or '.join(FRAME_RATE_KEYS)}.")
    value = archive[key]
    if value.size != 1 or value.dtype.kind not in "fiu":
        raise DataError(f"{path}: {key} must be one number, got {value.dtype} of shape {value.shape}.")
    fps = float(value.reshape(()))
    if not (math.isfinite(fps) and fps > 0):
        raise DataError(f"{path}: {key} must be a positive number, got {fps}.")
    return fps


def _gender(archive: Mapping[str, NDArray[Any]]) -> str:
    value: Any = archive["gender"].reshape(-1)[0] if "gender" in archive else ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
