"""MotionCLIP's objective: motions to latents and back, texts to motions, latents of both in one space."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import attrs
import torch
from torch import Tensor

from actiongpt_core.body.smpl import SmplBody
from actiongpt_core.errors import ConfigError
from actiongpt_core.nn.masks import lengths_to_mask
from actiongpt_core.training.batches import Actions, collate_actions
from actiongpt_core.training.losses import body_losses, reconstruction_loss
from actiongpt_core.training.recipe import Noise, Tell, Term
from actiongpt_core.training.samples import ActionSample, Sample
from actiongpt_motionclip.losses import (
    DOMAINS,
    MotionClipLosses,
    Points,
    body_points,
    latent_losses,
    motion_losses,
    views,
)
from actiongpt_motionclip.model import MotionClip


@attrs.frozen(eq=False, kw_only=True)
class PicturedAction(ActionSample):
    """One action, and the vector of a picture of it."""

    image: Tensor | None = None  #: (C,)


@attrs.frozen(eq=False)
class Batch:
    """Actions side by side, with the vectors of their pictures if all have one."""

    actions: Actions
    image: Tensor | None  #: (B, C)

    @property
    def indices(self) -> tuple[int, ...]:
        """The samples' numbers."""
        return self.actions.indices

    def to(self, device: torch.device) -> Batch:
        """On another device."""
        return Batch(self.actions.to(device), None if self.image is None else self.image.to(device))


