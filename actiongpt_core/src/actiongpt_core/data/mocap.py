"""A motion-capture file as its reader gives it: a skeleton of the file's own and its rotations in each frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from actiongpt_core.errors import DataError, MissingAssetError

FloatArray = NDArray[np.float64]


@attrs.frozen(eq=False, kw_only=True)
class Mocap:
    """The frames of one capture, in the file's own axes and unit of length. Axes of all joints are parallel at rest.

    Raises:
        DataError: A joint's name is there twice, or a number is not finite.
    """

    source: str  #: the file, for messages
    joints: tuple[str, ...] = attrs.field()  #: a parent stands before its children
    parents: tuple[int, ...]  #: -1 for the root
    offsets: FloatArray  #: joint minus parent at rest, (J, 3)
    ends: dict[str, FloatArray]  #: where the bone of a last joint ends, minus that joint at rest
    rotations: FloatArray  #: parent-relative, (T, J, 3, 3)
    root: FloatArray  #: position of the root, (T, 3)
    fps: float

    @joints.validator
    def _check_names(self, _: Any, value: tuple[str, ...]) -> None:
        twice = sorted({name for name in value if value.count(name) > 1})
        if twice:
            raise DataError(f"{self.source}: more than one joint is called {', '.join(twice)}.")

    def __attrs_post_init__(self) -> None:
        for name in ("offsets", "rotations", "root"):
            if not np.isfinite(getattr(self, name)).all():
                raise DataError(f"{self.source}: {name} hold NaN or infinity.")

    def rest_positions(self) -> dict[str, FloatArray]:
        """Where each joint is at rest, from the root. The end of a last joint's bone is called 'NAME end'."""
        places: list[FloatArray] = []
        for joint, parent in enumerate(self.parents):
            places.append(self.offsets[joint] + places[parent] if parent >= 0 else np.zeros(3))
        found = dict(zip(self.joints, places, strict=True))
        return found | {f"{name} end": found[name] + end for name, end in self.ends.items()}

    def global_rotations(self) -> FloatArray:
        """What takes the axes at rest to those of each frame, (T, J, 3, 3)."""
        turned: list[FloatArray] = []
        for joint, parent in enumerate(self.parents):
            local = self.rotations[:, joint]
            turned.append(turned[parent] @ local if parent >= 0 else local)
        return np.stack(turned, axis=1)


def turn(axis: int, angle: FloatArray) -> FloatArray:
    """Rotations about x (0), y (1) or z (2). Angles (...) in radians -> (..., 3, 3)."""
    matrix = np.zeros((*angle.shape, 3, 3))
    after, last = (axis + 1) % 3, (axis + 2) % 3
    matrix[..., axis, axis] = 1.0
    matrix[..., after, after] = matrix[..., last, last] = np.cos(angle)
    matrix[..., last, after] = np.sin(angle)
    matrix[..., after, last] = -matrix[..., last, after]
    return matrix


def turns(axes: Sequence[int], angles: FloatArray) -> FloatArray:
    """The product of turns, the first axis leftmost: angles (..., N) in radians about N axes -> (..., 3, 3)."""
    matrix: FloatArray = np.broadcast_to(np.eye(3), (*angles.shape[:-1], 3, 3))
    for place, axis in enumerate(axes):
        matrix = turn(axis, angles[..., place]) if place == 0 else matrix @ turn(axis, angles[..., place])
    return matrix


def read_text(path: str | Path) -> str:
    """The text of a capture file, with plain line ends.

    Raises:
        MissingAssetError: There is no such file.
        DataError: It is not text, or cannot be read.
    """
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise MissingAssetError(f"There is no motion file {str(path)!r}.") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not a text file: {error.reason} at byte {error.start}.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
