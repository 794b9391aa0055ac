"""Transformer encoder and decoder of sequences, as ACTOR, TEMOS and TEACH use them.

Post-norm layers, exact GELU, no final norm. Batch first: (B, T, D).
What is computed is exact, and less than torch's layers would: see docs/explanation/speed.md.
"""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

from actiongpt_core.nn.attention import self_attention
from actiongpt_core.nn.basis import MotionBasis
from actiongpt_core.nn.distributions import DiagonalGaussian
from actiongpt_core.nn.dropout import Dropout
from actiongpt_core.nn.masks import lengths_to_mask
from actiongpt_core.nn.positional import PositionalEncoding
from actiongpt_core.nn.rows import Rows


class EncoderLayer(nn.TransformerEncoderLayer):
    """A post-norm encoder layer of packed batches; the weights are `nn.TransformerEncoderLayer`'s."""

    dropout1: Dropout
    dropout2: Dropout

    def __init__(self, dim: int, num_heads: int, ff_size: int, dropout: float) -> None:
        super().__init__(dim, num_heads, ff_size, dropout, activation="gelu", batch_first=True)
        self.dropout, self.dropout1, self.dropout2 = Dropout(dropout), Dropout(dropout), Dropout(dropout)

    def forward(self, x: Tensor, rows: Rows, first: int | None = None) -> Tensor:  # type: ignore[override]
        """Rows (N, D) -> (N, D); with `first` only those of the first tokens of each sample, (B * first, D)."""
        attention = self_attention(self.self_attn, x, rows, first)
        x = self.norm1(self.dropout1.add_to(x if first is None else rows.first(x, first), attention))
        return self.norm2(self.dropout2.add_to(x, _feed_forward(self, x)))


class SequenceTransformer(nn.Module):
    """Post-norm encoder without final norm; its weights are named as those of `nn.TransformerEncoder`."""

    def __init__(self, dim: int, num_heads: int, num_layers: int, ff_size: int, dropout: float) -> None:
        super().__init__()
        self.layers = _copies(EncoderLayer(dim, num_heads, ff_size, dropout), num_layers)

    def forward(self, x: Tensor, padding: Tensor | None = None, first: int | None = None) -> Tensor:
        """Encode tokens.

        Args:
            x: (B, T, D).
            padding: (B, T), True for padding, or a number that is added to the attention logits; None: all is real.
            first: Only the outputs at the first so many tokens, which are real in each sample, are wanted: the last
                layer then computes no others.

        Returns:
            (B, T, D), or (B, first, D). Padding comes out as zero, or as anything.
        """
        rows = Rows.of(x, padding)
        x = rows.pack(x)
        for layer in self.layers[:-1]:
            x = layer(x, rows)
        x = self.layers[-1](x, rows, first)
        return rows.unpack(x) if first is None else x.unflatten(0, (-1, first))


class SequenceEncoder(nn.Module):
    """A motion to a Gaussian over latents (the ACTOR encoder).

    Two learned tokens stand before the frames; positions are added to the whole sequence; outputs 0 and 1 are mu and
    logvar.

    Source: Petrovich et al., "Action-Conditioned 3D Human Motion Synthesis with Transformer VAE", ICCV 2021, section
    3.2.
    """

    def __init__(
        self,
        num_features: int,
        latent_dim: int = 256,
        *,
        num_heads: int = 4,
        num_layers: int = 6,
        ff_size: int = 1024,
        dropout: float = 0.1,
        frames_per_token: int = 1,
    ) -> None:
        super().__init__()
        self.frames_per_token = frames_per_token
        self.mu_token = nn.Parameter(torch.randn(latent_dim))
        self.logvar_token = nn.Parameter(torch.randn(latent_dim))
        self.motion_projection = nn.Linear(num_features * frames_per_token, latent_dim)
        self.position = PositionalEncoding(latent_dim, dropout)
        self.transformer = SequenceTransformer(latent_dim, num_heads, num_layers, ff_size, dropout)

    def forward(self, features: Tensor, lengths: Tensor | None) -> DiagonalGaussian:
        """Encode normalised features (B, T, F).

        Lengths (B,), or None to count every frame, padding included, as real.
        """
        tokens = self.motion_projection(patch_frames(features, self.frames_per_token))
        start = torch.stack([self.mu_token, self.logvar_token])
        x, padding = start_with(start, tokens, lengths, self.frames_per_token)
        out = self.transformer(self.position(x), padding, first=2)
        return DiagonalGaussian(out[:, 0], out[:, 1])


