"""The parametric actions as a data set: made when they are read, so it needs no files."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from actiongpt_core.data.prepared import PreparedSet
from actiongpt_core.data.procedural import ACTIONS, ProceduralClip, sample
from actiongpt_core.data.recording import Recording
from actiongpt_core.errors import ConfigError, did_you_mean
from actiongpt_core.types.segments import Segment

if TYPE_CHECKING:
    from actiongpt_core.types.motion import Motion

SPLITS = ("train", "val", "test")
#: Seconds of a performance where the user says none: drawn between these.
SHORTEST, LONGEST = 2.5, 5.5
#: Performances that are kept in memory, so that windows of one are not made anew each.
_KEPT = 512


class ProceduralSet:
    """Performances of every parametric action, one recording each, called by its wordings.

    The same options give the same numbers; no performance is in two splits.

    Args:
        variants: Performances of each action in the training split; val and test have a quarter as many, at least one.
        seconds: Length of each; drawn between 2.5 and 5.5 if not given.
        seed: Of all performances.
        fps: Frames a second.

    Raises:
        ConfigError: An option has a value that cannot work.
    """

    name = "procedural"
    splits: Sequence[str] = SPLITS

    def __init__(self, *, variants: int = 16, seconds: float | None = None, seed: int = 0, fps: float = 30.0) -> None:
        _require("variants", variants, int, 1)
        _require("seed", seed, int, 0)
        _require("fps", fps, (int, float), 1)
        if seconds is not None:
            _require("seconds", seconds, (int, float), 2 / fps)
        self.fps = float(fps)
        self._seconds, self._seed = seconds, seed
        self._made: dict[str, tuple[str, tuple[int, ...], int]] = {}
        self._segments: dict[str, tuple[Segment, ...]] = {}
        for index, split in enumerate(SPLITS):
            count = variants if split == "train" else max(1, variants // 4)
            self._segments[split] = tuple(self._plan(split, index, count))

    def segments(self, split: str) -> Sequence[Segment]:
        """One a performance: all of it.

        Raises:
            ConfigError: There is no such split.
        """
        if split not in self._segments:
            raise ConfigError(f"{self.name!r} has no split {split!r}: {', '.join(SPLITS)}.")
        return self._segments[split]

    def motion(self, recording: str, start: int, end: int) -> Motion:
        """Frames [start, end) of a performance.

        Raises:
            ConfigError: There is no such performance, or it does not have these frames.
        """
        import torch

        from actiongpt_core.geometry.rotations import axis_angle_to_matrix
        from actiongpt_core.types.motion import Motion

        clip = self.performance(recording)
        if not 0 <= start < end <= len(clip.poses):
            raise ConfigError(f"{recording!r} has {len(clip.poses)} frames; [{start}, {end}) are none of them.")
        rotations = axis_angle_to_matrix(torch.from_numpy(clip.poses[start:end]))
        translation = torch.from_numpy(clip.trans[start:end].copy())
        return Motion(rotations=rotations, translation=translation, fps=self.fps)

    def performance(self, recording: str) -> ProceduralClip:
        """A performance as it is made, from its first frame to its last.

        Raises:
            ConfigError: There is none of this name.
        """
        if recording not in self._made:
            raise ConfigError(f"{self.name!r} has no recording {recording!r}.{did_you_mean(recording, self._made)}")
        action, seed, frames = self._made[recording]
        return _performance(action, seed, frames, self.fps)

    def _plan(self, split: str, index: int, count: int) -> Iterator[Segment]:
        for number, action in enumerate(ACTIONS):
            for variant in range(count):
                name = f"{split}-{re.sub(r'[^a-z0-9]+', '-', action.lower())}-{variant:04d}"
                seed = (self._seed, index, number, variant)
                frames = self._frames(seed)
                self._made[name] = action, seed, frames
                texts = tuple(dict.fromkeys((action, *ACTIONS[action].wordings)))
                yield Segment(
                    key=name, recording=name, start=0, end=frames, texts=texts, scope="clip", categories=(action,)
                )

    def _frames(self, seed: tuple[int, ...]) -> int:
        if self._seconds is not None:
            return round(self._seconds * self.fps)
        # Apart from the performance's own draws, so that its length is known before it is made.
        return round(float(np.random.default_rng((*seed, 1)).uniform(SHORTEST, LONGEST)) * self.fps)


class ProceduralSource:
    """The parametric actions, to be written down as a prepared set.

    Args:
        folder: None; nothing is read.
        variants: As of `ProceduralSet`, and so the others.
        seconds: Length of each performance.
        seed: Of all performances.
        fps: Frames a second.

    Raises:
        ConfigError: A folder is given, or an option has a value that cannot work.
    """

    name = ProceduralSet.name

    def __init__(
        self,
        folder: str | Path | None = None,
        *,
        variants: int = 16,
        seconds: float | None = None,
        seed: int = 0,
        fps: float = 30.0,
    ) -> None:
        if folder is not None:
            raise ConfigError("The data set 'procedural' is made and not read: leave --source out.")
        self._set = ProceduralSet(variants=variants, seconds=seconds, seed=seed, fps=fps)
        self.fps = self._set.fps

    def missing(self) -> list[str]:
        """Nothing ever is."""
        return []

    def recordings(self) -> Iterator[tuple[str, Callable[[], Recording]]]:
        """Every performance, split by split."""
        for split in SPLITS:
            for segment in self._set.segments(split):
                yield segment.recording, functools.partial(self._read, split, segment)

    def _read(self, split: str, segment: Segment) -> Recording:
        made = self._set.performance(segment.recording)
        return Recording(poses=made.poses, translation=made.trans, split=split, segments=(segment,))


def open_procedural(
    folder: str | Path | None = None,
    *,
    variants: int | None = None,
    seconds: float | None = None,
    seed: int | None = None,
    fps: float | None = None,
) -> ProceduralSet | PreparedSet:
    """The set as it was prepared in a folder; without a folder it is made while it is read.

    Args:
        folder: Of the prepared set, or None.
        variants: As of `ProceduralSet`, and so the others; a prepared set takes none of them.
        seconds: Length of each performance.
        seed: Of all performances.
        fps: Frames a second.

    Raises:
        ConfigError: An option has a value that cannot work, or comes with a folder.
    """
    named = {"variants": variants, "seconds": seconds, "seed": seed, "fps": fps}
    options: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    if folder is None:
        return ProceduralSet(**options)
    if options:
        raise ConfigError(f"{folder} was prepared with options of its own; leave out {', '.join(options)}.")
    return PreparedSet(folder)


@functools.lru_cache(maxsize=_KEPT)
def _performance(action: str, seed: tuple[int, ...], frames: int, fps: float) -> ProceduralClip:
    return sample(action, np.random.default_rng((*seed, 0)), seconds=frames / fps, fps=fps)


def _require(name: str, value: Any, kind: type | tuple[type, ...], least: float) -> None:
    is_number = isinstance(value, kind) and not isinstance(value, bool)
    if not (is_number and least <= value < float("inf")):
        raise ConfigError(f"{name} must be a number of at least {least:g}, got {value!r}.")
