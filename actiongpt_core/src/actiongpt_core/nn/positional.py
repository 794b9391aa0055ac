"""Sinusoidal position encoding."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from actiongpt_core.errors import ShapeError
from actiongpt_core.nn.dropout import Dropout


def sinusoid(num_positions: int, dim: int) -> Tensor:
    """(P, D) table: pe[p, 2i] = sin(p w_i), pe[p, 2i + 1] = cos(p w_i), w_i = 10000^(-2i / D).

    Source: Vaswani et al., "Attention Is All You Need", NIPS 2017, section 3.5.
    """
    position = torch.arange(num_positions, dtype=torch.float32)[:, None]
    rate = torch.exp(torch.arange(0, dim, 2, dtype=torch.float32) * (-math.log(10000.0) / dim))
    table = torch.zeros(num_positions, dim)
    table[:, 0::2] = torch.sin(position * rate)
    table[:, 1::2] = torch.cos(position * rate)
    return table


class PositionalEncoding(nn.Module):
    """Adds the sinusoid table, then dropout. (B, P, D) -> (B, P, D), P at most `max_positions`."""

    def __init__(self, dim: int, dropout: float = 0.1, max_positions: int = 5000) -> None:
        super().__init__()
        self.dropout = Dropout(dropout)
        # Not persistent: it is recomputed, and published checkpoints may or may not hold it.
        self.register_buffer("table", sinusoid(max_positions, dim), persistent=False)
        self.table: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Positions 0 .. P-1 are added to (B, P, D).

        Raises:
            ShapeError: P is above `max_positions`.
        """
        if x.shape[1] > len(self.table):
            raise ShapeError(
                f"A sequence has {x.shape[1]} positions, and {len(self.table)} are the limit. Give fewer or shorter "
                f"descriptions, or an aggregator that does not put them one after the other."
            )
        encoded: Tensor = self.dropout(x + self.table[: x.shape[1]])
        return encoded
