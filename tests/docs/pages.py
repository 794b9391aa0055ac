"""Reads the documentation: its pages, their code blocks and their links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import attrs

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("actiongpt_core/*.md"), *ROOT.glob("plugins/*/*.md")]
)

_BLOCK = re.compile(r"^```([a-z]+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# ([\w./-]+\.(?:py|toml))\n")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


@attrs.frozen
class Block:
    """A fenced block of code."""

    language: str
    flags: str  #: what follows the language, such as "no-run"
    code: str
    line: int

    @property
    def file(self) -> str | None:
        """The file that the block shows: its first line is a comment with a path."""
        match = _FILE.match(self.code)
        return match[1] if match else None


def name(page: Path) -> str:
    """The page as a test's id."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    """The code blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(match[1], match[2].strip(), match[3], text.count("\n", 0, match.start()) + 2)
        for match in _BLOCK.finditer(text)
    ]


def commands(page: Path, program: str) -> Iterator[str]:
    """The lines of a page's shell blocks that call a program."""
    for block in blocks(page):
        if block.language == "sh":
            lines = (line.strip() for line in block.code.splitlines())
            yield from (line for line in lines if line.startswith(f"{program} "))


def links(page: Path) -> list[str]:
    """The targets of a page's links to files of the repository, without what follows a #."""
    text = _COMMENT.sub("", _BLOCK.sub("", page.read_text(encoding="utf-8")))
    return [target.partition("#")[0] for target in _LINK.findall(text) if "://" not in target and target[0] != "#"]
