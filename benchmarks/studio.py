"""The studio: from the click on Generate to the motion, in a real browser: `nox -s bench`.

Timed where the browser meets the studio, at its websocket: from when the click is sent to when the body's mesh is
there. What drawing takes is the browser's and its GPU's. Needs playwright and Chromium (`nox -s browser` installs
both).
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_MESH = 30_000  #: bytes; no other message of the studio is as long
_TEXTS = ("walk forward", "jump", "walk forward, then sit down", "wave with the right hand, then kick")  # in the pack
_PATIENCE = 20.0  #: seconds


def main() -> None:
    """Read the arguments, time, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", help="name of the motion model (default: the library's)")
    parser.add_argument("--clicks", type=int, default=5, help="timed on each text, after one that is not")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    arguments = parser.parse_args()
    result = measure(arguments.backbone, arguments.clicks)
    table = Table("text", "first click, ms", "median, ms", "worst, ms", title="From the click to the motion")
    for text, row in result["texts"].items():
        table.add_row(text, *(f"{row[name]:.0f}" for name in ("first_ms", "median_ms", "worst_ms")))
    Console().print(table)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def measure(backbone: str | None, clicks: int) -> dict[str, Any]:
    """All texts, with one studio and one tab."""
    from playwright.sync_api import sync_playwright

    from actiongpt_studio.pipelines import Choices, Pipelines, named
    from actiongpt_studio.studio.server import serve

    found = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        raise SystemExit("No Chromium here: apt-get install chromium")
    pipelines, choices = Pipelines(), named(Choices(backbone=backbone))
    pipelines.get(choices).generate("walk forward", seed=0)  # as the command's warm-up
    server = serve(pipelines, choices, "127.0.0.1", 8099)
    try:
        with sync_playwright() as running:
            browser = running.chromium.launch(
                executable_path=found, args=["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
            )
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            events: list[tuple[float, int]] = []  # when, and how many bytes came; -1 for what was sent
            page.on("websocket", lambda socket: _watch(socket, events))
            page.goto(f"http://127.0.0.1:{server.get_port()}")
            page.get_by_role("button", name="Generate").wait_for()
            page.get_by_label("Play", exact=True).uncheck()  # the browser is to do nothing else
            return {"backbone": choices.backbone, "texts": {text: _row(page, events, text, clicks) for text in _TEXTS}}
    finally:
        server.stop()


def _watch(socket: Any, events: list[tuple[float, int]]) -> None:
    socket.on("framereceived", lambda content: events.append((time.perf_counter(), len(content))))
    socket.on("framesent", lambda content: events.append((time.perf_counter(), -1)))


def _row(page: Any, events: list[tuple[float, int]], text: str, clicks: int) -> dict[str, float]:
    page.locator('xpath=//label[text()="Text"]/ancestor::div[2]//input').fill(text)
    first, *others = [_click(page, events) for _ in range(clicks + 1)]
    return {"first_ms": first, "median_ms": statistics.median(others), "worst_ms": max(others)}


def _click(page: Any, events: list[tuple[float, int]]) -> float:
    """Milliseconds from a click to its mesh."""
    page.wait_for_timeout(1500)  # the drawing of what was before is done
    events.clear()
    page.get_by_role("button", name="Generate").click()
    until = time.perf_counter() + _PATIENCE
    while time.perf_counter() < until:
        sent = [when for when, size in events if size < 0]
        came = [when for when, size in events if size > _MESH]
        if came:
            return 1000 * (came[0] - sent[0])
        page.wait_for_timeout(5)
    raise SystemExit(f"No motion came within {_PATIENCE:g} s.")


if __name__ == "__main__":
    main()
