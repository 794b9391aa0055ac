"""The page of the service, in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from live_service import Live, live

from actiongpt_core import get_registry

if not get_registry().parts("backbone"):
    pytest.skip("needs a backbone: pip install ./plugins/actiongpt_teach, or another", allow_module_level=True)

SIZES = [(1280, 800), (390, 844)]


@pytest.fixture(scope="module")
def service() -> Iterator[Live]:
    with live() as started:
        yield started


@pytest.fixture(params=SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def page(chromium: Any, service: Live, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The page in a browser that reaches nothing but the service; whatever else it asks for is a failure."""
    width, height = request.param
    context = chromium.new_context(viewport={"width": width, "height": height})
    asked: list[str] = []
    context.on("request", lambda sent: asked.append(sent.url))
    opened = context.new_page()
    opened.goto(f"{service.url}/docs")
    opened.wait_for_selector(".opblock")
    yield opened
    context.close()
    assert [url for url in asked if not url.startswith((service.url, "data:", "blob:"))] == []


def test_the_page_shows_every_address(page: Any) -> None:
    paths = page.locator(".opblock-summary-path").all_inner_texts()
    assert {path.replace("\u200b", "") for path in paths} == {
        "/v1/motions", "/v1/backbones", "/v1/providers", "/healthz", "/readyz",
    }  # fmt: skip


def test_a_motion_is_made_from_the_page(page: Any) -> None:
    page.locator(".opblock-post .opblock-summary-control").click()
    page.locator(".opblock-post .try-out__btn").click()
    page.locator(".opblock-post textarea.body-param__text").fill('{"text": "walk", "seconds": 1, "seed": 5}')
    page.locator(".opblock-post .execute").click()
    page.wait_for_selector(".live-responses-table .response-col_status")
    assert page.locator(".live-responses-table .response-col_status").last.inner_text().startswith("200")
    assert '"seed": 5' in page.locator(".live-responses-table").inner_text()
