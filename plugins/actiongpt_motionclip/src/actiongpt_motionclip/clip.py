"""CLIP: a text tower and an image tower, frozen, through open_clip."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import Tensor

from actiongpt_core.checkpoints import load_state
from actiongpt_core.errors import CheckpointError, ConfigError
from actiongpt_core.torchvision_shim import ensure_torchvision
from actiongpt_motionclip.clip_sources import read_clip
from actiongpt_motionclip.clip_weights import DEFAULT_CLIP, ClipWeights, clean_state, fingerprint

#: Settings of open_clip's text tower that `Clip.encode_ids` knows how to compute.
_TEXT_SETTINGS = {"context_length", "vocab_size", "width", "heads", "layers", "mlp_ratio"}


@attrs.frozen(eq=False, kw_only=True)
class Clip:
    """Two towers, frozen, in eval mode, float32.

    Source: Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021.
    """

    model: Any  #: open_clip's CLIP; without `visual` if it was built for texts alone
    name: str  #: the source, as given
    space: str  #: name of the space of its vectors; it follows from the weights
    preprocess: Mapping[str, Any] = attrs.field(factory=dict)  #: mean and std of the images; OpenAI's if not told

    @property
    def dim(self) -> int:
        """D, of a text's or an image's vector."""
        return int(self.model.text_projection.shape[1])

    @property
    def logit_scale(self) -> Tensor:
        """The learned logarithm of the factor on similarities, a scalar."""
        scale: Tensor = self.model.logit_scale
        return scale

    @property
    def device(self) -> torch.device:
        """Where the towers compute and their results lie."""
        return self.logit_scale.device

    @torch.no_grad()
    def encode_ids(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Token ids -> token states and vectors.

        Args:
            ids: (B, L) with L up to the context's length; 0 behind a text's end. Tokens see what precedes them alone,
                so nothing depends on how many zeros there are.

        Returns:
            States after the last norm, (B, L, C), and the projected state at each text's end, (B, D), not normalised.
        """
        model, length = self.model, ids.shape[1]
        ids = ids.to(self.device)
        states = model.token_embedding(ids) + model.positional_embedding[:length]
        states = model.ln_final(model.transformer(states, attn_mask=model.attn_mask[:length, :length]))
        # The end has the highest id of all.
        ends = states[torch.arange(len(ids), device=self.device), ids.argmax(dim=-1)]
        return states, ends @ model.text_projection

    @torch.no_grad()
    def encode_pixels(self, pixels: Tensor) -> Tensor:
        """Prepared images (N, 3, S, S) -> vectors (N, D), not normalised."""
        out: Tensor = self.model.encode_image(pixels.to(self.device))
        return out


def load_clip(source: str | Path = DEFAULT_CLIP, *, images: bool = True) -> Clip:
    """A CLIP from a file, a folder, the local caches or the network.

    Args:
        source: See `read_clip`.
        images: Build the image tower too.

    Raises:
        ConfigError: The source has another form, open_clip knows no such model, or its text tower is of another kind.
        MissingAssetError: The file is not there; the message says which, and where to get it.
        CheckpointError: The file is damaged, unsafe, or holds something else.
    """
    weights = read_clip(source)
    return _build(weights, name=str(source), images=images)


def from_openai_state(state: Mapping[str, Tensor], *, name: str = "state dict") -> Clip:
    """A CLIP of any size from weights in the layout of OpenAI's files.

    Args:
        state: Name to tensor; any float type. The number of heads follows from the width, 64 channels a head.
        name: What to call it.

    Raises:
        CheckpointError: The weights are incomplete, in another layout, or not finite.
    """
    cleaned = clean_state(state, name)
    weights = ClipWeights(state=cleaned, config={}, preprocess={}, origin=name, space=fingerprint(cleaned))
    return _build(weights, name=name, images=True)


def _build(weights: ClipWeights, *, name: str, images: bool) -> Clip:
    config = weights.config or _openai_config(weights.state, weights.origin)
    _require_known_settings(config, name)
    ensure_torchvision()
    import open_clip

    # Built without memory first: what would be initialised is overwritten, and a tower may not be wanted.
    with torch.device("meta"):
        model: Any = open_clip.CLIP(**config)
    state = weights.state
    if not images:
        del model.visual
        state = {name: tensor for name, tensor in state.items() if not name.startswith("visual.")}
    model.to_empty(device="cpu")
    # No weight, so it is not in the state: a token sees itself and what precedes it.
    model.attn_mask = torch.full(model.attn_mask.shape, -torch.inf).triu(1)
    load_state(model, state, weights.origin)
    model.eval().requires_grad_(False)
    return Clip(model=model, name=name, space=weights.space, preprocess=weights.preprocess)


def _openai_config(state: Mapping[str, Tensor], origin: str) -> dict[str, Any]:
    """open_clip's model_cfg as the shapes of OpenAI's weights tell it."""
    if "visual.proj" not in state:
        raise CheckpointError(
            f"{origin} has no image tower of the transformer kind; name the model: clip:MODEL/WEIGHTS."
        )
    patches = state["visual.conv1.weight"]
    width, patch_size = patches.shape[0], patches.shape[-1]
    grid = round((len(state["visual.positional_embedding"]) - 1) ** 0.5)
    text_width = len(state["ln_final.weight"])
    return {
        "embed_dim": state["text_projection"].shape[1],
        "quick_gelu": True,
        "vision_cfg": {
            "image_size": grid * patch_size,
            "patch_size": patch_size,
            "width": width,
            "head_width": min(64, width),
            "layers": _num_layers(state, "visual.transformer.resblocks."),
        },
        "text_cfg": {
            "context_length": len(state["positional_embedding"]),
            "vocab_size": len(state["token_embedding.weight"]),
            "width": text_width,
            "heads": max(1, text_width // 64),
            "layers": _num_layers(state, "transformer.resblocks."),
        },
    }


def _num_layers(state: Mapping[str, Tensor], prefix: str) -> int:
    return len({name.removeprefix(prefix).partition(".")[0] for name in state if name.startswith(prefix)})


def _require_known_settings(config: Mapping[str, Any], name: str) -> None:
    unknown = sorted({*config.get("text_cfg", {})} - _TEXT_SETTINGS)
    is_own = {*config} <= {"embed_dim", "quick_gelu", "vision_cfg", "text_cfg"}
    if unknown or not is_own or "timm_model_name" in config["vision_cfg"]:
        raise ConfigError(
            f"{name} is no CLIP of the original kind ({', '.join(unknown) or 'other towers'}). Use one whose two "
            f"towers are CLIP's own, such as {DEFAULT_CLIP}."
        )
