"""The folder of a job: begun once, gone on with, never mixed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import pytest

from actiongpt_core.bulk.inputs import Entry
from actiongpt_core.bulk.job import Job, JobFolder, Made
from actiongpt_core.errors import ConfigError, UnknownBackboneError

ENTRIES = [Entry(place=f"line {number + 1}", phrase=f"walk {number}") for number in range(5)]


@pytest.fixture
def job(motions: Any) -> Job:
    return Job(backbone="stride", llm="passthrough", shard_size=2)


def made(job: Job, index: int, content: bytes | None = b"motion") -> Made:
    record = {"index": index, "text": f"walk {index}"}
    return Made(record={**record, "file": job.file(index)} if content else {**record, "error": "no"}, content=content)


def missing(folder: JobFolder, entries: list[Entry] = ENTRIES) -> list[int]:
    return [prompt.index for prompt in folder.missing(entries)]


def files(path: Path) -> list[str]:
    return sorted(str(file.relative_to(path)) for file in path.rglob("*") if file.is_file())


def test_motions_lie_in_numbered_folders_of_bounded_size(job: Job, tmp_path: Path) -> None:
    folder = JobFolder(tmp_path / "out", job)
    for index in range(3):
        folder.keep(made(job, index))
    assert files(tmp_path / "out") == [
        "00000/000000.npz",
        "00000/000001.npz",
        "00001/000002.npz",
        "job.json",
        "manifest.jsonl",
    ]
    lines = (tmp_path / "out" / "manifest.jsonl").read_text().splitlines()
    assert [json.loads(line)["index"] for line in lines] == [0, 1, 2]


def test_what_is_there_is_not_missing_and_what_failed_is(job: Job, tmp_path: Path) -> None:
    folder = JobFolder(tmp_path, job)
    assert missing(folder) == [0, 1, 2, 3, 4]
    folder.keep(made(job, 3))
    folder.keep(made(job, 1, content=None))
    folder.keep(made(job, 0))
    assert missing(JobFolder(tmp_path, job)) == [1, 2, 4]
    JobFolder(tmp_path, job).keep(made(job, 1))
    assert missing(JobFolder(tmp_path, job)) == [2, 4]


def test_a_file_that_was_removed_is_missing(job: Job, tmp_path: Path) -> None:
    folder = JobFolder(tmp_path, job)
    folder.keep(made(job, 0))
    (tmp_path / job.file(0)).unlink()
    assert missing(JobFolder(tmp_path, job)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("cut", [1, 20, 40])
def test_a_line_that_a_killed_process_did_not_finish_is_dropped(job: Job, tmp_path: Path, cut: int) -> None:
    folder = JobFolder(tmp_path, job)
    for index in range(3):
        folder.keep(made(job, index))
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes()[:-cut])
    again = JobFolder(tmp_path, job)
    assert missing(again) == [2, 3, 4]
    again.keep(made(job, 2))
    assert [json.loads(line)["index"] for line in manifest.read_text().splitlines()] == [0, 1, 2]


def test_a_single_unfinished_line_of_any_length_is_dropped(job: Job, tmp_path: Path) -> None:
    JobFolder(tmp_path, job).keep(made(job, 0))
    (tmp_path / "manifest.jsonl").write_text("{" + "x" * 10_000)
    assert missing(JobFolder(tmp_path, job)) == [0, 1, 2, 3, 4]
    assert (tmp_path / "manifest.jsonl").read_text() == ""


def test_a_line_that_is_none_of_a_manifest_is_told_by_its_number(job: Job, tmp_path: Path) -> None:
    JobFolder(tmp_path, job).keep(made(job, 0))
    with (tmp_path / "manifest.jsonl").open("a") as file:
        file.write("[]\n")
    with pytest.raises(ConfigError, match="line 2 is no line of a manifest"):
        JobFolder(tmp_path, job)


def test_prompts_may_be_added_at_the_end_and_not_be_changed(job: Job, tmp_path: Path) -> None:
    folder = JobFolder(tmp_path, job)
    for index in range(5):
        folder.keep(made(job, index))
    again = JobFolder(tmp_path, job)
    assert missing(again, [*ENTRIES, Entry(place="line 6", phrase="run")]) == [5]
    with pytest.raises(ConfigError, match=r"000001\.npz.*another text than that of line 1 \('run'\)"):
        missing(again, [ENTRIES[0], Entry(place="line 1", phrase="run")])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 1}, "seed 0, now 1"),
        ({"format": "bvh", "k": 2}, r"k 4, now 2, format 'npz', now 'bvh'"),
        ({"llm_options": {"temperature": 1}}, "llm_options"),
        ({"llm": "pack"}, "llm 'passthrough', now 'pack'"),
    ],
)
def test_other_settings_than_it_was_begun_with_are_named(
    job: Job, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    JobFolder(tmp_path, job).keep(made(job, 0))
    with pytest.raises(ConfigError, match=f"begun with other settings: {message}"):
        JobFolder(tmp_path, attrs.evolve(job, **change))
    JobFolder(tmp_path, job)


def test_a_folder_is_begun_by_the_first_motion_and_not_by_settings_that_may_be_wrong(job: Job, tmp_path: Path) -> None:
    JobFolder(tmp_path / "out", attrs.evolve(job, seed=3))
    assert not (tmp_path / "out").exists()
    JobFolder(tmp_path / "out", job).keep(made(job, 0))


def test_a_job_that_cannot_be_read_is_our_error(job: Job, tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text("{")
    with pytest.raises(ConfigError, match=r"job\.json cannot be read"):
        JobFolder(tmp_path, job)


def test_a_password_in_a_servers_address_is_not_written(job: Job, tmp_path: Path) -> None:
    options = {"base_url": "https://me:secret@example.org/v1", "temperature": 0.5}
    secret = attrs.evolve(job, llm_options=options)
    JobFolder(tmp_path, secret).keep(made(job, 0))
    stored = (tmp_path / "job.json").read_text()
    assert "secret" not in stored
    assert json.loads(stored)["llm_options"] == {"base_url": "https://example.org/v1", "temperature": 0.5}
    assert missing(JobFolder(tmp_path, secret)) == [1, 2, 3, 4]


@pytest.mark.parametrize("name", ["key_file", "api_key", "token"])
def test_what_may_be_a_key_is_not_written(job: Job, tmp_path: Path, name: str) -> None:
    secret = attrs.evolve(job, llm_options={name: "planted-secret-0123456789"})
    JobFolder(tmp_path / "out", secret).keep(made(job, 0))
    assert not any(b"planted" in file.read_bytes() for file in (tmp_path / "out").rglob("*") if file.is_file())


def test_a_job_whose_budget_was_used_up_goes_on_with_a_larger_one(job: Job, tmp_path: Path) -> None:
    JobFolder(tmp_path, attrs.evolve(job, llm_options={"max_requests": 1, "temperature": 0.5})).keep(made(job, 0))
    larger = attrs.evolve(job, llm_options={"max_requests": 9, "temperature": 0.5, "concurrency": 2})
    assert list(JobFolder(tmp_path, larger).done) == [0]


def test_defaults_are_kept_by_name(motions: Any) -> None:
    job = Job()
    assert (job.backbone, job.llm, job.aggregator) == ("stride", "pack", "mean")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"format": "bhv"}, "Did you mean 'bvh'"),
        ({"k": 0}, "k must be"),
        ({"seed": -1}, "seed must be"),
        ({"shard_size": 0}, "shard_size must be"),
        ({"seconds": -3.0}, "seconds must be"),
        ({"seconds": "long"}, "or 'auto'"),
    ],
)
def test_settings_that_cannot_work_are_our_error(motions: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Job(**settings)


def test_an_unknown_backbone_is_our_error(motions: Any) -> None:
    with pytest.raises(UnknownBackboneError, match="strid"):
        Job(backbone="strid")


def test_a_folder_that_cannot_be_written_is_our_error(job: Job, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(ConfigError, match="Cannot write in"):
        JobFolder(tmp_path / "out", job).keep(made(job, 0))
