"""Training TEACH: batches of single actions and pairs, the second action seeing the end of the generated first one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from actiongpt_core.training.batches import Actions, collate_actions, draw_longest
from actiongpt_core.training.text_bank import TextBank
from actiongpt_core.training.vae import Term, VaeTraining
from actiongpt_teach.pairs import PairSampler, Sample


@attrs.frozen(eq=False)
class Batch:
    """First actions of all samples; second actions of those that have one, with their rows in the first."""

    first: Actions
    second: Actions | None
    rows: Tensor

    def to(self, device: torch.device) -> Batch:
        """On another device."""
        second = None if self.second is None else self.second.to(device)
        return Batch(self.first.to(device), second, self.rows.to(device))


class PairBatches(IterableDataset[Batch]):
    """Endless batches; the samples of one batch have similar lengths, so that little is padding."""

    def __init__(self, sampler: PairSampler, bank: TextBank, batch_size: int, max_frames: int) -> None:
        self.sampler, self.bank, self.batch_size, self.max_frames = sampler, bank, batch_size, max_frames

    def __iter__(self) -> Iterator[Batch]:
        while True:
            longest = draw_longest(self.sampler.rng, self.max_frames)
            yield self.collate([self.sampler.draw_sample(longest) for _ in range(self.batch_size)])

    def collate(self, samples: list[Sample]) -> Batch:
        """Pad and mask."""
        rows = [index for index, sample in enumerate(samples) if sample.second is not None]
        seconds = [sample.second for sample in samples if sample.second is not None]
        first = collate_actions([sample.first for sample in samples], self.bank)
        second = collate_actions(seconds, self.bank) if seconds else None
        return Batch(first, second, torch.tensor(rows, dtype=torch.long))


class TeachTraining(VaeTraining):
    """TEACH's training step.

    Order of the random draws: text of action 1, text of action 2, motion 1, motion 2, as in the original.
    """

    def first_actions(self, batch: Any) -> Actions:
        """The actions that have nothing before them."""
        actions: Actions = batch.first
        return actions

    def terms(self, batch: Any) -> list[Term]:
        """All terms; the names end in 0 for first actions and in 1 for second ones."""
        model = self.model
        text_first = model.encode_text(batch.first.tokens, batch.first.mask)
        told_first = self.draw_and_decode(text_first, batch.first.lengths)
        parts = [(batch.first, text_first, told_first)]
        if batch.second is not None:
            history = self._history(told_first[0][batch.rows], batch.first.lengths[batch.rows])
            text_second = model.encode_text(batch.second.tokens, batch.second.mask, history)
            parts.append((batch.second, text_second, self.draw_and_decode(text_second, batch.second.lengths)))
        return [
            (group, f"{name}_{index}", value)
            for index, part in enumerate(parts)
            for group, name, value in self.action_terms(*part)
        ]

    def _history(self, features: Tensor, lengths: Tensor) -> Tensor:
        """The last valid frames that the model itself made, gradient included."""
        frames = self.model.config.hist_frames
        places = (lengths[:, None] - frames + torch.arange(frames, device=lengths.device)).clamp(min=0)
        last = features.gather(1, places[..., None].expand(-1, -1, features.shape[-1]))
        history: Tensor = self.model.prepare_history(last)
        return history
