"""How far long work is, on standard error."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import TextIO

#: Seconds between two lines of a log, and between two changes of the line of a terminal.
_IN_LOG = 30.0
_ON_TERMINAL = 0.2


class Progress:
    """One line that changes on a terminal; elsewhere a line now and then.

    Args:
        stream: Where it is written.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._pause = _ON_TERMINAL if self._is_terminal else _IN_LOG
        self._next = time.monotonic() + self._pause

    def show(self, text: Callable[[], str]) -> None:
        """Show how far the work is, unless that was done a moment ago.

        Args:
            text: Gives the line; called when it is shown.
        """
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self._pause
        if self._is_terminal:
            width = shutil.get_terminal_size().columns
            self._stream.write(f"\r\x1b[K{text()[: width - 1]}")
        else:
            self._stream.write(f"{text()}\n")
        self._stream.flush()

    def clear(self) -> None:
        """Take the line away from the terminal, before something else is written."""
        if self._is_terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def remaining(done: int, total: int, seconds: float) -> str:
    """How fast it goes and how long it will take: "12.0/s, 3 min left"."""
    if not done or seconds <= 0:
        return ""
    rate = done / seconds
    left = (total - done) / rate
    return f"{rate:,.1f}/s, {f'{left / 60:.0f} min' if left >= 90 else f'{left:.0f} s'} left"
