"""Dropout whose random numbers cost little on a CPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

_LEVELS = 1 << 16  #: a place is decided by 16 random bits: p is rounded to this part, and the scale with it


class Dropout(nn.Dropout):
    """As `nn.Dropout`; on a CPU a place is decided by 16 random bits.

    torch draws one number after the other, and spends a sixth of a training step on it; here four places share one
    draw. The global generator is the source, so that a seed and a resumed run mean what they did.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Any shape."""
        return dropped(x, self.p) if self.training else x

    def add_to(self, x: Tensor, change: Tensor) -> Tensor:
        """X + dropout(change), of one shape."""
        if self.training and self.p and x.device.type == "cpu":
            added: Tensor = _AddDropped.apply(x, change, self.p)  # type: ignore[no-untyped-call]
            return added
        return x + self(change)


def dropped(x: Tensor, p: float) -> Tensor:
    """Each entry is zero with probability p, and else divided by 1 - p."""
    if not p:
        return x
    if x.device.type != "cpu":
        return nn.functional.dropout(x, p)
    out: Tensor = _Dropped.apply(x, p)  # type: ignore[no-untyped-call]
    return out


class _Dropped(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, p: float) -> Tensor:
        bits = draw_bits(x.shape)
        ctx.save_for_backward(bits)
        ctx.p = p
        return masked(x, bits, p)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (bits,) = ctx.saved_tensors
        return masked(grad, bits, ctx.p), None


class _AddDropped(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, change: Tensor, p: float) -> Tensor:
        bits = draw_bits(change.shape)
        ctx.save_for_backward(bits)
        ctx.p, ctx.dtypes = p, (x.dtype, change.dtype)
        return masked(change, bits, p).add_(x) if x.dtype == change.dtype else masked(change, bits, p) + x

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        x_dtype, dtype = ctx.dtypes
        (bits,) = ctx.saved_tensors
        return grad.to(x_dtype), masked(grad, bits, ctx.p).to(dtype), None


def draw_bits(shape: torch.Size) -> Tensor:
    """Uniform int16 numbers."""
    count = shape.numel()
    draws = torch.empty(-(-count // 4), dtype=torch.int64).random_(-(1 << 63), None)
    return draws.view(torch.int16)[:count].view(shape)


def masked(x: Tensor, bits: Tensor, p: float) -> Tensor:
    """X where the bits keep it, divided by 1 - p, and zero elsewhere."""
    # The mask is made twice rather than kept: two bytes an entry, and comparing costs less than reading four.
    level = round(p * _LEVELS)
    kept = torch.empty(x.shape, dtype=x.dtype)
    torch.ge(bits, level - _LEVELS // 2, out=kept)
    scale = _LEVELS / (_LEVELS - level) if level < _LEVELS else 0.0
    return kept.mul_(x).mul_(scale)
