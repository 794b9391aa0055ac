from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live_service import PIPELINES, Live, live

from actiongpt_core import Action, Client, Motion, get_registry
from actiongpt_core.export import FORMATS, load
from actiongpt_studio.pipelines import Choices
from actiongpt_studio.service.formats import MEDIA_TYPES, accepted

WALK = {"text": "walk forward for 2 seconds", "seed": 3}


@pytest.fixture(scope="module")
def walk() -> Motion:
    return PIPELINES.get(Choices(llm="passthrough")).generate(str(WALK["text"]), seed=3)


def test_json_holds_the_motion_that_the_library_makes(service: Live, walk: Motion) -> None:
    motion = Client(service.url).generate(str(WALK["text"]), seed=3)
    assert motion.rotations.allclose(walk.rotations, atol=1e-5)
    assert motion.translation.allclose(walk.translation, atol=1e-5)
    assert (motion.fps, motion.starts, motion.skeleton) == (walk.fps, walk.starts, walk.skeleton)
    assert [item.texts for item in motion.descriptions] == [item.texts for item in walk.descriptions]


@pytest.mark.parametrize("suffix", [".bvh", ".npz"])
def test_a_file_reads_back_as_the_motion(service: Live, walk: Motion, tmp_path: Path, suffix: str) -> None:
    path = Client(service.url).save(str(WALK["text"]), tmp_path / f"walk{suffix}", seed=3)
    motion = load(path)
    assert motion.rotations.allclose(walk.rotations, atol=1e-3)
    assert motion.translation.allclose(walk.translation, atol=1e-3)


def test_glb_opens_in_trimesh(service: Live) -> None:
    trimesh = pytest.importorskip("trimesh", reason="needs trimesh: pip install trimesh")
    content = Client(service.url).fetch("walk", "glb", seconds=1, seed=0)
    scene: Any = trimesh.load(io.BytesIO(content), file_type="glb")
    assert len(scene.geometry) > 0


@pytest.mark.parametrize(
    ("name", "begins"),
    [("html", b"<!"), ("png", b"\x89PNG"), ("zip", b"PK"), ("npy", b"\x93NUMPY"), ("bvh", b"HIERARCHY")],
)
def test_a_format_is_what_its_name_says(service: Live, name: str, begins: bytes) -> None:
    answer = service.post({"text": "walk", "seconds": 0.5, "seed": 0, "format": name})
    assert answer.status == 200
    assert answer.content.lower().startswith(begins.lower())
    assert answer.headers["Content-Type"].partition(";")[0] == MEDIA_TYPES[name]


def test_every_format_of_the_library_is_offered() -> None:
    assert set(MEDIA_TYPES) == {"json", *(suffix[1:] for suffix in FORMATS)}


def test_the_header_accept_chooses_where_the_request_does_not(service: Live) -> None:
    answer = service.post(WALK, Accept="application/x-npz")
    assert "poses" in np.load(io.BytesIO(answer.content)).files
    assert zipfile.is_zipfile(io.BytesIO(answer.content))


def test_the_request_comes_before_the_header(service: Live) -> None:
    answer = service.post({**WALK, "format": "json"}, Accept="application/x-npz")
    assert json.loads(answer.content)["seed"] == 3


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (None, "json"),
        ("*/*", "json"),
        ("model/*", "glb"),
        ("text/plain", None),
        ("application/json;q=0.1, model/gltf-binary", "glb"),
        ("application/json;q=0", None),
        ("text/plain, */*;q=0.1", "json"),
        ("application/json;q=x", None),
    ],
)
def test_the_most_wanted_format_that_is_offered_is_taken(header: str | None, name: str | None) -> None:
    assert accepted(header) == name


def test_actions_keep_their_seconds(service: Live) -> None:
    motion = Client(service.url).generate([Action("walk", 2), Action("sit down", 3)], seed=0)
    assert motion.seconds == pytest.approx(5, abs=0.1)
    assert motion.starts[1] / motion.fps == pytest.approx(2, abs=0.1)
    assert [item.action.seconds for item in motion.descriptions] == [2, 3]


def test_the_seed_that_was_drawn_is_told_and_makes_the_same_motion(service: Live) -> None:
    first = service.post({"text": "walk", "format": "bvh"})
    seed = int(first.headers["X-ActionGPT-Seed"])
    assert service.post({"text": "walk", "format": "bvh", "seed": seed}).content == first.content


def test_each_backbone_makes_the_motion(service: Live) -> None:
    names = [item["name"] for item in Client(service.url).backbones()]
    assert names == [label for label, _ in get_registry().labels("backbone")]
    for name in names:
        answer = service.post({"text": "walk", "seconds": 2, "seed": 0, "backbone": name})
        assert answer.headers["X-ActionGPT-Backbone"] == name


def test_one_backbone_is_the_default_and_answers(service: Live) -> None:
    (name,) = (item["name"] for item in Client(service.url).backbones() if item["default"])
    assert service.post({"text": "walk", "seconds": 1}).headers["X-ActionGPT-Backbone"] == name


def test_one_provider_is_the_one_that_the_service_was_started_with(service: Live) -> None:
    assert [item["name"] for item in Client(service.url).providers() if item["default"]] == ["passthrough"]


def test_clean_up_changes_the_motion(service: Live, walk: Motion) -> None:
    motion = Client(service.url).generate(str(WALK["text"]), seed=3, postprocess=["smooth"])
    assert motion.num_frames == walk.num_frames
    assert not motion.rotations.allclose(walk.rotations, atol=1e-5)


def test_nothing_is_left_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with live() as service:
        service.post({"text": "walk", "seconds": 1, "format": "bvh"})
        (folder,) = tmp_path.iterdir()
        assert list(folder.iterdir()) == []
    assert list(tmp_path.iterdir()) == []
