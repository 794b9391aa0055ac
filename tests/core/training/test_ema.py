"""The average of the weights."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from actiongpt_core.training.ema import Ema


def _after(ema: Ema, model: nn.Module, values: list[float]) -> None:
    module: Any = SimpleNamespace(model=model)
    for step, value in enumerate(values, 1):
        with torch.no_grad():
            model.weight.fill_(value)  # type: ignore[union-attr, operator]
        ema.on_train_batch_end(SimpleNamespace(global_step=step), module)


def test_the_average_follows_its_definition() -> None:
    ema, model = Ema(0.5), nn.Linear(1, 1, bias=False)
    _after(ema, model, [1.0] * 20 + [3.0, 3.0])
    with ema.applied(model):
        assert model.weight.item() == pytest.approx(2.5)


def test_the_first_weights_are_forgotten_soon() -> None:
    ema, model = Ema(0.9999), nn.Linear(1, 1, bias=False)
    _after(ema, model, [100.0] + [1.0] * 100)
    with ema.applied(model):
        assert model.weight.item() == pytest.approx(1.0, abs=0.1)


def test_the_models_own_weights_come_back() -> None:
    ema, model = Ema(0.5), nn.Linear(1, 1, bias=False)
    _after(ema, model, [1.0, 3.0])
    with pytest.raises(ZeroDivisionError), ema.applied(model):
        raise ZeroDivisionError
    assert model.weight.item() == 3.0


def test_without_a_decay_there_is_no_average() -> None:
    ema, model = Ema(None), nn.Linear(1, 1, bias=False)
    _after(ema, model, [1.0, 3.0])
    with ema.applied(model):
        assert model.weight.item() == 3.0


def test_a_run_that_goes_on_keeps_the_average() -> None:
    ema, model = Ema(0.5), nn.Linear(1, 1, bias=False)
    _after(ema, model, [1.0, 3.0])
    again = Ema(0.5)
    again.load_state_dict(ema.state_dict())
    with again.applied(model):
        assert model.weight.item() != 3.0
