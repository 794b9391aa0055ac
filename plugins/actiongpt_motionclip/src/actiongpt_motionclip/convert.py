"""Published MotionCLIP experiments as models of this library, and as checkpoint folders of its format.

No code of the published files is executed: see `actiongpt_core.safe_pickle`.
"""

from __future__ import annotations

import re
from pathlib import Path

import attrs
from torch import Tensor

from actiongpt_core.checkpoints import write_checkpoint
from actiongpt_core.errors import CheckpointError, ConfigError
from actiongpt_core.interfaces import TextEncoder
from actiongpt_core.published import load_renamed, read_state, rename
from actiongpt_motionclip.config import BACKBONE, MotionClipConfig
from actiongpt_motionclip.model import MotionClip
from actiongpt_motionclip.published import Published, checkpoint_file, read_published
from actiongpt_motionclip.text_spaces import load_text_encoder, space_of

#: Our names and theirs.
_NAMES = {
    "motion_encoder.mu_token": "encoder.muQuery",
    "motion_encoder.sigma_token": "encoder.sigmaQuery",
    "motion_encoder.motion_projection.": "encoder.skelEmbedding.",
    "motion_encoder.transformer.": "encoder.seqTransEncoder.",
    "motion_decoder.transformer.": "decoder.seqTransDecoder.",
    "motion_decoder.final_layer.": "decoder.finallayer.",
}
_SIGMA = _NAMES["motion_encoder.sigma_token"]
#: In the files, but not needed: position tables (recomputed), a parameter that takes no part in any computation, CLIP.
_TOLERATED = re.compile(r".*\.sequence_pos_encoder\.pe|decoder\.actionBiases|clip_model\..*")
#: Size of the pooled space of the paper's CLIP, ViT-B/32.
_CLIP_DIM = 512


def load_published(
    path: Path,
    *,
    text_encoder: str | Path | TextEncoder | None = None,
    stats: Path | None = None,
    upstream: bool = False,
) -> MotionClip:
    """A model with the weights of a published experiment folder (`opt.yaml`, `checkpoint_NNNN.pth.tar`).

    The files do not name the text model. One of the paper's size, 512, is for CLIP ViT-B/32; any other takes the space
    of the text encoder that is given here.

    Args:
        path: The folder, for the checkpoint with the highest number, or one checkpoint file in it.
        text_encoder: Where the text model is found, or the text encoder itself; None for CLIP ViT-B/32 by name, or for
            none where the size is another: such a model decodes latents, but reads no texts.
        stats: Must be None: published experiments are not normalised.
        upstream: The experiment is of upstream MotionCLIP, whose encoder has a second token before the frames.

    Raises:
        CheckpointError: The folder is incomplete, truncated, unsafe, of another backbone or variant, does not fit, or
            holds NaN.
        ConfigError: `stats` was given, or the text encoder is of another space than the paper's.
    """
    if stats is not None:
        raise ConfigError("Published MotionCLIP experiments are not normalised: leave stats out.")
    path = Path(path)
    if not path.exists():
        raise CheckpointError(f"No experiment folder at {path}.")
    file = checkpoint_file(path)
    published = read_published(file.parent)
    state = read_state(file)
    _require_tokens(state, upstream, file)
    _require_sizes(state, published, file)
    config, encoder = _with_text(_config(published, upstream=upstream), text_encoder)
    model = MotionClip(config, text_encoder=encoder)
    load_renamed(model, state, file, lambda name: rename(name, _NAMES), _TOLERATED)
    return model.eval()


def convert(
    source: Path,
    target: Path,
    *,
    text_encoder: str | Path | None = None,
    stats: Path | None = None,
    upstream: bool = False,
) -> Path:
    """Write a published experiment as a checkpoint folder of this library, in full precision.

    Args:
        source: The experiment folder, or one checkpoint file in it.
        target: The folder to write.
        text_encoder: Where the text model is found, as in `load_published`; only the place is written down.
        stats: As in `load_published`.
        upstream: As in `load_published`.

    Returns:
        The folder.

    Raises:
        CheckpointError: As in `load_published`.
        ConfigError: As in `load_published`.
    """
    model = load_published(source, text_encoder=text_encoder, stats=stats, upstream=upstream)
    return write_checkpoint(model, target, BACKBONE, model.config, half=False)


def _with_text(
    config: MotionClipConfig, source: str | Path | TextEncoder | None
) -> tuple[MotionClipConfig, TextEncoder | None]:
    """The settings with the text model's place and space, and the text encoder if it had to be looked at."""
    is_papers = config.text_dim == _CLIP_DIM
    if source is None:
        return (config if is_papers else attrs.evolve(config, text_encoder="", text_space="")), None
    if not isinstance(source, (str, Path)):
        encoder, place = source, source.name
    elif is_papers:
        return attrs.evolve(config, text_encoder=str(source)), None
    else:
        encoder, place = load_text_encoder(source), str(source)
    space = config.text_space if is_papers else space_of(encoder)
    return attrs.evolve(config, text_encoder=place, text_space=space), encoder


def _config(published: Published, *, upstream: bool) -> MotionClipConfig:
    return MotionClipConfig(
        latent_dim=published.latent_dim,
        text_dim=published.latent_dim,
        num_layers=published.num_layers,
        num_heads=published.num_heads,
        ff_size=published.ff_size,
        dropout=published.dropout,
        motion_tokens="mu_sigma" if upstream else "mu",
        normalise_encoder_output=published.normalise_encoder_output,
        normalise_decoder_input=published.normalise_decoder_input,
        fps=published.fps,
        trained_frames=published.trained_frames,
        root_orientation="relative" if published.is_turned_to_front else "upright",
        min_frames=min(MotionClipConfig().min_frames, published.trained_frames),
        default_seconds=published.trained_frames / published.fps,
    )


def _require_tokens(state: dict[str, Tensor], upstream: bool, file: Path) -> None:
    """Stop unless the encoder is the expected one: with the second token all frames stand one position further along.

    Raises:
        CheckpointError: Says what to pass.
    """
    if _SIGMA in state and not upstream:
        raise CheckpointError(
            f"{file} holds {_SIGMA}: an upstream checkpoint, whose encoder has two tokens before the frames; those of "
            "Action-GPT have one. To read it as one, pass upstream=True to MotionClip.from_checkpoint, or convert it "
            "once with `actiongpt motionclip convert --upstream`."
        )
    if _SIGMA not in state and upstream:
        raise CheckpointError(f"{file} holds no {_SIGMA}: it is no upstream checkpoint. Leave upstream out.")


def _require_sizes(state: dict[str, Tensor], published: Published, file: Path) -> None:
    """Compare the options with the weights before anything of their size is built.

    Raises:
        CheckpointError: The weights have other sizes than the options say.
    """
    layers = {match[1] for key in state if (match := re.match(r"decoder\.seqTransDecoder\.layers\.(\d+)\.", key))}
    try:
        found = {
            "latent_dim": state["encoder.muQuery"].shape[-1],
            "ff_size": state["decoder.seqTransDecoder.layers.0.linear1.weight"].shape[0],
            "num_layers": len(layers),
        }
    except (KeyError, IndexError) as error:
        raise CheckpointError(f"{file} is not a MotionCLIP model: it lacks {error}.") from None
    for name, size in found.items():
        if getattr(published, name) != size:
            raise CheckpointError(f"{file} has {name} {size}; its opt.yaml says {getattr(published, name)}.")
    if published.latent_dim % published.num_heads:
        raise CheckpointError(
            f"{file}: latent_dim {published.latent_dim} cannot be shared among {published.num_heads} attention heads."
        )
