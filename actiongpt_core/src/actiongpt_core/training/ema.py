"""The exponential moving average of the weights."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from actiongpt_core.training.backend import lightning


class Ema(lightning.pytorch.callbacks.Callback):
    """Averages the weights after every step: average = decay x average + (1 - decay) x weights.

    In the first steps the decay is at most (1 + step) / (10 + step), so that random weights are soon forgotten.

    Args:
        decay: Between 0 and 1; None for no average.
    """

    def __init__(self, decay: float | None) -> None:
        self.decay = decay
        self.average: dict[str, Tensor] = {}

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        """Take the step's weights into the average."""
        if self.decay is None:
            return
        step = trainer.global_step
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, weight in _weights(pl_module.model).items():
            if name in self.average:
                self.average[name] = self.average[name].to(weight.device).lerp(weight.detach(), 1 - decay)
            else:
                self.average[name] = weight.detach().clone()

    def state_dict(self) -> dict[str, Any]:
        """What a run that goes on needs."""
        return dict(self.average)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with an average."""
        self.average = dict(state_dict)

    @contextlib.contextmanager
    def applied(self, model: nn.Module) -> Iterator[None]:
        """The model with the averaged weights; afterwards with its own again."""
        if not self.average:
            yield
            return
        weights = _weights(model)
        own = {name: weight.detach().clone() for name, weight in weights.items()}
        _copy(self.average, weights)
        try:
            yield
        finally:
            _copy(own, weights)


def _weights(model: nn.Module) -> dict[str, nn.Parameter]:
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


@torch.no_grad()
def _copy(values: dict[str, Tensor], weights: dict[str, nn.Parameter]) -> None:
    for name, weight in weights.items():
        weight.copy_(values[name])
