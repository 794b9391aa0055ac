"""Single actions as training samples: drawn from the mixture, told by a text, padded to a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import attrs
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from actiongpt_core.data.clip import LabelledClip, face_canonically
from actiongpt_core.data.mixture import TrainingClip, draw_probabilities
from actiongpt_core.nn.generation import pad_texts
from actiongpt_core.nn.masks import pad
from actiongpt_core.training.text_bank import TextBank

#: Rotations (T, J, 3, 3) and translation (T, 3) of a clip that faces the canonical direction -> features (T, F).
Encode = Callable[[Tensor, Tensor], Tensor]

_SHORTEST_BATCH = 60  #: frames; the longest clip of a batch is drawn between this and the model's longest
_SHORTEST_WINDOW = 0.6  #: of the batch's longest


@attrs.frozen(eq=False)
class Segment:
    """One action of a sample: features that are not normalised (T, F), and the texts of its clip."""

    features: Tensor
    texts: tuple[str, ...]


@attrs.frozen(eq=False)
class Actions:
    """One action of every sample."""

    tokens: Tensor  #: aggregated token states, (B, L, C)
    mask: Tensor  #: (B, L)
    features: Tensor  #: not normalised, (B, T, F)
    lengths: Tensor  #: frames, (B,)
    pooled: Tensor | None = None  #: aggregated pooled vectors, (B, C), where the text model has them

    def to(self, device: torch.device) -> Actions:
        """On another device."""
        pooled = None if self.pooled is None else self.pooled.to(device)
        tokens, mask = self.tokens.to(device), self.mask.to(device)
        return Actions(tokens, mask, self.features.to(device), self.lengths.to(device), pooled)


class ActionSampler:
    """Draws windows of clips from the mixture, by its shares.

    Args:
        clips: The mixture.
        encode: Makes features of a clip.
        seed: Of the draws.
    """

    def __init__(self, clips: Sequence[TrainingClip], encode: Encode, seed: int) -> None:
        self.clips = list(clips)
        self.encode = encode
        self.rng = np.random.default_rng(seed)
        self.cumulative = np.cumsum(draw_probabilities(self.clips))

    def draw(self, max_frames: int) -> Segment:
        """One action of at most `max_frames` frames."""
        return self.segment(self.window(self.pick(), max_frames))

    def pick(self) -> TrainingClip:
        """A clip, by its share."""
        return self.clips[int(np.searchsorted(self.cumulative, self.rng.random()))]

    def window(self, item: TrainingClip, max_frames: int) -> LabelledClip:
        """A part of a clip, from one of its starts."""
        start = int(self.rng.choice(item.starts))
        length = int(self.rng.integers(int(_SHORTEST_WINDOW * max_frames), max_frames + 1))
        return item.clip[start : start + length]

    def segment(self, clip: LabelledClip) -> Segment:
        """The features of a clip, turned so that its first frame faces the canonical direction."""
        return Segment(self.encode(*face_canonically(clip.rotations, clip.translation)), clip.texts)


def collate_actions(segments: Sequence[Segment], bank: TextBank) -> Actions:
    """Draw a telling for each action, pad and mask."""
    texts = [bank.draw(segment.texts) for segment in segments]
    tokens, mask = pad_texts(texts)
    pooled = [text.pooled for text in texts if text.pooled is not None]
    return Actions(
        tokens=tokens,
        mask=mask,
        features=pad([segment.features for segment in segments]),
        lengths=torch.tensor([len(segment.features) for segment in segments]),
        pooled=torch.stack(pooled) if len(pooled) == len(texts) else None,
    )


def draw_longest(rng: np.random.Generator, max_frames: int) -> int:
    """How long the clips of a batch may be: those of one batch have similar lengths, so that little is padding."""
    return int(rng.integers(_SHORTEST_BATCH, max_frames + 1))


class ActionBatches(IterableDataset[Actions]):
    """Endless batches of single actions."""

    def __init__(self, sampler: ActionSampler, bank: TextBank, batch_size: int, max_frames: int) -> None:
        self.sampler, self.bank, self.batch_size, self.max_frames = sampler, bank, batch_size, max_frames

    def __iter__(self) -> Iterator[Actions]:
        while True:
            longest = draw_longest(self.sampler.rng, self.max_frames)
            yield collate_actions([self.sampler.draw(longest) for _ in range(self.batch_size)], self.bank)
