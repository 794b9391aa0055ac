"""What the description cache holds: counted, chosen, taken in, removed. Errors are raised here, not passed by."""

from __future__ import annotations

import datetime
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import attrs

from actiongpt_core.text.cache import PUT, CacheKey, row
from actiongpt_core.text.cache_file import opened, transaction
from actiongpt_core.types.text import Answer

# Answers to this strategy are lists of actions, kept beside the descriptions; who wants them names it.
_ACTIONS = "decompose"


@attrs.frozen(kw_only=True)
class Selection:
    """Some of the descriptions; what is None narrows nothing."""

    provider: str | None = None
    model: str | None = None
    strategy: str | None = None
    version: int | None = None
    phrase: str | None = None
    before: datetime.datetime | None = None  #: recorded before this moment

    def where(self) -> tuple[str, list[Any]]:
        """As a condition of SQL, and its values."""
        equal = attrs.asdict(self, filter=lambda field, value: value is not None and field.name != "before")
        conditions, values = [f"{name} = ?" for name in equal], list(equal.values())
        if self.before is not None:
            conditions.append("time < ?")
            values.append(self.before.astimezone(datetime.UTC).isoformat(timespec="microseconds"))
        return " AND ".join(conditions) or "1", values

    def __str__(self) -> str:
        """As it stands in messages: " by openai, gpt-4o, version 1 from before 2026-01-31"; empty if all are meant."""
        named = [str(value) for value in (self.provider, self.model, self.strategy) if value is not None]
        named += [f"version {self.version}"] if self.version is not None else []
        by = f" by {', '.join(named)}" if named else ""
        return by if self.before is None else f"{by} from before {self.before:%Y-%m-%d %H:%M}"


@attrs.frozen(kw_only=True)
class Group:
    """Counts of what one model wrote in answer to one version of a strategy."""

    provider: str
    model: str
    strategy: str
    version: int
    phrases: int
    descriptions: int
    prompt_tokens: int | None  #: None where nobody counted
    completion_tokens: int | None
    first: str  #: time of the oldest description, UTC, ISO 8601
    last: str


@attrs.frozen(kw_only=True)
class Statistics:
    """Counts of a selection."""

    phrases: int
    descriptions: int
    groups: tuple[Group, ...]


@attrs.frozen(kw_only=True)
class Recording:
    """The descriptions of a phrase that were asked for in one way."""

    key: CacheKey
    texts: tuple[str, ...]  #: in the order of their indices


def statistics(path: Path, selection: Selection | None = None) -> Statistics:
    """Count descriptions.

    Raises:
        CacheError: There is no cache, or it cannot be read.
    """
    condition, values = (selection or Selection()).where()
    totals = "COUNT(DISTINCT phrase), COUNT(*)"
    query = (
        f"SELECT provider, model, strategy, version, {totals}, SUM(prompt_tokens), SUM(completion_tokens), MIN(time), "
        f"MAX(time) FROM descriptions WHERE {condition} GROUP BY provider, model, strategy, version ORDER BY 1, 2, 3, 4"
    )
    names = [field.name for field in attrs.fields(Group)]
    with opened(path) as connection, transaction(connection, "DEFERRED"):  # both counts of one moment
        groups = [Group(**dict(zip(names, found, strict=True))) for found in connection.execute(query, values)]
        counts = connection.execute(f"SELECT {totals} FROM descriptions WHERE {condition}", values).fetchone()
    return Statistics(phrases=counts[0], descriptions=counts[1], groups=tuple(groups))


def recordings(path: Path, selection: Selection) -> Iterator[list[Recording]]:
    """All recordings of each phrase, newest first; phrase by phrase in the order of their letters.

    Lists of actions, which are recorded too, are left out unless their strategy is selected.

    Raises:
        CacheError: There is no cache, or it cannot be read.
    """
    condition, values = selection.where()
    if selection.strategy is None:
        condition, values = f"{condition} AND strategy <> ?", [*values, _ACTIONS]
    query = (
        "SELECT phrase, provider, model, strategy, version, sampling, text, time, rowid FROM descriptions "
        f"WHERE {condition} ORDER BY phrase, provider, model, strategy, version, sampling, k_index"
    )
    with opened(path) as connection:
        for _, rows in itertools.groupby(connection.execute(query, values), key=itemgetter(0)):
            yield _newest_first(rows)


def add(path: Path, annotations: Mapping[str, Sequence[str]], asked: CacheKey) -> int:
    """Take descriptions in, all or none; those that are there already stay as they are.

    Args:
        path: The cache; made if it is not there.
        annotations: {phrase: [texts]}; a text's line ends become spaces, and it is kept as it stood beside that.
        asked: Who wrote them and how they were asked, whatever its phrase.

    Returns:
        How many descriptions are new.

    Raises:
        CacheError: The cache cannot be written.
    """
    rows = (
        row(attrs.evolve(asked, phrase=phrase), index, " ".join(text.split()), Answer(draw=index, text=text))
        for phrase, texts in annotations.items()
        for index, text in enumerate(texts)
    )
    with opened(path, create=True) as connection, transaction(connection):
        return connection.executemany(PUT, rows).rowcount


def remove(path: Path, selection: Selection) -> int:
    """Remove descriptions and give their space back.

    Returns:
        How many there were.

    Raises:
        CacheError: There is no cache, or it cannot be written.
    """
    condition, values = selection.where()
    with opened(path) as connection:
        num_removed = connection.execute(f"DELETE FROM descriptions WHERE {condition}", values).rowcount
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return num_removed


def _newest_first(rows: Iterator[Sequence[Any]]) -> list[Recording]:
    found = []
    for (phrase, provider, model, strategy, version, sampling), group in itertools.groupby(rows, itemgetter(*range(6))):
        items = list(group)
        key = CacheKey(
            provider=provider,
            model=model,
            strategy=strategy,
            version=version,
            phrase=phrase,
            sampling=json.loads(sampling),
        )
        newest = max((time, rowid) for *_, time, rowid in items)
        found.append((newest, Recording(key=key, texts=tuple(text for *_, text, _time, _rowid in items))))
    return [recording for _, recording in sorted(found, key=itemgetter(0), reverse=True)]
