"""Training samples, and where they come from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import attrs
from torch import Tensor


@attrs.frozen(eq=False, kw_only=True)
class ActionSample:
    """One action: features that are not normalised, and the texts that it may be told by."""

    features: Tensor  #: (T, F)
    texts: tuple[str, ...]


@attrs.frozen(eq=False, kw_only=True)
class Sample:
    """One action, or consecutive ones."""

    index: int  #: its number in the run; its noise and its telling are drawn by this and the run's seed
    actions: tuple[ActionSample, ...]


class Sampler(Protocol):
    """Samples by number: what a sample is depends on the run's seed and its number alone.

    So a run that goes on, or one that is spread over several devices, sees the samples of a run that does not.
    """

    @property
    def num_samples(self) -> int | None:
        """Samples of an epoch; None if there is none. Those of any split but "train" have one."""
        ...

    def texts(self) -> Iterable[tuple[str, ...]]:
        """The texts of every action that can be drawn, so that they can be encoded beforehand."""
        ...

    def draw(self, step: int, batch_size: int, rows: Sequence[int]) -> list[Sample]:
        """Samples of the batch of one step.

        Args:
            step: Optimiser step, from 0.
            batch_size: Size of the whole batch, over all devices.
            rows: Which of the batch's samples are wanted; row r has the index `step * batch_size + r`.
        """
        ...
