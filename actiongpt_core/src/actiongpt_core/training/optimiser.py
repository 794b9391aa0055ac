"""The optimiser of the small checkpoints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
import torch
from torch import nn


@attrs.frozen(kw_only=True)
class OptimiserSettings:
    """AdamW with warm-up, a plateau and linear decay to zero.

    The published models used a constant rate without clipping. A run on the plateau can be prolonged: resuming with
    another `total_steps` moves the decay.
    """

    learning_rate: float = 8e-4
    warmup_steps: int = 200
    total_steps: int = 20_000
    decay_steps: int = 2_000
    weight_decay: float = 0.01
    clip: float = 1.0

    def factor(self, step: int) -> float:
        """What the learning rate is multiplied by at a step."""
        if step < self.warmup_steps:
            return (step + 1) / self.warmup_steps
        return min(max((self.total_steps - step) / self.decay_steps, 0.0), 1.0)

    def configure(self, parameters: Iterable[nn.Parameter]) -> dict[str, Any]:
        """Optimiser and schedule of the parameters that are trained, as Lightning takes them."""
        trained = [parameter for parameter in parameters if parameter.requires_grad]
        adamw = torch.optim.AdamW(trained, lr=self.learning_rate, weight_decay=self.weight_decay)
        schedule = torch.optim.lr_scheduler.LambdaLR(adamw, self.factor)
        return {"optimizer": adamw, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
