"""Whole segments of a data set as training samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import attrs
from attrs.validators import gt, in_
from torch import Tensor

from actiongpt_core.data.selection import require_fps, usable_segments
from actiongpt_core.interfaces import DataSet
from actiongpt_core.training.epochs import Epochs, LastBatch
from actiongpt_core.training.samples import ActionSample, Sample

#: Rotations (T, J, 3, 3) and translation of the pelvis (T, 3), as recorded -> features (T, F), not normalised.
Encode = Callable[[Tensor, Tensor], Tensor]


@attrs.frozen(kw_only=True)
class EpochSampling:
    """Whole clips, or pairs of them, each once an epoch."""

    #: batches of similar lengths: ours, cheaper, and the originals shuffle only
    by_length: bool = False
    #: a short batch at the end of an epoch is kept, as in the originals, or dropped
    last_batch: LastBatch = attrs.field(default="keep", validator=in_(("keep", "drop")))
    #: most clips that mean and spread are fitted to
    statistics: int = attrs.field(default=5_000, validator=gt(1))

    def epochs(self, lengths: Sequence[int], seed: int) -> Epochs:
        """Goes through clips of these lengths."""
        return Epochs(lengths, seed, by_length=self.by_length, last_batch=self.last_batch)


@attrs.frozen(kw_only=True)
class WholeSampling(EpochSampling):
    """Whole segments, each once an epoch."""

    #: leave out what the set calls a T-pose, an A-pose or a transition
    actions_only: bool = True


class SegmentSampler:
    """Samples of one whole segment each.

    Args:
        data: The set.
        split: One of its splits. One other than "train" is gone through in the set's order.
        encode: Makes features of a segment.
        seed: Of the order.
        fps: The model's frames a second.
        min_frames: Shortest segment.
        max_frames: Longest segment.
        cut: Take the beginning of a longer segment instead of leaving it out.
        sampling: Order, batches, what is left out.

    Raises:
        ConfigError: No segment can be used, or the set has another frame rate.
    """

    def __init__(
        self,
        data: DataSet,
        split: str,
        encode: Encode,
        seed: int,
        *,
        fps: float,
        min_frames: int,
        max_frames: int,
        cut: bool = False,
        sampling: WholeSampling | None = None,
    ) -> None:
        require_fps(data, fps)
        settings = sampling or WholeSampling(actions_only=False)
        self.data, self.encode, self.max_frames = data, encode, max_frames
        longest = None if cut else max_frames
        self.segments = usable_segments(
            data, split, min_frames=min_frames, max_frames=longest, actions_only=settings.actions_only
        )
        lengths = [min(item.num_frames, max_frames) for item in self.segments]
        self.epochs = settings.epochs(lengths, seed) if split == "train" else Epochs(lengths, seed, shuffle=False)

    @property
    def num_samples(self) -> int:
        """Of an epoch."""
        return len(self.segments)

    def texts(self) -> Iterable[tuple[str, ...]]:
        """The texts of every segment."""
        return (item.texts for item in self.segments)

    def draw(self, step: int, batch_size: int, rows: Sequence[int]) -> list[Sample]:
        """Samples of the batch of one step; fewer than asked for at the end of an epoch."""
        items = self.epochs.batch(step, batch_size)
        return [self._sample(step * batch_size + row, items[row]) for row in rows if row < len(items)]

    def _sample(self, index: int, number: int) -> Sample:
        item = self.segments[number]
        motion = self.data.motion(item.recording, item.start, min(item.end, item.start + self.max_frames))
        features = self.encode(motion.rotations, motion.translation)
        return Sample(index=index, actions=(ActionSample(features=features, texts=item.texts),))
