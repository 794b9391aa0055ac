"""Published TEMOS experiments as models of this library, and as checkpoint folders of its format.

No code of the published files is executed: see `actiongpt_core.safe_pickle`.
"""

from __future__ import annotations

from pathlib import Path

import attrs

from actiongpt_core.published_vae import read_published_vae, write_converted
from actiongpt_temos.config import BACKBONE, TemosConfig
from actiongpt_temos.model import Temos

#: Our names and theirs.
_NAMES = {
    "action_text_encoder.text_projection.": "textencoder.projection.",
    "action_text_encoder.transformer.": "textencoder.seqTransEncoder.",
    "action_text_encoder.": "textencoder.",
}


def load_published(folder: Path, *, text_encoder: str | Path | None = None, stats: Path | None = None) -> Temos:
    """A model with the weights of a published experiment folder (`.hydra/config.yaml`, `checkpoints/last.ckpt`).

    Args:
        folder: The experiment.
        text_encoder: Folder or hub name where the text model's config and tokenizer are; its weights are the
            experiment's. None for the hub's distilbert-base-uncased.
        stats: Mean and std of the features: an npz, or the originals' folder `deps/transforms`.

    Raises:
        CheckpointError: The folder is incomplete, truncated, unsafe, of another backbone, does not fit, or holds NaN.
        MissingAssetError: The text model's files or the statistics are missing.
    """
    published = read_published_vae(folder, BACKBONE)
    config = TemosConfig(**published.config)
    if text_encoder is not None:
        config = attrs.evolve(config, text_encoder=str(text_encoder))
    model = Temos(config)
    published.load_into(model, _NAMES, stats)
    model._text_encoder = published.text_encoder(config.text_encoder)
    return model.eval()


def convert(source: Path, target: Path, *, text_encoder: str | Path | None = None, stats: Path | None = None) -> Path:
    """Write a published experiment as a checkpoint folder of this library, text model included, in full precision.

    Args:
        source: The experiment folder.
        target: The folder to write.
        text_encoder: As in `load_published`.
        stats: As in `load_published`.

    Returns:
        The folder.

    Raises:
        CheckpointError: As in `load_published`.
        MissingAssetError: As in `load_published`.
    """
    model = load_published(source, text_encoder=text_encoder, stats=stats)
    return write_converted(model, target, BACKBONE)
