"""The objective of a text and motion VAE: text branch, motion branch, one decoder."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from actiongpt_core.data.clip import face_canonically
from actiongpt_core.errors import ConfigError
from actiongpt_core.nn.distributions import DiagonalGaussian
from actiongpt_core.nn.masks import lengths_to_mask
from actiongpt_core.training.batches import Actions, collate_actions
from actiongpt_core.training.losses import VaeLosses, body_losses, latent_losses, reconstruction_loss
from actiongpt_core.training.recipe import Noise, Tell, Term
from actiongpt_core.training.samples import Sample
from actiongpt_core.types.skeleton import SMPL_REST_PELVIS

#: What was decoded of a latent, features (B, T, F), and the latent (B, D).
Decoded = tuple[Tensor, Tensor]


class VaeObjective:
    """The losses of batches of single actions; a backbone with other batches overrides `collate` and `terms`.

    Noise is drawn for the text's latents, then for the motions', as in the originals.

    Args:
        model: Has `encode_text(tokens, mask)`, `encode_motion(features, lengths)`, `decode(latent, lengths)`,
            `features`, `normalizer`, `motion_decoder` (with its `basis` or None), `fps` and `skeleton`.
        losses: Factors and switches of the terms.
        reconstruction: Loss of predicted and real normalised features (B, T, F) under a mask (B, T).

    Raises:
        ConfigError: There are to be steps on the linear basis, and the model has none.
    """

    def __init__(
        self,
        model: Any,
        losses: VaeLosses,
        *,
        reconstruction: Callable[[Tensor, Tensor, Tensor], Tensor] = reconstruction_loss,
    ) -> None:
        self.model, self.losses, self.reconstruction = model, losses, reconstruction
        if losses.basis_steps and model.motion_decoder.basis is None:
            raise ConfigError(
                f"objective.basis_steps is {losses.basis_steps} and the model has no linear basis: set "
                "objective.basis_steps to 0, or model.basis_components to a number of components."
            )

    def collate(self, samples: Sequence[Sample], tell: Tell) -> Any:
        """The samples' only actions, side by side."""
        actions, indices = [sample.actions[0] for sample in samples], [sample.index for sample in samples]
        return collate_actions(actions, tell(actions, indices), indices)

    def terms(self, batch: Any, noise: Noise, step: int) -> list[Term]:
        """The losses of a batch: of the linear basis alone at first, then all."""
        if step < self.losses.basis_steps:
            return self._basis_terms(batch, noise)
        text = self.model.encode_text(batch.tokens, batch.mask)
        return self.action_terms(batch, text, self.draw_and_decode(text, batch, noise), noise)

    def draw_and_decode(self, gaussian: DiagonalGaussian, actions: Actions, noise: Noise) -> Decoded:
        """Features (B, T, F) of a drawn latent (B, D), and the latent; the actions say the lengths."""
        count, dim = gaussian.mu.shape
        latent = gaussian.sample(noise=noise(actions.indices[:count], dim))
        return self.model.decode(latent, actions.lengths[:count]), latent

    def action_terms(self, actions: Actions, text: DiagonalGaussian, told: Decoded, noise: Noise) -> list[Term]:
        """The terms of one action of every sample.

        Args:
            actions: Texts and real motions.
            text: What the text branch made of the text.
            told: What was decoded from it, and its latent.
            noise: Of the motions' latents.
        """
        model, weights = self.model, self.losses
        mask = lengths_to_mask(actions.lengths, actions.features.shape[1])
        target = model.normalizer.normalise(actions.features) * mask[..., None]
        rows = slice(math.ceil(len(target) * weights.motion_share))
        motion = model.encode_motion(target[rows], actions.lengths[rows])
        shown, motion_latent = self.draw_and_decode(motion, actions, noise)
        frames = shown.shape[1]
        terms = [
            Term("text2motion", self.reconstruction(told[0], target, mask), weights.reconstruction),
            Term(
                "motion2motion",
                self.reconstruction(shown, target[rows, :frames], mask[rows, :frames]),
                weights.reconstruction,
            ),
            Term("latent", smooth_l1_loss(told[1][rows], motion_latent), weights.latent),
        ]
        for name, value in latent_losses(DiagonalGaussian(text.mu[rows], text.logvar[rows]), motion).items():
            terms.append(Term(name, value, weights.kl_between if "2" in name else weights.kl_prior))
        if weights.joints or weights.velocity or weights.contact:
            decode = model.features.decode
            predicted, real = decode(model.normalizer.denormalise(told[0])), decode(actions.features)
            found = body_losses(predicted, real, mask, model.fps, model.skeleton)
            terms += [Term(name, value, getattr(weights, name)) for name, value in found.items()]
        return terms

    def _basis_terms(self, actions: Actions, noise: Noise) -> list[Term]:
        """Text to motion through the linear basis alone."""
        model, mask = self.model, lengths_to_mask(actions.lengths, actions.features.shape[1])
        text = model.encode_text(actions.tokens, actions.mask)
        latent = text.sample(noise=noise(actions.indices, text.mu.shape[1]))
        told = model.motion_decoder.basis(latent, actions.features.shape[1]) * mask[..., None]
        target = model.normalizer.normalise(actions.features) * mask[..., None]
        return [Term("basis", self.reconstruction(told, target, mask), self.losses.reconstruction)]


def encode_clip(model: Any, rotations: Tensor, translation: Tensor, *, frame: int = 0) -> Tensor:
    """The features of a recorded clip, (T, F), not normalised, as such a model is trained on.

    Args:
        model: Has `features` and `config.root`.
        rotations: (T, J, 3, 3).
        translation: Of the pelvis, (T, 3).
        frame: Whose heading becomes the canonical one, where the features do not turn clips by a rule of their own.
    """
    if not model.features.canonicalise:
        rotations, translation = face_canonically(rotations, translation, frame)
    if model.config.root == "smpl":
        translation = translation - translation.new_tensor(SMPL_REST_PELVIS)
    return model.features.encode(rotations, translation)
