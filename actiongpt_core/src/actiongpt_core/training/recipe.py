"""What a backbone adds to the trainer: presets, model, samples, losses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import attrs
import torch
from torch import Tensor, nn

from actiongpt_core.interfaces import DataSet
from actiongpt_core.training.config import TrainingConfig
from actiongpt_core.training.samples import ActionSample, Sample, Sampler
from actiongpt_core.types.text import TextFeatures

#: Draws one telling of every action: aggregated text features.
Tell = Callable[[Sequence[ActionSample], Sequence[int]], list[TextFeatures]]
#: Standard normal numbers (B, D), a row for each sample of the batch, by the sample's own number.
Noise = Callable[[Sequence[int], int], Tensor]


@attrs.frozen(kw_only=True)
class Preset:
    """All settings of a training run, in four sections; a config file and `--set section.key=value` change them."""

    model: Any  #: the backbone's settings, an attrs class
    training: TrainingConfig  #: the trainer's
    sampling: Any  #: an attrs class: which samples are drawn
    objective: Any  #: an attrs class: weights and switches of the losses
    about: str = ""  #: one line for lists of presets


@attrs.frozen(eq=False)
class Term:
    """One loss of a step."""

    name: str
    value: Tensor  #: unweighted, a scalar
    weight: float


class Objective(Protocol):
    """The losses of a backbone."""

    def collate(self, samples: Sequence[Sample], tell: Tell) -> Any:
        """A batch of samples, on the CPU; has `indices` (the samples' numbers) and `to(device)`."""
        ...

    def terms(self, batch: Any, noise: Noise, step: int) -> list[Term]:
        """The losses of a batch; their weighted sum is minimised.

        Args:
            batch: From `collate`.
            noise: Source of all noise of the latents. Each call is a further draw.
            step: Optimiser step.
        """
        ...


class TrainingRecipe(Protocol):
    """What a backbone adds to the trainer."""

    @property
    def presets(self) -> Mapping[str, Preset]:
        """By name: "tiny" (seconds, for tests), "default" (of the checkpoint that ships), "action-gpt" (released)."""
        ...

    def build_model(self, config: Any) -> nn.Module:
        """A model with random weights; it is a `MotionModel` with `save(path)` and `text_encoder`."""
        ...

    def sampler(self, preset: Preset, model: nn.Module, data: DataSet, split: str, seed: int) -> Sampler:
        """Samples of a split. For any but the training split an epoch goes once through all clips.

        Raises:
            ConfigError: The set has no clip that the preset can use; the message counts what was left out and why.
        """
        ...

    def objective(self, preset: Preset, model: nn.Module) -> Objective:
        """The losses."""
        ...

    @torch.no_grad()
    def fit_statistics(self, preset: Preset, model: nn.Module, sampler: Sampler, tell: Tell) -> None:
        """Before the first step of a new run: mean and std of the features, and what else is not learned by steps."""
        ...
