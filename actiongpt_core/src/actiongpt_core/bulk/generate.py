"""Motions of many prompts into one folder."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import attrs

from actiongpt_core.bulk.annotate import GIVE_UP_AFTER
from actiongpt_core.bulk.inputs import MAX_SHOWN, read_entries
from actiongpt_core.bulk.job import Job, JobFolder, Made, Prompt
from actiongpt_core.errors import ActionGPTError, ConfigError, PromptError, ProviderError
from actiongpt_core.export import save
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.plugins import one_line
from actiongpt_core.registry import get_registry
from actiongpt_core.text.actions import MAX_ACTIONS
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.text import Action, Descriptions


@attrs.define(kw_only=True)
class Count:
    """How far a job is."""

    prompts: int
    before: int = 0  #: motions that were there already
    made: int = 0
    failed: int = 0
    problems: dict[str, str] = attrs.field(factory=dict)  #: the first of the prompts that failed, with their reasons
    seconds: float = 0.0
    unanswered_in_a_row: int = 0

    @property
    def done(self) -> int:
        """Prompts of which it is known what came of them."""
        return self.before + self.made + self.failed

    def count(self, made: Made) -> None:
        """Count what came of one more prompt."""
        error = made.record.get("error")
        self.unanswered_in_a_row = self.unanswered_in_a_row + 1 if made.is_unanswered else 0
        if error is None:
            self.made += 1
            return
        self.failed += 1
        if len(self.problems) < MAX_SHOWN:
            self.problems[f"{made.record['index']}: {made.record['text']}"] = error


class Engine(Protocol):
    """Where the work is done."""

    def made(self, job: Job, prompts: Iterable[Prompt]) -> Iterator[Made]:
        """What comes of prompts."""
        ...


class Maker:
    """Makes the motions of a job.

    Args:
        job: What is made.
        device: As of `Pipeline`.

    Raises:
        As `Pipeline`.
    """

    def __init__(self, job: Job, device: str = "auto") -> None:
        self._job = job
        self._pipeline = Pipeline(
            job.backbone,
            llm=get_registry().build_provider(job.llm, **job.llm_options),
            aggregator=job.aggregator,
            checkpoint=job.checkpoint,
            text_encoder=job.text_encoder,
            stats=job.stats,
            strategy=job.strategy,
            k=job.k,
            device=device,
        )

    def make(self, prompts: Sequence[Prompt]) -> list[Made]:
        """What comes of prompts that go through the network together; one that cannot work harms no other."""
        try:
            return self._together(prompts)
        except Exception as error:  # a plugin's may be of any family
            if len(prompts) == 1:
                return [self._failed(prompts[0], error)]
            # Halves find one bad prompt among many soon; but each of them would ask a server again that is down.
            size = 1 if isinstance(error, ProviderError) else len(prompts) // 2
        parts = [prompts[start : start + size] for start in range(0, len(prompts), size)]
        return [made for part in parts for made in self.make(part)]

    def _together(self, prompts: Sequence[Prompt]) -> list[Made]:
        for prompt in prompts:
            if prompt.problem is not None:
                raise PromptError(f"{prompt.place} {prompt.problem}.")
        planned = [self._pipeline.plan(prompt.text, seconds=self._job.seconds) for prompt in prompts]
        described = self._described(action.phrase for actions in planned for action in actions)
        told = [[attrs.evolve(described[it.phrase], action=it) for it in actions] for actions in planned]
        seeds = [self._seed(prompt) for prompt in prompts]
        motions = self._pipeline.generate_batch(told, seed=seeds, noise_scale=self._job.noise_scale)
        return [self._made(*item) for item in zip(prompts, motions, told, strict=True)]

    def _described(self, phrases: Iterable[str]) -> dict[str, Descriptions]:
        """Each phrase once, as many at the same time as one prompt may have actions."""
        actions = [Action(phrase) for phrase in dict.fromkeys(phrases)]
        parts = [actions[start : start + MAX_ACTIONS] for start in range(0, len(actions), MAX_ACTIONS)]
        return {found.phrase: found for part in parts for found in self._pipeline.describe(part)}

    def _made(self, prompt: Prompt, motion: Motion, told: Sequence[Descriptions]) -> Made:
        file = self._job.file(prompt.index)
        with tempfile.TemporaryDirectory() as folder:
            content = save(motion, Path(folder) / Path(file).name).read_bytes()
        return Made(
            record={
                **self._record(prompt),
                "file": file,
                "seconds": motion.seconds,
                "frames": motion.num_frames,
                "sources": [item.source for item in told],
            },
            content=content,
        )

    def _failed(self, prompt: Prompt, error: Exception) -> Made:
        reason = str(error) if isinstance(error, ActionGPTError) else one_line(error)
        is_unanswered = isinstance(error, ProviderError) and getattr(self._pipeline.llm, "cacheable", False)
        return Made(record={**self._record(prompt), "error": reason}, is_unanswered=is_unanswered)

    def _record(self, prompt: Prompt) -> dict[str, Any]:
        return {"index": prompt.index, "text": prompt.text, "seed": self._seed(prompt)}

    def _seed(self, prompt: Prompt) -> int:
        return self._job.seed + prompt.index


@attrs.frozen(kw_only=True)
class LocalEngine:
    """Makes motions in this process.

    Args:
        batch_size: Prompts that go through the network together.
        device: As of `Pipeline`.
    """

    batch_size: int = 32
    device: str = "auto"

    def made(self, job: Job, prompts: Iterable[Prompt]) -> Iterator[Made]:
        """What comes of prompts, in order."""
        remaining, maker = iter(prompts), None
        while batch := list(itertools.islice(remaining, self.batch_size)):
            maker = maker or Maker(job, self.device)
            yield from maker.make(batch)


def generate(
    source: Path, out: Path, job: Job, engine: Engine, report: Callable[[Count], None] = lambda count: None
) -> Count:
    """Make the motion of every prompt of an input that is not there yet.

    Args:
        source: A file as `read_entries` reads it: a prompt a line. Equal prompts are made as often as they stand there,
            with different seeds.
        out: The folder; see `JobFolder`.
        job: What is to be made of each prompt.
        engine: Where the work is done.
        report: Called after every prompt.

    Raises:
        MissingAssetError: The input is not there.
        ConfigError: The input cannot be read or holds no prompt; the folder holds another job or cannot be written.
        ProviderError: A language model did not answer many times in a row; what was made before is kept.
        As `Pipeline`, for what is wrong with all prompts alike.
    """
    start = time.perf_counter()
    num_prompts = sum(1 for _ in read_entries(source))
    if not num_prompts:
        raise ConfigError(f"{source} holds no prompt. Give a text file with one prompt a line.")
    folder = JobFolder(out, job)
    count = Count(prompts=num_prompts, before=sum(1 for index in folder.done if index < num_prompts))
    for made in engine.made(job, folder.missing(read_entries(source))):
        folder.keep(made)
        count.count(made)
        count.seconds = time.perf_counter() - start
        report(count)
        if count.unanswered_in_a_row >= GIVE_UP_AFTER:
            raise ProviderError(
                f"{GIVE_UP_AFTER} prompts in a row were not described, the last one because: {made.record['error']} "
                f"What was made is in {out}; run the same command again to go on."
            )
    return count
