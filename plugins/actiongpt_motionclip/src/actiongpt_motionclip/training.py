"""Training the small MotionCLIP: motions to latents and back, texts to motions, both latents in one space."""

from __future__ import annotations

import math
from typing import Any

import attrs
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, mse_loss

from actiongpt_core.errors import ConfigError
from actiongpt_core.nn.masks import lengths_to_mask
from actiongpt_core.training.backend import lightning
from actiongpt_core.training.batches import Actions
from actiongpt_core.training.losses import body_losses, reconstruction_loss
from actiongpt_core.training.optimiser import OptimiserSettings
from actiongpt_motionclip.model import MotionClip


@attrs.frozen(kw_only=True)
class SmallWeights:
    """Factors of the terms."""

    reconstruction: float = 1.0  #: features of motions that were encoded, and of motions that were told
    cosine: float = 0.1  #: 1 - cosine between the latents of a motion and its text
    mse: float = 0.01  #: squared distance between them, so that lengths agree too
    joints: float = 1.0  #: of told motions, per metre
    velocity: float = 0.2  #: of told motions, per metre a second
    contact: float = 0.03  #: of told motions, per metre a second


class MotionClipTraining(lightning.LightningModule):
    """Training steps on batches of single actions.

    What differs from the published objective (`losses.py`): features are normalised, told motions are trained as
    directly as encoded ones (its option "generation losses"), and joints come from the skeleton.

    Args:
        model: The model.
        weights: Factors of the terms.
        optimiser: Rate and schedule.
        motion_share: The motion branch sees this part of each batch.
        text_noise: Spread of the noise that is added to a text's latent, so that words never seen come near known ones.
        basis_steps: So many steps teach the text and the decoder's basis alone.
    """

    def __init__(
        self,
        model: MotionClip,
        weights: SmallWeights,
        optimiser: OptimiserSettings,
        *,
        motion_share: float = 0.5,
        text_noise: float = 0.0,
        basis_steps: int = 0,
    ) -> None:
        super().__init__()
        self.model, self.weights, self.optimiser = model, weights, optimiser
        self.motion_share, self.text_noise, self.basis_steps = motion_share, text_noise, basis_steps

    def training_step(self, batch: Actions, index: int) -> Tensor:
        """The weighted sum of all terms."""
        terms = self.step_terms(batch)
        total = torch.stack([getattr(self.weights, group) * value for group, _, value in terms]).sum()
        values = {name: value.detach() for _, name, value in terms}
        self.log_dict(values | {"loss": total.detach()}, batch_size=len(batch.lengths))
        return total

    def step_terms(self, batch: Actions) -> list[tuple[str, str, Tensor]]:
        """The terms of the present step: of the basis alone at first, then all."""
        return self._basis_terms(batch) if self.global_step < self.basis_steps else self.terms(batch)

    def terms(self, batch: Actions) -> list[tuple[str, str, Tensor]]:
        """(attribute of the weights, name, value) of every term."""
        model, mask = self.model, lengths_to_mask(batch.lengths, batch.features.shape[1])
        target = model.normalizer.normalise(batch.features) * mask[..., None]
        text = self._text(batch)
        told = model.decode(self._blurred(text), batch.lengths)
        decode = model.features.decode
        poses = decode(model.normalizer.denormalise(told)), decode(batch.features)
        terms = [("reconstruction", "text2motion", reconstruction_loss(told, target, mask))]
        terms += [(name, name, x) for name, x in body_losses(*poses, mask, model.fps, model.skeleton).items()]
        return terms + self._motion_terms(target, batch.lengths, text)

    def _basis_terms(self, batch: Actions) -> list[tuple[str, str, Tensor]]:
        """Text to motion through the basis alone."""
        basis = self.model.motion_decoder.basis
        if basis is None:
            raise ConfigError("Steps on the basis need a model with basis_components.")
        mask = lengths_to_mask(batch.lengths, batch.features.shape[1])
        told = basis(self._blurred(self._text(batch)), batch.features.shape[1]) * mask[..., None]
        target = self.model.normalizer.normalise(batch.features) * mask[..., None]
        return [("reconstruction", "basis", reconstruction_loss(told, target, mask))]

    def _text(self, batch: Actions) -> Tensor:
        assert batch.pooled is not None
        return self.model.text_latent(batch.pooled)

    def _blurred(self, latent: Tensor) -> Tensor:
        return latent + self.text_noise * torch.randn_like(latent)

    def _motion_terms(self, target: Tensor, lengths: Tensor, text: Tensor) -> list[tuple[str, str, Tensor]]:
        rows = slice(math.ceil(len(target) * self.motion_share))
        lengths = lengths[rows]
        target = target[rows, : int(lengths.max())]
        latent = self.model.encode_motion(target, lengths)
        shown, mask = self.model.decode(latent, lengths), lengths_to_mask(lengths, target.shape[1])
        return [
            ("reconstruction", "motion2motion", reconstruction_loss(shown, target, mask)),
            ("cosine", "cosine", (1 - cosine_similarity(latent, text[rows], eps=1e-6)).mean()),
            ("mse", "mse", mse_loss(latent, text[rows])),
        ]

    def configure_optimizers(self) -> Any:
        """AdamW and its schedule."""
        return self.optimiser.configure(self.model.parameters())
