"""TEACH's objective: single actions and pairs, the second action seeing the end of the generated first one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import torch
from torch import Tensor

from actiongpt_core.training.batches import Actions, collate_actions
from actiongpt_core.training.recipe import Noise, Tell, Term
from actiongpt_core.training.samples import Sample
from actiongpt_core.training.vae import VaeObjective


@attrs.frozen(eq=False)
class Batch:
    """First actions of all samples; second actions of those that have one, with their rows in the first."""

    first: Actions
    second: Actions | None
    rows: Tensor

    @property
    def indices(self) -> tuple[int, ...]:
        """The samples' numbers."""
        return self.first.indices

    def to(self, device: torch.device) -> Batch:
        """On another device."""
        second = None if self.second is None else self.second.to(device)
        return Batch(self.first.to(device), second, self.rows.to(device))


class TeachObjective(VaeObjective):
    """The losses of a batch of single actions and pairs.

    Noise is drawn for text 1, text 2, motion 1, motion 2, as in the original.
    """

    def collate(self, samples: Sequence[Sample], tell: Tell) -> Batch:
        """First and second actions, each side by side."""
        flat = [(sample.index, action) for sample in samples for action in sample.actions]
        told = iter(tell([action for _, action in flat], [index for index, _ in flat]))
        texts = [[next(told) for _ in sample.actions] for sample in samples]

        def side_by_side(place: int, rows: Sequence[int]) -> Actions:
            chosen = [samples[row] for row in rows]
            actions = [sample.actions[place] for sample in chosen]
            return collate_actions(actions, [texts[row][place] for row in rows], [sample.index for sample in chosen])

        rows = [row for row, sample in enumerate(samples) if len(sample.actions) > 1]
        second = side_by_side(1, rows) if rows else None
        return Batch(side_by_side(0, range(len(samples))), second, torch.tensor(rows, dtype=torch.long))

    def terms(self, batch: Any, noise: Noise, step: int) -> list[Term]:
        """All terms; the names end in 0 for first actions and in 1 for second ones."""
        if step < self.losses.basis_steps:
            return super().terms(batch.first, noise, step)
        model, first, second = self.model, batch.first, batch.second
        text = model.encode_text(first.tokens, first.mask)
        parts = [(first, text, self.draw_and_decode(text, first, noise))]
        if second is not None:
            history = self._history(parts[0][2][0][batch.rows], first.lengths[batch.rows])
            text = model.encode_text(second.tokens, second.mask, history)
            parts.append((second, text, self.draw_and_decode(text, second, noise)))
        return [
            attrs.evolve(term, name=f"{term.name}_{place}")
            for place, part in enumerate(parts)
            for term in self.action_terms(*part, noise)
        ]

    def _history(self, features: Tensor, lengths: Tensor) -> Tensor:
        """The last valid frames that the model itself made, gradient included."""
        frames = self.model.config.hist_frames
        places = (lengths[:, None] - frames + torch.arange(frames, device=lengths.device)).clamp(min=0)
        last = features.gather(1, places[..., None].expand(-1, -1, features.shape[-1]))
        history: Tensor = self.model.prepare_history(last)
        return history
