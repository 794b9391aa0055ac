from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from live_service import PIPELINES, HeldPipelines

from actiongpt_core import ConfigError, Descriptions, Motion, Pipeline, get_registry
from actiongpt_studio.pipelines import Choices
from actiongpt_studio.service.batching import Batcher

CHOICES = Choices(llm="passthrough")
TEXTS = ["walk forward", "jump", "wave with both hands", "sit down", "turn around"]


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return PIPELINES.get(CHOICES)


def told(pipeline: Pipeline, text: str) -> list[Descriptions]:
    return pipeline.describe(pipeline.plan(text, seconds=2))


async def together(
    jobs: Sequence[tuple[Pipeline, list[Descriptions], int]], size: int = 32, wait: float = 0.05
) -> tuple[list[Any], list[int]]:
    """What jobs that arrive together give, and the sizes of the passes."""
    sizes: list[int] = []
    batcher = Batcher(size, wait, sizes.append)
    try:
        return await asyncio.gather(*(batcher.generate(*job) for job in jobs), return_exceptions=True), sizes
    finally:
        await batcher.close()


def test_what_arrives_together_is_one_pass(pipeline: Pipeline) -> None:
    _, sizes = asyncio.run(together([(pipeline, told(pipeline, text), 0) for text in TEXTS]))
    assert sizes == [len(TEXTS)]


def test_a_motion_is_the_same_in_a_batch_and_alone(pipeline: Pipeline) -> None:
    made, _ = asyncio.run(together([(pipeline, told(pipeline, text), seed) for seed, text in enumerate(TEXTS)]))
    for seed, (text, motion) in enumerate(zip(TEXTS, made, strict=True)):
        alone = pipeline.generate(told(pipeline, text), seed=seed)
        # Sums of 32-bit numbers in another order.
        assert motion.rotations.allclose(alone.rotations, atol=1e-4)
        assert motion.translation.allclose(alone.translation, atol=1e-4)


def test_a_pass_holds_no_more_than_its_size(pipeline: Pipeline) -> None:
    _, sizes = asyncio.run(together([(pipeline, told(pipeline, "walk"), seed) for seed in range(5)], size=2))
    assert sizes == [2, 2, 1]


def test_different_backbones_are_different_passes(pipeline: Pipeline) -> None:
    names = [label for label, _ in get_registry().labels("backbone")]
    if len(names) < 2:
        pytest.skip("needs two backbones: pip install ./plugins/actiongpt_teach ./plugins/actiongpt_temos")
    first, second = (PIPELINES.get(Choices(backbone=name, llm="passthrough")) for name in names[:2])
    jobs = [(one, told(one, "walk"), 0) for one in (first, second, first)]
    made, sizes = asyncio.run(together(jobs))
    assert sizes == [2, 1]
    for (one, _, _), motion in zip(jobs, made, strict=True):
        assert motion.rotations.allclose(one.generate(told(one, "walk"), seed=0).rotations, atol=1e-4)


def test_a_job_that_cannot_work_does_not_take_the_others_down(pipeline: Pipeline) -> None:
    good = told(pipeline, "walk")
    made, _ = asyncio.run(together([(pipeline, good, 0), (pipeline, good, -1), (pipeline, good, 2)]))
    assert isinstance(made[1], ConfigError)
    assert [type(item) for item in (made[0], made[2])] == [Motion, Motion]


def test_a_job_that_nobody_waits_for_is_left_out(held: HeldPipelines) -> None:
    async def one_is_cancelled() -> list[int]:
        sizes: list[int] = []
        batcher = Batcher(1, 0, sizes.append)
        pipeline = held.get(CHOICES)
        described = told(pipeline, "walk")
        held.go.clear()
        first, second, third = (asyncio.create_task(batcher.generate(pipeline, described, seed)) for seed in range(3))
        await asyncio.to_thread(held.entered.acquire)
        second.cancel()
        held.go.set()
        await asyncio.gather(first, third)
        await batcher.close()
        return sizes

    assert asyncio.run(one_is_cancelled()) == [1, 1]


def test_what_arrives_during_a_pass_waits_for_the_next(held: HeldPipelines) -> None:
    async def while_busy() -> list[int]:
        sizes: list[int] = []
        batcher = Batcher(32, 0, sizes.append)
        pipeline = held.get(CHOICES)
        described = told(pipeline, "walk")
        held.go.clear()
        first = asyncio.create_task(batcher.generate(pipeline, described, 0))
        await asyncio.to_thread(held.entered.acquire)
        others = [asyncio.create_task(batcher.generate(pipeline, described, seed)) for seed in range(3)]
        await asyncio.sleep(0)
        held.go.set()
        await asyncio.gather(first, *others)
        await batcher.close()
        return sizes

    assert asyncio.run(while_busy()) == [1, 3]
