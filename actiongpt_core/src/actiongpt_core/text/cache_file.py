"""The file of the description cache: opened by many at once, made, taken over from an older version."""

from __future__ import annotations

import contextlib
import datetime
import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from actiongpt_core.errors import CacheError

#: Of the file's layout. Files from before it was written down have 0.
FILE_VERSION = 1
#: The columns of the one table; the first seven are its key.
COLUMNS = (
    *("provider", "model", "strategy", "version", "phrase", "sampling", "k_index"),
    *("text", "raw", "prompt_tokens", "completion_tokens", "seconds", "time"),
)
_TABLE = """
CREATE TABLE descriptions (
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    strategy TEXT NOT NULL,
    version INTEGER NOT NULL,
    phrase TEXT NOT NULL,
    sampling TEXT NOT NULL,
    k_index INTEGER NOT NULL,
    text TEXT NOT NULL,
    raw TEXT,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    seconds REAL,
    time TEXT NOT NULL,
    PRIMARY KEY (provider, model, strategy, version, phrase, sampling, k_index)
)
"""
_OLD_COLUMNS = {"provider", "model", "strategy", "phrase", "sampling", "k_index", "text"}
# Twenty writers that wait for a slow disk are through in a few seconds.
_PATIENCE = 60.0


@contextlib.contextmanager
def opened(path: Path, *, create: bool = False) -> Iterator[sqlite3.Connection]:
    """The file, ready to be read and written; every statement is a transaction of its own.

    One connection a use, never kept, so that threads share nothing and a process may fork.

    Args:
        path: The file.
        create: Make it if it is not there.

    Raises:
        CacheError: It is not there, damaged, of a newer version, something else, or cannot be read or written.
    """
    try:
        if create:
            path.parent.mkdir(parents=True, exist_ok=True)
        elif not path.exists():
            raise CacheError(
                f"There is no description cache at {path}. It is made when a language model describes something "
                f"(`actiongpt describe TEXT --llm NAME`), or by `actiongpt cache import`."
            )
        connection = _connect(path)
    except (sqlite3.Error, OSError) as error:
        raise _failure(path, error) from error
    with contextlib.closing(connection):
        try:
            yield connection
        except sqlite3.Error as error:
            raise _failure(path, error) from error


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection, mode: str = "IMMEDIATE") -> Iterator[None]:
    """Several statements that happen together or not at all; "DEFERRED" for those that only read."""
    connection.execute(f"BEGIN {mode}")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:  # not after an error upon which SQLite has rolled back itself
            connection.execute("ROLLBACK")


def without_credentials(url: str) -> str:
    """A server's address without user, password and query: a key may stand there."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _connect(path: Path) -> sqlite3.Connection:
    deadline = time.monotonic() + _PATIENCE
    while True:
        connection = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
        try:
            _prepare(connection, path)
            return connection
        except BaseException as error:
            connection.close()
            if not _is_busy(error) or time.monotonic() > deadline:
                raise
        # SQLite does not wait by itself while another process turns on the WAL mode, or recovers after a crash.
        time.sleep(0.01)


def _is_busy(error: BaseException) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest says why
    return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_PROTOCOL)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    # A killed process loses nothing at any setting: what is committed is in the system's hands. FULL also syncs each
    # commit, so that a power cut loses nothing either; beside a language model's answer that costs no time.
    connection.execute("PRAGMA synchronous = FULL")
    if _is_current(connection, path):
        return
    with transaction(connection, "DEFERRED"):
        if not _is_current(connection, path):
            _tables(connection, path)  # the mode of another program's file is not ours to change
    connection.execute("PRAGMA journal_mode = WAL")
    with transaction(connection):
        if not _is_current(connection, path):  # another process may have been faster
            _make(connection, path)


def _is_current(connection: sqlite3.Connection, path: Path) -> bool:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > FILE_VERSION:
        raise CacheError(
            f"The description cache {path} was written by a newer version of this library (layout {version}; this one "
            f"knows up to {FILE_VERSION}). Update actiongpt-core, or use another file."
        )
    return version == FILE_VERSION


def _tables(connection: sqlite3.Connection, path: Path) -> list[str]:
    """None in a new file, `descriptions` in an old one."""
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    columns = {row[1] for row in connection.execute("PRAGMA table_info(descriptions)")}
    if tables and (tables != ["descriptions"] or columns != _OLD_COLUMNS):
        raise CacheError(f"{path} is an SQLite file of something else than descriptions. Use another file.")
    return tables


def _make(connection: sqlite3.Connection, path: Path) -> None:
    tables = _tables(connection, path)
    if tables:
        connection.execute("ALTER TABLE descriptions RENAME TO old_descriptions")
    connection.execute(_TABLE)
    connection.execute("CREATE INDEX descriptions_by_phrase ON descriptions (phrase)")
    if tables:
        _take_over(connection)
        connection.execute("DROP TABLE old_descriptions")
    connection.execute(f"PRAGMA user_version = {FILE_VERSION}")


def _take_over(connection: sqlite3.Connection) -> None:
    """Copy the rows of an old file. When they were written is not known: they count as written now."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")
    connection.create_function("without_credentials", 1, _clean_sampling)
    connection.execute(
        "INSERT OR IGNORE INTO descriptions (provider, model, strategy, version, phrase, sampling, k_index, text, time)"
        " SELECT provider, model, strategy, 1, phrase, without_credentials(sampling), k_index, text, ?"
        " FROM old_descriptions ORDER BY rowid",
        (now,),
    )


def _clean_sampling(sampling: str) -> str:
    # Old files keep a server's address as the user wrote it.
    settings = json.loads(sampling)
    if "base_url" in settings:
        settings["base_url"] = without_credentials(settings["base_url"])
    return json.dumps(settings, sort_keys=True)


def _failure(path: Path, error: Exception) -> CacheError:
    return CacheError(
        f"The description cache {path} cannot be used ({error}). If it is damaged, move it away: a new one is made."
    )
