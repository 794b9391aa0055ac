"""Motion: one clip of one body."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import Tensor

from actiongpt_core.errors import ConfigError, ShapeError
from actiongpt_core.types.skeleton import SMPL_BODY, Skeleton
from actiongpt_core.types.text import Descriptions


@attrs.frozen(eq=False, kw_only=True)
class Motion:
    """One clip of one body. Right-handed, Z up, metres, seconds."""

    rotations: Tensor  #: parent-relative joint rotations, (T, J, 3, 3); the root's takes the rest frame to the world
    translation: Tensor  #: world position of the pelvis (the root joint), metres, (T, 3)
    fps: float
    skeleton: Skeleton = SMPL_BODY
    #: index of the first frame of each action of a sequence; (0,) for one action
    starts: tuple[int, ...] = (0,)
    #: what each action was made from, one for each of `starts`; () where that is not known
    descriptions: tuple[Descriptions, ...] = ()

    def __attrs_post_init__(self) -> None:
        """Check shapes and values.

        Raises:
            ShapeError: The tensors do not fit each other or the skeleton, or the descriptions do not fit the actions.
            ConfigError: The frame rate is not a positive number, or a value is not finite.
        """
        frames, joints = self.translation.shape[0], self.skeleton.num_joints
        if self.rotations.shape != (frames, joints, 3, 3) or self.translation.shape != (frames, 3) or not frames:
            raise ShapeError(
                f"A motion of skeleton {self.skeleton.name!r} needs rotations (T, {joints}, 3, 3) and translation "
                f"(T, 3), T >= 1; got {tuple(self.rotations.shape)} and {tuple(self.translation.shape)}."
            )
        if len(self.descriptions) not in (0, len(self.starts)):
            raise ShapeError(
                f"A motion of {len(self.starts)} actions needs as many descriptions, or none; "
                f"got {len(self.descriptions)}."
            )
        if not (math.isfinite(self.fps) and self.fps > 0):
            raise ConfigError(f"fps must be a positive number, got {self.fps}.")
        if not (torch.isfinite(self.rotations).all() and torch.isfinite(self.translation).all()):
            raise ConfigError("A motion must be finite: the rotations or the translation hold NaN or infinity.")

    @property
    def num_frames(self) -> int:
        """T."""
        return self.rotations.shape[0]

    @property
    def seconds(self) -> float:
        """Duration."""
        return self.num_frames / self.fps

    def __len__(self) -> int:
        return self.num_frames

    def __getitem__(self, frames: slice) -> Motion:
        """Some frames as a motion of their own.

        Action starts inside the slice are kept, relative to its first frame.
        """
        if not isinstance(frames, slice):
            raise TypeError("A motion is sliced by frames: motion[10:40].")
        first, stop, step = frames.indices(self.num_frames)
        if step != 1:
            raise ValueError("A motion is sliced with step 1; resample to change its frame rate.")
        # Starts before the slice fold into 0: only the last of them is the action that the slice begins in.
        kept = {max(start - first, 0): action for action, start in enumerate(self.starts) if start < stop}
        return attrs.evolve(
            self,
            rotations=self.rotations[frames],
            translation=self.translation[frames],
            starts=tuple(kept) or (0,),
            descriptions=tuple(self.descriptions[action] for action in kept.values()) if self.descriptions else (),
        )

    def save(self, path: str | Path, **options: Any) -> Path:
        """Write the motion to a file whose suffix chooses the format; see `actiongpt_core.export.FORMATS`.

        Args:
            path: The file.
            options: Of the format, such as `order="XYZ"` of `.bvh`; see docs/reference/file-formats.md.

        Returns:
            The path that was written.

        Raises:
            ExportError: The suffix or an option is unknown, or the path is not writable.
            ConfigError: An option has a value that cannot work.
            MissingAssetError: A package or a file that the format needs is not there.
        """
        from actiongpt_core.export import save  # writers are imported by those who write

        return save(self, path, **options)

    @staticmethod
    def load(path: str | Path, **options: Any) -> Motion:
        """Read a motion from a `.bvh` or an AMASS-style `.npz`; see `actiongpt_core.export.load`.

        Raises:
            ExportError: No reader has this suffix, or it has no such option.
            MissingAssetError: There is no such file.
            ConfigError: The file is damaged, or something else than its suffix says.
        """
        from actiongpt_core.export import load

        return load(path, **options)

    def show(self, *others: Motion) -> Path | None:
        """Play the motion, and others beside it: under the cell in a notebook, elsewhere in the browser.

        Returns:
            The page's temporary file; None in a notebook.
        """
        from actiongpt_core.export.notebook import show

        return show([self, *others])

    def _repr_html_(self) -> str:
        """The page that plays the motion, for a notebook's cell that ends with it."""
        from actiongpt_core.export.notebook import frame

        return frame([self])
