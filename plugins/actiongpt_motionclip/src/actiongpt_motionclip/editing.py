"""Editing and interpolation: arithmetic on latents, decoded to motions.

Source: Tevet et al., "MotionCLIP", ECCV 2022, sections 4.2 (latent-space editing) and 4.3 (interpolation).
"""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from actiongpt_core.errors import ConfigError
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.text import Action
from actiongpt_motionclip.latents import Source, latent_of, require_motionclip
from actiongpt_motionclip.model import MotionClip


@attrs.frozen(eq=False)
class Decoded:
    """A latent, and the motion that it stands for."""

    latent: Tensor  #: (D,)
    motion: Motion


def edit(pipeline: Pipeline, base: Source, *, minus: Source, plus: Source, seconds: float | None = None) -> Decoded:
    """What `base` becomes when the step from `minus` to `plus` is added: base - minus + plus.

    Args:
        pipeline: With the backbone MotionCLIP.
        base: A phrase, a motion, an item of a data base, or a latent; so are the others.
        minus: What is taken away, such as "walk".
        plus: What is added, such as "walk like an old man".
        seconds: Length of the result; None for the checkpoint's own.

    Raises:
        ConfigError: The pipeline is of another backbone, or the length cannot be made.
        PromptError: A phrase has no letters.
        ProviderError: The provider could not describe a phrase.
    """
    parts = [latent_of(pipeline, source) for source in (base, minus, plus)]
    return decode(pipeline, (parts[0] - parts[1] + parts[2])[None], seconds)[0]


def interpolate(
    pipeline: Pipeline, start: Source, end: Source, *, num_stops: int = 5, seconds: float | None = None
) -> list[Decoded]:
    """Motions on the straight line from one latent to another.

    Args:
        pipeline: With the backbone MotionCLIP.
        start: A phrase, a motion, an item of a data base, or a latent.
        end: As start.
        num_stops: How many, both ends included.
        seconds: Length of each; None for the checkpoint's own.

    Raises:
        ConfigError: There are fewer than two stops; and as `edit`.
        PromptError: As `edit`.
        ProviderError: As `edit`.
    """
    if not isinstance(num_stops, int) or num_stops < 2:
        raise ConfigError(f"An interpolation has two stops or more, its ends; got {num_stops!r}.")
    first, last = latent_of(pipeline, start), latent_of(pipeline, end)
    weights = torch.linspace(0, 1, num_stops).to(first)[:, None]
    return decode(pipeline, (1 - weights) * first + weights * last, seconds)


def decode(pipeline: Pipeline, latents: Tensor, seconds: float | None = None) -> list[Decoded]:
    """The motions of latents (B, D), all of one length.

    Raises:
        ConfigError: The pipeline is of another backbone, or the length cannot be made.
        ShapeError: The latents have another shape.
    """
    model = require_motionclip(pipeline)
    motions = model.motions(latents, [_num_frames(model, seconds)] * len(latents))
    return [Decoded(latent, motion) for latent, motion in zip(latents, motions, strict=True)]


def _num_frames(model: MotionClip, seconds: float | None) -> int:
    if seconds is None:
        return round(model.default_seconds * model.fps)
    Action("a motion", seconds=seconds)  # the same checks as of every other length
    frames = round(seconds * model.fps)
    if frames < model.min_frames:
        raise ConfigError(
            f"This checkpoint makes motions of {model.min_frames / model.fps:.2g} to "
            f"{model.max_frames / model.fps:.3g} seconds, got {seconds:.3g}."
        )
    return frames
