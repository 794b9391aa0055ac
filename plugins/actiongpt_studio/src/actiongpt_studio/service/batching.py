"""Requests that arrive together go through the network as one batch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import attrs

from actiongpt_core import ActionGPTError, Descriptions, Motion, Pipeline


@attrs.frozen(eq=False, kw_only=True)
class _Job:
    pipeline: Pipeline
    descriptions: list[Descriptions]
    seed: int
    arrived: float
    made: asyncio.Future[Motion]


class Batcher:
    """Collects what arrives within a short while, and runs it as one pass through the network; one pass at a time.

    The noise of a motion is drawn from its own seed, so a motion is the same, to rounding, in every company.

    Args:
        size: Motions of one pass at most.
        wait: Seconds that the first of a pass waits for others; while a pass runs, all that arrive wait for the next.
        observe: Told the number of motions of each pass.
    """

    def __init__(self, size: int, wait: float, observe: Callable[[int], None]) -> None:
        self._size, self._wait, self._observe = size, wait, observe
        self._waiting: list[_Job] = []
        self._arrival = asyncio.Event()
        self._network = ThreadPoolExecutor(1, thread_name_prefix="network")
        self._worker: asyncio.Task[None] | None = None

    async def generate(self, pipeline: Pipeline, descriptions: list[Descriptions], seed: int) -> Motion:
        """One motion. A call that is cancelled before its pass begins costs nothing.

        Raises:
            ActionGPTError: As `Pipeline.generate`.
        """
        loop = asyncio.get_running_loop()
        if self._worker is None:
            self._worker = loop.create_task(self._work())
        job = _Job(
            pipeline=pipeline, descriptions=descriptions, seed=seed, arrived=loop.time(), made=loop.create_future()
        )
        self._waiting.append(job)
        self._arrival.set()
        return await job.made

    async def close(self) -> None:
        """Stop; to be called when nobody waits any more."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        self._network.shutdown()

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._arrival.wait()
            if self._waiting and len(self._waiting) < self._size:
                await asyncio.sleep(self._waiting[0].arrived + self._wait - loop.time())
            jobs = self._take()
            if not self._waiting:
                self._arrival.clear()
            if jobs:
                self._observe(len(jobs))
                _hand_over(jobs, await loop.run_in_executor(self._network, _run, jobs))

    def _take(self) -> list[_Job]:
        """The oldest job and all of its pipeline, as many as fit; the others keep their order."""
        alive = [job for job in self._waiting if not job.made.done()]
        taken = [job for job in alive if job.pipeline is alive[0].pipeline][: self._size]
        self._waiting = [job for job in alive if job not in taken]
        return taken


def _hand_over(jobs: Sequence[_Job], results: Sequence[Motion | Exception]) -> None:
    for job, result in zip(jobs, results, strict=True):
        if job.made.done():  # cancelled meanwhile
            continue
        if isinstance(result, Exception):
            job.made.set_exception(result)
        else:
            job.made.set_result(result)


def _run(jobs: Sequence[_Job]) -> list[Motion | Exception]:
    """Motions, or why there are none; one job that cannot work does not take the others down."""
    try:
        return [*jobs[0].pipeline.generate_batch([job.descriptions for job in jobs], seed=[job.seed for job in jobs])]
    except ActionGPTError as error:
        return [error] if len(jobs) == 1 else [result for job in jobs for result in _run([job])]
    except Exception as error:
        return [error] * len(jobs)
