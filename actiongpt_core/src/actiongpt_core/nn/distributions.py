"""Diagonal Gaussians."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor


@attrs.frozen(eq=False)
class DiagonalGaussian:
    """A normal distribution with independent entries: mu and logvar, (..., D); std = exp(logvar)^0.5."""

    mu: Tensor
    logvar: Tensor

    @property
    def std(self) -> Tensor:
        """Standard deviation, (..., D)."""
        return self.logvar.exp().sqrt()

    def sample(
        self, generator: torch.Generator | None = None, *, noise: Tensor | None = None, noise_scale: float = 1.0
    ) -> Tensor:
        """Draw mu + noise_scale * noise * std.

        Args:
            generator: Source of the noise, on the CPU (so that a seed means the same on every device); None for the
                global one.
            noise: The noise itself, (..., D), instead of a draw.
            noise_scale: 0 gives the mean.

        Returns:
            (..., D); gradients flow into mu and logvar (reparameterisation).
        """
        if noise is None:
            noise = torch.randn(self.mu.shape, generator=generator, dtype=self.mu.dtype)
        return self.mu + noise_scale * noise.to(self.mu) * self.std

    def kl(self, other: DiagonalGaussian | None = None) -> Tensor:
        """KL(self || other), elementwise (..., D); None stands for the unit normal.

        Source: closed form for two normals, e.g. Kingma and Welling, "Auto-Encoding Variational Bayes", appendix B.
        """
        if other is None:
            return 0.5 * (self.mu**2 + self.logvar.exp() - 1 - self.logvar)
        ratio = (self.logvar - other.logvar).exp()
        distance = (self.mu - other.mu) ** 2 / other.logvar.exp()
        return 0.5 * (ratio + distance - 1 - (self.logvar - other.logvar))
