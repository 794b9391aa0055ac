"""A linear basis of motions."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MotionBasis(nn.Module):
    """A latent's linear share of a motion: learned coefficients on fixed, data-given components (PCA).

    With little data a transformer alone learns the mean motion first and the text last; the linear path gives it the
    coarse course of each action at once. # Differs from the paper: optional, used by the small checkpoints that ship.

    Args:
        latent_dim: D.
        num_components: N.
        num_frames: Longest motion that the components span.
        num_features: F.
        hidden: Units of a small network whose output is added to the linear coefficients, 0 for none. With it words can
            decide together ("turn" and "left").
    """

    def __init__(
        self, latent_dim: int, num_components: int, num_frames: int, num_features: int, *, hidden: int = 0
    ) -> None:
        super().__init__()
        self.coefficients = nn.Linear(latent_dim, num_components)
        self.correction: nn.Sequential | None = None
        if hidden:
            last = nn.Linear(hidden, num_components)
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
            self.correction = nn.Sequential(nn.Linear(latent_dim, hidden), nn.GELU(), last)
        self.register_buffer("components", torch.zeros(num_components, num_frames, num_features))
        self.register_buffer("mean", torch.zeros(num_frames, num_features))
        self.components: Tensor
        self.mean: Tensor

    @torch.no_grad()
    def fit(self, clips: Tensor) -> float:
        """Take the components from clips (N, T, F) of normalised features, scaled to unit-variance coefficients.

        Returns:
            The share of the variance that they hold.
        """
        flat = clips.flatten(1)
        mean = flat.mean(0)
        _, singular, directions = torch.pca_lowrank(flat - mean, q=len(self.components), center=False, niter=4)
        scaled = directions.T * (singular / len(clips) ** 0.5)[:, None]
        self.components.copy_(scaled.reshape(self.components.shape))
        self.mean.copy_(mean.reshape(self.mean.shape))
        return float((singular**2).sum() / ((flat - mean) ** 2).sum())

    def forward(self, latent: Tensor, num_frames: int) -> Tensor:
        """(B, D) -> (B, T, F); `num_frames` at most the basis's own."""
        weights = self.coefficients(latent)
        if self.correction is not None:
            weights = weights + self.correction(latent)
        return self.mean[:num_frames] + torch.einsum("bn,ntf->btf", weights, self.components[:, :num_frames])
