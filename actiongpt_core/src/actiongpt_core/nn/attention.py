"""Self-attention of packed batches, with the weights of `nn.MultiheadAttention`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, scaled_dot_product_attention

from actiongpt_core.nn.dropout import draw_bits, masked
from actiongpt_core.nn.rows import Rows


def self_attention(weights: nn.MultiheadAttention, x: Tensor, rows: Rows, first: int | None = None) -> Tensor:
    """What each token sees of its own sample.

    Args:
        weights: Of the projections; its number of heads, its dropout, and whether it is training.
        x: Rows (N, D).
        rows: Which of them belong together.
        first: Only the first so many tokens of each sample ask, (B * first, D) comes back.

    Returns:
        (N, D).
    """
    dim, heads = x.shape[1], weights.num_heads
    query_weight, asked_weight = weights.in_proj_weight.split([dim, 2 * dim])
    query_bias, asked_bias = weights.in_proj_bias.split([dim, 2 * dim])
    query = linear(x if first is None else rows.first(x, first), query_weight, query_bias)
    asked = linear(x, asked_weight, asked_bias)
    dropout = weights.dropout if weights.training else 0.0
    if dropout and x.device.type == "cpu":
        # torch's fused attention on a CPU knows no dropout, and what it falls back to costs more than this.
        seen: Tensor = _Attention.apply(query, asked, rows, heads, dropout)  # type: ignore[no-untyped-call]
    else:
        seen = _fused(query, asked, rows, heads, dropout)
    return weights.out_proj(seen)


def _fused(query: Tensor, asked: Tensor, rows: Rows, heads: int, dropout: float) -> Tensor:
    """Queries (M, D), keys and values (N, 2 D) -> (M, D), a call for each group of samples of one length."""
    num_samples = rows.shape[0]
    bias = None if rows.bias is None else rows.bias[:, None, None].to(query.dtype)
    per_sample = None if len(query) == len(asked) else len(query) // num_samples
    sizes = [samples * (per_sample or tokens) for samples, tokens in rows.groups]
    parts = zip(query.split(sizes), asked.split([n * tokens for n, tokens in rows.groups]), rows.groups, strict=True)
    seen = []
    for asking, keys, (samples, _) in parts:
        q = asking.view(samples, -1, heads, asking.shape[1] // heads).transpose(1, 2)
        k, v = keys.view(samples, -1, 2, heads, q.shape[-1]).permute(2, 0, 3, 1, 4).unbind()
        out = scaled_dot_product_attention(q, k, v, attn_mask=bias, dropout_p=dropout)
        seen.append(out.transpose(1, 2).flatten(2).flatten(0, 1))
    return seen[0] if len(seen) == 1 else torch.cat(seen)


class _Attention(torch.autograd.Function):
    """Attention with dropout on a CPU, sample by sample: the matrices of one fit into the cache, nothing is copied."""

    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.float32)  # type: ignore[untyped-decorator]
    def forward(ctx: Any, query: Tensor, asked: Tensor, rows: Rows, heads: int, dropout: float) -> Tensor:
        out = torch.empty_like(query)
        saved = []
        for sample, (q, k, v, o) in enumerate(_samples(rows, heads, query, asked, out)):
            logits = torch.baddbmm(q.new_zeros(1), q, k.mT, beta=0, alpha=q.shape[-1] ** -0.5)
            weights = (logits if rows.bias is None else logits.add_(rows.bias[sample])).softmax(-1)
            bits = draw_bits(weights.shape)
            torch.bmm(masked(weights, bits, dropout), v, out=o)
            saved += [weights, bits]
        ctx.save_for_backward(query, asked, *saved)
        ctx.rows, ctx.heads, ctx.dropout = rows, heads, dropout
        return out

    @staticmethod
    @torch.amp.custom_bwd(device_type="cpu")  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        query, asked, *saved = ctx.saved_tensors
        grads = torch.empty_like(query), torch.empty_like(asked)
        inside = _samples(ctx.rows, ctx.heads, query, asked, grad.contiguous())
        outside = _samples(ctx.rows, ctx.heads, *grads, grads[0])
        for (q, k, v, o), (to_q, to_k, to_v, _), weights, bits in zip(
            inside, outside, saved[::2], saved[1::2], strict=True
        ):
            torch.bmm(masked(weights, bits, ctx.dropout).mT, o, out=to_v)
            product = masked(o @ v.mT, bits, ctx.dropout).mul_(weights)
            logits = product.addcmul_(weights, product.sum(-1, keepdim=True), value=-1)
            logits.mul_(q.shape[-1] ** -0.5)
            torch.bmm(logits, k, out=to_q)
            torch.bmm(logits.mT, q, out=to_k)
        return *grads, None, None, None


def _samples(
    rows: Rows, heads: int, query: Tensor, asked: Tensor, out: Tensor
) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Views of each sample's queries, keys, values and results, (heads, T, D / heads) each."""
    lengths = [tokens for samples, tokens in rows.groups for _ in range(samples)]
    asking = lengths if len(query) == len(asked) else [len(query) // len(lengths)] * len(lengths)
    for q, k, o in zip(query.split(asking), asked.split(lengths), out.split(asking), strict=True):
        keys, values = k.view(len(k), 2, heads, -1).permute(1, 2, 0, 3).unbind()
        yield q.view(len(q), heads, -1).transpose(0, 1), keys, values, o.view(len(o), heads, -1).transpose(0, 1)
