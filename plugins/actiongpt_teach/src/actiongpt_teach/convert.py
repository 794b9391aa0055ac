"""Published TEACH experiments as models of this library, and as checkpoint folders of its format.

No code of the published files is executed: see `actiongpt_core.safe_pickle`.
"""

from __future__ import annotations

from pathlib import Path

import attrs

from actiongpt_core.published_vae import read_published_vae, write_converted
from actiongpt_teach.config import BACKBONE, TeachConfig
from actiongpt_teach.model import Teach

#: Our names and theirs. The separator's name is spelled like that.
_NAMES = {
    "text_history_encoder.separation_token": "textencoder.seperation_token",
    "text_history_encoder.text_projection.": "textencoder.projection.",
    "text_history_encoder.history_projection.": "textencoder.skel_embedding.",
    "text_history_encoder.transformer.": "textencoder.seqTransEncoder.",
    "text_history_encoder.": "textencoder.",
}
#: In the files, but not needed: a transformer that the original declares and never uses.
_TOLERATED = r"textencoder\.motionTransEncoder\..*"


def load_published(folder: Path, *, text_encoder: str | Path | None = None, stats: Path | None = None) -> Teach:
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
    published.settings.require("model.z_prev_text", False)
    config = TeachConfig(**published.config, hist_frames=published.settings.get("model.hist_frames", int))
    if text_encoder is not None:
        config = attrs.evolve(config, text_encoder=str(text_encoder))
    model = Teach(config)
    published.load_into(model, _NAMES, stats, _TOLERATED)
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
