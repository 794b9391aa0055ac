"""Lengths and masks. Masks are boolean, True where the data is real."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def lengths_to_mask(lengths: Tensor | Sequence[int], max_length: int | None = None) -> Tensor:
    """(B,) lengths -> (B, T) mask; T is `max_length` or the longest."""
    lengths = torch.as_tensor(lengths)
    size = int(lengths.max()) if max_length is None else max_length
    return torch.arange(size, device=lengths.device)[None, :] < lengths[:, None]


def mask_to_lengths(mask: Tensor) -> Tensor:
    """(B, T) mask with the real part first -> (B,) lengths."""
    return mask.sum(-1)


def pad(tensors: Sequence[Tensor], value: float = 0.0) -> Tensor:
    """Stack tensors (T_i, ...) of different first size to (B, T, ...), filled up with `value`."""
    return torch.nn.utils.rnn.pad_sequence(list(tensors), batch_first=True, padding_value=value)
