"""Which item each sample of a run is, and the random numbers that belong to a sample."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

#: What happens to the items that are left when an epoch has been cut into batches: a short batch, or none.
LastBatch = Literal["keep", "drop"]

_SAMPLE, _BATCH, _EPOCH, _TELLING, _NOISE = range(5)  # streams of numbers that have nothing to do with each other
_BUCKET = 50  # batches; items are sorted by length within so many


def sample_numbers(seed: int, index: int) -> np.random.Generator:
    """The random numbers of one sample of a run: the same on every device and after every pause."""
    return np.random.default_rng((seed, _SAMPLE, index))


def batch_numbers(seed: int, step: int) -> np.random.Generator:
    """The random numbers that the samples of one step share."""
    return np.random.default_rng((seed, _BATCH, step))


def telling_numbers(seed: int, index: int, place: int) -> np.random.Generator:
    """The random numbers by which one action of a sample is told.

    Args:
        seed: Of the run.
        index: The sample's number.
        place: The action's place among those of the sample.
    """
    return np.random.default_rng((seed, _TELLING, index, place))


def noise_numbers(seed: int, index: int, call: int) -> np.random.Generator:
    """The random numbers of the latents of one sample.

    Args:
        seed: Of the run.
        index: The sample's number.
        call: How many draws of the same step came before.
    """
    return np.random.default_rng((seed, _NOISE, index, call))


class Epochs:
    """Goes through all items, epoch by epoch.

    Args:
        lengths: Of the items, in frames.
        seed: Of the order.
        shuffle: Each epoch in another order; without it in the order of the items.
        by_length: Batches of similar lengths, so that little is padding; which ones come together is drawn.
        last_batch: "drop" leaves out, in each epoch, what does not fill a batch, unless that is all there is.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        seed: int,
        *,
        shuffle: bool = True,
        by_length: bool = False,
        last_batch: LastBatch = "keep",
    ) -> None:
        self._lengths, self._seed = np.asarray(lengths), seed
        self._shuffle, self._by_length, self._last_batch = shuffle, by_length, last_batch
        self._batches = functools.lru_cache(maxsize=2)(self._cut)

    def __len__(self) -> int:
        return len(self._lengths)

    def steps(self, batch_size: int) -> int:
        """Batches of an epoch."""
        whole, rest = divmod(len(self), batch_size)
        return whole + (rest > 0 and (self._last_batch == "keep" or not whole))

    def batch(self, step: int, batch_size: int) -> list[int]:
        """The items of the batch of a step, counted from 0 over all epochs; fewer at the end of one."""
        epoch, number = divmod(step, self.steps(batch_size))
        return self._batches(epoch, batch_size)[number].tolist()

    def _cut(self, epoch: int, batch_size: int) -> list[NDArray[np.int64]]:
        numbers = np.random.default_rng((self._seed, _EPOCH, epoch))
        order = numbers.permutation(len(self)) if self._shuffle else np.arange(len(self))
        if not self._by_length:
            return [order[start : start + batch_size] for start in range(0, len(self), batch_size)]
        size = _BUCKET * batch_size
        buckets = [order[start : start + size] for start in range(0, len(self), size)]
        order = np.concatenate([bucket[np.argsort(self._lengths[bucket], kind="stable")] for bucket in buckets])
        whole = len(self) // batch_size
        batches = [order[start : start + batch_size] for start in range(0, len(self), batch_size)]
        return [batches[number] for number in numbers.permutation(whole)] + batches[whole:]
