"""The work of the local engine, done by two processes of Ray: the same results, kept and taken up in the same way."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from llm_stub import serve  # type: ignore[import-not-found]

from actiongpt_core.bulk import generate as motions
from actiongpt_core.bulk import ray_generate
from actiongpt_core.bulk.annotate import LocalEngine, Tally, annotate, failed_file
from actiongpt_core.bulk.asker import Asking
from actiongpt_core.bulk.cluster import Cluster, cluster
from actiongpt_core.bulk.job import Job
from actiongpt_core.bulk.ray_engine import RayEngine
from actiongpt_core.errors import ConfigError
from actiongpt_core.text.cache import DescriptionCache
from actiongpt_core.text.recordings import statistics

#: More than one process gets at a time, which is 16.
PHRASES = [f"walk {number} steps" for number in range(60)]
PROMPTS = ["walk", "walk, then jump", "123", "run for 2 seconds", "sit down", "wave"]


@attrs.frozen
class Place:
    """Where an annotation happens, with a cache that is not that of Ray's processes, and notes of what was asked."""

    folder: Path

    @property
    def cache(self) -> DescriptionCache:
        return DescriptionCache(self.folder / "cache.sqlite")

    @property
    def output(self) -> Path:
        return self.folder / "out.json"

    def write(self, phrases: list[str]) -> Path:
        source = self.folder / "phrases.txt"
        source.write_text("\n".join(phrases), encoding="utf-8")
        return source

    def asking(self, k: int = 2, processes: int = 1) -> Asking:
        return Asking(llm="noting", k=k, options={"notes": str(self.folder / "notes.txt"), "processes": processes})

    def asked(self) -> list[tuple[str, str]]:
        """Process and question, in order."""
        lines = (self.folder / "notes.txt").read_text(encoding="utf-8").splitlines()
        return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def run(place: Place, ray_cluster: Cluster) -> Callable[..., Tally]:
    """Annotates phrases."""

    def annotated(phrases: list[str], **asking: Any) -> Tally:
        engine = RayEngine(place.asking(**asking), ray_cluster, cache=place.cache)
        return annotate(place.write(phrases), place.output, engine)

    return annotated


def test_a_ray_of_our_own_listens_on_the_loopback_interface_alone_and_sends_no_statistics(ray_cluster: Cluster) -> None:
    (node,) = ray_cluster.ray.nodes()
    assert node["NodeManagerAddress"] == "127.0.0.1"
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


# --- annotation ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def annotated(tmp_path_factory: pytest.TempPathFactory, ray_cluster: Cluster) -> tuple[Place, Tally]:
    """Sixty phrases that work, one that fails, one that is none and a duplicate, by two processes."""
    place = Place(tmp_path_factory.mktemp("by ray"))
    source = place.write(["fail", *PHRASES, "123", PHRASES[3]])
    return place, annotate(source, place.output, RayEngine(place.asking(processes=2), ray_cluster, cache=place.cache))


def test_both_engines_write_the_same_files(annotated: tuple[Place, Tally], place: Place) -> None:
    by_ray, tally = annotated
    assert (tally.annotated, tally.failed, tally.survey.duplicates) == (60, 2, 1)
    annotate(by_ray.folder / "phrases.txt", place.output, LocalEngine(place.asking(), cache=place.cache))
    for name in (place.output.name, failed_file(place.output).name):
        assert (by_ray.folder / name).read_bytes() == (place.folder / name).read_bytes()


def test_two_processes_ask_and_every_phrase_once(annotated: tuple[Place, Tally]) -> None:
    processes, questions = zip(*annotated[0].asked(), strict=True)
    assert len(set(processes)) == 2
    assert len(questions) == len(set(questions)) == 61


def test_answers_arrive_in_the_cache_of_this_machine_with_their_tokens(annotated: tuple[Place, Tally]) -> None:
    found = statistics(annotated[0].cache.path)
    assert (found.phrases, found.descriptions) == (60, 120)
    assert (found.groups[0].prompt_tokens, found.groups[0].completion_tokens) == (1200, 600)


def test_the_next_run_asks_only_what_this_machine_does_not_have(run: Callable[..., Tally], place: Place) -> None:
    phrases = [f"jump {phrase}" for phrase in PHRASES[:20]]
    annotate(place.write(phrases[:15]), place.output, LocalEngine(place.asking(), cache=place.cache))
    first = json.loads(place.output.read_text())
    assert dict(run(phrases).sources) == {"cache": 15, "llm": 5}
    assert len(place.asked()) == 20
    second = json.loads(place.output.read_text())
    assert first.items() <= second.items()
    assert list(second) == phrases


