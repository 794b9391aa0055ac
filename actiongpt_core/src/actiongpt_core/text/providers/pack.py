"""Descriptions from a file: those that ship with the library, or the user's own. The default provider."""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actiongpt_core.errors import ConfigError, MissingAssetError
from actiongpt_core.interfaces import TextEncoder
from actiongpt_core.text.folding import fold, normalise
from actiongpt_core.text.phrases import why_different
from actiongpt_core.text.vectors import embedding_key, unit_vectors
from actiongpt_core.types.text import Action, Descriptions

_LOG = logging.getLogger("actiongpt_core")
DEFAULT_PACK = Path(__file__).parents[1] / "packs" / "default.json"
#: Cosine from which a neighbour may stand in for a phrase; chosen on data, see docs/explanation/description-pack.md.
THRESHOLD = 0.75


class PackProvider:
    """Looks an action up in a file of descriptions.

    A phrase is found as it is written; else without case and punctuation; else without inflection and articles. A
    phrase that is not there takes the descriptions of the nearest one that says the same of side, direction, count,
    negation and verb, if that is near enough; otherwise it describes itself.

    Args:
        path: A JSON file, {phrase: [texts]} as the paper's gpt3_annotations.json, or {"about": ..., "descriptions":
            {phrase: [texts]}}; None for the file that ships.
        text_encoder: Measures nearness; None for the embedded one, loaded when a phrase is not found.

    Raises:
        MissingAssetError: The file is not there.
        ConfigError: The file is not JSON of that layout.
    """

    name = "pack"
    cacheable = False

    def __init__(self, path: Path | None = None, text_encoder: TextEncoder | None = None) -> None:
        self.path = Path(path) if path is not None else DEFAULT_PACK
        self.descriptions = read_pack(self.path)
        self._text_encoder = text_encoder
        self._written = {_written(phrase) for phrase in self.descriptions}
        self._by_form = [_index(self.descriptions, form) for form in (normalise, fold)]

    def find(self, phrase: str) -> str | None:
        """The pack's phrase that is the same but for case, punctuation, inflection and articles."""
        if phrase in self.descriptions:
            return phrase
        for form, index in zip((normalise, fold), self._by_form, strict=True):
            if form(phrase) in index:
                return index[form(phrase)]
        return None

    def knows(self, phrase: str) -> bool:
        """Whether the pack holds the phrase with these commas, so that it is not to be split at them."""
        return _written(phrase) in self._written

    def nearest(self, phrase: str, threshold: float = THRESHOLD) -> str | None:
        """The nearest phrase of the pack that may stand in for another.

        Args:
            phrase: A phrase that the pack does not hold.
            threshold: Least cosine of the pooled embeddings.

        Returns:
            A phrase of the pack; None if none is near enough, or all that are near say something else.

        Raises:
            MissingAssetError: The embedded text encoder is not installed.
        """
        encoder = self._encoder()
        cosines: NDArray[np.float32] = self._embeddings @ unit_vectors(encoder, [phrase])[0]
        near = sorted(zip(cosines.tolist(), self.descriptions, strict=True), reverse=True)
        candidates = (other for cosine, other in near if cosine >= threshold)
        return next((other for other in candidates if why_different(phrase, other) is None), None)

    def complete(self, action: Action, k: int) -> Descriptions:
        """K descriptions of the action; `source` is "pack", "nearest:<phrase>" or "phrase".

        Raises:
            ConfigError: The pack holds fewer than K descriptions of a phrase, or k is less than 1.
        """
        if k < 1:
            raise ConfigError(f"k, the number of descriptions of an action, must be at least 1, got {k}.")
        phrase = self.find(action.phrase)
        if phrase is not None:
            return self._descriptions(action, phrase, k, "pack")
        neighbour = self._nearest_or_none(action.phrase)
        if neighbour is not None:
            _tell_once(f"{action.phrase!r} is not in the description pack: taking the descriptions of {neighbour!r}.")
            return self._descriptions(action, neighbour, k, f"nearest:{neighbour}")
        _tell_once(f"{action.phrase!r} is not in the description pack: taking the phrase itself.")
        return Descriptions(action=action, texts=(action.phrase,) * k, source="phrase", provider=self.name)

    def _descriptions(self, action: Action, phrase: str, k: int, source: str) -> Descriptions:
        texts = self.descriptions[phrase]
        if k > len(texts):
            raise ConfigError(
                f"The description pack {self.path.name} holds {len(texts)} descriptions of {phrase!r}, and k is {k}. "
                f"Use a smaller k, or the provider 'openai' or 'passthrough'."
            )
        return Descriptions(action=action, texts=tuple(texts[:k]), source=source, provider=self.name)

    def _nearest_or_none(self, phrase: str) -> str | None:
        try:
            return self.nearest(phrase)
        except MissingAssetError as error:
            _tell_once(f"No neighbours are looked for: {error}")
            return None

    def _encoder(self) -> TextEncoder:
        if self._text_encoder is None:
            from actiongpt_core.text.encoders import TransformersTextEncoder  # torch, for phrases that are not found

            self._text_encoder = TransformersTextEncoder()
        return self._text_encoder

    @functools.cached_property
    def _embeddings(self) -> NDArray[np.float32]:
        """Unit vectors of the pack's phrases, (number of phrases, C): those that ship, or computed."""
        phrases = list(self.descriptions)
        encoder = self._encoder()
        file = self.path.with_suffix(".npz")
        if self.path == DEFAULT_PACK and file.is_file():
            with np.load(file, allow_pickle=False) as stored:
                if str(stored["key"]) == embedding_key(phrases, encoder.name):
                    embeddings: NDArray[np.float32] = stored["embeddings"].astype(np.float32)
                    return embeddings
        return unit_vectors(encoder, phrases)

    def write_embeddings(self) -> Path:
        """Write the embeddings of the phrases beside the file, half precision; they then need not be computed."""
        phrases, encoder = list(self.descriptions), self._encoder()
        file = self.path.with_suffix(".npz")
        embeddings = unit_vectors(encoder, phrases).astype(np.float16)
        np.savez(file, embeddings=embeddings, key=np.array(embedding_key(phrases, encoder.name)))
        return file


