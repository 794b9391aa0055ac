"""The training step, as Lightning runs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from actiongpt_core.training.backend import lightning
from actiongpt_core.training.config import TrainingConfig
from actiongpt_core.training.epochs import noise_numbers
from actiongpt_core.training.optimiser import configure_optimiser
from actiongpt_core.training.recipe import Objective, Term

#: What an objective is told for a model that was trained before: it is past every phase that a new one begins with.
_BEYOND_ALL_PHASES = 2**31


class StepNoise:
    """Standard normal numbers of one step; a sample's do not depend on the batch or the device that it is on.

    Args:
        seed: Of the run.
        device: Where they are wanted.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self._seed, self._device, self._call = seed, device, 0

    def __call__(self, indices: Sequence[int], dim: int) -> Tensor:
        """A row for each sample, (B, D); each call is a further draw."""
        rows = [noise_numbers(self._seed, index, self._call).standard_normal(dim, np.float32) for index in indices]
        self._call += 1
        return torch.from_numpy(np.stack(rows)).to(self._device)


class TrainingModule(lightning.LightningModule):
    """A model and its objective.

    Args:
        model: What is trained.
        objective: Its losses.
        config: Optimiser, schedule, seed.
        is_new: Whether the model begins with random weights.
    """

    def __init__(self, model: nn.Module, objective: Objective, config: TrainingConfig, *, is_new: bool) -> None:
        super().__init__()
        self.model, self.objective, self.config, self._is_new = model, objective, config, is_new
        self._validated: list[tuple[int, float]] = []
        self.last_losses: dict[str, float] = {}  #: of the last step that was logged, and "val_loss"

    def configure_optimizers(self) -> Any:
        """AdamW and the schedule."""
        return configure_optimiser(self.config, self.model.parameters())

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """The weighted sum of the terms."""
        step = self.global_step
        # Dropout's numbers too belong to the step, so that a run that goes on repeats nothing and skips nothing.
        torch.manual_seed(((self.config.seed * 1_000_003 + step) * 4_099 + self.global_rank) % 2**63)
        terms = self._terms(batch, step if self._is_new else _BEYOND_ALL_PHASES)
        loss = _weighted_sum(terms)
        if (step + 1) % min(self.config.log_every, self.config.max_steps) == 0:
            self._log_step(terms, loss)
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """The loss of all phases of the objective, so that losses of early and late steps can be compared."""
        terms = self._terms(batch, _BEYOND_ALL_PHASES)
        self._validated.append((len(batch.indices), float(_weighted_sum(terms))))

    def on_validation_epoch_end(self) -> None:
        """The mean over all samples."""
        samples = sum(count for count, _ in self._validated)
        loss = sum(count * value for count, value in self._validated) / samples
        self._validated.clear()
        self.log("val_loss", loss, rank_zero_only=True)
        self.last_losses["val_loss"] = loss

    def _terms(self, batch: Any, step: int) -> list[Term]:
        return self.objective.terms(batch, StepNoise(self.config.seed, self.device), step)

    def _log_step(self, terms: Sequence[Term], loss: Tensor) -> None:
        values = {term.name: term.value.detach() for term in terms} | {"loss": loss.detach()}
        # Terms may be there in one process and not in another, so they are those of the first.
        self.log_dict({name: value for name, value in values.items() if name != "loss"}, rank_zero_only=True)
        self.log("loss", values["loss"], sync_dist=True)
        self.last_losses |= {name: float(value) for name, value in values.items()}


def _weighted_sum(terms: Sequence[Term]) -> Tensor:
    """What is minimised. A term that does not count is not made part of the graph."""
    counted = [term.weight * term.value for term in terms if term.weight]
    total: Tensor = torch.stack(counted).sum()
    return total
