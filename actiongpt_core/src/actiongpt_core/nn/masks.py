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


def padding_logits(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """What the originals added to the attention logits by accident: an inverted integer mask, -2 and -1.

    Args:
        mask: (B, L), True for real tokens.
        dtype: Of the result.

    Returns:
        (B, L), -2 for real tokens and -1 for padding (~1 and ~0 on integers, as torch 1.11 added them).
    """
    return torch.where(mask, -2.0, -1.0).to(dtype)
