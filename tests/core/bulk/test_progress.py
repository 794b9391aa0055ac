"""What is shown of long work, on a terminal and in a log."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest

from actiongpt_core.bulk.progress import Progress, remaining


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which only tests change."""
    now = [0.0]
    monkeypatch.setattr("actiongpt_core.bulk.progress.time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_a_log_gets_a_line_now_and_then(clock: list[float]) -> None:
    stream = io.StringIO()
    shown = Progress(stream)
    for second in range(100):
        clock[0] = float(second)
        shown.show(lambda: f"after {clock[0]:.0f} s")
    shown.clear()
    assert stream.getvalue() == "after 30 s\nafter 60 s\nafter 90 s\n"


def test_a_terminal_has_one_line_that_changes_fits_and_goes_away(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    stream = Terminal()
    shown = Progress(stream)
    for number in range(4):
        clock[0] += 0.15
        shown.show(lambda number=number: f"{number} of many, many phrases")  # type: ignore[misc]
    shown.clear()
    assert stream.getvalue() == "\r\x1b[K1 of many, many phr\r\x1b[K3 of many, many phr\r\x1b[K"
    assert "\n" not in stream.getvalue()


def test_speed_and_time_are_of_what_was_done() -> None:
    assert remaining(10, 40, 5.0) == "2.0/s, 15 s left"
    assert remaining(10, 3610, 10.0) == "1.0/s, 60 min left"
    assert remaining(0, 40, 5.0) == ""
