"""Published TEACH experiments as models of this library, and as checkpoint folders of its format.

No code of the published files is executed: see `actiongpt_core.safe_pickle`.
"""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import torch
from torch import Tensor

from actiongpt_core.checkpoints import write_checkpoint
from actiongpt_core.errors import CheckpointError
from actiongpt_core.features.base import Normalizer
from actiongpt_core.safe_pickle import load_checkpoint
from actiongpt_core.text.encoders import TransformersTextEncoder
from actiongpt_teach.config import BACKBONE, TeachConfig
from actiongpt_teach.model import Teach
from actiongpt_teach.published import Published, read_published, read_stats

_WEIGHTS = Path("checkpoints") / "last.ckpt"
_TEXT_MODEL = "textencoder.text_model."
_TEXT_FOLDER = "text_encoder"
#: Our names and theirs. The separator's name is spelled like that.
_NAMES = {
    "text_history_encoder.separation_token": "textencoder.seperation_token",
    "text_history_encoder.text_projection.": "textencoder.projection.",
    "text_history_encoder.history_projection.": "textencoder.skel_embedding.",
    "text_history_encoder.transformer.": "textencoder.seqTransEncoder.",
    "text_history_encoder.": "textencoder.",
    "motion_encoder.motion_projection.": "motionencoder.skel_embedding.",
    "motion_encoder.transformer.": "motionencoder.seqTransEncoder.",
    "motion_encoder.": "motionencoder.",
    "motion_decoder.transformer.": "motiondecoder.seqTransDecoder.",
    "motion_decoder.": "motiondecoder.",
}
#: In the files, but not needed: position tables (recomputed), a transformer that the original declares and never uses.
_TOLERATED = re.compile(r".*\.sequence_pos_encoding\.pe|textencoder\.motionTransEncoder\..*|.*\.position_ids")


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
    folder = Path(folder)
    if not folder.is_dir():
        raise CheckpointError(f"No experiment folder at {folder}.")
    published = read_published(folder)
    state = _read_state(folder)
    origin = str(folder / _WEIGHTS)
    config = _config(published, state, origin)
    if text_encoder is not None:
        config = attrs.evolve(config, text_encoder=str(text_encoder))
    model = Teach(config)
    _load_weights(model, state, origin)
    model.normalizer = Normalizer(*read_stats(stats, published.stats_entry, model.features.num_features))
    text_state = {key.removeprefix(_TEXT_MODEL): value for key, value in state.items() if key.startswith(_TEXT_MODEL)}
    model._text_encoder = TransformersTextEncoder.from_state(config.text_encoder, text_state)
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
    config = attrs.evolve(model.config, text_encoder=f"checkpoint:{_TEXT_FOLDER}")
    encoder = model.text_encoder
    assert isinstance(encoder, TransformersTextEncoder)
    encoder.save(target / _TEXT_FOLDER)
    return write_checkpoint(model, target, BACKBONE, config, half=False)


def _read_state(folder: Path) -> dict[str, Tensor]:
    file = folder / _WEIGHTS
    if not file.is_file():
        others = sorted(path.name for path in file.parent.glob("*.ckpt")) if file.parent.is_dir() else []
        there = f" There is {', '.join(others)}: copy the one that you want to that name." if others else ""
        raise CheckpointError(f"There is no {file}.{there}")
    state = load_checkpoint(file).get("state_dict")
    if not isinstance(state, dict) or not state:
        raise CheckpointError(f"{file} holds no state_dict; it is not a checkpoint of Lightning.")
    for key, value in state.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise CheckpointError(f"{file}: the state_dict's {key!r:.80} is not a named tensor.")
        if value.is_floating_point() and not value.isfinite().all():
            raise CheckpointError(f"{file}: {key} holds NaN or infinity; the file is unusable.")
    return {key: value.float() if value.is_floating_point() else value for key, value in state.items()}


def _config(published: Published, state: dict[str, Tensor], origin: str) -> TeachConfig:
    """Settings for the weights at hand, checked before anything of their size is built.

    Raises:
        CheckpointError: The weights have other sizes than the experiment's config says.
    """
    layers = [match[1] for key in state if (match := re.match(r"motiondecoder\.seqTransDecoder\.layers\.(\d+)\.", key))]
    try:
        found = {
            "latent_dim": state["textencoder.mu_token"].shape[0],
            "ff_size": state["motiondecoder.seqTransDecoder.layers.0.linear1.weight"].shape[0],
            "num_layers": len(set(layers)),
        }
        text_dim = state["textencoder.projection.1.weight"].shape[1]
    except (KeyError, IndexError) as error:
        raise CheckpointError(f"{origin} is not a TEACH model: it lacks {error}.") from None
    for name, size in found.items():
        if getattr(published, name) != size:
            raise CheckpointError(f"{origin} has {name} {size}; its config says {getattr(published, name)}.")
    if published.latent_dim % TeachConfig().num_heads:
        raise CheckpointError(f"{origin}: latent_dim {published.latent_dim} cannot be shared among 4 attention heads.")
    # The originals' config also names a number of heads and a dropout; their classes ignore both, so ours keep the
    # defaults, 4 and 0.1.
    return TeachConfig(
        latent_dim=published.latent_dim,
        text_layers=published.num_layers,
        motion_layers=published.num_layers,
        decoder_layers=published.num_layers,
        ff_size=published.ff_size,
        text_dim=text_dim,
        hist_frames=published.hist_frames,
        fps=published.fps,
        min_frames=published.min_frames,
        max_frames=published.max_frames,
    )


def _published_name(name: str) -> str:
    ours = next(prefix for prefix in _NAMES if name.startswith(prefix))
    return _NAMES[ours] + name.removeprefix(ours)


def _load_weights(model: Teach, state: dict[str, Tensor], origin: str) -> None:
    """Strict: every weight of ours is there in its shape, and nothing else but what is tolerated.

    Raises:
        CheckpointError: Names the published key that does not fit.
    """
    own = {
        _published_name(name): (name, value) for name, value in model.state_dict().items() if "normalizer" not in name
    }
    given = {key for key in state if not key.startswith(_TEXT_MODEL) and not _TOLERATED.fullmatch(key)}
    for word, keys in (("lacks", own.keys() - given), ("has unknown", given - own.keys())):
        if keys:
            some = ", ".join(sorted(keys)[:3])
            raise CheckpointError(f"{origin} does not fit its config: it {word} weights, {len(keys)} of them: {some}.")
    for key, (_, value) in own.items():
        if state[key].shape != value.shape:
            raise CheckpointError(
                f"{origin}: {key} is {tuple(state[key].shape)}; by its config {tuple(value.shape)} was expected."
            )
    renamed = {name: state[key] for key, (name, _) in own.items()}
    with torch.no_grad():
        model.load_state_dict(model.state_dict() | renamed)
