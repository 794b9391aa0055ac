"""Batches without padding: the real tokens of all samples, one below the other."""

from __future__ import annotations

from itertools import groupby

import attrs
import torch
from torch import Tensor


@attrs.frozen(eq=False)
class Rows:
    """Which tokens of a padded batch are computed, and what each may attend to.

    On a CPU padding is left out. On other devices, and with an additive mask, every token is a row: there a few large
    calls cost less than many small ones, and a mask keeps padding from being attended to.
    """

    shape: tuple[int, int]  #: of the padded batch, B and T
    groups: tuple[tuple[int, int], ...]  #: consecutive samples of one length: how many, and their tokens
    index: Tensor | None = None  #: places of the rows in the flattened batch, (N,); None: all
    bias: Tensor | None = None  #: added to the attention logits of each key, (B, T), where all tokens are rows

    @classmethod
    def of(cls, x: Tensor, padding: Tensor | None) -> Rows:
        """The rows of a batch.

        Args:
            x: Tokens (B, T, D).
            padding: (B, T), True for padding, or a number that is added to the logits; None where all is real.
        """
        shape = (x.shape[0], x.shape[1])
        if padding is None:
            return cls(shape, (shape,))
        if padding.is_floating_point():
            return cls(shape, (shape,), bias=padding)
        if x.device.type != "cpu":
            return cls(shape, (shape,), bias=torch.zeros_like(padding, dtype=x.dtype).masked_fill(padding, -torch.inf))
        real = ~padding
        lengths = real.sum(-1).tolist()
        groups = tuple((len(list(same)), length) for length, same in groupby(lengths))
        return cls(shape, groups, index=real.flatten().nonzero()[:, 0]) if groups != (shape,) else cls(shape, groups)

    def pack(self, x: Tensor) -> Tensor:
        """(B, T, D) -> rows (N, D)."""
        flat = x.flatten(0, 1)
        return flat if self.index is None else flat.index_select(0, self.index)

    def unpack(self, rows: Tensor) -> Tensor:
        """Rows (N, D) -> (B, T, D), zero where no row is."""
        if self.index is not None:
            empty = rows.new_zeros(self.shape[0] * self.shape[1], rows.shape[1])
            rows = empty.index_copy(0, self.index, rows)
        return rows.unflatten(0, self.shape)

    def repeat(self, values: Tensor) -> Tensor:
        """A vector of each sample (B, D) -> the same for each of its rows (N, D)."""
        if self.index is None:
            return values[:, None].expand(-1, self.shape[1], -1).flatten(0, 1)
        return values.index_select(0, torch.div(self.index, self.shape[1], rounding_mode="floor"))

    def first(self, rows: Tensor, count: int) -> Tensor:
        """The first `count` rows of each sample: rows (N, D) -> (B * count, D). Every sample has so many."""
        starts: list[int] = []
        start = 0
        for samples, tokens in self.groups:
            starts += range(start, start + samples * tokens, tokens)
            start += samples * tokens
        places = torch.tensor(starts)[:, None] + torch.arange(count)
        return rows.index_select(0, places.flatten().to(rows.device))
