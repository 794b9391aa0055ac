"""Latents of texts and of motions: vectors of one space, which can be added, mixed, compared and decoded."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import torch
from torch import Tensor

from actiongpt_core.errors import ConfigError, PromptError, ShapeError
from actiongpt_core.features.pose_rot6d import from_rows
from actiongpt_core.geometry.clips import resample
from actiongpt_core.nn.masks import pad
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.text import Action
from actiongpt_motionclip.dataset import Item
from actiongpt_motionclip.frames import ItemSettings
from actiongpt_motionclip.model import MotionClip

#: What has a latent: a phrase, a motion, an item of a data base, or a latent itself.
Source = str | Motion | Item | Tensor

_BATCH = 64


def require_motionclip(pipeline: Pipeline) -> MotionClip:
    """The pipeline's model.

    Raises:
        ConfigError: It is of another backbone.
    """
    if not isinstance(pipeline.model, MotionClip):
        raise ConfigError(
            f"Latents of texts and motions are MotionCLIP's; this pipeline has {type(pipeline.model).__name__}. "
            "Build it with Pipeline(backbone='motionclip')."
        )
    return pipeline.model


def latent_of(pipeline: Pipeline, source: Source) -> Tensor:
    """The latent of a phrase, a motion or an item; a latent is returned as it is. (D,).

    Raises:
        PromptError: A phrase has no letters.
        ProviderError: The provider could not describe a phrase.
        ConfigError: The pipeline is of another backbone, an item is not made as the model reads it, a motion is too
            long, or the source is something else.
        ShapeError: A latent has another size than D, or a motion another skeleton.
    """
    model = require_motionclip(pipeline)
    if isinstance(source, Tensor):
        if source.shape != (model.config.latent_dim,):
            raise ShapeError(f"A latent of this model is ({model.config.latent_dim},), got {tuple(source.shape)}.")
        return source.to(model.normalizer.mean)
    if isinstance(source, str):
        return latents_of_texts(pipeline, [source])[0]
    if not isinstance(source, (Motion, Item)):
        raise ConfigError(f"A phrase, a Motion, an Item or a latent has a latent; got {type(source).__name__}.")
    return latents_of_motions(model, [source])[0]


def latents_of_texts(pipeline: Pipeline, phrases: Sequence[str]) -> Tensor:
    """The latents of phrases, (B, D): the means of their K descriptions' text vectors.

    Each phrase is one action, whatever commas it has.

    Raises:
        PromptError: There is no phrase, or one has no letters.
        ProviderError: The provider could not describe a phrase.
        ConfigError: The pipeline is of another backbone.
    """
    model = require_motionclip(pipeline)
    if isinstance(phrases, str) or not phrases:
        raise PromptError(f"A list of one or more phrases was expected, got {phrases!r}.")
    # One by one: together they would be one prompt, which has at most so many actions.
    texts = {phrase: pipeline.describe(Action(phrase))[0].texts for phrase in dict.fromkeys(phrases)}
    encoded = [pipeline.aggregator(pipeline.text_encoder.encode(texts[phrase])) for phrase in phrases]
    return model.encode_text(encoded)


@torch.no_grad()
def latents_of_motions(model: MotionClip, motions: Sequence[Motion | Item]) -> Tensor:
    """The latents of motions, (B, D), B at least 1: the output of the motion encoder.

    Args:
        model: The model.
        motions: One or more motions of the SMPL body at any frame rate, or items of a data base made with
            `item_settings`.

    Raises:
        ShapeError: A motion has another skeleton.
        ConfigError: There is no motion, one is too long, or an item is not made as the model reads it.

    Warns:
        UserWarning: A motion is longer than the motions that the model was trained on.
    """
    if not motions:
        raise ConfigError("Latents of motions need one or more motions.")
    features = [_of_item(model, one) if isinstance(one, Item) else _of_motion(model, one) for one in motions]
    latents = []
    for first in range(0, len(features), _BATCH):
        batch = features[first : first + _BATCH]
        lengths = torch.tensor([len(item) for item in batch], device=batch[0].device)
        latents.append(model.encode_motion(pad(batch), lengths))
    return torch.cat(latents)


def item_settings(model: MotionClip) -> ItemSettings:
    """How items of a data base are made for this model.

    Raises:
        ConfigError: The model's last row is a path of the pelvis, and a data base of the originals has none.
    """
    if model.config.row_24 != "right_ankle":
        raise ConfigError(
            "This checkpoint reads the pelvis's path, which the originals' data bases do not hold. Use a published "
            "checkpoint with them, or give motions."
        )
    return ItemSettings(num_frames=model.config.trained_frames, face_front=model.config.root_orientation == "relative")


def _of_motion(model: MotionClip, motion: Motion) -> Tensor:
    rotations, translation = resample(motion.rotations, motion.translation, motion.fps, model.fps)
    # Where actions start has no part here, and frame numbers of the old rate would be wrong.
    at_rate = attrs.evolve(
        motion, rotations=rotations, translation=translation, fps=model.fps, starts=(0,), descriptions=()
    )
    return model.read_motion(at_rate)


def _of_item(model: MotionClip, item: Item) -> Tensor:
    num_rows, num_numbers, _ = item.x.shape
    rows = model.features.num_joints + 1
    if model.config.row_24 != "right_ankle" or (num_rows, num_numbers) != (rows, 6):
        raise ConfigError(
            f"An item has {num_rows} rows of {num_numbers} numbers, and this model cannot read them. Make items with "
            "the settings item_settings(model)."
        )
    return model.normalizer.normalise(from_rows(item.x[None])[0].to(model.normalizer.mean))
