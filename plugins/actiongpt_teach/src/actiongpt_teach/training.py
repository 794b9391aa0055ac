"""Training TEACH: the Lightning module around the model, and batches of single actions and pairs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import attrs
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from actiongpt_core.errors import ConfigError
from actiongpt_core.nn.distributions import DiagonalGaussian
from actiongpt_core.nn.masks import lengths_to_mask, pad
from actiongpt_core.training.backend import lightning
from actiongpt_teach.losses import LossWeights, body_losses, latent_losses, reconstruction_loss
from actiongpt_teach.model import Teach
from actiongpt_teach.pairs import PairSampler, Sample, Segment
from actiongpt_teach.text_bank import TextBank, collate_text


@attrs.frozen(eq=False)
class Actions:
    """One action of every sample: text (B, L, C) with mask (B, L), features (B, T, F) not normalised, lengths (B,)."""

    tokens: Tensor
    mask: Tensor
    features: Tensor
    lengths: Tensor

    def to(self, device: torch.device) -> Actions:
        """On another device."""
        return Actions(*(getattr(self, field.name).to(device) for field in attrs.fields(Actions)))


@attrs.frozen(eq=False)
class Batch:
    """First actions of all samples; second actions of those that have one, with their rows in the first."""

    first: Actions
    second: Actions | None
    rows: Tensor

    def to(self, device: torch.device) -> Batch:
        """On another device."""
        second = None if self.second is None else self.second.to(device)
        return Batch(self.first.to(device), second, self.rows.to(device))


class PairBatches(IterableDataset[Batch]):
    """Endless batches; the samples of one batch have similar lengths, so that little is padding."""

    def __init__(self, sampler: PairSampler, bank: TextBank, batch_size: int, max_frames: int) -> None:
        self.sampler, self.bank, self.batch_size, self.max_frames = sampler, bank, batch_size, max_frames

    def __iter__(self) -> Iterator[Batch]:
        while True:
            longest = int(self.sampler.rng.integers(60, self.max_frames + 1))
            yield self.collate([self.sampler.draw(longest) for _ in range(self.batch_size)])

    def collate(self, samples: list[Sample]) -> Batch:
        """Pad and mask."""
        rows = [index for index, sample in enumerate(samples) if sample.second is not None]
        seconds = [sample.second for sample in samples if sample.second is not None]
        second = self._actions(seconds) if seconds else None
        return Batch(self._actions([sample.first for sample in samples]), second, torch.tensor(rows, dtype=torch.long))

    def _actions(self, segments: list[Segment]) -> Actions:
        tokens, mask = collate_text([self.bank.draw(segment.texts) for segment in segments])
        lengths = torch.tensor([len(segment.features) for segment in segments])
        return Actions(tokens, mask, pad([segment.features for segment in segments]), lengths)


@attrs.frozen(kw_only=True)
class OptimiserSettings:
    """AdamW with warm-up, a plateau and linear decay to zero.

    The published model used a constant 7e-5 without clipping. A run on the plateau can be prolonged: resuming with
    another `total_steps` moves the decay.
    """

    learning_rate: float = 8e-4
    warmup_steps: int = 200
    total_steps: int = 20_000
    decay_steps: int = 2_000
    weight_decay: float = 0.01
    clip: float = 1.0


class TeachTraining(lightning.LightningModule):
    """TEACH's training step: text and motion branch, the second action seeing the end of the generated first one.

    Order of the random draws: text of action 1, text of action 2, motion 1, motion 2, as in the original.
    """

    def __init__(
        self,
        model: Teach,
        weights: LossWeights,
        optimiser: OptimiserSettings,
        *,
        motion_share: float = 1.0,
        basis_steps: int = 0,
    ) -> None:
        super().__init__()
        self.model, self.weights, self.optimiser = model, weights, optimiser
        self.motion_share = motion_share  # the motion branch sees this part of each batch
        self.basis_steps = basis_steps  # so many steps teach the text and the linear basis alone: cheap, and text first

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """The weighted sum of all terms."""
        terms = self.terms(batch)
        total = torch.stack([getattr(self.weights, group) * value for group, _, value in terms]).sum()
        sums: dict[str, Tensor] = {}
        for _, name, value in terms:
            sums[name] = value.detach()
        self.log_dict(sums | {"loss": total.detach()}, batch_size=len(batch.first.lengths))
        return total

    def terms(self, batch: Batch) -> list[tuple[str, str, Tensor]]:
        """(attribute of the weights, name, value) of every term."""
        if self.global_step < self.basis_steps:
            return self._basis_terms(batch.first)
        model = self.model
        text_first = model.encode_text(batch.first.tokens, batch.first.mask)
        told_first = self._decode(text_first, batch.first.lengths)
        parts = [(batch.first, text_first, told_first, "0")]
        if batch.second is not None:
            history = self._history(told_first[0][batch.rows], batch.first.lengths[batch.rows])
            text_second = model.encode_text(batch.second.tokens, batch.second.mask, history)
            told_second = self._decode(text_second, batch.second.lengths)
            parts.append((batch.second, text_second, told_second, "1"))
        return [term for part in parts for term in self._action_terms(*part)]

    def _basis_terms(self, actions: Actions) -> list[tuple[str, str, Tensor]]:
        """Text to motion through the linear basis alone."""
        basis = self.model.motion_decoder.basis
        if basis is None:
            raise ConfigError("Steps on the linear basis need a model with basis_components.")
        mask = lengths_to_mask(actions.lengths, actions.features.shape[1])[..., None]
        told = basis(self.model.encode_text(actions.tokens, actions.mask).sample(), actions.features.shape[1])
        target = self.model.normalizer.normalise(actions.features)
        return [("reconstruction", "basis_0", reconstruction_loss(told * mask, target * mask, mask[..., 0]))]

    def _decode(self, gaussian: DiagonalGaussian, lengths: Tensor) -> tuple[Tensor, Tensor]:
        latent = gaussian.sample()
        return self.model.decode(latent, lengths), latent

    def _history(self, features: Tensor, lengths: Tensor) -> Tensor:
        """The last valid frames that the model itself made, gradient included."""
        frames = self.model.config.hist_frames
        places = (lengths[:, None] - frames + torch.arange(frames, device=lengths.device)).clamp(min=0)
        last = features.gather(1, places[..., None].expand(-1, -1, features.shape[-1]))
        return self.model.prepare_history(last)

    def _action_terms(
        self, actions: Actions, text: DiagonalGaussian, told: tuple[Tensor, Tensor], suffix: str
    ) -> list[tuple[str, str, Tensor]]:
        model, mask = self.model, lengths_to_mask(actions.lengths, actions.features.shape[1])
        target = model.normalizer.normalise(actions.features) * mask[..., None]
        rows = slice(math.ceil(len(target) * self.motion_share))
        motion = model.encode_motion(target[rows], actions.lengths[rows])
        shown, motion_latent = self._decode(motion, actions.lengths[rows])
        real = target[rows, : shown.shape[1]]
        terms = [
            ("reconstruction", "text2motion", reconstruction_loss(told[0], target, mask)),
            ("reconstruction", "motion2motion", reconstruction_loss(shown, real, mask[rows, : shown.shape[1]])),
            ("latent", "latent", torch.nn.functional.smooth_l1_loss(told[1][rows], motion_latent)),
        ]
        for name, value in latent_losses(DiagonalGaussian(text.mu[rows], text.logvar[rows]), motion).items():
            terms.append(("kl_between" if "2" in name else "kl_prior", name, value))
        if self.weights.joints or self.weights.velocity or self.weights.contact:
            predicted = model.normalizer.denormalise(told[0])
            terms += [
                (name, name, value) for name, value in body_losses(predicted, actions.features, mask, model.fps).items()
            ]
        return [(group, f"{name}_{suffix}", value) for group, name, value in terms]

    def configure_optimizers(self) -> Any:
        """AdamW and its schedule."""
        settings = self.optimiser
        parameters = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        adamw = torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay)

        def factor(step: int) -> float:
            if step < settings.warmup_steps:
                return (step + 1) / settings.warmup_steps
            return min(max((settings.total_steps - step) / settings.decay_steps, 0.0), 1.0)

        schedule = torch.optim.lr_scheduler.LambdaLR(adamw, factor)
        return {"optimizer": adamw, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
