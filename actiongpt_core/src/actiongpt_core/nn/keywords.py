"""Learned word detectors."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class KeywordPool(nn.Module):
    """The strongest response of each of N learned detectors among a text's tokens, mapped to a latent.

    A few words decide (left, right, raise, sit); a transformer that learns from little data finds them late, this at
    once.
    # Differs from the papers: optional, used by small checkpoints.
    """

    def __init__(self, text_dim: int, num_detectors: int, latent_dim: int) -> None:
        super().__init__()
        self.detectors = nn.Linear(text_dim, num_detectors)
        self.to_latent = nn.Linear(num_detectors, latent_dim)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """(B, L, C), (B, L) -> (B, D)."""
        responses = self.detectors(tokens).masked_fill(~mask[..., None], -torch.inf).amax(1)
        out: Tensor = self.to_latent(nn.functional.gelu(responses))
        return out
