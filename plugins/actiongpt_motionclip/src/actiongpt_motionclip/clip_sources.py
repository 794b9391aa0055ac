"""Where CLIP's weights are found: by name in the local caches or the network, or in the user's own files."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from actiongpt_core.errors import ConfigError, MissingAssetError, did_you_mean
from actiongpt_core.torchvision_shim import ensure_torchvision
from actiongpt_motionclip.clip_weights import (
    DEFAULT_CLIP,
    PREFIX,
    ClipWeights,
    fingerprint,
    read_configured,
    read_state,
)

_HUB = "hf-hub:"
_CONFIG = "open_clip_config.json"
_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "open_clip_pytorch_model.bin")
_SUFFIXES = (".pt", ".pth", ".bin", ".safetensors", ".tar", ".ckpt")
#: Where OpenAI's own package, and open_clip, keep files that do not come from the hub.
_CACHE = Path("~/.cache/clip")


def read_clip(source: str | Path) -> ClipWeights:
    """Find and read weights.

    Args:
        source: One of

            * "clip:MODEL/WEIGHTS" as open_clip names them: found in the local caches (the hub's, and ~/.cache/clip,
              where OpenAI's package keeps its files), else downloaded;
            * "hf-hub:OWNER/NAME": a model on the hub, cached or downloaded;
            * a folder in the hub's layout: open_clip_config.json and the weights;
            * a file: safetensors, a file of torch.save, or OpenAI's own TorchScript archive. It does not tell its
              architecture, and is taken for one of OpenAI's models, of any size;
            * "clip:MODEL/WEIGHTS@PATH": a file or folder that holds these weights. Of OpenAI's own files this is known
              by their sha256; of others somebody must say it, or their space gets a name of its own.

    Raises:
        ConfigError: The source has another form, or open_clip knows no such model or weights.
        MissingAssetError: The file is not there; the message says which, and where to get it.
        CheckpointError: The file is damaged, unsafe, or holds something else.
    """
    text = str(source).removeprefix(PREFIX)
    path = Path(text).expanduser()
    if path.is_dir():
        return _read_folder(path)
    if path.is_file():
        return _read_file(path)
    name, is_named, place = text.partition("@")
    if is_named:
        return _read_named(*_split(PREFIX + name), Path(place).expanduser())
    if isinstance(source, Path) or text.endswith(_SUFFIXES) or text.startswith((".", "/", "~")) or "\\" in text:
        raise MissingAssetError(f"There is no CLIP file or folder {text}. {_where_to_get(*_split(DEFAULT_CLIP))}")
    if text.startswith(_HUB):
        return _read_hub(text.removeprefix(_HUB))
    return _read_known(*_split(str(source)))


def _split(source: str) -> tuple[str, str]:
    """Model and weights of "clip:MODEL/WEIGHTS"."""
    model, _, tag = source.removeprefix(PREFIX).partition("/")
    if not source.startswith(PREFIX) or not model or not tag or "/" in tag:
        raise ConfigError(
            f"A CLIP source cannot be {source!r}. Expected {DEFAULT_CLIP!r} or another MODEL/WEIGHTS that open_clip "
            f'knows, "{_HUB}OWNER/NAME", a file of weights (.pt, .safetensors), or a folder with {_CONFIG}.'
        )
    return model, tag


def _open_clip() -> Any:
    ensure_torchvision()
    import open_clip

    return open_clip


# --- models that open_clip knows -----------------------------------------------------------------------------------


def _read_known(model: str, tag: str) -> ClipWeights:
    return _known(model, tag, _find_known(model, tag, _require_known(model, tag)))


def _known(model: str, tag: str, file: Path) -> ClipWeights:
    """A file that holds the weights of this name."""
    known = _require_known(model, tag)
    # The same architecture was trained with either activation: the weights tell which.
    config = {**_open_clip().get_model_config(model), "quick_gelu": bool(known.get("quick_gelu"))}
    return ClipWeights(
        state=read_state(file), origin=str(file), space=_space(model, tag), config=config, preprocess=known
    )


def _require_known(model: str, tag: str) -> dict[str, Any]:
    """What open_clip knows of weights: url, hf_hub, mean, std, quick_gelu."""
    open_clip = _open_clip()
    models = open_clip.list_models()
    if model not in models:
        raise ConfigError(f"open_clip knows no model {model!r}.{did_you_mean(model, models)}")
    found: dict[str, Any] = open_clip.get_pretrained_cfg(model, tag)
    if not found:
        tags = open_clip.list_pretrained_tags_by_model(model)
        raise ConfigError(
            f"open_clip knows no weights {tag!r} of {model}. Known: {', '.join(tags)}.{did_you_mean(tag, tags)}"
        )
    return found


def _space(model: str, tag: str) -> str:
    # OpenAI's weights are the CLIP of the papers, and carry the plain name.
    name = PREFIX + model.removesuffix("-quickgelu")
    return name if tag == "openai" else f"{name}/{tag}"


def _find_known(model: str, tag: str, known: Mapping[str, Any]) -> Path:
    url, (owner, _, file) = known.get("url", ""), known.get("hf_hub", "").rpartition("/")
    reason: Exception | None = None
    for local in (True, False):
        found = _hub_file(owner, (*_WEIGHTS, file) if file else _WEIGHTS, local=local) if owner else None
        if found:
            return found
        if url and (not local or (_CACHE / Path(url).name).expanduser().is_file()):
            try:
                return Path(_open_clip().download_pretrained_from_url(url))  # checks the sha256 that it knows
            except (OSError, RuntimeError) as error:
                reason = error
    raise MissingAssetError(
        f"The CLIP weights {model}/{tag} are neither in the local caches nor could they be downloaded. "
        f"{_where_to_get(model, tag)}"
    ) from reason


def _where_to_get(model: str, tag: str) -> str:
    known = _require_known(model, tag)
    places = [known["url"]] if known.get("url") else []
    if known.get("hf_hub"):
        places.append(f"{_WEIGHTS[0]} and {_CONFIG} of https://huggingface.co/{known['hf_hub'].rstrip('/')}")
    return (
        f"Run once with network access, or download {' or '.join(places)}, and give the path of the file or of the "
        f"folder with both: text_encoder='clip:{model}/{tag}@/path/to/{model}.pt'."
    )


# --- the hub -------------------------------------------------------------------------------------------------------


def _read_hub(name: str) -> ClipWeights:
    for local in (True, False):
        config = _hub_file(name, (_CONFIG,), local=local)
        weights = _hub_file(name, _WEIGHTS, local=local) if config else None
        if config and weights:
            return read_configured(config, weights, _hub_space(name))
    raise MissingAssetError(
        f"The CLIP model {name!r} is neither in the local cache of the hub nor could it be downloaded. Run once with "
        f"network access, or download {_CONFIG} and {_WEIGHTS[0]} of https://huggingface.co/{name} into a folder and "
        "give its path: text_encoder='/path/to/folder'."
    )


def _hub_space(name: str) -> str:
    """The space of a model on the hub: that of its name in open_clip, if it has one there."""
    open_clip = _open_clip()
    for model, tag in open_clip.list_pretrained():
        if open_clip.get_pretrained_cfg(model, tag).get("hf_hub", "").rstrip("/") == name:
            return _space(model, tag)
    return f"{PREFIX}{_HUB}{name}"


def _hub_file(name: str, files: tuple[str, ...], *, local: bool) -> Path | None:
    """The first of some files that a model on the hub has; None if there is none, or no network."""
    from huggingface_hub import file_exists, hf_hub_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    for file in files:
        try:
            # Asked first, since a download without network is tried again and again for half a minute.
            if local or file_exists(name, file):
                return Path(hf_hub_download(name, file, local_files_only=local))
        except LocalEntryNotFoundError:
            continue
        # Whatever the network makes the library raise, the user can do one thing, and the caller says it.
        except Exception:
            return None
    return None


# --- files ---------------------------------------------------------------------------------------------------------


def _read_named(model: str, tag: str, path: Path) -> ClipWeights:
    if not path.exists():
        raise MissingAssetError(f"There is no CLIP file or folder {path}. {_where_to_get(model, tag)}")
    return _known(model, tag, _weights_in(path) if path.is_dir() else path)


def _weights_in(folder: Path) -> Path:
    weights = next((folder / name for name in _WEIGHTS if (folder / name).is_file()), None)
    if weights is None or not (folder / _CONFIG).is_file():
        raise MissingAssetError(
            f"The CLIP folder {folder} needs {_CONFIG} and one of {', '.join(_WEIGHTS)}: the layout of the hub."
        )
    return weights


def _read_folder(folder: Path) -> ClipWeights:
    return read_configured(folder / _CONFIG, _weights_in(folder))


def _read_file(path: Path) -> ClipWeights:
    state = read_state(path)
    known = None if path.suffix == ".safetensors" else _published_as(path)
    return ClipWeights(state=state, origin=str(path), space=_space(known, "openai") if known else fingerprint(state))


@functools.cache
def _published_as(path: Path) -> str | None:
    """The model that a file of OpenAI's holds; None if it is another file."""
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    open_clip = _open_clip()
    # OpenAI's addresses hold the sum.
    models = open_clip.list_pretrained_models_by_tag("openai")
    return next((name for name in models if f"/{found}/" in open_clip.get_pretrained_url(name, "openai")), None)
