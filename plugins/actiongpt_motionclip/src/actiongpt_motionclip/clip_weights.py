"""CLIP's weights as they lie in files, read without executing anything that a file holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from torch import Tensor

from actiongpt_core.errors import CheckpointError
from actiongpt_core.safe_pickle import load_checkpoint

#: The text model of the paper.
DEFAULT_CLIP = "clip:ViT-B-32/openai"
PREFIX = "clip:"
#: Start of the names of spaces of which only the weights are known.
UNNAMED = f"{PREFIX}sha256-"
#: Numbers beside the weights in OpenAI's files, and the mask that every CLIP has: no weights.
_NO_WEIGHTS = {"input_resolution", "context_length", "vocab_size", "attn_mask"}
_TEXT_WEIGHTS = ("text_projection", "ln_final.weight", "ln_final.bias", "positional_embedding")


@attrs.frozen(eq=False, kw_only=True)
class ClipWeights:
    """The weights of one CLIP, and what is known of it."""

    state: dict[str, Tensor]  #: in OpenAI's layout, of the type that they are stored in
    origin: str  #: the file, for messages
    space: str  #: name of the space of its vectors
    config: Mapping[str, Any] = attrs.field(factory=dict)  #: open_clip's model_cfg; empty: an OpenAI model of any size
    preprocess: Mapping[str, Any] = attrs.field(factory=dict)  #: open_clip's preprocess_cfg, as far as known


def read_configured(config: Path, weights: Path, space: str | None = None) -> ClipWeights:
    """A model in the layout of the hub.

    Args:
        config: open_clip_config.json.
        weights: The file beside it.
        space: Name of its space; None to take the fingerprint.

    Raises:
        CheckpointError: A file is damaged, unsafe, or holds something else.
    """
    try:
        content = json.loads(config.read_text(encoding="utf-8"))
        model, preprocess = dict(content["model_cfg"]), dict(content.get("preprocess_cfg", {}))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{config} is damaged ({error!r:.100}). Download the folder again.") from None
    state = read_state(weights)
    return ClipWeights(
        state=state, origin=str(weights), space=space or fingerprint(state), config=model, preprocess=preprocess
    )


def read_state(path: Path) -> dict[str, Tensor]:
    """The weights in a file: safetensors, torch.save, or OpenAI's own TorchScript archives.

    Raises:
        CheckpointError: The file is damaged, names code, or holds something else than CLIP's weights.
    """
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            content: dict[str, Any] = load_file(path)
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"{path} is damaged ({error}). Download it again.") from None
    else:
        content = load_checkpoint(path)
        content = content.get("state_dict", content)
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise CheckpointError(f"{path} does not hold weights alone; a state dict in OpenAI's layout was expected.")
    return clean_state(content, str(path))


def clean_state(state: Mapping[str, Tensor], origin: str) -> dict[str, Tensor]:
    """The weights in a state dict.

    Raises:
        CheckpointError: They are not CLIP's, or in another layout.
    """
    weights = {
        name.removeprefix("module."): tensor
        for name, tensor in state.items()
        if name.rpartition(".")[2] not in _NO_WEIGHTS
    }
    missing = [name for name in (*_TEXT_WEIGHTS, "token_embedding.weight") if name not in weights]
    if missing:
        hint = ""
        if any(name.startswith("text_model.") for name in weights):
            hint = " It is in the layout of the transformers library: give OpenAI's or open_clip's file of that model."
        raise CheckpointError(f"{origin} is no CLIP in OpenAI's layout: it lacks {', '.join(missing)}.{hint}")
    return weights


def fingerprint(state: Mapping[str, Tensor]) -> str:
    """A name for the space of weights that have none.

    It follows from values of the text tower in half precision: files of one model agree, whatever their format and
    precision; two trainings do not.
    """
    digest = hashlib.sha256()
    for name in _TEXT_WEIGHTS:
        digest.update(state[name].half().contiguous().cpu().numpy().tobytes())
    return f"{UNNAMED}{digest.hexdigest()[:16]}"
