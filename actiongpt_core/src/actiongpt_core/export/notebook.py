"""The page that plays motions, shown at once: in the notebook's cell, else in the browser."""

from __future__ import annotations

import html
import sys
import tempfile
import warnings
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from actiongpt_core.export.captions import phrases
from actiongpt_core.export.html import page
from actiongpt_core.types.motion import Motion

_HEIGHT = 560  # pixels of a notebook's cell


def show(motions: Sequence[Motion]) -> Path | None:
    """Play motions side by side: under the cell in a notebook, elsewhere in the browser, from a temporary file.

    Returns:
        The page's file, which stays until the system clears its temporary folder; None in a notebook.
    """
    if _is_notebook():
        from IPython.display import display

        name = " | ".join(filter(None, map(phrases, motions))) or "motion"
        display({"text/html": frame(motions), "text/plain": f"<{name}>"}, raw=True)
        return None
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="\n", prefix="actiongpt-", suffix=".html", delete=False
    ) as file:
        file.write(page(motions))
    path = Path(file.name)
    if not webbrowser.open(path.as_uri()):
        warnings.warn(f"No browser could be opened here. The page is {path}: open it in one.", stacklevel=3)
    return path


def frame(motions: Sequence[Motion]) -> str:
    """The page as an HTML element that holds it whole, cut off from the document around it."""
    inside = html.escape(page(motions), quote=True)
    return (
        f'<div><iframe srcdoc="{inside}" sandbox="allow-scripts" title="Motion player" '
        f'style="width: 100%; height: {_HEIGHT}px; border: 1px solid #8884; border-radius: 8px"></iframe></div>'
    )


def _is_notebook() -> bool:
    """Whether this runs in a Jupyter kernel, which shows HTML; IPython in a terminal does not."""
    shell = sys.modules.get("IPython")
    running = shell.get_ipython() if shell is not None else None
    return getattr(running, "kernel", None) is not None
