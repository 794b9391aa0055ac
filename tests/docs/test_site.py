"""The site builds without a warning and without a network, holds every page, and asks nothing of another host."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import actiongpt_core

ROOT = Path(__file__).parents[2]
#: What a browser fetches by itself: scripts, styles, pictures, frames; links are followed by people.
FETCHED = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']?(https?:)?//|<link\b[^>]*\bhref=["']?(https?:)?//"""
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    for name in ("material", "mkdocstrings"):
        pytest.importorskip(name, reason="pip install mkdocs-material 'mkdocstrings[python]'")
    folder = tmp_path_factory.mktemp("site")
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "https_proxy": "http://127.0.0.1:9"}  # nobody is there
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
    return folder


def test_every_page_of_the_documentation_is_in_the_site(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs").with_suffix("") for path in (ROOT / "docs").rglob("*.md")}
    built = {path.parent.relative_to(site) for path in site.rglob("index.html")}
    assert {page if page.name != "index" else page.parent for page in pages} <= built


def test_no_page_fetches_from_another_host(site: Path) -> None:
    for page in site.rglob("*.html"):
        if page.parent.name != "studies":
            assert not FETCHED.search(page.read_text(encoding="utf-8")), page


def test_docstrings_are_in_the_reference(site: Path) -> None:
    page = (site / "reference" / "api-core" / "index.html").read_text(encoding="utf-8")
    for name in ("Pipeline", "Motion", "MotionModelSpec", "ConfigError"):
        assert f">{name}<" in page


def test_every_fence_became_a_block_of_code(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert "```" not in page.read_text(encoding="utf-8"), page


def test_every_public_name_has_its_docstring_in_the_reference() -> None:
    text = (ROOT / "docs" / "reference" / "api-core.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^::: \S+\.(\w+)$", text, re.MULTILINE))
    assert set(actiongpt_core.__all__) - {"SMPL", "SMPL_BODY", "__version__", "hookimpl"} == listed
