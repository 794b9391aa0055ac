"""Batches of the originals' data bases as the published objective reads them, with latents of texts and images."""

from __future__ import annotations

import torch
from torch import Tensor

from actiongpt_core.errors import ConfigError
from actiongpt_core.features.pose_rot6d import from_rows
from actiongpt_core.text.aggregators import mean
from actiongpt_motionclip.clip_encoder import ClipImageEncoder
from actiongpt_motionclip.dataset import Batch
from actiongpt_motionclip.losses import Examples
from actiongpt_motionclip.model import MotionClip


def examples_of(batch: Batch, model: MotionClip, images: ClipImageEncoder | None = None) -> Examples:
    """A batch with the latents that its motions are pulled towards.

    Args:
        batch: Items with the published rows, and the K descriptions of each.
        model: Its text encoder reads the descriptions.
        images: Reads rendered frames where the data base has no vectors of them; without it they have no part.

    Raises:
        ConfigError: An item has no rendered frame, or the image encoder is of another space than the model's texts.
    """
    features = model.normalizer.normalise(from_rows(batch.x.to(model.normalizer.mean)))
    texts = [mean(model.text_encoder.encode(descriptions)) for descriptions in batch.texts]
    image = batch.image_features
    if image is None and images is not None:
        image = _encode_images(batch, model, images)
    return Examples(
        features=features,
        lengths=batch.lengths.to(features.device),
        text=model.encode_text(texts),
        image=None if image is None else model.text_latent(image.to(features)),
    )


def _encode_images(batch: Batch, model: MotionClip, images: ClipImageEncoder) -> Tensor:
    if images.space != model.config.text_space:
        raise ConfigError(
            f"The image encoder {images.name!r} is of the space {images.space!r}; the model's latents are of "
            f"{model.config.text_space!r}. Use the image tower of the model's own CLIP."
        )
    frames = [item.image for item in batch.items if item.image is not None]
    if len(frames) < len(batch.items):
        raise ConfigError(
            f"{len(batch.items) - len(frames)} of {len(batch.items)} items have no rendered frame. Leave the terms of "
            "images out, or render frames for all."
        )
    return torch.cat([images.encode(frame[None]) for frame in frames])  # one by one: their sizes may differ
