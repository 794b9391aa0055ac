"""Pieces of HTML that the page is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: int = 0) -> str:
    """A table.

    Args:
        heads: The first row, as HTML.
        rows: The others.
        numbers: So many of the last columns hold numbers.
    """

    def line(tag: str, cells: Sequence[str]) -> str:
        first = len(cells) - numbers
        marks = [' class="number"' if place >= first else "" for place in range(len(cells))]
        return f"<tr>{''.join(f'<{tag}{mark}>{cell}</{tag}>' for mark, cell in zip(marks, cells, strict=True))}</tr>"

    body = "".join(line("td", row) for row in rows)
    return f'<div class="scroll"><table><thead>{line("th", heads)}</thead><tbody>{body}</tbody></table></div>'
