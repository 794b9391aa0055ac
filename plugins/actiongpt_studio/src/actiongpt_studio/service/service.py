"""From a request to the bytes of an answer."""

from __future__ import annotations

import asyncio
import os
import secrets
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs

from actiongpt_core import Action, Descriptions, Motion, Pipeline, get_registry
from actiongpt_core.postprocess import postprocess
from actiongpt_core.text.actions import check_text
from actiongpt_studio.pipelines import Choices, Pipelines
from actiongpt_studio.service.batching import Batcher
from actiongpt_studio.service.formats import to_bytes
from actiongpt_studio.service.metrics import Metrics
from actiongpt_studio.service.problems import Problem
from actiongpt_studio.service.schemas import MotionRequest
from actiongpt_studio.service.settings import Settings

_DESCRIBERS = 8  # language models are waited for, not computed
_MAX_SEED = 2**31
_WARM_UP = "walk forward"


@attrs.frozen(kw_only=True)
class Answer:
    """The bytes of a motion, and what a client needs to make the same again."""

    content: bytes
    backbone: str
    seed: int


class Service:
    """The pipelines, the batches and the threads of one service.

    Args:
        settings: What it is started with.
        metrics: Told of every batch.
        pipelines: Where pipelines are built; a fresh place if not given.
    """

    def __init__(self, settings: Settings, metrics: Metrics, pipelines: Pipelines | None = None) -> None:
        self._settings = settings
        self._pipelines = pipelines or Pipelines()
        self._batcher = Batcher(int(settings.batch_size), settings.batch_wait / 1000, metrics.batch.observe)
        self._describers = ThreadPoolExecutor(_DESCRIBERS, thread_name_prefix="describe")
        self._writers = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="write")
        # All that is written is written here, and gone with the service.
        self._folder = tempfile.TemporaryDirectory(prefix="actiongpt-service-")
        self.is_ready = False

    async def start(self) -> None:
        """Build the default pipeline and make a first motion, which costs more than those after it."""
        _, pipeline = await self._in_thread(self._describers, self._pipeline, None)
        described = await self._in_thread(self._describers, pipeline.describe, _WARM_UP)
        await self._batcher.generate(pipeline, described, seed=0)
        self.is_ready = True

    async def close(self) -> None:
        """Stop; to be called when every request is answered."""
        self.is_ready = False
        await self._batcher.close()
        self._describers.shutdown(wait=False, cancel_futures=True)
        self._writers.shutdown()
        self._folder.cleanup()

    async def answer(self, request: MotionRequest, media: str) -> Answer:
        """The motion that a request asks for.

        Args:
            request: The request; its `format` does not count.
            media: The format.

        Raises:
            Problem: It asks for more than the service gives.
            ActionGPTError: As `Pipeline.generate` and `export.save`.
        """
        prompt = self._prompt(request)
        name, pipeline = await self._in_thread(self._describers, self._pipeline, request.backbone)
        described = await self._in_thread(self._describers, self._described, pipeline, prompt, request.seconds)
        seed = secrets.randbelow(_MAX_SEED) if request.seed is None else request.seed
        motion = await self._batcher.generate(pipeline, described, seed)
        about = {"backbone": name, "seed": seed}
        content = await self._in_thread(self._writers, self._written, motion, request.postprocess, media, about)
        return Answer(content=content, backbone=name, seed=seed)

    def backbones(self) -> list[dict[str, Any]]:
        """What is installed, by name."""
        own = self._pipelines.get(self._choices(None)).backbone
        return [
            {
                "name": label,
                "summary": part.spec.summary,
                "default": own in (label, part.spec.name),
                "capabilities": sorted(getattr(part.spec, "capabilities", ())),
            }
            for label, part in get_registry().labels("backbone")
        ]

    def providers(self) -> list[dict[str, Any]]:
        """What is installed, by name."""
        registry = get_registry()
        own = registry.part("llm", self._settings.llm)
        return [
            {"name": label, "summary": part.spec.summary, "default": part is own}
            for label, part in registry.labels("llm")
        ]

    # --- steps; all but the first run in threads ---------------------------------------------------------------------

    def _prompt(self, request: MotionRequest) -> str | list[Action]:
        texts = [request.text or ""] if request.actions is None else [item.phrase for item in request.actions]
        count, characters = len(request.actions or []), sum(map(len, texts))
        if characters > self._settings.max_characters:
            raise Problem(
                "limit", f"The request has {characters} characters.", f"at most {self._settings.max_characters:g}"
            )
        self._check_count(count)
        for text in texts:
            check_text(text)
        if request.actions is None:
            return texts[0]
        return [Action(item.phrase, item.seconds) for item in request.actions]

    def _check_count(self, count: int) -> None:
        if count > self._settings.max_actions:
            raise Problem("limit", f"The request has {count} actions.", f"at most {self._settings.max_actions:g}")

    def _choices(self, backbone: str | None) -> Choices:
        settings = self._settings
        if backbone is not None:
            return Choices(backbone=backbone, llm=settings.llm)
        return Choices(backbone=settings.backbone, checkpoint=settings.checkpoint, llm=settings.llm)

    def _pipeline(self, backbone: str | None) -> tuple[str, Pipeline]:
        """The name and the pipeline of a backbone; the service's own, with its checkpoint, where that is named."""
        own = self._pipelines.get(self._choices(None))
        if backbone is None:
            return own.backbone or "", own
        registry = get_registry()
        part = registry.part("backbone", backbone)
        if own.backbone is not None and registry.part("backbone", self._settings.backbone or own.backbone) is part:
            return part.spec.name, own
        (label,) = (label for label, listed in registry.labels("backbone") if listed is part)
        return label, self._pipelines.get(self._choices(label))

    def _described(self, pipeline: Pipeline, prompt: str | list[Action], seconds: Any) -> list[Descriptions]:
        actions = pipeline.plan(prompt, seconds=seconds)
        self._check_plan(actions)  # before anybody is paid for descriptions
        return pipeline.describe(actions)

    def _check_plan(self, actions: list[Action]) -> None:
        self._check_count(len(actions))
        seconds = sum(action.seconds or 0 for action in actions)
        if seconds > self._settings.max_seconds:
            raise Problem(
                "limit", f"The motion would take {seconds:.1f} s.", f"at most {self._settings.max_seconds:g} s"
            )

    def _written(self, motion: Motion, names: list[str], media: str, about: dict[str, Any]) -> bytes:
        cleaned = postprocess(motion, names) if names else motion
        return to_bytes(cleaned, media, Path(self._folder.name), about)

    async def _in_thread(self, pool: ThreadPoolExecutor, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(pool, function, *arguments)
