"""An item's frames, and its poses as rows of numbers: the choices of the original's loader."""

from __future__ import annotations

import random
from typing import Literal

import attrs
import torch
from attrs.validators import ge, in_
from torch import Tensor

from actiongpt_core.errors import ConfigError
from actiongpt_core.geometry.rotations import (
    axis_angle_to_matrix,
    axis_angle_to_quaternion,
    matrix_to_axis_angle,
    matrix_to_rot6d,
)
from actiongpt_motionclip.categories import ClassSet

Sampling = Literal["conseq", "random_conseq", "random"]
Representation = Literal["rot6d", "rotvec", "rotquat", "rotmat", "xyz"]
_REPRESENTATIONS = ("rot6d", "rotvec", "rotquat", "rotmat", "xyz")
WHOLE_WINDOW, RANDOM_LENGTH = -1, -2


@attrs.frozen(kw_only=True)
class ItemSettings:
    """How an item is made of a window; the defaults are those of the published model."""

    #: frames of an item; `WHOLE_WINDOW`: all, at most `max_len`; `RANDOM_LENGTH`: from `min_len` to `max_len`
    num_frames: int = attrs.field(default=60, validator=ge(RANDOM_LENGTH))
    #: "conseq": one after the other in steps of `sampling_step`; "random_conseq": in steps of a random size; "random":
    #: any frames, in order
    sampling: Sampling = attrs.field(default="conseq", validator=in_(("conseq", "random_conseq", "random")))
    #: -1: the largest step that fits
    sampling_step: int = attrs.field(default=1, validator=ge(-1))
    min_len: int = -1
    max_len: int = -1  #: -1: no limit
    representation: Representation = attrs.field(default="rot6d", validator=in_(_REPRESENTATIONS))
    root_row: bool = True  #: row 0 is the root's orientation
    translation_row: bool = True  #: the last row is the displacement of the first of the data base's joints
    face_front: bool = False  #: turn the item so that its first root orientation is the identity
    #: What an item is called: by its raw labels, or by one of its BABEL-60 categories
    labels: Literal["text", "category"] = attrs.field(default="text", validator=in_(("text", "category")))
    class_set: ClassSet = attrs.field(default="60", validator=in_(("60", "45", "15")))

    def __attrs_post_init__(self) -> None:
        """Check what belongs together.

        Raises:
            ConfigError: There is no frame to take, or a random length has no lower bound.
        """
        if self.num_frames == 0 or self.sampling_step == 0:
            raise ConfigError("num_frames and sampling_step are positive, or -1 (see ItemSettings); got 0.")
        if self.num_frames == RANDOM_LENGTH and self.min_len < 1:
            raise ConfigError(f"num_frames={RANDOM_LENGTH} draws from min_len frames on: set min_len to 1 or more.")


def choose_frames(available: int, settings: ItemSettings, rng: random.Random | None = None) -> list[int]:
    """The frames of an item, of the frames 0 .. available - 1.

    Where more frames are asked for than there are, the last one is repeated.
    """
    count = settings.num_frames
    if count == WHOLE_WINDOW:
        if settings.max_len == -1 or available <= settings.max_len:
            return list(range(available))
        count = settings.max_len
    elif count == RANDOM_LENGTH:
        most = available if settings.max_len == -1 else min(available, settings.max_len)
        count = _draw(rng, settings.min_len, most)
    if count > available:
        return [*range(available), *[available - 1] * (count - available)]
    if settings.sampling == "random":
        return sorted(rng.sample(range(available), count)) if rng else list(range(count))
    step = _step(available, count, settings, rng)
    last_start = available - step * (count - 1) - 1
    # The last start is never drawn; kept, so that the same seed gives the original's frames.
    start = _draw(rng, 0, max(0, last_start - 1))
    return [start + index * step for index in range(count)]


def _step(available: int, count: int, settings: ItemSettings, rng: random.Random | None) -> int:
    largest = (available - 1) // max(count - 1, 1)
    if settings.sampling == "random_conseq":
        return _draw(rng, 1, largest)
    is_free = settings.sampling_step == -1 or settings.sampling_step * (count - 1) >= available
    return largest if is_free else settings.sampling_step


def _draw(rng: random.Random | None, low: int, high: int) -> int:
    return rng.randint(low, high) if rng else low


def motion_rows(thetas: Tensor, joints: Tensor, settings: ItemSettings) -> Tensor:
    """Frames of a recording as rows of numbers.

    Args:
        thetas: Axis-angle of the 24 joints, float64 (T, 72), radians.
        joints: (T, J, 3), metres; only the first joint is used, unless the representation is "xyz".
        settings: Which representation, and which rows.

    Returns:
        (R, N, T), float32. "xyz": the joints relative to the first joint of the first frame. Else a row of N numbers a
        rotation (6D, axis-angle, quaternion with the real part first, or matrix, row by row), and the displacement of
        the first joint, filled up with zeros.
    """
    moved = joints - joints[:1, :1]
    if settings.representation == "xyz":
        return moved.permute(1, 2, 0).float()
    axis_angle, way = thetas.unflatten(1, (-1, 3)), moved[:, 0].to(thetas)
    if settings.face_front:
        matrix = axis_angle_to_matrix(axis_angle)
        back = matrix[0, 0].T
        axis_angle = matrix_to_axis_angle(torch.cat([back @ matrix[:, :1], matrix[:, 1:]], dim=1))
        way = way @ back.T
    numbers = _represent(axis_angle if settings.root_row else axis_angle[:, 1:], settings.representation)
    if settings.translation_row:
        filled = torch.nn.functional.pad(way, (0, numbers.shape[-1] - 3))
        numbers = torch.cat([numbers, filled[:, None]], dim=1)
    return numbers.permute(1, 2, 0).float()


def _represent(axis_angle: Tensor, representation: Representation) -> Tensor:
    if representation == "rotvec":
        return axis_angle
    if representation == "rotquat":
        return axis_angle_to_quaternion(axis_angle)
    matrix = axis_angle_to_matrix(axis_angle)
    return matrix_to_rot6d(matrix) if representation == "rot6d" else matrix.flatten(-2)
