"""Batches of a run, by step: what the workers of Lightning's loader make."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import attrs
from torch.utils.data import DataLoader, IterableDataset

from actiongpt_core.errors import ConfigError
from actiongpt_core.training.recipe import Objective, Tell
from actiongpt_core.training.samples import Sampler


@attrs.frozen(eq=False, kw_only=True)
class Batches:
    """What the batches of a run are made of."""

    sampler: Sampler
    objective: Objective
    tell: Tell
    batch_size: int  #: over all devices

    def batch(self, step: int, rank: int, devices: int) -> Any:
        """The part of a step's batch that belongs to one of the devices.

        Raises:
            ConfigError: The step has fewer samples than there are devices.
        """
        samples = self.sampler.draw(step, self.batch_size, range(rank, self.batch_size, devices))
        if not samples:
            raise ConfigError(
                f"The batch of step {step} has too few samples for {devices} devices. Set sampling.last_batch=drop, "
                "or use fewer devices."
            )
        return self.objective.collate(samples, self.tell)


def training_loader(batches: Batches, steps: range, rank: int, devices: int, workers: int) -> DataLoader[Any]:
    """The batches of these steps, in their order, by one worker at most, so that none is made twice."""
    return DataLoader(_Steps(batches, steps, rank, devices), batch_size=None, num_workers=min(workers, 1))


def validation_loader(batches: Batches, num_samples: int) -> DataLoader[Any]:
    """All samples of a split once; every device goes through all of them."""
    steps = range(-(-num_samples // batches.batch_size))
    return DataLoader(_Steps(batches, steps, 0, 1), batch_size=None)


class _Steps(IterableDataset[Any]):
    def __init__(self, batches: Batches, steps: range, rank: int, devices: int) -> None:
        self._batches, self._steps, self._rank, self._devices = batches, steps, rank, devices

    def __iter__(self) -> Iterator[Any]:
        return map(self._batches.batch, self._steps, itertools.repeat(self._rank), itertools.repeat(self._devices))
