"""Transformer encoder and decoder of sequences, as ACTOR, TEMOS and TEACH use them.

Post-norm layers, exact GELU, no final norm. Batch first: (B, T, D).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from actiongpt_core.nn.basis import MotionBasis
from actiongpt_core.nn.distributions import DiagonalGaussian
from actiongpt_core.nn.masks import lengths_to_mask
from actiongpt_core.nn.positional import PositionalEncoding


class EncoderLayer(nn.TransformerEncoderLayer):
    """A post-norm encoder layer that takes additive padding masks as well as boolean ones.

    torch's fused evaluation path reads every non-zero value of a mask as "padding", without a word; this one adds.
    """

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """Tokens (B, T, D), padding mask (B, T), True or added to the logits of padding -> (B, T, D)."""
        attention = self.self_attn(
            src, src, src, attn_mask=src_mask, key_padding_mask=src_key_padding_mask, need_weights=False
        )[0]
        x = self.norm1(src + self.dropout1(attention))
        feed_forward = self.linear2(self.dropout(nn.functional.gelu(self.linear1(x))))
        out: Tensor = self.norm2(x + self.dropout2(feed_forward))
        return out


def transformer_encoder(
    dim: int, num_heads: int, num_layers: int, ff_size: int, dropout: float
) -> nn.TransformerEncoder:
    """Post-norm encoder without final norm; input and output (B, T, D)."""
    layer = EncoderLayer(dim, num_heads, ff_size, dropout, activation="gelu", batch_first=True)
    return nn.TransformerEncoder(layer, num_layers, enable_nested_tensor=False)


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
        self.transformer = transformer_encoder(latent_dim, num_heads, num_layers, ff_size, dropout)

    def forward(self, features: Tensor, lengths: Tensor | None) -> DiagonalGaussian:
        """Encode normalised features (B, T, F).

        Lengths (B,), or None to count every frame, padding included, as real.
        """
        tokens = self.motion_projection(patch_frames(features, self.frames_per_token))
        start = torch.stack([self.mu_token, self.logvar_token])
        x, padding = start_with(start, tokens, lengths, self.frames_per_token)
        out = self.transformer(self.position(x), src_key_padding_mask=padding)
        return DiagonalGaussian(out[:, 0], out[:, 1])


class OneMemoryDecoderLayer(nn.TransformerDecoderLayer):
    """A decoder layer whose memory is a single token.

    Softmax over one key is 1, so cross attention is the value path alone: out_proj(v_proj(memory)), the same for
    every query.
    Exact in evaluation. # Differs from the originals in training: attention dropout on that single weight is left out.
    """

    def forward(self, tgt: Tensor, memory: Tensor, **masks: Tensor | bool | None) -> Tensor:  # type: ignore[override]
        """Tgt (B, T, D), memory (B, 1, D) -> (B, T, D)."""
        padding = masks.get("tgt_key_padding_mask")
        attention = self.self_attn(tgt, tgt, tgt, key_padding_mask=padding, need_weights=False)[0]
        x = self.norm1(tgt + self.dropout1(attention))
        cross = self.multihead_attn
        value_weight, value_bias = cross.in_proj_weight.chunk(3)[2], cross.in_proj_bias.chunk(3)[2]
        value = cross.out_proj(nn.functional.linear(memory, value_weight, value_bias))
        x = self.norm2(x + self.dropout2(value.expand_as(x)))
        feed_forward = self.linear2(self.dropout(nn.functional.gelu(self.linear1(x))))
        out: Tensor = self.norm3(x + self.dropout3(feed_forward))
        return out


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
        layer = OneMemoryDecoderLayer(latent_dim, num_heads, ff_size, dropout, activation="gelu", batch_first=True)
        self.transformer = nn.TransformerDecoder(layer, num_layers)
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
        out = self.transformer(queries, latent[:, None], tgt_key_padding_mask=~lengths_to_mask(real, num_tokens))
        features = self.final_layer(out).reshape(len(latent), num_tokens * step, self.num_features)[:, :num_frames]
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
