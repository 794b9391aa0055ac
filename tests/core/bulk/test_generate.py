"""Motions of many prompts: those that a pipeline makes, each where it belongs, whatever happens to the others."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
import torch

from actiongpt_core.bulk.generate import Count, LocalEngine, generate
from actiongpt_core.bulk.job import Job
from actiongpt_core.bulk.ray_generate import RayEngine
from actiongpt_core.errors import ConfigError, ProviderError
from actiongpt_core.export.npz import load_npz
from actiongpt_core.pipeline import Pipeline

PROMPTS = ["walk for 1 second", "walk, then jump for 2 seconds", "run", "walk for 1 second", "sit down"]


@pytest.fixture
def run(tmp_path: Path, motions: Any) -> Callable[..., Count]:
    """Makes the motions of prompts in the folder out."""

    def generated(prompts: list[str], *, batch_size: int = 2, **settings: Any) -> Count:
        source = tmp_path / "prompts.txt"
        source.write_text("\n".join(prompts), encoding="utf-8")
        job = Job(**{"backbone": "stride", "llm": "numbered", "seconds": 0.5, "seed": 7, **settings})
        return generate(source, tmp_path / "out", job, LocalEngine(batch_size=batch_size, device="cpu"))

    return generated


def manifest(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "out" / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_the_motions_are_those_of_the_pipeline_with_seeds_counted_up(run: Callable[..., Count], tmp_path: Path) -> None:
    count = run(PROMPTS)
    assert (count.prompts, count.made, count.failed, count.before) == (5, 5, 0, 0)
    pipeline = Pipeline("stride", llm="numbered", device="cpu")
    for record, prompt in zip(manifest(tmp_path), PROMPTS, strict=True):
        alone = pipeline.generate(prompt, seconds=0.5, seed=7 + record["index"])
        motion = load_npz(tmp_path / "out" / record["file"])
        torch.testing.assert_close(motion.rotations, alone.rotations, rtol=0, atol=1e-5)
        torch.testing.assert_close(motion.translation, alone.translation, rtol=0, atol=1e-5)


def test_the_manifest_says_what_was_made_of_what(run: Callable[..., Count], tmp_path: Path) -> None:
    run(PROMPTS)
    assert manifest(tmp_path)[1] == {
        "index": 1,
        "text": "walk, then jump for 2 seconds",
        "seed": 8,
        "file": "00000/000001.npz",
        "seconds": 2.5,
        "frames": 50,
        "sources": ["llm", "llm"],
    }


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_the_size_of_a_batch_changes_no_file(run: Callable[..., Count], tmp_path: Path, batch_size: int) -> None:
    run(PROMPTS, batch_size=2)
    first = {file: file.read_bytes() for file in (tmp_path / "out").rglob("*.npz")}
    (tmp_path / "out").rename(tmp_path / "before")
    run(PROMPTS, batch_size=batch_size)
    assert {file: file.read_bytes() for file in (tmp_path / "out").rglob("*.npz")} == first


def test_the_second_run_makes_only_what_is_missing(run: Callable[..., Count], tmp_path: Path, motions: Any) -> None:
    run(PROMPTS[:3])
    motions.made.clear()
    count = run(PROMPTS)
    assert (count.before, count.made, count.done) == (3, 2, 5)
    assert motions.made == [2]
    assert run(PROMPTS).before == 5
    assert motions.made == [2]


def test_prompts_that_cannot_work_are_told_and_harm_no_other(run: Callable[..., Count], tmp_path: Path) -> None:
    prompts = ["walk", "123", "fail", "walk for 0.65 seconds", "walk for 50 seconds", "run"]
    count = run(prompts, batch_size=4)
    assert (count.made, count.failed) == (2, 4)
    errors = {record["index"]: record.get("error") for record in manifest(tmp_path)}
    assert {index for index, error in errors.items() if error is None} == {0, 5}
    for index, reason in {1: "no letters", 2: "no words for it", 3: "ArithmeticError", 4: "got 50"}.items():
        assert reason in str(errors[index])
    assert list(count.problems) == ["1: 123", "2: fail", "3: walk for 0.65 seconds", "4: walk for 50 seconds"]


def test_a_language_model_that_is_down_ends_the_job_and_what_was_made_is_kept(
    run: Callable[..., Count], tmp_path: Path, scripted: Any
) -> None:
    run(PROMPTS, llm="scripted")
    scripted.is_down = True
    scripted.asked.clear()
    with pytest.raises(ProviderError, match=r"20 prompts in a row were not described.*the server is down"):
        run([*PROMPTS, *(f"walk {number} steps" for number in range(200))], llm="scripted", batch_size=10)
    # The first of each batch, as many as are asked for at once, and then each prompt alone.
    assert len(scripted.asked) <= 3 * 4 + 25
    scripted.is_down = False
    assert run(PROMPTS, llm="scripted").before == 5


def test_prompts_that_cannot_be_asked_for_do_not_end_the_job(run: Callable[..., Count]) -> None:
    count = run([*(str(number) for number in range(30)), *["fail"] * 30, "walk"], batch_size=10)
    assert (count.made, count.failed) == (1, 60)


def test_what_failed_is_tried_again(run: Callable[..., Count], tmp_path: Path) -> None:
    run(["walk", "fail"])
    assert run(["walk", "fall"]).made == 1
    assert [record["index"] for record in manifest(tmp_path)] == [0, 1, 1]


def test_malformed_entries_keep_their_number(run: Callable[..., Count], tmp_path: Path, motions: Any) -> None:
    source = tmp_path / "prompts.json"
    source.write_text('["walk", 3, "run"]')
    job = Job(llm="numbered", seconds=0.5)
    count = generate(source, tmp_path / "out", job, LocalEngine(device="cpu"))
    assert (count.made, count.failed) == (2, 1)
    assert [(record["index"], record.get("error")) for record in manifest(tmp_path)] == [
        (0, None),
        (1, "entry 2 is not a string."),
        (2, None),
    ]


def test_every_format_of_a_single_motion_can_be_made(run: Callable[..., Count], tmp_path: Path) -> None:
    run(["walk"], format="bvh")
    assert (tmp_path / "out/00000/000000.bvh").read_text().startswith("HIERARCHY")


def test_what_is_wrong_with_all_prompts_is_our_error_and_leaves_no_folder(
    run: Callable[..., Count], tmp_path: Path, motions: Any
) -> None:
    with pytest.raises(ConfigError, match="reads no checkpoint"):
        run(["walk"], checkpoint="nowhere")
    with pytest.raises(ConfigError, match="holds no prompt"):
        run([])
    assert not (tmp_path / "out").exists()


def test_settings_are_plain_values_that_json_keeps(run: Callable[..., Count], tmp_path: Path) -> None:
    run(["walk"], llm_options={}, noise_scale=0.5, k=2)
    stored = json.loads((tmp_path / "out" / "job.json").read_text())
    assert stored.pop("layout") == 1
    assert attrs.asdict(Job(**stored)) == stored


# --- by processes that are somewhere else ----------------------------------------------------------------------------


class OneProcess:
    """Stands for a cluster: the worker is called in this process, with a table as the cluster gives it."""

    def send(self, rows: Iterable[Any], rows_per_task: int) -> list[Any]:
        return [SimpleNamespace(to_pylist=lambda: list(rows))]

    def results(self, sent: list[Any], worker: type, arguments: Any, **_: Any) -> Iterator[dict[str, Any]]:
        made = pickle.loads(pickle.dumps(worker(*arguments)))
        for table in sent:
            columns = made(table)
            yield from (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))


def test_a_process_that_cannot_make_motions_is_one_error_in_our_words(tmp_path: Path, motions: Any) -> None:
    source = tmp_path / "prompts.txt"
    source.write_text("\n".join(PROMPTS))
    engine = RayEngine(cluster=OneProcess(), device="cpu")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"cannot make motions: This backbone reads no checkpoint"):
        generate(source, tmp_path / "out", Job(backbone="stride", checkpoint="nowhere"), engine)
    assert not (tmp_path / "out").exists()
