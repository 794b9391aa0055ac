"""Two consecutive actions and their transition, as training samples.

Of a set that knows pairs they are taken whole, transition included, as in the original. For the small checkpoint pairs
are composed: the second clip is turned and moved to where the first one ends, and as many frames are interpolated
between them as in generation. Only clips whose pelvis heights fit are joined (nobody walks off a chair). Where a clip
goes on in its recording (the timed exercise sequences, windows of long recordings) a share of its pairs are the two
clips as they were recorded.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any

import attrs
import numpy as np
import torch
from attrs.validators import ge, le
from torch import Tensor

from actiongpt_core.data.clip import Clip, LabelledClip
from actiongpt_core.data.mixture import TrainingClip
from actiongpt_core.data.selection import require_fps, usable_pairs
from actiongpt_core.geometry.clips import align_full, bridge, facing
from actiongpt_core.interfaces import DataSet
from actiongpt_core.training.epochs import Epochs, sample_numbers
from actiongpt_core.training.samples import ActionSample, Sample
from actiongpt_core.training.segments import EpochSampling
from actiongpt_core.training.vae import encode_clip
from actiongpt_core.training.windows import MixtureSampling, WindowSampler

_MAX_HEIGHT_GAP = 0.12  # metres between the pelvis at the end of one action and at the start of the next


@attrs.frozen(kw_only=True)
class PairMixture(MixtureSampling):
    """Windows of real and parametric clips, some of them in pairs."""

    #: share of the samples that are pairs
    pair_share: float = attrs.field(default=0.35, validator=[ge(0.0), le(1.0)])
    #: share of recorded pairs among those of clips that go on in their recording
    consecutive_share: float = attrs.field(default=0.6, validator=[ge(0.0), le(1.0)])


def encode_pair(model: Any, rotations: Tensor, translation: Tensor, cut: int, gap: int = 0) -> tuple[Tensor, Tensor]:
    """The features of two consecutive actions.

    With the original's canonical turn both are turned by the first frame, and the second one's first velocity is real.
    With `heading="facing"` the first is turned by its own first frame, the second by the last frame of the first: the
    frames that generation will know.

    Args:
        model: The model.
        rotations: Of both actions, (T, J, 3, 3).
        translation: Of the pelvis, (T, 3).
        cut: Frames of the first action.
        gap: Frames after it that belong to neither.

    Returns:
        (cut, F) and (T - cut - gap, F), not normalised.
    """
    if model.features.canonicalise:
        features = encode_clip(model, rotations, translation)
        return features[:cut], features[cut + gap :]
    first = encode_clip(model, rotations[:cut], translation[:cut])
    return first, encode_clip(model, rotations, translation, frame=cut - 1)[cut + gap :]


class PairSampler:
    """The whole pairs of a data set.

    Args:
        model: The model.
        data: The set.
        split: One of its splits. One other than "train" is gone through in the set's order.
        seed: Of the order.
        sampling: Order and batches.

    Raises:
        ConfigError: No pair can be used, or the set has another frame rate.
    """

    def __init__(self, model: Any, data: DataSet, split: str, seed: int, sampling: EpochSampling) -> None:
        require_fps(data, model.config.fps)
        self.model, self.data = model, data
        limits = {"min_frames": model.config.min_frames, "max_frames": model.config.max_frames}
        self.pairs = usable_pairs(data, split, **limits)
        lengths = [sum(pair.durations) for pair in self.pairs]
        self.epochs = sampling.epochs(lengths, seed) if split == "train" else Epochs(lengths, seed, shuffle=False)

    @property
    def num_samples(self) -> int:
        """Of an epoch."""
        return len(self.pairs)

    def texts(self) -> Iterable[tuple[str, ...]]:
        """The texts of every action."""
        return (texts for pair in self.pairs for texts in pair.texts)

    def draw(self, step: int, batch_size: int, rows: Sequence[int]) -> list[Sample]:
        """Samples of the batch of one step; fewer than asked for at the end of an epoch."""
        items = self.epochs.batch(step, batch_size)
        return [self._sample(step * batch_size + row, items[row]) for row in rows if row < len(items)]

    def _sample(self, index: int, number: int) -> Sample:
        pair = self.pairs[number]
        motion = self.data.motion(pair.recording, pair.start, pair.end)
        both = encode_pair(self.model, motion.rotations, motion.translation, pair.durations[0])
        actions = (ActionSample(features=x, texts=texts) for x, texts in zip(both, pair.texts, strict=True))
        return Sample(index=index, actions=tuple(actions))


class PairWindows(WindowSampler):
    """Windows of the mixture, alone and in pairs; the second action's features start after the gap of generation.

    Args:
        model: The model.
        clips: The mixture.
        seed: Of the draws.
        sampling: Shares of the pairs.
    """

    def __init__(self, model: Any, clips: Sequence[TrainingClip], seed: int, sampling: PairMixture) -> None:
        longest, share = model.config.max_frames, sampling.procedural_share
        encode = functools.partial(encode_clip, model)
        super().__init__(clips, encode, seed, max_frames=longest, procedural_share=share)
        self.model, self.sampling, self.gap = model, sampling, model.config.transition_frames

    def actions(self, index: int, longest: int) -> tuple[ActionSample, ...]:
        """One action or two, each of at most `longest` frames."""
        numbers = sample_numbers(self.seed, index)
        item = self.pick(numbers)
        if numbers.random() >= self.sampling.pair_share:
            return (self.action(self.window(numbers, item, longest)),)
        if item.pair is not None and numbers.random() < self.sampling.consecutive_share:
            return self._consecutive(*item.pair, longest)
        return self._composed(numbers, self.window(numbers, item, longest), longest)

    def _consecutive(self, clip: Clip, following: Clip, longest: int) -> tuple[ActionSample, ...]:
        """The end of one clip and the start of the next, as they were recorded."""
        head, tail = clip[-longest:], following[: longest + self.gap]
        if tail.num_frames <= self.gap:
            return (self.action(head),)
        rotations = torch.cat([head.rotations, tail.rotations])
        translation = torch.cat([head.translation, tail.translation])
        return self._pair(rotations, translation, head.num_frames, (clip.texts, following.texts))

    def _composed(self, numbers: np.random.Generator, clip: LabelledClip, longest: int) -> tuple[ActionSample, ...]:
        height = clip.translation[-1, 2]
        for _ in range(20):
            after = self.window(numbers, self.pick(numbers), longest)
            if abs(after.translation[0, 2] - height) < _MAX_HEIGHT_GAP:
                break
        else:
            return (self.action(clip),)
        rotations, translation = align_full(
            after.rotations, after.translation, clip.rotations[-1, 0], clip.translation[-1], heading=facing
        )
        between = bridge((clip.rotations[-1], rotations[0]), (clip.translation[-1], translation[0]), self.gap)
        joined_rotations = torch.cat([clip.rotations, between[0], rotations])
        joined_translation = torch.cat([clip.translation, between[1], translation])
        end = clip.num_frames + longest + self.gap
        return self._pair(joined_rotations[:end], joined_translation[:end], clip.num_frames, (clip.texts, after.texts))

    def _pair(
        self, rotations: Tensor, translation: Tensor, cut: int, texts: tuple[tuple[str, ...], tuple[str, ...]]
    ) -> tuple[ActionSample, ...]:
        both = encode_pair(self.model, rotations, translation, cut, self.gap)
        return tuple(ActionSample(features=x, texts=told) for x, told in zip(both, texts, strict=True))
