"""Descriptions that were paid for are kept, each as it comes: a small SQLite file."""

from __future__ import annotations

import datetime
import json
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from actiongpt_core.errors import CacheError
from actiongpt_core.text.cache_file import COLUMNS, opened

if TYPE_CHECKING:
    from actiongpt_core.types.text import Answer

_LOG = logging.getLogger("actiongpt_core")
_T = TypeVar("_T")
_KEY = "provider = ? AND model = ? AND strategy = ? AND version = ? AND phrase = ? AND sampling = ?"
# The first answer stands: what was read once must not change under its reader.
PUT = f"INSERT OR IGNORE INTO descriptions ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"


def cache_folder() -> Path:
    """$XDG_CACHE_HOME/actiongpt, by default ~/.cache/actiongpt."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # The XDG specification has relative paths ignored.
    return (base if base.is_absolute() else Path.home() / ".cache") / "actiongpt"


@attrs.frozen(kw_only=True)
class CacheKey:
    """Everything that an answer depends on, but for its index."""

    provider: str
    model: str
    strategy: str
    version: int  #: of the strategy
    phrase: str
    sampling: Mapping[str, Any]  #: settings in any order, and the server where the provider has one

    def columns(self) -> tuple[str, str, str, int, str, str]:
        """The key as it stands in the file."""
        sampling = json.dumps(dict(self.sampling), sort_keys=True)
        return self.provider, self.model, self.strategy, self.version, self.phrase, sampling


class DescriptionCache:
    """Descriptions by what was asked, of whom and how. A cache that fails is reported once and passed by.

    Processes and threads may share a file, and threads an object. A description that was put is on disk, and stays
    as it is: of two writers of one row the first wins.

    Args:
        path: The SQLite file; None for descriptions.sqlite in the user's cache folder.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = Path(path) if path is not None else cache_folder() / "descriptions.sqlite"
        self._is_reported = False

    def get(self, key: CacheKey) -> dict[int, str]:
        """The descriptions that are there, by index, in order."""

        def read() -> dict[int, str]:
            query = f"SELECT k_index, text FROM descriptions WHERE {_KEY} ORDER BY k_index"
            with opened(self.path) as connection:
                return dict(connection.execute(query, key.columns()).fetchall())

        return (self._tried("read", read) if self.path.exists() else None) or {}

    def put(self, key: CacheKey, index: int, text: str, answer: Answer | None = None) -> None:
        """Keep one description; it is on disk when this returns. What stands there already is left as it is.

        Args:
            key: What was asked, of whom and how.
            index: Which of the K descriptions it is.
            text: The description.
            answer: What it was read from, as the language model wrote it.
        """

        def write() -> None:
            with opened(self.path, create=True) as connection:
                connection.execute(PUT, row(key, index, text, answer))

        self._tried("write", write)

    def _tried(self, doing: str, operation: Callable[[], _T]) -> _T | None:
        try:
            return operation()
        # A value error: what SQLite or JSON cannot write, such as half a character.
        except (CacheError, TypeError, ValueError) as error:
            if not self._is_reported:
                _LOG.warning("Cannot %s the description cache %s; going on without it. %s", doing, self.path, error)
            self._is_reported = True
            return None


def row(key: CacheKey, index: int, text: str, answer: Answer | None = None) -> tuple[Any, ...]:
    """One description as a row of the file, in the order of its columns."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")
    if answer is None:
        return (*key.columns(), index, text, None, None, None, None, now)
    usage = (answer.prompt_tokens, answer.completion_tokens, answer.seconds)
    return (*key.columns(), index, text, answer.text, *usage, now)
