"""One recording as the readers of raw files give it, and as a prepared set stores it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
import numpy as np

from actiongpt_core.errors import DataError
from actiongpt_core.types.segments import Pair, Segment
from actiongpt_core.types.skeleton import SMPL_BODY

Array = np.ndarray[Any, np.dtype[np.float32]]


def _to_segments(value: Iterable[Segment]) -> tuple[Segment, ...]:
    return tuple(value)


def _to_pairs(value: Iterable[Pair]) -> tuple[Pair, ...]:
    return tuple(value)


@attrs.frozen(eq=False, kw_only=True)
class Recording:
    """The frames of one recording, and what is said of them. Z up, metres; the SMPL body's 22 joints.

    Raises:
        DataError: A shape is wrong, a number is not finite, or a segment lies outside the frames.
    """

    poses: Array = attrs.field()  #: parent-relative joint rotations as axis-angle, (T, 22, 3), radians
    translation: Array  #: position of the pelvis, (T, 3)
    split: str
    segments: tuple[Segment, ...] = attrs.field(default=(), converter=_to_segments)
    pairs: tuple[Pair, ...] = attrs.field(default=(), converter=_to_pairs)
    subject: str = ""  #: who moves, where that is known
    #: further arrays of the recording, one row a frame: what one backbone needs and others do not
    extra: dict[str, Array] = attrs.field(factory=dict)

    @property
    def num_frames(self) -> int:
        """T."""
        return len(self.poses)

    def __attrs_post_init__(self) -> None:
        frames, joints = self.num_frames, SMPL_BODY.num_joints
        for name, array, shape in (
            ("poses", self.poses, (frames, joints, 3)),
            ("translation", self.translation, (frames, 3)),
        ):
            if array.shape != shape:
                raise DataError(f"{name} have the shape {array.shape}, {shape} was expected.")
            if not np.isfinite(array).all():
                raise DataError(f"{name} hold NaN or infinity.")
        told: list[Segment | Pair] = [*self.segments, *self.pairs]
        for item in told:
            if item.end > frames:
                raise DataError(f"{item.key} ends at frame {item.end}; the recording has {frames}.")