def read_pack(path: Path) -> dict[str, list[str]]:
    """The descriptions of a file, phrase by phrase.

    Raises:
        MissingAssetError: The file is not there.
        ConfigError: The file is not JSON of a known layout; the message names the entry.
    """
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MissingAssetError(f"There is no description file {path}.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"The description file {path} cannot be read as JSON: {error}") from error
    if isinstance(content, dict) and isinstance(content.get("descriptions"), dict):
        content = content["descriptions"]
    if not isinstance(content, dict) or not content:
        raise ConfigError(f"The description file {path} must be a JSON object of phrases, each with a list of texts.")
    for phrase, texts in content.items():
        is_list = isinstance(texts, list) and bool(texts)
        if not is_list or not all(isinstance(text, str) and text.strip() for text in texts):
            raise ConfigError(
                f"The description file {path}: the entry {phrase!r} must be a list of one or more texts, none blank."
            )
    return content


def _written(phrase: str) -> str:
    """The phrase without case and spacing; unlike `normalise` it keeps "run, jog" and "run/jog" apart."""
    return " ".join(phrase.casefold().split())


def _index(phrases: Iterable[str], form: Any) -> dict[str, str]:
    """{form of the phrase: phrase}; of several with one form, the one that is written like it comes first."""
    index: dict[str, str] = {}
    for phrase in sorted(phrases, key=lambda phrase: phrase != form(phrase)):
        index.setdefault(form(phrase), phrase)
    return index


@functools.cache
def _tell_how() -> None:
    _LOG.warning(
        "Descriptions of other phrases need a language model: set OPENAI_API_KEY and use llm='openai' (also with a "
        "local server at OPENAI_BASE_URL), or give a description file of your own. This is said once."
    )


def _tell_once(what: str) -> None:
    """The first time a warning with the way out; later only for those who log at level info."""
    if _tell_how.cache_info().currsize:
        _LOG.info(what)
    else:
        _LOG.warning(what)
        _tell_how()