class MotionClipObjective:
    """The losses of batches of single actions, the published ones and ours: the factors say which there are.

    Args:
        model: Encoder and decoder.
        losses: Factors and switches of the terms.
        points: Finds the body's points; None for those of the file that the settings name.

    Raises:
        ConfigError: Terms compare points and there is no body's file, or steps are to teach a basis that is not there.
        MissingAssetError: The body's file is not there.
    """

    def __init__(self, model: MotionClip, losses: MotionClipLosses, *, points: Points | None = None) -> None:
        self.model, self.losses = model, losses
        self._points: dict[torch.device, Points] = {}
        self._given = points
        if losses.basis_steps and model.motion_decoder.basis is None:
            raise ConfigError(
                f"objective.basis_steps is {losses.basis_steps} and the model has no basis: set objective.basis_steps "
                "to 0, or model.basis_components to a number of components."
            )
        self._find_points(torch.device("cpu"))  # now, not in the middle of a run, if a file is missing

    def collate(self, samples: Sequence[Sample], tell: Tell) -> Batch:
        """The samples' only actions, side by side."""
        actions, indices = [sample.actions[0] for sample in samples], [sample.index for sample in samples]
        images = [action.image for action in actions if isinstance(action, PicturedAction) and action.image is not None]
        image = torch.stack(images) if len(images) == len(actions) else None
        return Batch(collate_actions(actions, tell(actions, indices), indices), image)

    def terms(self, batch: Batch, noise: Noise, step: int) -> list[Term]:
        """The losses of a batch: of the basis alone at first, then all.

        Raises:
            ConfigError: The factors ask for texts or images that the batch does not have.
        """
        model, losses, actions = self.model, self.losses, batch.actions
        lengths, mask = actions.lengths, lengths_to_mask(actions.lengths, actions.features.shape[1])
        target = model.normalizer.normalise(actions.features) * mask[..., None]
        text = None if actions.pooled is None else model.text_latent(actions.pooled)
        if step < losses.basis_steps:
            return self._basis_terms(self._blurred(text, actions, noise), target, mask)
        terms = []
        if losses.generation or losses.reconstruction or losses.joints or losses.velocity or losses.contact:
            told = model.decode(self._blurred(text, actions, noise), lengths)
            terms += self._told_terms(told, target, actions.features, mask)
        rows = slice(math.ceil(len(target) * losses.motion_share))
        longest = int(lengths[rows].max())
        return terms + self._motion_terms(
            target[rows, :longest],
            lengths[rows],
            {
                "image": None if batch.image is None else model.text_latent(batch.image)[rows],
                "text": None if text is None else text[rows],
            },
        )

    def _motion_terms(self, target: Tensor, lengths: Tensor, pulls: dict[str, Tensor | None]) -> list[Term]:
        """Motions to latents and back, and the latents' distances from others.

        Args:
            target: Normalised features, (B, T, F).
            lengths: (B,).
            pulls: By domain the latents that those of the motions are pulled towards, (B, D).
        """
        losses, mask = self.losses, lengths_to_mask(lengths, target.shape[1])
        latents = self.model.encode_motion(target, lengths)
        shown = self.model.decode(latents, lengths)
        terms = self._compared(shown, target, mask)
        for domain in DOMAINS:
            factors = losses.latent_factors(domain)
            if any(factors.values()):
                others = _require(pulls[domain], domain)
                found = latent_losses(latents, others, factors, losses.similarity_scale)
                # the two directions of the cross-entropy are told beside their mean, which counts
                terms += [Term(f"{domain}_{name}", value, factors.get(name, 0.0)) for name, value in found.items()]
        if losses.reconstruction:
            terms.append(Term("motion2motion", reconstruction_loss(shown, target, mask), losses.reconstruction))
        return terms

    def _told_terms(self, told: Tensor, target: Tensor, features: Tensor, mask: Tensor) -> list[Term]:
        """What was decoded from texts, normalised (B, T, F), against the real motions."""
        model, losses = self.model, self.losses
        terms = []
        if losses.generation:
            found = self._compared(told, target, mask)
            terms += [Term(f"gen_{term.name}", term.value, losses.generation * term.weight) for term in found]
        if losses.reconstruction:
            terms.append(Term("text2motion", reconstruction_loss(told, target, mask), losses.reconstruction))
        if losses.joints or losses.velocity or losses.contact:
            decode = model.features.decode
            predicted, real = decode(model.normalizer.denormalise(told)), decode(features)
            extra = body_losses(predicted, real, mask, model.fps, model.skeleton)
            terms += [Term(name, value, getattr(losses, name)) for name, value in extra.items()]
        return terms

    def _compared(self, decoded: Tensor, target: Tensor, mask: Tensor) -> list[Term]:
        """Squared errors of normalised features (B, T, F) and of the points that they tell of."""
        factors, points = self.losses.motion_factors, self._find_points(target.device)
        compared = views(self.model, decoded, mask, points), views(self.model, target, mask, points)
        found = motion_losses(*compared, mask, factors)
        return [Term(name, value, factors[name]) for name, value in found.items()]

    def _basis_terms(self, latent: Tensor, target: Tensor, mask: Tensor) -> list[Term]:
        """Text to motion through the basis alone."""
        basis = self.model.motion_decoder.basis
        assert basis is not None
        told = basis(latent, target.shape[1]) * mask[..., None]
        return [Term("basis", reconstruction_loss(told, target, mask), self.losses.reconstruction or 1.0)]

    def _blurred(self, text: Tensor | None, actions: Actions, noise: Noise) -> Tensor:
        """The texts' latents (B, D), with the noise that the settings add."""
        latent = _require(text, "text")
        if not self.losses.text_noise:
            return latent
        return latent + self.losses.text_noise * noise(actions.indices, latent.shape[1]).to(latent)

    def _find_points(self, device: torch.device) -> Points | None:
        """What finds the body's points on a device; None where no term compares them."""
        losses = self.losses
        if not losses.rcxyz and not losses.velxyz:
            return None
        if self._given is not None:
            return self._given
        if not losses.body:
            raise ConfigError(
                "The terms rcxyz and velxyz compare points of the SMPL body: give its file as objective.body "
                "(SMPL_NEUTRAL.pkl, see docs/how-to/use-smpl-files.md), or set objective.rcxyz and objective.velxyz "
                "to 0."
            )
        if device not in self._points:
            extra = Path(losses.extra_regressor) if losses.extra_regressor else None
            body = SmplBody(Path(losses.body), extra_regressor=extra, device=device)
            self._points[device] = body_points(body, losses.joint_set, vertstrans=losses.vertstrans)
        return self._points[device]


def _require(value: Tensor | None, name: str) -> Tensor:
    """Latents that the factors ask for.

    Raises:
        ConfigError: There are none.
    """
    if value is None:
        kind = "pooled vectors of its texts" if name == "text" else "vectors of images"
        raise ConfigError(
            f"The objective asks for {name} latents, and the batch has no {kind}. Give them, or set "
            f"objective.{name}_mse, {name}_ce and {name}_cosine to 0."
        )
    return value
