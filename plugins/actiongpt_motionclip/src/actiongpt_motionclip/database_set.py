"""The originals' motion data bases as a data set, so that `actiongpt train` can read them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from actiongpt_core.errors import ConfigError, MissingAssetError
from actiongpt_core.geometry.rotations import axis_angle_to_matrix
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.segments import Segment
from actiongpt_core.types.skeleton import SMPL_BODY
from actiongpt_motionclip.clip_encoder import ClipImageEncoder
from actiongpt_motionclip.database import WINDOW_FRAMES, Recording, read_database
from actiongpt_motionclip.dataset import windows
from actiongpt_motionclip.images import add_image_features
from actiongpt_motionclip.layout import stand_in_place

_FILE = re.compile(r"(?P<name>.+)_(?P<fps>\d+)fps_(?P<split>train|vald|test)\.pt")
_SPLITS = {"train": "train", "vald": "val", "test": "test"}  # theirs -> as all sets here call them


class DatabaseSet:
    """The files `<name>_<fps>fps_<split>.pt` of a folder; segments are windows of 100 frames.

    A motion stays in place, with its lowest joint on the ground: these files know no path. Windows without any label
    are left out.

    Args:
        folder: Where the files of one data base are.
        drop_first: Leave the first sequence of each split out, as the original's loader does by mistake.
        images: A CLIP (as of `text_encoder`), to compute vectors of images where the files hold none; see
            `images.add_image_features`. None for those of the files.

    Attributes:
        image_space: The space of the vectors that were computed; None of those that the files hold.

    Raises:
        MissingAssetError: There is no such file in the folder.
        ConfigError: There are files of two data bases.
    """

    def __init__(self, folder: str | Path | None, *, drop_first: bool = False, images: str | None = None) -> None:
        if folder is None:
            raise MissingAssetError("A motion data base needs its folder: --data-dir DIR.")
        found = {file: match for file in sorted(Path(folder).glob("*.pt")) if (match := _FILE.fullmatch(file.name))}
        names = sorted({(match["name"], match["fps"]) for match in found.values()})
        if not names:
            raise MissingAssetError(f"{folder} holds no motion data base: files NAME_30fps_train.pt and so on.")
        if len(names) > 1:
            raise ConfigError(f"{folder} holds {len(names)} motion data bases; move {names[1][0]!r} to its own folder.")
        self.name, self.fps = names[0][0], float(names[0][1])
        self._files = {_SPLITS[match["split"]]: file for file, match in found.items()}
        self._read: dict[str, list[Recording]] = {}
        self._drop_first = drop_first
        self._images = None if images is None else ClipImageEncoder(images)
        self.image_space = None if self._images is None else self._images.space

    @property
    def splits(self) -> list[str]:
        """Those that there are files of."""
        return [split for split in _SPLITS.values() if split in self._files]

    def segments(self, split: str) -> list[Segment]:
        """The windows of a split, told by the labels of all their frames.

        Raises:
            ConfigError: There is no such split.
        """
        recordings = self._recordings(split)
        numbers = {id(recording): number for number, recording in enumerate(recordings)}
        return [
            Segment(
                key=f"{split}-{numbers[id(window.recording)]}-{window.index}",
                recording=f"{split}-{numbers[id(window.recording)]}",
                start=window.start,
                end=window.start + WINDOW_FRAMES,
                texts=(label,),
                scope="window",
            )
            for window in windows(recordings, drop_first=self._drop_first)
            if (label := window.label(range(WINDOW_FRAMES)))
        ]

    def motion(self, recording: str, start: int, end: int) -> Motion:
        """Frames [start, end) of a recording, 22 joints.

        Raises:
            ConfigError: There is no such recording, or it does not have these frames.
        """
        thetas = torch.from_numpy(self._frames(recording, start, end).thetas[start:end])
        joints = thetas.unflatten(1, (-1, 3))[:, : SMPL_BODY.num_joints]
        rotations = axis_angle_to_matrix(joints).float()
        return Motion(rotations=rotations, translation=stand_in_place(rotations, SMPL_BODY), fps=self.fps)

    def frame_labels(self, recording: str, start: int, end: int) -> Sequence[str]:
        """The raw label of each of these frames."""
        return self._frames(recording, start, end).raw_labels[start:end]

    def extra(self, recording: str, name: str, start: int, end: int) -> Tensor:
        """Of these frames "hands", axis-angle (T, 2, 3), or "right_ankle", its place seen from the pelvis, (T, 3).

        Raises:
            ConfigError: There is nothing else.
        """
        frames = self._frames(recording, start, end)
        if name == "hands":
            return torch.from_numpy(frames.thetas[start:end]).unflatten(1, (-1, 3))[:, SMPL_BODY.num_joints :]
        if name == "right_ankle":
            return torch.from_numpy(frames.joints[start:end, 0])
        raise ConfigError(f"A motion data base has the extra arrays hands and right_ankle; got {name!r}.")

    def image_features(self, key: str) -> Tensor | None:
        """The CLIP vector (C,) of a window's image, by the segment's key; None where there is none."""
        recording, _, window = key.rpartition("-")
        features = self._recording(recording).image_features
        return None if features is None else torch.from_numpy(features[int(window)])

    def _frames(self, recording: str, start: int, end: int) -> Recording:
        found = self._recording(recording)
        if not 0 <= start < end <= found.num_frames:
            raise ConfigError(f"{recording} has {found.num_frames} frames, not [{start}, {end}).")
        return found

    def _recording(self, name: str) -> Recording:
        split, _, number = name.partition("-")
        recordings = self._recordings(split)
        if not number.isdecimal() or int(number) >= len(recordings):
            raise ConfigError(f"{self.name} has no recording {name!r}.")
        return recordings[int(number)]

    def _recordings(self, split: str) -> list[Recording]:
        if split not in self._files:
            raise ConfigError(f"{self.name} has no split {split!r}: {', '.join(self.splits)}.")
        if split not in self._read:
            recordings = read_database(self._files[split])
            self._read[split] = recordings if self._images is None else add_image_features(recordings, self._images)
        return self._read[split]
