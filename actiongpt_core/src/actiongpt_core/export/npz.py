"""AMASS-style .npz: axis-angle poses in SMPL order and SMPL's translation."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from actiongpt_core.errors import ConfigError, ExportError, MissingAssetError, did_you_mean
from actiongpt_core.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL, SMPL_BODY, SMPL_REST_PELVIS

_BODY, _SMPL = 3 * SMPL_BODY.num_joints, 3 * SMPL.num_joints  # 66, 72
_BETAS = 16
_GENDERS = ("neutral", "female", "male")
_LAYOUTS = {"body": 0, "smpl": 24, "smplh": 52}  #: joints; of "body" the motion's own
_FRAME_RATE_KEYS = ("mocap_framerate", "mocap_frame_rate")  # AMASS for SMPL+H, AMASS for SMPL-X


def save_npz(
    motion: Motion, path: Path, *, layout: str = "body", betas: Sequence[float] | None = None, gender: str = "neutral"
) -> None:
    """Write a motion as AMASS does, without object arrays: no pickle is needed to read it.

    Z up, metres, radians, like `Motion`; `trans` is SMPL's translation, which is the pelvis position minus
    `SMPL_REST_PELVIS`.

    Arrays: `poses` axis-angle float32; `trans` (T, 3) float32; `mocap_framerate`; `betas` (16,); `gender`; and
    `action_starts`, which AMASS does not have: the first frame of each action.

    Args:
        motion: What to write.
        path: The file.
        layout: Of the poses. "body": the motion's own joints, (T, 66), or (T, 72) with SMPL's two hand joints;
            "smpl": (T, 72), "smplh": (T, 156), with hands at rest where the motion has none.
        betas: Up to 16 shape coefficients, written for readers; the motion is not changed by them. None for zeros.
        gender: "neutral", "female" or "male", written for readers.

    Raises:
        ExportError: The motion's skeleton is not SMPL's.
        ConfigError: An option has a value that cannot work.
    """
    shape = _shape(betas)
    if gender not in _GENDERS:
        raise ConfigError(f"gender must be one of {', '.join(_GENDERS)}, got {gender!r}.")
    if motion.skeleton.joint_names not in (SMPL_BODY.joint_names, SMPL.joint_names):
        raise ExportError(
            f"An AMASS .npz holds SMPL's {SMPL_BODY.num_joints} body joints, or {SMPL.num_joints}; this motion has "
            f"skeleton {motion.skeleton.name!r}. Write it as .bvh."
        )
    rotations, translation = motion.rotations.detach().cpu(), motion.translation.detach().cpu()
    smpl_translation = translation - translation.new_tensor(SMPL_REST_PELVIS)
    np.savez_compressed(
        path,
        poses=_in_layout(matrix_to_axis_angle(rotations).numpy().astype(np.float32), layout).reshape(len(motion), -1),
        trans=smpl_translation.numpy().astype(np.float32),
        mocap_framerate=np.float64(motion.fps),
        betas=shape,
        gender=np.array(gender),
        action_starts=np.asarray(motion.starts, dtype=np.int64),
    )


def _shape(betas: Sequence[float] | None) -> np.ndarray[Any, np.dtype[np.float32]]:
    values = np.asarray([] if betas is None else betas, dtype=np.float32)
    if values.ndim != 1 or len(values) > _BETAS or not np.isfinite(values).all():
        raise ConfigError(f"betas must be up to {_BETAS} finite numbers, got {betas!r}.")
    return np.pad(values, (0, _BETAS - len(values)))


def _in_layout(poses: np.ndarray[Any, np.dtype[np.float32]], layout: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Poses (T, 22 or 24, 3) with the joints that a layout has."""
    if layout not in _LAYOUTS:
        raise ConfigError(
            f"No layout {layout!r} of .npz. Known: {', '.join(_LAYOUTS)}.{did_you_mean(layout, _LAYOUTS)}"
        )
    if layout == "body":
        return poses
    full = np.zeros((len(poses), _LAYOUTS[layout], 3), dtype=np.float32)
    full[:, : SMPL_BODY.num_joints] = poses[:, : SMPL_BODY.num_joints]
    if poses.shape[1] == SMPL.num_joints:  # in SMPL-H they turn the first joints of the index fingers
        full[:, [22, 37] if layout == "smplh" else [22, 23]] = poses[:, SMPL_BODY.num_joints :]
    return full


