"""Frozen text models: texts to token states."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from actiongpt_core.errors import PromptError
from actiongpt_core.nn.masks import lengths_to_mask
from actiongpt_core.text.text_models import EMBEDDED, fill_model, find, load_model, load_tokenizer, save_model
from actiongpt_core.types.text import TextFeatures

#: Texts that go through the model at once.
_BATCH = 64


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
        # The description pack and a backbone use the embedded model side by side: it is loaded once.
        load = _load_shared if str(source).startswith("package:") else _load
        self._set(str(source), *load(find(source)))

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
        place = find(config_source)
        encoder = cls.__new__(cls)
        encoder._set(str(config_source), load_tokenizer(place), fill_model(place, state_dict))
        return encoder

    def save(self, folder: Path) -> Path:
        """Write config, weights (safetensors) and tokenizer into a folder that this class reads again; returns it."""
        save_model(folder, self._tokenizer, self.model)
        return folder

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


def _load(place: str) -> tuple[Any, nn.Module]:
    return load_tokenizer(place), load_model(place)


_load_shared = functools.cache(_load)
