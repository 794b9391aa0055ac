"""`motion.show()` and the last expression of a cell, through IPython itself."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actiongpt_core.types.motion import Motion

InteractiveShell = pytest.importorskip("IPython.core.interactiveshell", reason="pip install ipython").InteractiveShell


@pytest.fixture
def shell(motion: Motion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """IPython, with the motion in it. A Jupyter kernel would be its `kernel`."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    shell.display_formatter.active_types = ["text/plain", "text/html"]  # as in a kernel
    shell.user_ns["motion"] = motion
    yield shell
    shell.history_manager.end_session()
    InteractiveShell.clear_instance()


def outputs(shell: Any, cell: str) -> list[dict[str, str]]:
    from IPython.utils.capture import capture_output

    with capture_output() as captured:
        done = shell.run_cell(cell)
        done.raise_error()
    shown = [item.data for item in captured.outputs]
    # A kernel's display hook sends what the formatter makes of the last expression.
    return shown if done.result is None else [*shown, shell.display_formatter.format(done.result)[0]]


def page_in(output: dict[str, str]) -> str:
    inside = re.search(r'srcdoc="([^"]*)"', output["text/html"])
    assert inside is not None
    return html.unescape(inside[1])


def test_a_cell_that_ends_with_a_motion_plays_it(shell: Any) -> None:
    (output,) = outputs(shell, "motion")
    assert page_in(output).startswith("<!doctype html>")
    assert page_in(output).rstrip().endswith("</html>")


def test_show_displays_the_page_in_a_kernel(shell: Any) -> None:
    shell.kernel = object()
    (output,) = outputs(shell, "motion.show()")
    assert page_in(output).count('"rotations":') == 1


def test_show_takes_others_beside_it(shell: Any) -> None:
    shell.kernel = object()
    (output,) = outputs(shell, "motion.show(motion, motion)")
    assert page_in(output).count('"rotations":') == 3


def test_the_frame_keeps_the_page_s_scripts_to_itself(motion: Motion) -> None:
    frame = motion._repr_html_()
    assert 'sandbox="allow-scripts"' in frame
    assert "<script" not in frame


def test_outside_a_notebook_the_browser_opens_a_file(
    motion: Motion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    path = motion.show()
    assert path is not None
    assert opened == [path.as_uri()]
    assert path.parent == tmp_path
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_without_a_browser_it_says_where_the_page_is(
    motion: Motion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    with pytest.warns(UserWarning, match=re.escape(str(tmp_path))):
        motion.show()
