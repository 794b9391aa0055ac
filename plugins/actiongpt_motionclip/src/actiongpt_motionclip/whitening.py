"""Whitening of pooled text vectors."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Whitening(nn.Module):
    """Centres pooled text vectors and gives their main directions about one spread: (..., C) -> (..., D).

    Pooled vectors of a sentence model lie close together: "raise the left arm" and "raise the right arm" have a cosine
    of 0.98. After whitening what tells texts apart is as large as what they share. The map is affine, so the mean of K
    whitened vectors is the whitened mean.
    # Differs from the paper: optional, for text spaces that are not CLIP's.
    """

    def __init__(self, text_dim: int, latent_dim: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(text_dim))
        self.register_buffer("projection", torch.eye(text_dim, latent_dim))
        self.mean: Tensor
        self.projection: Tensor

    @torch.no_grad()
    def fit(self, pooled: Tensor, shrinkage: float = 3e-4) -> float:
        """Take centre and directions from vectors (N, C), N at least D.

        Args:
            pooled: The vectors.
            shrinkage: Added to each direction's variance, so that the faintest ones stay faint.

        Returns:
            The share of the variance that is kept.
        """
        mean = pooled.mean(0)
        _, singular, directions = torch.linalg.svd(pooled - mean, full_matrices=False)
        kept = self.projection.shape[1]
        spread = (singular[:kept] ** 2 / len(pooled) + shrinkage).sqrt()
        self.mean.copy_(mean)
        self.projection.copy_(directions[:kept].T / spread)
        return float((singular[:kept] ** 2).sum() / (singular**2).sum())

    def forward(self, pooled: Tensor) -> Tensor:
        """(..., C) -> (..., D)."""
        return (pooled - self.mean) @ self.projection
