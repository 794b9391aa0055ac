"""Descriptions of many phrases into one file, {phrase: [texts]} as the paper's gpt3_annotations.json."""

from __future__ import annotations

import collections
import json
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeVar

import attrs

from actiongpt_core.bulk.asker import Asker, Asking, Outcome, Spent
from actiongpt_core.bulk.inputs import MAX_SHOWN, Survey, distinct, read_entries, survey
from actiongpt_core.bulk.output import JsonObjectWriter
from actiongpt_core.text.cache import DescriptionCache

_T = TypeVar("_T")
_R = TypeVar("_R")

#: After so many failures in a row a server that costs time or money is asked no more: it is down, or the key wrong.
GIVE_UP_AFTER = 20
#: Questions that wait for a thread, for each thread: enough that none is idle while the oldest answer is awaited.
_WAITING = 4


@attrs.frozen
class Phrases:
    """The different phrases of an input, in order; read anew each time."""

    path: Path

    def __iter__(self) -> Iterator[str]:
        return distinct(read_entries(self.path))


class Engine(Protocol):
    """Where the work is done."""

    asker: Asker

    def outcomes(self, phrases: Iterable[str]) -> Iterator[Outcome]:
        """One outcome for each phrase, in order; answers are in the cache before their outcome is given."""
        ...

    def stop(self) -> None:
        """Ask no more; what is in the cache is still given."""
        ...

    def spent(self) -> Spent:
        """What was asked for so far."""
        ...


@attrs.define(kw_only=True)
class Tally:
    """How far an annotation is."""

    survey: Survey
    annotated: int = 0
    failed: int = 0
    left: int = 0  #: phrases that are not asked, because the budget is spent or the provider was given up
    given_up: bool = False
    sources: collections.Counter[str] = attrs.field(factory=collections.Counter)  #: of the annotated phrases
    problems: dict[str, str] = attrs.field(factory=dict)  #: the first of the failed phrases, with their reasons
    spent: Spent = attrs.field(factory=Spent)
    seconds: float = 0.0
    failed_in_a_row: int = 0
    is_written: bool = False  #: whether there is a new output

    @property
    def done(self) -> int:
        """Phrases of which it is known what came of them."""
        return self.annotated + self.failed + self.left

    @property
    def is_complete(self) -> bool:
        """Whether every entry of the input was annotated."""
        return not (self.failed or self.left or self.survey.malformed)

    def count(self, outcome: Outcome) -> None:
        """Count what came of one more phrase."""
        if outcome.was_asked:
            self.failed_in_a_row = 0 if outcome.problem is None else self.failed_in_a_row + 1
        if outcome.is_left:
            self.left += 1
        elif outcome.problem is not None:
            self.failed += 1
            if len(self.problems) < MAX_SHOWN:
                self.problems[outcome.phrase] = outcome.problem
        else:
            self.annotated += 1
            self.sources[outcome.source.partition(":")[0]] += 1


class LocalEngine:
    """Asks from this process, with as many threads as the provider allows.

    Args:
        asking: Who is asked, and how.
        max_requests: No more than these; None for any number.
        cache: Where answers are kept; None for the user's cache.

    Raises:
        As `Asker`; ConfigError if requests are to be limited and the provider does not count them.
    """

    def __init__(
        self, asking: Asking, *, max_requests: int | None = None, cache: DescriptionCache | None = None
    ) -> None:
        self.asker = Asker(asking, cache)
        if max_requests is not None:
            self.asker.limit(max_requests)
        self._is_stopped = False

    def outcomes(self, phrases: Iterable[str]) -> Iterator[Outcome]:
        """One outcome for each phrase, in order."""
        return in_order(self._outcome, phrases, self.asker.concurrency)

    def stop(self) -> None:
        """Ask no more."""
        self._is_stopped = True

    def spent(self) -> Spent:
        """What was asked for so far."""
        return self.asker.spent()

    def _outcome(self, phrase: str) -> Outcome:
        if self._is_stopped and len(self.asker.kept(phrase)) < self.asker.asking.k:
            return Outcome(phrase=phrase, is_left=True)
        return self.asker.ask(phrase)


def annotate(source: Path, output: Path, engine: Engine, report: Callable[[Tally], None] = lambda tally: None) -> Tally:
    """Describe every phrase of an input.

    The description cache is the journal: each answer is kept there as it comes, so that a run that ends early, however
    it ends, is taken up by the next one, which asks for what is missing.

    Args:
        source: A file as `read_entries` reads it.
        output: The JSON file, phrases in the order of the input; it appears whole when the work is done. An older one
            stays if the work ends early with less. Phrases that failed are in `failed_file(output)` with the reasons,
            and not in it.
        engine: Where the work is done.
        report: Called after every phrase.

    Raises:
        MissingAssetError: The input is not there.
        ConfigError: The input cannot be read or holds no phrase; or the output cannot be written.
    """
    start, tally = time.perf_counter(), Tally(survey=survey(source))
    with JsonObjectWriter(output) as annotations, JsonObjectWriter(failed_file(output)) as failures:
        for outcome in engine.outcomes(Phrases(source)):
            tally.count(outcome)
            if outcome.problem is not None:
                failures.add(outcome.phrase, outcome.problem)
            elif outcome.texts:
                annotations.add(outcome.phrase, outcome.texts)
            if tally.failed_in_a_row >= GIVE_UP_AFTER and engine.asker.is_kept and not tally.given_up:
                tally.given_up = True
                engine.stop()
            tally.spent, tally.seconds = engine.spent(), time.perf_counter() - start
            report(tally)
        # A run that ended early may have less than an earlier one has written.
        is_less = bool(tally.left) and annotations.num_members < _num_members(output)
        tally.is_written = bool(annotations.num_members) and not is_less
        if tally.is_written:
            annotations.commit()
        failures.commit()
    return tally


def _num_members(output: Path) -> int:
    """How many phrases a file has; none if it is not there or of another kind."""
    try:
        content = json.loads(output.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0
    return len(content) if isinstance(content, dict) else 0


def failed_file(output: Path) -> Path:
    """Where {phrase: reason} of the phrases that failed is written; it can be the input of the next run."""
    return output.with_name(f"{output.stem}.failed.json")


def in_order(work: Callable[[_T], _R], items: Iterable[_T], num_threads: int) -> Iterator[_R]:
    """The results in the order of the items, several at work, few in memory; what was not begun is dropped at an error.

    Args:
        work: What is done with an item.
        items: Taken as they are needed.
        num_threads: 1 for none but the caller's.
    """
    if num_threads == 1:
        yield from map(work, items)
        return
    window: collections.deque[Future[_R]] = collections.deque()
    pool = ThreadPoolExecutor(num_threads)
    try:
        for item in items:
            window.append(pool.submit(work, item))
            if len(window) >= _WAITING * num_threads:
                yield window.popleft().result()
        while window:
            yield window.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
