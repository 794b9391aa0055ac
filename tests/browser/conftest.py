"""A Chromium without a window, driven by playwright; the tests here skip where one of the two is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from browser import find_browser

from actiongpt_core import Action, Descriptions, Motion
from actiongpt_core.geometry.rotations import axis_angle_to_matrix


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The system's browser, drawing WebGL in software."""
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    found = find_browser()
    if found is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
        )
        yield browser
        browser.close()


@pytest.fixture
def open_file(chromium: Any) -> Iterator[Callable[..., Any]]:
    """Opens a file of the disk in a page of its own; whatever else it asks for, and each complaint, is a failure."""
    contexts: list[Any] = []
    complaints: list[str] = []

    def _open(path: Path, width: int = 960, height: int = 600, **settings: Any) -> Any:
        context = chromium.new_context(viewport={"width": width, "height": height}, **settings)
        contexts.append(context)
        own = path.as_uri()
        context.route("**/*", lambda route: route.continue_() if route.request.url == own else route.abort())
        page = context.new_page()
        page.on("request", lambda request: request.url == own or complaints.append(f"asked for {request.url[:200]}"))
        page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(own)
        return page

    yield _open
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def walk() -> Motion:
    """Steps along -y for two seconds, then raises the left arm for two: an action each, with descriptions."""
    count = 81
    time = torch.arange(count) / 20.0
    swing = torch.where(time < 2.0, torch.sin(time * 2 * torch.pi), 0.0)
    axis_angle = torch.zeros(count, 22, 3)
    axis_angle[:, 0, 0] = torch.pi / 2
    axis_angle[:, 1, 0], axis_angle[:, 2, 0] = 0.5 * swing, -0.5 * swing
    axis_angle[:, 16, 2] = -1.2 + 2.4 * ((time - 2.0) / 2.0).clamp(0.0)
    axis_angle[:, 17, 2] = 1.2
    translation = torch.zeros(count, 3)
    translation[:, 1] = -0.8 * time.clamp(max=2.0)
    translation[:, 2] = 0.93
    descriptions = (
        Descriptions(action=Action("walk forward"), texts=("Steps ahead.", "Puts one foot first."), source="llm"),
        Descriptions(action=Action("raise the left arm"), texts=("Lifts an arm.", "Holds it up."), source="llm"),
    )
    return Motion(
        rotations=axis_angle_to_matrix(axis_angle),
        translation=translation,
        fps=20.0,
        starts=(0, 40),
        descriptions=descriptions,
    )
