"""One step of AdamW, to be compared with a stored one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

LOSS = 1e-4  # relative
GRADIENT = 1e-3  # relative, of norms and entries
STEP_NORM = 1e-2  # relative
AFTER_STEP = 2e-6  # of a parameter
#: Of a tensor's largest gradient: what is smaller is rounding, or near to it.
ROUNDING = 1e-4
_WEIGHT_DECAY = 0.01  # AdamW's default


class OptimiserStep:
    """The gradients of a loss and what AdamW does with them, by the published names of the parameters.

    AdamW's first step moves an entry by the learning rate whatever the size of its gradient, in the direction of its
    sign. So entries whose gradient should be 0 (a key's bias; queries and keys that meet one key alone) are moved by
    rounding errors: which way, nobody can know.

    Args:
        model: Its parameters are trained.
        loss: Of one batch.
        published_name: Our name of a parameter -> theirs.
        learning_rate: Of AdamW; its other settings are the defaults.
    """

    def __init__(
        self, model: nn.Module, loss: Tensor, published_name: Callable[[str], str], learning_rate: float
    ) -> None:
        self.learning_rate = learning_rate
        self.parameters = {published_name(name): value for name, value in model.named_parameters()}
        self.before = {name: value.detach().clone() for name, value in self.parameters.items()}
        optimiser = torch.optim.AdamW(self.parameters.values(), lr=learning_rate)
        loss.backward()
        optimiser.step()

    def compare_gradient_norms(self, stored: Mapping[str, float | None]) -> None:
        """Of every parameter that is trained; those without one take no part in the original's loss, nor in ours."""
        found = {name: value.grad.norm().item() for name, value in self.parameters.items() if value.grad is not None}
        expected = {name: norm for name, norm in stored.items() if norm is not None}
        assert found == pytest.approx(expected, rel=GRADIENT)

    def compare_change_norms(self, stored: Mapping[str, float]) -> None:
        """How far each parameter is moved; the entries that rounding moves may have gone anywhere."""
        ours = {name: norm for name, norm in stored.items() if name in self.parameters}
        assert not any(norm for name, norm in stored.items() if name not in ours)
        assert ours.keys() == self.parameters.keys()
        for name, expected in ours.items():
            unknown, before = self._is_rounding(name), self.before[name]
            least = (self.parameters[name].detach() - before)[~unknown].norm().item()
            one = self.learning_rate * (1 + _WEIGHT_DECAY * before.abs().max().item())
            most = (least**2 + int(unknown.sum()) * one**2) ** 0.5
            assert least * (1 - STEP_NORM) <= expected <= most * (1 + STEP_NORM), name

    def compare_parameter(self, golden: Any, file: str, name: str, gradient_key: str, after_key: str) -> None:
        """Each entry's gradient, and its value after the step."""
        gradient = self._gradient(name)
        golden.compare(file, gradient_key, gradient, ROUNDING * gradient.abs().max().item(), GRADIENT)
        anywhere = 2.1 * self.learning_rate
        allowed = torch.where(self._is_rounding(name), anywhere, AFTER_STEP)
        golden.compare(file, after_key, self.parameters[name], allowed)

    def _gradient(self, name: str) -> Tensor:
        gradient = self.parameters[name].grad
        assert gradient is not None, f"{name} has no gradient"
        return gradient

    def _is_rounding(self, name: str) -> Tensor:
        size = self._gradient(name).abs()
        return size <= ROUNDING * size.max()
