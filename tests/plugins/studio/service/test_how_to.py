"""The pages about the service, against a service."""

from __future__ import annotations

import importlib.util
import runpy
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from live_service import PIPELINES, Live
from pages import ROOT, blocks
from typer.main import get_command

from actiongpt_core.cli.main import app
from actiongpt_core.export import load
from actiongpt_studio.pipelines import Choices
from actiongpt_studio.service import command
from actiongpt_studio.service.problems import KINDS
from actiongpt_studio.service.schemas import MotionRequest

SERVE, BLENDER = ROOT / "docs" / "how-to" / "serve.md", ROOT / "docs" / "how-to" / "blender.md"
TEXT = "walk forward for 2 seconds"


@pytest.fixture
def script(tmp_path: Path) -> Any:
    """The script of the page about Blender, as a module."""
    (block,) = (block for block in blocks(BLENDER) if block.file == "actiongpt_blender.py")
    path = tmp_path / "actiongpt_blender.py"
    path.write_text(block.code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("actiongpt_blender", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_clients_example_runs(service: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = (block for block in blocks(SERVE) if block.language == "python")
    file = tmp_path / "example.py"
    file.write_text(block.code.replace("http://127.0.0.1:8000", service.url), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    made = runpy.run_path(str(file))
    assert made["motion"].num_frames > 0
    assert made["content"].startswith(b"HIERARCHY")
    assert (tmp_path / "walk.glb").read_bytes().startswith(b"glTF")


def test_the_blender_script_gets_the_motion(service: Live, script: Any, tmp_path: Path) -> None:
    path = tmp_path / "walk.bvh"
    path.write_bytes(script.fetch_bvh(TEXT, url=service.url, seed=3))
    expected = PIPELINES.get(Choices(llm="passthrough")).generate(TEXT, seed=3)
    assert load(path).rotations.allclose(expected.rotations, atol=1e-3)


def test_the_blender_script_hands_over_a_file_that_reads(
    service: Live, script: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it hands to Blender; that Blender takes it cannot be tested here."""
    seen = []

    def bvh(*, filepath: str, global_scale: float, update_scene_fps: bool, update_scene_duration: bool) -> None:
        seen.append((load(filepath).num_frames, global_scale))

    bpy: Any = types.ModuleType("bpy")
    bpy.ops = types.SimpleNamespace(import_anim=types.SimpleNamespace(bvh=bvh))
    monkeypatch.setitem(sys.modules, "bpy", bpy)
    script.import_bvh(script.fetch_bvh(TEXT, url=service.url))
    assert seen == [(60, 0.01)]


def test_the_blender_script_says_what_the_service_says(service: Live, script: Any) -> None:
    with pytest.raises(RuntimeError, match="no letters"):
        script.fetch_bvh("123", url=service.url)


def test_the_blender_script_needs_the_standard_library_alone(script: Any) -> None:
    imported = {name for name, value in vars(script).items() if isinstance(value, types.ModuleType)}
    assert imported
    assert imported <= set(sys.stdlib_module_names)


def test_every_option_field_and_status_is_on_the_page() -> None:
    page = SERVE.read_text(encoding="utf-8")
    group: Any = get_command(app)
    options = {option for parameter in group.get_command(None, "serve").params for option in parameter.opts}
    assert command.serve.__name__ == "serve"
    assert {option for option in options - {"--help"} if f"`{option}`" not in page} == set()
    assert {name for name in MotionRequest.model_fields if f"`{name}`" not in page} == set()
    assert {status for status, _ in KINDS.values() if str(status) not in page} - {404, 405} == set()
