"""Windows of the training mixture as samples."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

import attrs
import numpy as np
from attrs.validators import ge, gt, le

from actiongpt_core.data.clip import LabelledClip
from actiongpt_core.data.mixture import SHARES, TrainingClip, draw_probabilities, training_clips
from actiongpt_core.data.selection import require_fps
from actiongpt_core.interfaces import DataSet
from actiongpt_core.training.epochs import batch_numbers, sample_numbers
from actiongpt_core.training.samples import ActionSample, Sample, Sampler
from actiongpt_core.training.segments import Encode, SegmentSampler, WholeSampling

_LOG = logging.getLogger(__name__)
_SHORTEST_WINDOW = 0.6  # of the batch's longest


@attrs.frozen(kw_only=True)
class MixtureSampling:
    """Windows of real and parametric clips, see `actiongpt_core.data.mixture`; endless."""

    #: performances of each parametric action; 0 for real clips alone
    variants: int = attrs.field(default=40, validator=ge(0))
    #: share of parametric clips among the samples
    procedural_share: float = attrs.field(default=SHARES["procedural"], validator=[ge(0.0), le(1.0)])
    #: windows that mean, spread and basis are fitted to
    statistics: int = attrs.field(default=2_500, validator=gt(1))

    def clips(self, data: DataSet, *, fps: float, min_frames: int, max_frames: int, seed: int) -> list[TrainingClip]:
        """The mixture of a set.

        Raises:
            ConfigError: No segment can be used, or the set has another frame rate.
        """
        require_fps(data, fps)
        return training_clips(
            data,
            min_frames=min_frames,
            max_frames=max_frames,
            variants=self.variants if self.procedural_share else 0,
            seed=seed,
            progress=_LOG.info,
        )


class WindowSampler:
    """Draws windows of clips from the mixture, by its shares.

    The longest window of a batch is drawn by the step, all else by the sample's number.

    Args:
        clips: The mixture.
        encode: Makes features of a window.
        seed: Of the draws.
        max_frames: Longest window.
        procedural_share: Share of parametric clips.
    """

    num_samples: int | None = None  #: there is no epoch

    def __init__(
        self,
        clips: Sequence[TrainingClip],
        encode: Encode,
        seed: int,
        *,
        max_frames: int,
        procedural_share: float = SHARES["procedural"],
    ) -> None:
        self.clips = list(clips)
        self.encode, self.seed, self.max_frames = encode, seed, max_frames
        self._cumulative = np.cumsum(draw_probabilities(self.clips, procedural_share))

    def texts(self) -> Iterable[tuple[str, ...]]:
        """The texts of every clip."""
        return (item.clip.texts for item in self.clips)

    def draw(self, step: int, batch_size: int, rows: Sequence[int]) -> list[Sample]:
        """Samples of the batch of one step, of similar lengths, so that little is padding."""
        longest = int(batch_numbers(self.seed, step).integers(self.max_frames // 3, self.max_frames + 1))
        indices = [step * batch_size + row for row in rows]
        return [Sample(index=index, actions=self.actions(index, longest)) for index in indices]

    def actions(self, index: int, longest: int) -> tuple[ActionSample, ...]:
        """The actions of a sample, each of at most `longest` frames."""
        return (self.single(index, longest),)

    def single(self, index: int, longest: int) -> ActionSample:
        """One action of at most `longest` frames, by the sample's number."""
        numbers = sample_numbers(self.seed, index)
        return self.action(self.window(numbers, self.pick(numbers), longest))

    def pick(self, numbers: np.random.Generator) -> TrainingClip:
        """A clip, by its share."""
        place = int(np.searchsorted(self._cumulative, numbers.random(), side="right"))
        return self.clips[min(place, len(self.clips) - 1)]  # the last sum may be a rounding error below 1

    def window(self, numbers: np.random.Generator, item: TrainingClip, longest: int) -> LabelledClip:
        """A part of a clip, from one of its starts."""
        start = int(numbers.choice(item.starts))
        length = int(numbers.integers(int(_SHORTEST_WINDOW * longest), longest + 1))
        return item.clip[start : start + length]

    def action(self, clip: LabelledClip) -> ActionSample:
        """The features of a clip, and its texts."""
        return ActionSample(features=self.encode(clip.rotations, clip.translation), texts=clip.texts)


def single_actions(
    sampling: MixtureSampling | WholeSampling,
    encode: Encode,
    data: DataSet,
    split: str,
    seed: int,
    *,
    fps: float,
    min_frames: int,
    max_frames: int,
) -> Sampler:
    """Samples of one action each: of the training split as the settings say, of any other whole segments in order.

    Args:
        sampling: Windows of the mixture, or whole segments.
        encode: Makes features of a clip.
        data: The set.
        split: One of its splits.
        seed: Of the draws.
        fps: The model's frames a second.
        min_frames: Shortest segment.
        max_frames: Longest window or segment. Longer segments are left out; with the mixture they are cut.

    Raises:
        ConfigError: The set has no clip that can be used, or another frame rate.
    """
    if isinstance(sampling, MixtureSampling) and split == "train":
        clips = sampling.clips(data, fps=fps, min_frames=min_frames, max_frames=max_frames, seed=seed)
        return WindowSampler(clips, encode, seed, max_frames=max_frames, procedural_share=sampling.procedural_share)
    whole = None if isinstance(sampling, MixtureSampling) else sampling
    limits: dict[str, Any] = {"fps": fps, "min_frames": min_frames, "max_frames": max_frames}
    return SegmentSampler(data, split, encode, seed, **limits, cut=whole is None, sampling=whole)
