"""Descriptions of many phrases by the processes of a Ray cluster."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from actiongpt_core.bulk.annotate import in_order
from actiongpt_core.bulk.asker import Asker, Asking, Outcome, Spent
from actiongpt_core.bulk.cluster import Cluster, import_ray
from actiongpt_core.errors import ActionGPTError, BudgetError, ConfigError, PromptError
from actiongpt_core.text.actions import check_text
from actiongpt_core.text.budget import Budget
from actiongpt_core.text.cache import CacheKey, DescriptionCache
from actiongpt_core.types.text import Answer

#: Phrases that one process gets at a time: many where they cost nothing, few for each of its threads where every answer
#: takes a while, so that the results come steadily and the last ones not from one process alone.
_ROWS_OF_FREE = 1000
_ROWS_PER_THREAD = 8


class RayEngine:
    """Asks from the processes of a cluster, each with a provider of its own and as many threads as that allows.

    What the cache of this machine holds is not asked for. A process keeps its answers in the cache of its machine as
    they come, and here they are put into the cache when they arrive.

    Args:
        asking: Who is asked, and how. A provider reads its key, and what else it takes from the environment, from that
            of the process.
        cluster: Where the processes are.
        max_requests: No more than these by all of them together; None for any number.
        cache: Where answers are kept on this machine; None for the user's cache.

    Raises:
        As `Asker`; ConfigError if requests are to be limited and the provider does not count them.
    """

    def __init__(
        self,
        asking: Asking,
        cluster: Cluster,
        *,
        max_requests: int | None = None,
        cache: DescriptionCache | None = None,
    ) -> None:
        self.asker = Asker(asking, cache)
        self._cluster = cluster
        self._counter: Any = None
        if max_requests is not None:
            self.asker.limit(max_requests)
        budget = getattr(self.asker.provider, "budget", None)
        if getattr(budget, "max_tokens", None) is not None:
            raise ConfigError(
                "The processes of a cluster do not know of each other's tokens, so a budget of tokens would not hold. "
                "Limit the requests with --max-requests, or use the engine 'local'."
            )
        limit = getattr(budget, "max_requests", None)
        if limit is not None:
            self._counter = cluster.ray.remote(num_cpus=0)(RequestCounter).remote(limit)
        self._is_stopped = False
        self._spent = Spent()

    def outcomes(self, phrases: Iterable[str]) -> Iterator[Outcome]:
        """One outcome for each phrase, in order.

        Args:
            phrases: Gone through twice: to send what is to be asked, and to join what comes back.
        """
        is_sent = bytearray()
        rows = _ROWS_PER_THREAD * self.asker.concurrency if self.asker.is_kept else _ROWS_OF_FREE
        sent = self._cluster.send(self._questions(phrases, is_sent), rows)
        results = self._cluster.results(sent, RayWorker, (self.asker.asking, self._counter))
        for phrase, was_sent in zip(phrases, is_sent, strict=True):
            if not was_sent:
                yield self.asker.ask(phrase)
            elif self._is_stopped:
                results.close()
                yield Outcome(phrase=phrase, is_left=True)
            else:
                yield self._received(next(results))

    def stop(self) -> None:
        """Take no more of the results; the processes stop."""
        self._is_stopped = True

    def spent(self) -> Spent:
        """What the processes have asked for so far."""
        return self._spent

    def _questions(self, phrases: Iterable[str], is_sent: bytearray) -> Iterator[dict[str, str]]:
        """Phrases that are to be asked for, with those descriptions that are there; notes which phrases they are."""
        for phrase in phrases:
            kept = self.asker.kept(phrase)
            is_sent.append(len(kept) < self.asker.asking.k and _is_possible(phrase))
            if is_sent[-1]:
                yield {"phrase": phrase, "kept": json.dumps(kept)}

    def _received(self, row: Mapping[str, Any]) -> Outcome:
        told = json.loads(row["told"])
        for key, index, text, answer in told["kept"]:
            self.asker.cache.put(CacheKey(**key), index, text, Answer(**answer) if answer else None)
        self._spent += Spent(**told["spent"])
        return Outcome(**told["outcome"])


class RayWorker:
    """A process of the cluster that asks.

    Args:
        asking: Who is asked, and how.
        counter: The one `RequestCounter` of all processes; None where requests are not limited.
    """

    def __init__(self, asking: Asking, counter: Any) -> None:
        self._asking = asking
        self._counter = counter
        self._asker: Asker | None = None
        self._told = Spent()

    def __call__(self, table: Any) -> dict[str, list[str]]:
        """What came of some phrases, as JSON."""
        rows = [(row["phrase"], row["kept"]) for row in table.to_pylist()]
        try:
            # Here and not when it is built: an error there would end all the work, in words of Ray.
            asker = self._asker = self._asker or self._build()
        except ActionGPTError as error:
            outcomes = [Outcome(phrase=phrase, problem=str(error), was_asked=True) for phrase, _ in rows]
            return {"told": [_as_json(outcome, [], Spent()) for outcome in outcomes]}
        found = list(in_order(lambda row: _ask(asker, *row), rows, asker.concurrency))
        spent, self._told = asker.spent() - self._told, asker.spent()
        shares = [spent, *[Spent()] * (len(found) - 1)]
        return {"told": [_as_json(outcome, new, share) for (outcome, new), share in zip(found, shares, strict=True)]}

    def _build(self) -> Asker:
        asker = Asker(self._asking)
        if self._counter is not None:
            asker.provider.budget = _SharedBudget(self._counter, asker.provider.budget.max_tokens)
        return asker


class RequestCounter:
    """Counts the requests of all processes."""

    def __init__(self, max_requests: int) -> None:
        self._num_left = max_requests

    def take(self) -> bool:
        """Whether one more may be made; it then counts."""
        self._num_left -= 1
        return self._num_left >= 0


class _SharedBudget(Budget):
    """Counts as its like, and asks the counter of all processes before each request."""

    def __init__(self, counter: Any, max_tokens: int | None) -> None:
        super().__init__(max_tokens=max_tokens)
        self._counter = counter

    def reserve(self, tokens: int) -> None:
        if not import_ray().get(self._counter.take.remote()):
            raise BudgetError("The budget is used up: as many requests are made as all processes together may make.")
        super().reserve(tokens)


class _RecordingCache(DescriptionCache):
    """The cache of the process's machine, and what the machine that sent the phrase has of it; notes what is new."""

    def __init__(self, path: Path, sent: Mapping[int, str]) -> None:
        super().__init__(path)
        self._sent = sent
        self.new: list[tuple[dict[str, Any], int, str, dict[str, Any] | None]] = []

    def get(self, key: CacheKey) -> dict[int, str]:
        there = super().get(key)
        # What this machine has from a run that ended early, the machine that sent the phrase has not.
        self.new += [(attrs.asdict(key), index, text, None) for index, text in there.items() if index not in self._sent]
        return {**there, **self._sent}

    def put(self, key: CacheKey, index: int, text: str, answer: Answer | None = None) -> None:
        super().put(key, index, text, answer)
        self.new.append((attrs.asdict(key), index, text, attrs.asdict(answer) if answer else None))


def _ask(asker: Asker, phrase: str, kept: str) -> tuple[Outcome, list[Any]]:
    cache = _RecordingCache(asker.cache.path, {int(index): text for index, text in json.loads(kept).items()})
    return asker.ask(phrase, cache), cache.new


def _as_json(outcome: Outcome, new: list[Any], spent: Spent) -> str:
    return json.dumps({"outcome": attrs.asdict(outcome), "kept": new, "spent": attrs.asdict(spent)})


def _is_possible(phrase: str) -> bool:
    try:
        check_text(phrase)
    except PromptError:
        return False
    return True
