"""A data source in memory, for tests of preparation, and what a prepared folder holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from actiongpt_core.data.recording import Recording
from actiongpt_core.types.segments import Pair, Segment


def recording(
    name: str, num_frames: int = 20, *, seed: int = 0, split: str = "train", extra: bool = False
) -> Recording:
    """Random poses, one segment of all frames, and a pair where there are enough of them."""
    rng = np.random.default_rng(seed)
    whole = Segment(key=name, recording=name, start=0, end=num_frames, texts=(f"do {name}", "do something"))
    third = num_frames // 3
    pair = Pair(
        key=f"{name}-pair",
        recording=name,
        start=0,
        durations=(third, third, num_frames - 2 * third),
        texts=(("this",), ("that", "or that")),
    )
    return Recording(
        poses=rng.uniform(-1, 1, (num_frames, 22, 3)).astype(np.float32),
        translation=rng.normal(0, 0.01, (num_frames, 3)).cumsum(axis=0).astype(np.float32),
        split=split,
        segments=(whole,),
        pairs=(pair,) if third else (),
        subject=f"of {name}",
        extra={"hands": rng.uniform(-1, 1, (num_frames, 2, 5)).astype(np.float32)} if extra else {},
    )


class ListSource:
    """Recordings by name; an exception in place of one is raised when it is read.

    Attributes:
        reads: Names in the order in which they were read.
    """

    name = "listed"
    fps = 30.0

    def __init__(self, items: dict[str, Recording | Exception]) -> None:
        self.items = items
        self.reads: list[str] = []

    def missing(self) -> list[str]:
        return []

    def recordings(self) -> Iterator[tuple[str, Callable[[], Recording]]]:
        for name in self.items:
            yield name, partial(self._read, name)

    def _read(self, name: str) -> Recording:
        self.reads.append(name)
        item = self.items[name]
        if isinstance(item, Exception):
            raise item
        return item


def content(folder: Path) -> dict[str, bytes]:
    """All files of a prepared set but the lock, by their path in it."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".lock"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
