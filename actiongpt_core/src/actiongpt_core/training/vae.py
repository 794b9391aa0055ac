"""The Lightning module around a text and motion VAE: text branch, motion branch, one decoder."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from actiongpt_core.errors import ConfigError
from actiongpt_core.nn.distributions import DiagonalGaussian
from actiongpt_core.nn.masks import lengths_to_mask
from actiongpt_core.training.backend import lightning
from actiongpt_core.training.batches import Actions
from actiongpt_core.training.losses import LossWeights, body_losses, latent_losses, reconstruction_loss
from actiongpt_core.training.optimiser import OptimiserSettings

#: (attribute of the weights, name, value)
Term = tuple[str, str, Tensor]


class VaeTraining(lightning.LightningModule):
    """Training steps on batches of single actions; a backbone with other batches overrides `terms`.

    Order of the random draws: the text's latent, then the motion's, as in the originals.

    Args:
        model: Has `encode_text(tokens, mask)`, `encode_motion(features, lengths)`, `decode(latent, lengths)`,
            `features`, `normalizer`, `motion_decoder` (with its `basis` or None), `fps` and `skeleton`.
        weights: Factors of the terms.
        optimiser: Rate and schedule.
        motion_share: The motion branch sees this part of each batch.
        basis_steps: So many steps teach the text and the linear basis alone: cheap, and the text comes first.
        reconstruction: Loss of predicted and real normalised features (B, T, F) under a mask (B, T).
    """

    def __init__(
        self,
        model: Any,
        weights: LossWeights,
        optimiser: OptimiserSettings,
        *,
        motion_share: float = 1.0,
        basis_steps: int = 0,
        reconstruction: Callable[[Tensor, Tensor, Tensor], Tensor] = reconstruction_loss,
    ) -> None:
        super().__init__()
        self.model, self.weights, self.optimiser = model, weights, optimiser
        self.motion_share, self.basis_steps = motion_share, basis_steps
        self.reconstruction = reconstruction

    def training_step(self, batch: Any, index: int) -> Tensor:
        """The weighted sum of all terms."""
        terms = self.step_terms(batch)
        total = torch.stack([getattr(self.weights, group) * value for group, _, value in terms]).sum()
        values = {name: value.detach() for _, name, value in terms}
        self.log_dict(values | {"loss": total.detach()}, batch_size=len(self.first_actions(batch).lengths))
        return total

    def step_terms(self, batch: Any) -> list[Term]:
        """The terms of the present step: of the linear basis alone at first, then all."""
        return self._basis_terms(batch) if self.global_step < self.basis_steps else self.terms(batch)

    def first_actions(self, batch: Any) -> Actions:
        """The actions of a batch that have nothing before them."""
        actions: Actions = batch
        return actions

    def terms(self, batch: Any) -> list[Term]:
        """All terms of a batch."""
        text = self.model.encode_text(batch.tokens, batch.mask)
        return self.action_terms(batch, text, self.draw_and_decode(text, batch.lengths))

    def draw_and_decode(self, gaussian: DiagonalGaussian, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, T, F) of a drawn latent (B, D), and the latent."""
        latent = gaussian.sample()
        return self.model.decode(latent, lengths), latent

    def action_terms(self, actions: Actions, text: DiagonalGaussian, told: tuple[Tensor, Tensor]) -> list[Term]:
        """The terms of one action of every sample.

        Args:
            actions: Texts and real motions.
            text: What the text branch made of the text.
            told: What was decoded from it, and its latent.
        """
        model, mask = self.model, lengths_to_mask(actions.lengths, actions.features.shape[1])
        target = model.normalizer.normalise(actions.features) * mask[..., None]
        rows = slice(math.ceil(len(target) * self.motion_share))
        motion = model.encode_motion(target[rows], actions.lengths[rows])
        shown, motion_latent = self.draw_and_decode(motion, actions.lengths[rows])
        shown_target = target[rows, : shown.shape[1]]
        terms: list[Term] = [
            ("reconstruction", "text2motion", self.reconstruction(told[0], target, mask)),
            ("reconstruction", "motion2motion", self.reconstruction(shown, shown_target, mask[rows, : shown.shape[1]])),
            ("latent", "latent", smooth_l1_loss(told[1][rows], motion_latent)),
        ]
        for name, value in latent_losses(DiagonalGaussian(text.mu[rows], text.logvar[rows]), motion).items():
            terms.append(("kl_between" if "2" in name else "kl_prior", name, value))
        if self.weights.joints or self.weights.velocity or self.weights.contact:
            decode = model.features.decode
            predicted, real = decode(model.normalizer.denormalise(told[0])), decode(actions.features)
            extra = body_losses(predicted, real, mask, model.fps, model.skeleton)
            terms += [(name, name, value) for name, value in extra.items()]
        return terms

    def _basis_terms(self, batch: Any) -> list[Term]:
        """Text to motion through the linear basis alone."""
        actions, basis = self.first_actions(batch), self.model.motion_decoder.basis
        if basis is None:
            raise ConfigError("Steps on the linear basis need a model with basis_components.")
        mask = lengths_to_mask(actions.lengths, actions.features.shape[1])
        told = basis(self.model.encode_text(actions.tokens, actions.mask).sample(), actions.features.shape[1])
        target = self.model.normalizer.normalise(actions.features)
        loss = self.reconstruction(told * mask[..., None], target * mask[..., None], mask)
        return [("reconstruction", "basis", loss)]

    def configure_optimizers(self) -> Any:
        """AdamW and its schedule."""
        return self.optimiser.configure(self.model.parameters())