class OneMemoryDecoderLayer(nn.TransformerDecoderLayer):
    """A decoder layer of packed batches whose memory is a single token; the weights are `nn.TransformerDecoderLayer`'s.

    Softmax over one key is 1, so cross attention is the value path alone: out_proj(v_proj(memory)), the same for
    every query. What would make the query and the key of that attention gets the gradient that it always had, zero.
    Exact in evaluation. # Differs from the originals in training: attention dropout on that single weight is left out.
    """

    dropout1: Dropout
    dropout2: Dropout
    dropout3: Dropout

    def __init__(self, dim: int, num_heads: int, ff_size: int, dropout: float) -> None:
        super().__init__(dim, num_heads, ff_size, dropout, activation="gelu", batch_first=True)
        self.dropout, self.dropout1 = Dropout(dropout), Dropout(dropout)
        self.dropout2, self.dropout3 = Dropout(dropout), Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, rows: Rows) -> Tensor:  # type: ignore[override]
        """Rows (N, D), memory (B, D) -> (N, D)."""
        x = self.norm1(self.dropout1.add_to(x, self_attention(self.self_attn, x, rows)))
        cross = self.multihead_attn
        value_weight, value_bias = cross.in_proj_weight.chunk(3)[2], cross.in_proj_bias.chunk(3)[2]
        value = cross.out_proj(nn.functional.linear(memory, value_weight, value_bias))
        x = self.norm2(self.dropout2.add_to(x, rows.repeat(value)))
        return self.norm3(self.dropout3.add_to(x, _feed_forward(self, x)))


def _copies(layer: nn.Module, count: int) -> nn.ModuleList:
    # As torch's stacks, and so the originals: all layers start from the same numbers.
    return nn.ModuleList(deepcopy(layer) for _ in range(count))


def _feed_forward(layer: EncoderLayer | OneMemoryDecoderLayer, x: Tensor) -> Tensor:
    return layer.linear2(layer.dropout(nn.functional.gelu(layer.linear1(x))))


class SequenceDecoder(nn.Module):
    """A latent to a motion of any length (the ACTOR decoder).

    Zero queries with positions, the latent as the only memory token, all frames at once.
    With `basis` a linear map of the latent gives the course of the motion and the transformer adds to it.

    Source: Petrovich et al., ICCV 2021, section 3.3.
    """

    def __init__(
        self,
        num_features: int,
        latent_dim: int = 256,
        *,
        num_heads: int = 4,
        num_layers: int = 6,
        ff_size: int = 1024,
        dropout: float = 0.1,
        frames_per_token: int = 1,
        basis: MotionBasis | None = None,
    ) -> None:
        super().__init__()
        self.latent_dim, self.frames_per_token, self.num_features = latent_dim, frames_per_token, num_features
        self.position = PositionalEncoding(latent_dim, dropout)
        layers = _copies(OneMemoryDecoderLayer(latent_dim, num_heads, ff_size, dropout), num_layers)
        self.transformer = nn.ModuleDict({"layers": layers})  # a level of its own in the names of the weights
        self.final_layer = nn.Linear(latent_dim, num_features * frames_per_token)
        self.basis = basis
        if basis is not None:  # what the transformer adds starts at nothing
            nn.init.zeros_(self.final_layer.weight)
            nn.init.zeros_(self.final_layer.bias)

    def forward(self, latent: Tensor, lengths: Tensor) -> Tensor:
        """Latent (B, D), lengths (B,) in frames -> normalised features (B, T, F), zero beyond each length."""
        num_frames, step = int(lengths.max()), self.frames_per_token
        num_tokens = -(-num_frames // step)
        queries = self.position(latent.new_zeros(len(latent), num_tokens, self.latent_dim))
        real = torch.div(lengths + step - 1, step, rounding_mode="floor")
        rows = Rows.of(queries, ~lengths_to_mask(real, num_tokens))
        x = rows.pack(queries)
        for layer in self.transformer["layers"].children():
            x = layer(x, latent, rows)
        out = rows.unpack(self.final_layer(x))
        features = out.reshape(len(latent), num_tokens * step, self.num_features)[:, :num_frames]
        if self.basis is not None:
            features = features + self.basis(latent, num_frames)
        return features * lengths_to_mask(lengths, num_frames)[..., None]


def patch_frames(features: Tensor, frames_per_token: int) -> Tensor:
    """(B, T, F) -> (B, ceil(T / P), P F), zeros at the end."""
    missing = -features.shape[1] % frames_per_token
    if missing:
        features = nn.functional.pad(features, (0, 0, 0, missing))
    return features.reshape(len(features), -1, frames_per_token * features.shape[-1])


def start_with(
    start: Tensor, tokens: Tensor, lengths: Tensor | None, frames_per_token: int
) -> tuple[Tensor, Tensor | None]:
    """Learned tokens before those of a motion.

    Args:
        start: The learned tokens, (N, D).
        tokens: The motion's, (B, P, D).
        lengths: (B,) in frames; None to count every token as real.
        frames_per_token: Frames that a token of the motion holds.

    Returns:
        (B, N + P, D), and the padding mask (B, N + P), True for what is no motion, or None.
    """
    batch, num_tokens = tokens.shape[:2]
    x = torch.cat([start.expand(batch, *start.shape), tokens], dim=1)
    if lengths is None:
        return x, None
    real = torch.div(lengths + frames_per_token - 1, frames_per_token, rounding_mode="floor")
    mask = lengths_to_mask(real, num_tokens)
    return x, ~torch.cat([mask.new_ones(batch, len(start)), mask], dim=1)