def load_npz(path: str | Path) -> Motion:
    """Read an AMASS-style .npz, ours or AMASS's own; the body joints of its poses, fingers and face left out.

    Poses of 72 numbers are those of SMPL's 24 joints; of any others the 22 body joints are read.

    The inverse of `save_npz`. The body's shape (`betas`) is not used: the pelvis is put where `SMPL_REST_PELVIS` says.

    Raises:
        MissingAssetError: There is no such file.
        ConfigError: It is not an .npz, an array is missing, or its shape or values cannot be a motion.
    """
    path = Path(path)
    arrays = _read(path)
    poses, trans = (_array(path, arrays, key) for key in ("poses", "trans"))
    if poses.ndim != 2 or poses.shape[1] < _BODY or not len(poses):
        raise ConfigError(f"{path}: poses must be (T, {_BODY} or more) with T >= 1, got {poses.shape}.")
    if trans.shape != (len(poses), 3):
        raise ConfigError(f"{path}: trans must be ({len(poses)}, 3), one row a pose, got {trans.shape}.")
    skeleton = SMPL if poses.shape[1] == _SMPL else SMPL_BODY
    axis_angle = torch.from_numpy(poses[:, : 3 * skeleton.num_joints].astype(np.float32)).unflatten(1, (-1, 3))
    translation = torch.from_numpy(trans.astype(np.float32))
    return Motion(
        rotations=axis_angle_to_matrix(axis_angle),
        translation=translation + translation.new_tensor(SMPL_REST_PELVIS),
        fps=_frame_rate(path, arrays),
        skeleton=skeleton,
        starts=_starts(path, arrays, len(poses)),
    )


def _read(path: Path) -> dict[str, Any]:
    """The arrays of a motion file that are there and need no pickle."""
    wanted = ("poses", "trans", "action_starts", *_FRAME_RATE_KEYS)
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, Mapping):
                raise ConfigError(f"{path} holds a single array, not an .npz with poses and trans.")
            return {key: archive[key] for key in wanted if key in archive}
    except FileNotFoundError:
        raise MissingAssetError(f"There is no motion file {str(path)!r}.") from None
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"{path} cannot be read as an .npz without object arrays: {error}.") from error


def _array(path: Path, arrays: Mapping[str, Any], key: str) -> np.ndarray[Any, Any]:
    array = arrays.get(key)
    if array is None or not np.issubdtype(array.dtype, np.floating) or not np.isfinite(array).all():
        found = "missing" if array is None else "not made of finite floating-point numbers"
        raise ConfigError(
            f"{path}: the array {key!r} is {found}; an AMASS-style motion has poses, trans, mocap_framerate."
        )
    return np.asarray(array)


def _starts(path: Path, arrays: Mapping[str, Any], num_frames: int) -> tuple[int, ...]:
    starts = arrays.get("action_starts", np.zeros(1, dtype=np.int64))
    is_ascending = starts.dtype.kind in "iu" and starts.ndim == 1 and len(starts) and (np.diff(starts) > 0).all()
    if not is_ascending or starts[0] != 0 or starts[-1] >= num_frames:
        raise ConfigError(
            f"{path}: action_starts must be ascending frame numbers from 0 below {num_frames}, got {starts}."
        )
    return tuple(int(start) for start in starts)


def _frame_rate(path: Path, arrays: Mapping[str, Any]) -> float:
    for key in _FRAME_RATE_KEYS:
        if key in arrays and arrays[key].size == 1 and np.issubdtype(arrays[key].dtype, np.number):
            fps = float(arrays[key].reshape(()))
            if math.isfinite(fps) and fps > 0:
                return fps
            raise ConfigError(f"{path}: {key} must be a positive number, got {fps}.")
    raise ConfigError(f"{path}: the frame rate is missing: one number called {' or '.join(_FRAME_RATE_KEYS)}.")
