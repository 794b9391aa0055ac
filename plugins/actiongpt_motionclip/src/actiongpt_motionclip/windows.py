"""Random frames of windows as training samples: the original's, over any data set."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import torch
from attrs.validators import gt, in_
from torch import Tensor
from torch.nn.functional import pad

from actiongpt_core.data.selection import Rejected, require_fps
from actiongpt_core.errors import ConfigError
from actiongpt_core.geometry.rotations import axis_angle_to_matrix
from actiongpt_core.interfaces import DataSet
from actiongpt_core.training.epochs import Epochs, LastBatch, sample_numbers
from actiongpt_core.training.samples import Sample
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.segments import Segment
from actiongpt_motionclip.frames import ItemSettings, choose_frames
from actiongpt_motionclip.layout import encode_in_place
from actiongpt_motionclip.model import MotionClip
from actiongpt_motionclip.objective import PicturedAction


@attrs.frozen(kw_only=True)
class FrameSampling:
    """Consecutive frames from a random place of each window, once an epoch."""

    #: frames of a window, into which longer segments are cut; what is left at the end is not used
    window: int = attrs.field(default=100, validator=gt(0))
    #: frames of a sample
    frames: int = attrs.field(default=60, validator=gt(0))
    #: a short batch at the end of an epoch is kept, as in the original, or dropped
    last_batch: LastBatch = attrs.field(default="keep", validator=in_(("keep", "drop")))


@attrs.frozen
class Window:
    """Frames [start, end) of a segment."""

    segment: Segment
    start: int
    end: int


class FrameSampler:
    """Samples of some consecutive frames of one window each.

    A set may know more than segments; looked for by name:
        `frame_labels(recording, start, end)`: a label of each frame. A sample is then told by those of its own frames,
            each once, sorted and joined with " and ", as in the original; else, and where none of its frames has one,
            by the texts of its segment.
        `extra(recording, name, start, end)`: arrays (T, ...) "hands", axis-angle of SMPL's two hand joints, and
            "right_ankle", its place as seen from the pelvis; ConfigError for one that the set does not have. Else
            hands are straight, and the skeleton tells the place.
        `image_features(key)`: the vector (C,) of a picture of a segment, or None.

    Args:
        model: The model.
        data: The set.
        split: One of its splits. One other than "train" is gone through in order, from each window's first frame.
        seed: Of order and places.
        sampling: Sizes and batches.

    Raises:
        ConfigError: No segment is long enough, or the set has another frame rate.
    """

    def __init__(self, model: MotionClip, data: DataSet, split: str, seed: int, sampling: FrameSampling) -> None:
        require_fps(data, model.config.fps)
        self.model, self.data, self.seed = model, data, seed
        self.is_training, self.settings = split == "train", ItemSettings(num_frames=sampling.frames)
        self.windows = cut_windows(data, split, sampling)
        lengths = [sampling.frames] * len(self.windows)
        last_batch = sampling.last_batch if self.is_training else "keep"
        self.epochs = Epochs(lengths, seed, shuffle=self.is_training, last_batch=last_batch)

    @property
    def num_samples(self) -> int:
        """Of an epoch."""
        return len(self.windows)

    def texts(self) -> Iterator[tuple[str, ...]]:
        """The texts of every sample that can be drawn."""
        count = self.settings.num_frames
        for window in self.windows:
            labels = self._labels(window.segment.recording, window.start, window.end)
            if labels is None or len(set(labels)) == 1:
                yield _told(window.segment, labels)
            else:
                starts = range(len(labels) - count + 1)
                yield from {_told(window.segment, labels[start : start + count]) for start in starts}

    def require_images(self) -> None:
        """Stop before anything is trained if the set has no vectors of images of the model's text space.

        Raises:
            ConfigError: It has none.
        """
        space = getattr(self.data, "image_space", None)
        if self._image(self.windows[0].segment.key) is None:
            raise ConfigError(
                f"The objective compares motions with images, and {self.data.name!r} has no vectors of images: set "
                "objective.image_cosine, image_mse and image_ce to 0."
            )
        if space is not None and space != self.model.config.text_space:
            raise ConfigError(
                f"The vectors of images are of the space {space!r}; the model's latents are of "
                f"{self.model.config.text_space!r}. Use the image tower of the model's own CLIP."
            )

    def draw(self, step: int, batch_size: int, rows: Sequence[int]) -> list[Sample]:
        """Samples of the batch of one step; fewer than asked for at the end of an epoch."""
        items = self.epochs.batch(step, batch_size)
        return [self._sample(step * batch_size + row, self.windows[items[row]]) for row in rows if row < len(items)]

    def _sample(self, index: int, window: Window) -> Sample:
        numbers = random.Random(int(sample_numbers(self.seed, index).integers(2**62))) if self.is_training else None
        frames = choose_frames(window.end - window.start, self.settings, numbers)
        segment, start, end = window.segment, window.start + frames[0], window.start + frames[-1] + 1
        labels = self._labels(segment.recording, start, end)
        vector = self._image(segment.key)
        action = PicturedAction(
            features=self._encode(segment.recording, start, end),
            texts=_told(segment, labels),
            image=None if vector is None else torch.as_tensor(vector).float(),
        )
        return Sample(index=index, actions=(action,))

    def _encode(self, recording: str, start: int, end: int) -> Tensor:
        motion = self.data.motion(recording, start, end)
        hands, ankle = (self._extra(recording, name, start, end) for name in ("hands", "right_ankle"))
        return encode_frames(self.model, motion, hands, ankle)

    def _labels(self, recording: str, start: int, end: int) -> Sequence[str] | None:
        known = getattr(self.data, "frame_labels", None)
        found: Sequence[str] | None = known(recording, start, end) if known else None
        return found

    def _extra(self, recording: str, name: str, start: int, end: int) -> Tensor | None:
        known = getattr(self.data, "extra", None)
        try:
            return torch.as_tensor(known(recording, name, start, end)).float() if known else None
        except ConfigError:  # the frames were read before this: it is the array that is not there
            return None

    def _image(self, key: str) -> Any:
        known = getattr(self.data, "image_features", None)
        return known(key) if known else None


def cut_windows(data: DataSet, split: str, sampling: FrameSampling) -> list[Window]:
    """The whole windows of a split's segments, in the set's order.

    A segment that is shorter than a window and has the frames of a sample is one.

    Raises:
        ConfigError: There is none; the message counts what was left out and why.
    """
    found, rejected = [], Rejected(data, split)
    for item in data.segments(split):
        size = min(item.num_frames, sampling.window)
        if item.suspect or size < sampling.frames:
            rejected.add("doubted by the set" if item.suspect else f"shorter than {sampling.frames} frames")
            continue
        starts = range(item.start, item.end - size + 1, size)
        found += [Window(item, start, start + size) for start in starts]
    if not found:
        raise rejected.error()
    return found


def _told(segment: Segment, labels: Sequence[str] | None) -> tuple[str, ...]:
    """The texts of frames of a segment, by the labels of the frames."""
    joined = " and ".join(sorted(set(labels or ())))
    # Differs from the original: frames without any label are not told by "", but by what their window is called.
    return (joined,) if joined else segment.texts


def encode_frames(
    model: MotionClip, motion: Motion, hands: Tensor | None = None, right_ankle: Tensor | None = None
) -> Tensor:
    """The features of recorded frames, (T, F), not normalised, as the model is trained on.

    Args:
        model: The model.
        motion: 22 joints.
        hands: Axis-angle of the two hand joints, (T, 2, 3); None for straight hands.
        right_ankle: Its place as seen from the pelvis, in the world's axes, (T, 3), metres; None for the skeleton's.
    """
    straight = torch.eye(3).expand(len(motion), 2, 3, 3)
    turned = straight if hands is None else axis_angle_to_matrix(hands)
    rotations = torch.cat([motion.rotations, turned], dim=1)
    if model.config.row_24 == "pelvis":
        return model.features.encode(rotations, motion.translation)
    relative = model.config.root_orientation == "relative"
    rows = encode_in_place(rotations, model.skeleton, relative=relative)
    if right_ankle is None:
        return rows
    way = right_ankle - right_ankle[:1]
    way = way @ rotations[0, 0] if relative else way
    return torch.cat([rows[:, :-6], pad(way, (0, 3))], dim=1)
