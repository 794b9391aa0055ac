"""Reads back the BVH files that this library writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import numpy as np
import torch

from actiongpt_core.errors import ConfigError, MissingAssetError
from actiongpt_core.export.bvh import CENTIMETRES, POSITION_CHANNELS, ROTATION_CHANNELS, Z_UP_TO_Y_UP
from actiongpt_core.geometry.rotations import axis_angle_to_matrix
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SKELETONS, Skeleton


def read_bvh(path: str | Path) -> Motion:
    """The motion in a BVH of `save_bvh`'s layout: Y up, centimetres, degrees, turns in the order Z, X, Y.

    Returns:
        The motion in our frame: Z up, metres. A named skeleton is recognised by its joints and offsets.

    Raises:
        MissingAssetError: There is no such file.
        ConfigError: It is not a BVH, or one of another layout.
    """
    path = Path(path)
    try:
        words = iter(path.read_text(encoding="utf-8").split())
        tree = _Tree()
        _expect(words, "HIERARCHY", "ROOT")
        tree.read_joint(words, parent=-1)
        _expect(words, "MOTION", "Frames:")
        num_frames = int(next(words))
        _expect(words, "Frame", "Time:")
        fps = round(1.0 / float(next(words)), 6)
        values = np.array([float(word) for word in words]).reshape(num_frames, 3 + 3 * len(tree.names))
        return _motion(values, fps, tree, path.stem)
    except FileNotFoundError:
        raise MissingAssetError(f"There is no motion file {str(path)!r}.") from None
    except (ValueError, ArithmeticError, StopIteration, OSError) as error:
        reason = "it ends early" if isinstance(error, StopIteration) else error
        raise ConfigError(f"{path} is not a BVH in the layout that this library writes: {reason}.") from error


@attrs.define
class _Tree:
    """The joints of a HIERARCHY in file order."""

    names: list[str] = attrs.field(factory=list)
    parents: list[int] = attrs.field(factory=list)
    offsets: list[tuple[float, float, float]] = attrs.field(factory=list)  # metres

    def read_joint(self, words: Iterator[str], parent: int) -> None:
        """Take one joint, from its name to its closing brace, with all that hangs on it."""
        joint = len(self.names)
        self.names.append(next(words))
        self.parents.append(parent)
        _expect(words, "{", "OFFSET")
        self.offsets.append((_metres(words), _metres(words), _metres(words)))
        channels = ROTATION_CHANNELS if joint else POSITION_CHANNELS + ROTATION_CHANNELS
        _expect(words, "CHANNELS", str(len(channels)), *channels)
        while (word := next(words)) != "}":
            if word == "JOINT":
                self.read_joint(words, joint)
            else:
                _expect(iter([word]), "End")
                _expect(words, "Site", "{", "OFFSET")
                _ = _metres(words), _metres(words), _metres(words)
                _expect(words, "}")

    def skeleton(self, name: str) -> Skeleton:
        """A named skeleton if it has these joints, else one of these joints in file order."""
        parent_names = dict(zip(self.names, ["", *(self.names[p] for p in self.parents[1:])], strict=True))
        offsets = dict(zip(self.names, self.offsets, strict=True))
        for known in SKELETONS.values():
            theirs = ["", *(known.joint_names[p] for p in known.parents[1:])]
            if parent_names == dict(zip(known.joint_names, theirs, strict=True)) and np.allclose(
                [offsets[joint] for joint in known.joint_names], known.rest_offsets, atol=1e-6
            ):
                return known
        return Skeleton(
            name=name, joint_names=tuple(self.names), parents=tuple(self.parents), rest_offsets=tuple(self.offsets)
        )


def _expect(words: Iterator[str], *expected: str) -> None:
    for word in expected:
        found = next(words)
        if found != word:
            raise ValueError(f"{word!r} expected, found {found!r}")


def _metres(words: Iterator[str]) -> float:
    return float(next(words)) / CENTIMETRES


def _motion(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], fps: float, tree: _Tree, name: str) -> Motion:
    skeleton = tree.skeleton(name)
    angles = torch.from_numpy(np.radians(values[:, 3:])).reshape(len(values), -1, 3)
    z, x, y = (axis_angle_to_matrix(angles[..., i, None] * torch.eye(3).double()[a]) for i, a in enumerate((2, 0, 1)))
    rotations = (z @ x @ y)[:, [tree.names.index(joint) for joint in skeleton.joint_names]]
    back = torch.from_numpy(Z_UP_TO_Y_UP.T)
    rotations[:, 0] = back @ rotations[:, 0]
    translation = torch.from_numpy(values[:, :3] / CENTIMETRES) @ back.T
    return Motion(rotations=rotations.float(), translation=translation.float(), fps=fps, skeleton=skeleton)