def test_what_is_kept_here_in_part_is_completed_and_not_asked_for_again(
    run: Callable[..., Tally], place: Place
) -> None:
    annotate(place.write(["hop once"]), place.output, LocalEngine(place.asking(k=1), cache=place.cache))
    run(["hop once"], k=3)
    assert [question.split("]")[0] for _, question in place.asked()] == ["[0", "[1, 2"]


def test_what_a_process_answered_and_this_one_lost_is_in_the_cache_of_its_machine(
    annotated: tuple[Place, Tally], run: Callable[..., Tally], place: Place
) -> None:
    num_asked = len(annotated[0].asked())
    assert dict(run(PHRASES[:5]).sources) == {"cache": 5}
    assert len(annotated[0].asked()) == num_asked


def test_phrases_that_cost_nothing_go_in_large_parts_and_come_in_order(ray_cluster: Cluster, place: Place) -> None:
    phrases = [f"walk {number} steps" for number in range(5000)]
    tally = annotate(place.write(phrases), place.output, RayEngine(Asking(llm="passthrough"), ray_cluster))
    assert tally.annotated == 5000
    assert list(json.loads(place.output.read_text())) == phrases


def test_a_process_that_dies_is_replaced_and_its_phrases_are_asked_for(run: Callable[..., Tally], place: Place) -> None:
    phrases = ["die", *(f"swim {number} lengths" for number in range(20))]
    assert run(phrases).annotated == 21
    assert list(json.loads(place.output.read_text())) == phrases
    questions = [question for _, question in place.asked()]
    # What had been answered was in the cache of the machine; the two threads of the process were at two others.
    assert 1 <= len(questions) - len(set(questions)) <= 2


def test_a_provider_that_is_down_is_given_up(run: Callable[..., Tally]) -> None:
    tally = run([f"fail {number}" for number in range(400)])
    assert tally.given_up
    assert (tally.annotated, tally.failed + tally.left) == (0, 400)
    assert tally.left > 200


def test_no_more_requests_are_made_by_all_processes_together_than_allowed(ray_cluster: Cluster, place: Place) -> None:
    with serve() as server:
        options = {"base_url": server.url, "concurrency": 2, "max_retries": 0, "model": "stub"}
        asking = Asking(llm="openai", options=options, k=2)
        engine = RayEngine(asking, ray_cluster, max_requests=30, cache=place.cache)
        tally = annotate(place.write(PHRASES), place.output, engine)
        assert len(server.requests) == 30
        assert (tally.annotated, tally.left, tally.spent.requests) == (30, 30, 30)
        assert tally.spent.prompt_tokens > 0
        # What was answered before the limit is not asked for again, by whichever engine.
        again = annotate(place.folder / "phrases.txt", place.output, LocalEngine(asking, cache=place.cache))
        assert (again.annotated, again.sources["cache"], again.spent.requests) == (60, 30, 30)


def test_a_budget_of_tokens_is_refused_since_processes_do_not_know_of_each_other(ray_cluster: Cluster) -> None:
    options = {"base_url": "http://127.0.0.1:9/v1", "max_total_tokens": 5}
    with pytest.raises(ConfigError, match="a budget of tokens would not hold"):
        RayEngine(Asking(llm="openai", options=options), ray_cluster)


def test_a_limit_needs_a_provider_that_counts(ray_cluster: Cluster) -> None:
    with pytest.raises(ConfigError, match="counts no requests"):
        RayEngine(Asking(llm="passthrough"), ray_cluster, max_requests=3)


def test_more_workers_than_the_cluster_has_processors_are_refused(ray_cluster: Cluster) -> None:
    with pytest.raises(ConfigError, match="64 workers need as many CPUs, and the cluster has 2"), cluster(workers=64):
        pass
    assert ray_cluster.ray.is_initialized()


# --- generation ------------------------------------------------------------------------------------------------------


@pytest.fixture
def job(plugin: None) -> Job:
    return Job(backbone="stride", llm="passthrough", seconds=1.0, shard_size=4)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_missing_is_made_and_the_folder_is_that_of_the_local_engine(
    job: Job, place: Place, ray_cluster: Cluster
) -> None:
    by_ray = ray_generate.RayEngine(cluster=ray_cluster, batch_size=2, device="cpu")
    local = motions.LocalEngine(batch_size=2, device="cpu")
    both, alone = place.folder / "both", place.folder / "alone"
    motions.generate(place.write(PROMPTS[:2]), both, job, local)
    count = motions.generate(place.write(PROMPTS), both, job, by_ray)
    assert (count.before, count.made, count.failed) == (2, 3, 1)
    motions.generate(place.write(PROMPTS), alone, job, local)
    assert files(both) == files(alone)
    assert len(files(alone)) == 2 + 5
