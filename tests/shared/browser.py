"""A browser without a window, where one is installed: what a page is after its scripts ran."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_browser() -> str | None:
    """A Chromium, or None."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


def after_scripts(page: Path, profile: Path) -> str:
    """The HTML of a page of the disk, without any network, after two seconds of its own time."""
    browser = find_browser()
    assert browser is not None, "ask find_browser first"
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--proxy-server=127.0.0.1:9",
        f"--user-data-dir={profile}",
    ]
    done = subprocess.run(
        [browser, *options, "--virtual-time-budget=2000", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return done.stdout
