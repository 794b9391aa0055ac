"""Cache files of the version before, as the library wrote them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path


def make_old_file(path: Path, sampling: str = '{"n": 2, "top_p": 1.0}') -> None:
    """Four descriptions of "walk", without a version of the file or of the strategy."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(
            "CREATE TABLE descriptions (provider TEXT NOT NULL, model TEXT NOT NULL, strategy TEXT NOT NULL, "
            "phrase TEXT NOT NULL, sampling TEXT NOT NULL, k_index INTEGER NOT NULL, text TEXT NOT NULL, "
            "PRIMARY KEY (provider, model, strategy, phrase, sampling, k_index))"
        )
        values = [("openai", "m", "action-gpt", "walk", sampling, index, f"old {index}") for index in range(4)]
        connection.executemany("INSERT INTO descriptions VALUES (?, ?, ?, ?, ?, ?, ?)", values)
