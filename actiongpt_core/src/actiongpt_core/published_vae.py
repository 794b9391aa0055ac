"""Published experiments of one code base: text and motion VAEs, Lightning's checkpoints, Hydra's settings.

Two backbones were published from it. What differs between them (the text encoder) stands in their plugins.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import attrs
from torch import Tensor

from actiongpt_core.checkpoints import write_checkpoint
from actiongpt_core.errors import CheckpointError
from actiongpt_core.features.base import Normalizer
from actiongpt_core.published import HYDRA_CONFIG, HydraSettings, load_renamed, read_state, read_stats, rename
from actiongpt_core.text.encoders import TransformersTextEncoder

_WEIGHTS = Path("checkpoints") / "last.ckpt"
_TEXT_MODEL = "textencoder.text_model."
_TEXT_FOLDER = "text_encoder"  #: in a converted checkpoint
#: The originals' config also names a number of heads, which their classes ignore.
_NUM_HEADS = 4
#: Our names and theirs, of what the backbones share.
_NAMES = {
    "motion_encoder.motion_projection.": "motionencoder.skel_embedding.",
    "motion_encoder.transformer.": "motionencoder.seqTransEncoder.",
    "motion_encoder.": "motionencoder.",
    "motion_decoder.transformer.": "motiondecoder.seqTransDecoder.",
    "motion_decoder.": "motiondecoder.",
}
_POSITIONS = r".*\.sequence_pos_encoding\.pe|.*\.position_ids"  #: tables that are recomputed


@attrs.frozen(kw_only=True, eq=False)
class PublishedVae:
    """A published experiment: its settings, checked against the sizes of its weights."""

    settings: HydraSettings
    state: dict[str, Tensor]
    origin: Path  #: the file of the weights
    latent_dim: int
    num_layers: int
    ff_size: int
    text_dim: int
    fps: float
    min_frames: int
    max_frames: int
    stats_entry: str  #: path of the feature statistics below `transforms/`

    @property
    def config(self) -> dict[str, Any]:
        """The settings that the backbones' configs share, under their names there.

        The number of heads and the dropout are not among them: the originals' classes ignore what is written.
        """
        return {
            "latent_dim": self.latent_dim,
            "text_layers": self.num_layers,
            "motion_layers": self.num_layers,
            "decoder_layers": self.num_layers,
            "ff_size": self.ff_size,
            "text_dim": self.text_dim,
            "fps": self.fps,
            "min_frames": self.min_frames,
            "max_frames": self.max_frames,
        }

    def load_into(self, model: Any, names: dict[str, str], stats: Path | None, tolerated: str = "") -> None:
        """Fill a model with the weights and the statistics.

        Args:
            model: Has a motion encoder, a motion decoder, features, a normalizer and a text part.
            names: Prefixes of our names -> theirs, of the text part.
            stats: As in `read_stats`.
            tolerated: Pattern of published names that are not needed, besides the tables of positions.

        Raises:
            CheckpointError: A weight is missing, unknown or of another shape; or the statistics are damaged.
            MissingAssetError: The statistics are missing.
        """
        state = {key: value for key, value in self.state.items() if not key.startswith(_TEXT_MODEL)}
        pattern = re.compile("|".join(filter(None, (_POSITIONS, tolerated))))
        load_renamed(model, state, self.origin, lambda name: rename(name, names | _NAMES), pattern)
        model.normalizer = Normalizer(*read_stats(stats, self.stats_entry, model.features.num_features))

    def text_encoder(self, source: str | Path) -> TransformersTextEncoder:
        """The experiment's own text model; its config and tokenizer are found at `source`."""
        weights = {
            key.removeprefix(_TEXT_MODEL): value for key, value in self.state.items() if key.startswith(_TEXT_MODEL)
        }
        return TransformersTextEncoder.from_state(source, weights)


def read_published_vae(folder: Path, backbone: str) -> PublishedVae:
    """Read an experiment folder (`.hydra/config.yaml`, `checkpoints/last.ckpt`).

    Raises:
        CheckpointError: The folder is incomplete, truncated, unsafe, of another backbone, of a variant that is not
            supported, does not fit its own config, or holds NaN.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CheckpointError(f"No experiment folder at {folder}.")
    settings = HydraSettings(folder / HYDRA_CONFIG)
    found = settings.get("model.modelname", str, default="none")
    if found != backbone:
        raise CheckpointError(
            f"{folder} is a published experiment of backbone {found!r}, not {backbone!r}. "
            "Choose the backbone that it is of."
        )
    settings.require("model.vae", True)
    settings.require("model.activation", "gelu")
    settings.require("data.transforms.normalization", True)
    settings.require("data.transforms.rots2rfeats.name", "Globalvelandy")
    settings.require("data.transforms.rots2rfeats.pose_rep", "rot6d")
    settings.require("data.transforms.rots2rfeats.canonicalize", True)
    sizes = {key: settings.get(f"model.{key}", int) for key in ("latent_dim", "num_layers", "ff_size")}
    origin = folder / _WEIGHTS
    state = read_state(origin, "state_dict")
    return PublishedVae(
        settings=settings,
        state=state,
        origin=origin,
        text_dim=_check_sizes(state, sizes, origin),
        fps=float(settings.get("data.framerate", int)),
        min_frames=settings.get("sampler.min_len", int, default=15),
        max_frames=settings.get("sampler.max_len", int, default=750),
        stats_entry=_stats_entry(settings.get("data.dataname", str), settings.get("data.dtype", str)),
        **sizes,
    )


def write_converted(model: Any, target: Path, backbone: str) -> Path:
    """Write a model that was read from a published experiment as a checkpoint folder of this library.

    Its text model goes with it; all is in full precision.

    Args:
        model: Has a config and a `TransformersTextEncoder`.
        target: The folder to write.
        backbone: The model's name.

    Returns:
        The folder.
    """
    model.text_encoder.save(target / _TEXT_FOLDER)
    config = attrs.evolve(model.config, text_encoder=f"checkpoint:{_TEXT_FOLDER}")
    return write_checkpoint(model, target, backbone, config, half=False)


def _check_sizes(state: dict[str, Tensor], sizes: dict[str, int], origin: Path) -> int:
    """Compare the weights with the config before anything of their size is built; the width of the text states."""
    layers = [match[1] for key in state if (match := re.match(r"motiondecoder\.seqTransDecoder\.layers\.(\d+)\.", key))]
    try:
        found = {
            "latent_dim": state["textencoder.mu_token"].shape[0],
            "ff_size": state["motiondecoder.seqTransDecoder.layers.0.linear1.weight"].shape[0],
            "num_layers": len(set(layers)),
        }
        text_dim = state["textencoder.projection.1.weight"].shape[1]
    except (KeyError, IndexError) as error:
        raise CheckpointError(f"{origin} is not a text and motion VAE: it lacks {error}.") from None
    for name, size in found.items():
        if sizes[name] != size:
            raise CheckpointError(f"{origin} has {name} {size}; its config says {sizes[name]}.")
    if sizes["latent_dim"] % _NUM_HEADS:
        raise CheckpointError(
            f"{origin}: latent_dim {sizes['latent_dim']} cannot be shared among {_NUM_HEADS} attention heads."
        )
    return int(text_dim)


def _stats_entry(dataname: str, dtype: str) -> str:
    # Pairs are normalised with the statistics of all data; every other kind of data has its own below.
    entry = f"rots2rfeats/globalvelandy/rot6d/{dataname}"
    return entry if dtype == "separate_pairs" else f"{entry}/{dtype}"
