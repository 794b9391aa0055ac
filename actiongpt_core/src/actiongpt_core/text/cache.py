"""Descriptions that were paid for are kept: a small SQLite file."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

_LOG = logging.getLogger("actiongpt_core")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS descriptions (
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    strategy TEXT NOT NULL,
    phrase TEXT NOT NULL,
    sampling TEXT NOT NULL,
    k_index INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (provider, model, strategy, phrase, sampling, k_index)
)
"""


def cache_folder() -> Path:
    """$XDG_CACHE_HOME/actiongpt, by default ~/.cache/actiongpt."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # The XDG specification has relative paths ignored.
    return (base if base.is_absolute() else Path.home() / ".cache") / "actiongpt"


@attrs.frozen(kw_only=True)
class CacheKey:
    """Everything that an answer depends on."""

    provider: str
    model: str
    strategy: str
    phrase: str
    sampling: Mapping[str, Any]

    def columns(self) -> tuple[str, str, str, str, str]:
        """The key as it stands in the file."""
        sampling = json.dumps(dict(self.sampling), sort_keys=True)
        return self.provider, self.model, self.strategy, self.phrase, sampling


class DescriptionCache:
    """Descriptions by what was asked, of whom and how. A cache that fails is reported and passed by.

    Args:
        path: The SQLite file; None for descriptions.sqlite in the user's cache folder.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or cache_folder() / "descriptions.sqlite"

    def get(self, key: CacheKey) -> list[str]:
        """The descriptions that are there, in the order in which they were put."""
        query = (
            "SELECT text FROM descriptions WHERE provider = ? AND model = ? AND strategy = ? AND phrase = ? "
            "AND sampling = ? ORDER BY k_index"
        )
        if not self.path.exists():
            return []
        try:
            with self._connection() as connection:
                return [row[0] for row in connection.execute(query, key.columns())]
        except (sqlite3.Error, OSError) as error:
            self._report("read", error)
            return []

    def put(self, key: CacheKey, texts: Sequence[str], first: int = 0) -> None:
        """Keep descriptions under the indices first, first + 1 and so on; what stands there is replaced."""
        rows = [(*key.columns(), index, text) for index, text in enumerate(texts, start=first)]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._connection() as connection:
                connection.executemany("INSERT OR REPLACE INTO descriptions VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        except (sqlite3.Error, OSError) as error:
            self._report("write", error)

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        # One connection a call, so that threads and processes may share a cache.
        with contextlib.closing(sqlite3.connect(self.path, timeout=10.0)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(_SCHEMA)
            with connection:
                yield connection

    def _report(self, doing: str, error: Exception) -> None:
        _LOG.warning("Cannot %s the description cache %s (%s); going on without it.", doing, self.path, error)
