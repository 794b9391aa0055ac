"""The studio in a real browser: type, generate, edit, play, download, load, go back; each tab for itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from actiongpt_core.export import load
from actiongpt_core.types.motion import Motion

pytest.importorskip("viser", reason="pip install ./plugins/actiongpt_studio")

from actiongpt_studio.pipelines import Choices, Pipelines, named
from actiongpt_studio.studio.server import serve

_SECONDS = 60_000  # milliseconds: the browser draws in software


@pytest.fixture(scope="module")
def address(chromium: Any) -> Iterator[str]:
    """A studio with the checkpoint that ships."""
    pytest.importorskip("actiongpt_teach", reason="the studio's tests need a backbone with a checkpoint")
    pipelines, choices = Pipelines(), named(Choices(backbone="teach"))
    pipelines.get(choices)
    server = serve(pipelines, choices, "127.0.0.1", 8190)
    yield f"http://127.0.0.1:{server.get_port()}"
    server.stop()


@pytest.fixture
def open_tab(chromium: Any, address: str) -> Iterator[Callable[..., Any]]:
    """Opens the studio in a tab of its own, without playing: software drawing is slow."""
    contexts = []

    def _open(width: int = 1280, height: int = 800) -> Any:
        context = chromium.new_context(viewport={"width": width, "height": height}, accept_downloads=True)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(_SECONDS)
        page.goto(address)
        page.get_by_role("button", name="Generate").wait_for()
        page.get_by_label("Play", exact=True).uncheck()
        return page

    yield _open
    for context in contexts:
        context.close()


def open_panel(page: Any, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def field(page: Any, label: str, kind: str = "input") -> Any:
    """The field beside a label; viser does not tie most of its labels to their fields."""
    return page.locator(f'xpath=//label[text()="{label}"]/ancestor::div[2]//{kind}[not(@type="hidden")]').first


def generate(page: Any, text: str, title: str) -> None:
    field(page, "Text").fill(text)
    page.get_by_role("button", name="Generate").click()
    open_panel(page, "History")
    page.get_by_role("button", name=title).first.wait_for()


def saved(page: Any, folder: Path) -> Path:
    open_panel(page, "Files")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download").click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def download(page: Any, folder: Path) -> Motion:
    return load(saved(page, folder))


def test_a_typed_text_becomes_a_motion_that_can_be_saved(open_tab: Callable[..., Any], tmp_path: Path) -> None:
    page = open_tab()
    before = page.screenshot()
    generate(page, "walk forward, then wave with the right hand", "walk forward, then wave with the right hand (teach")
    motion = download(page, tmp_path)
    assert motion.seconds > 4
    assert page.screenshot() != before


def test_an_edited_description_is_what_is_made_and_saved(open_tab: Callable[..., Any], tmp_path: Path) -> None:
    page = open_tab()
    field(page, "Text").fill("sit down, then stand up")
    page.get_by_role("button", name="Describe").click()
    field(page, "stand up 4", "textarea").fill("The person rises slowly from the chair.")
    page.wait_for_timeout(500)
    generate(page, "sit down, then stand up", "sit down, then stand up (teach")
    open_panel(page, "Files")
    field(page, "Format").click()
    page.get_by_role("option", name=".html").click()
    assert "The person rises slowly from the chair." in saved(page, tmp_path).read_text()


def test_each_action_has_its_seconds_on_the_timeline(open_tab: Callable[..., Any], tmp_path: Path) -> None:
    page = open_tab()
    field(page, "Text").fill("sit down, then stand up")
    page.get_by_role("button", name="Describe").click()
    for action in ("sit down", "stand up"):
        field(page, f"{action}, seconds").fill("2")
        field(page, f"{action}, seconds").press("Enter")
        page.get_by_text(f"{action} 2 s").wait_for()
    generate(page, "sit down, then stand up", "sit down, then stand up (teach")
    assert download(page, tmp_path).seconds == pytest.approx(4, abs=0.5)


def test_the_keyboard_alone_generates(open_tab: Callable[..., Any]) -> None:
    page = open_tab()
    field(page, "Text").fill("jump")
    page.keyboard.press("Tab")
    page.wait_for_timeout(1000)  # the page sends what was typed a moment later than it sends a key
    page.keyboard.press("Control+Enter")
    open_panel(page, "History")
    page.get_by_role("button", name="jump (teach").wait_for()


def test_a_text_that_cannot_work_is_a_message_and_the_studio_goes_on(open_tab: Callable[..., Any]) -> None:
    page = open_tab()
    field(page, "Text").fill("123")
    page.get_by_role("button", name="Generate").click()
    page.get_by_text("That did not work").first.wait_for()
    generate(page, "walk forward", "walk forward (teach")


def test_a_second_tab_has_a_history_of_its_own(open_tab: Callable[..., Any]) -> None:
    one, other = open_tab(), open_tab()
    generate(one, "squat down", "squat down (teach")
    assert other.get_by_role("button", name="squat down (teach").count() == 0


def test_a_file_is_loaded_and_the_history_leads_back(
    open_tab: Callable[..., Any], walk: Motion, tmp_path: Path
) -> None:
    page = open_tab()
    generate(page, "raise both arms", "raise both arms (teach")
    made = download(page, tmp_path)
    with page.expect_file_chooser() as waiting:
        page.get_by_role("button", name="Load a file").click()
    waiting.value.set_files(walk.save(tmp_path / "walk.npz"))
    open_panel(page, "History")
    page.get_by_role("button", name="walk.npz").wait_for()
    assert len(download(page, tmp_path)) == len(walk)
    open_panel(page, "History")
    page.get_by_role("button", name="raise both arms (teach").click()
    page.wait_for_timeout(500)
    assert len(download(page, tmp_path)) == len(made)


def test_the_studio_is_usable_on_a_phone(open_tab: Callable[..., Any]) -> None:
    page = open_tab(390, 844)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    generate(page, "walk forward", "walk forward (teach")
