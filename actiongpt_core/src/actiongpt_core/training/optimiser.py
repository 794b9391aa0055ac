"""The optimiser and its schedule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from actiongpt_core.training.config import TrainingConfig


def configure_optimiser(config: TrainingConfig, parameters: Iterable[nn.Parameter]) -> dict[str, Any]:
    """AdamW and its schedule for the parameters that are trained, as Lightning takes them.

    A run on its plateau can be prolonged: going on with more steps moves the decay.
    """
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    adamw = torch.optim.AdamW(trained, lr=config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(adamw, lambda step: rate_factor(config, step))
    return {"optimizer": adamw, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def rate_factor(config: TrainingConfig, step: int) -> float:
    """What the learning rate is multiplied by at a step."""
    if config.schedule == "constant":
        return 1.0
    warm = (step + 1) / config.warmup_steps if step < config.warmup_steps else 1.0
    left = (config.max_steps - step) / config.decay_steps if config.decay_steps else 1.0
    return min(warm, max(left, 0.0), 1.0)
