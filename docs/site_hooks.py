"""What the site needs of the pages: a fence's first word is its language, the others are for the tests."""

from __future__ import annotations

import re
from typing import Any

_FENCE = re.compile(r"^(\s*```\w+) .*$", re.MULTILINE)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Leave the language alone on the line that opens a block of code."""
    return _FENCE.sub(r"\1", markdown)
