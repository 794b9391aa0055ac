"""The learning rate over the steps."""

import pytest

from actiongpt_core.training.config import TrainingConfig
from actiongpt_core.training.optimiser import rate_factor

DECAY = TrainingConfig(max_steps=1000, schedule="warmup-decay", warmup_steps=100, decay_steps=200)


def test_a_constant_rate_is_constant() -> None:
    config = TrainingConfig(max_steps=10)
    assert {rate_factor(config, step) for step in range(12)} == {1.0}


@pytest.mark.parametrize(("step", "factor"), [(0, 0.01), (49, 0.5), (100, 1.0), (800, 1.0), (900, 0.5), (1000, 0.0)])
def test_the_rate_rises_stays_and_falls(step: int, factor: float) -> None:
    assert rate_factor(DECAY, step) == pytest.approx(factor)


def test_a_short_run_has_a_rate_above_zero_until_its_end() -> None:
    config = TrainingConfig(max_steps=20, schedule="warmup-decay", warmup_steps=100, decay_steps=200)
    assert all(0 < rate_factor(config, step) <= 1 for step in range(20))


def test_without_warmup_and_decay_the_rate_is_constant() -> None:
    config = TrainingConfig(max_steps=20, schedule="warmup-decay", warmup_steps=0, decay_steps=0)
    assert {rate_factor(config, step) for step in range(20)} == {1.0}
