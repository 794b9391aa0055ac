"""CMU's motion capture as it is downloaded: ASF and AMC files, or BVH conversions of them, and their descriptions."""

from __future__ import annotations

import hashlib
import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path

import attrs

from actiongpt_core.data.amass_npz import MIN_SECONDS
from actiongpt_core.data.asf_amc import read_asf_amc
from actiongpt_core.data.bvh import read_bvh_mocap
from actiongpt_core.data.cmu_index import CmuIndex, find_index, read_index
from actiongpt_core.data.consecutive import consecutive_pairs
from actiongpt_core.data.folder import at_rate
from actiongpt_core.data.mocap import Mocap
from actiongpt_core.data.recording import Recording
from actiongpt_core.data.retarget import Array, retarget
from actiongpt_core.errors import ActionGPTError, ConfigError, MissingAssetError, RejectedRecording
from actiongpt_core.types.segments import Scope, Segment

WEBSITE = "http://mocap.cs.cmu.edu"
SUFFIXES = (".amc", ".bvh")
#: Subjects of the splits, as in the set that is published prepared; all others train.
TEST_SUBJECTS = frozenset({2, 9, 43, 90})
VALIDATION_SUBJECTS = frozenset({3, 7, 88, 139})
#: Seconds up to which a recording is one clip; a longer one is cut into equal parts of at most `WINDOW` seconds.
LONGEST = 11.0
WINDOW = 8.0

_TRIAL = re.compile(r"(\d{1,3})_(\d{1,3})(?:\D.*)?")
_RATED = re.compile(r"\d{1,3}(_\d{1,3})?")
#: Relative; a BVH's frame time is rounded.
_RATE_TOLERANCE = 1e-3


@attrs.frozen(order=True)
class _Trial:
    subject: int
    number: int

    @property
    def identifier(self) -> str:
        return f"cmu_{self.subject:02d}_{self.number:02d}"


class CmuSource:
    """All trials below a folder: SUBJECT_TRIAL.amc with SUBJECT.asf beside it, or SUBJECT_TRIAL.bvh.

    Of several files of a trial one is read: CMU's own AMC before a BVH.

    Args:
        folder: Of the files; folders in it are searched too.
        texts: The index of descriptions, below the folder or a path of its own; cmu-mocap-index*.txt if not given.
        fps: Frames a second of the prepared set.
        frame_rates: A subject ("60") or trial ("60_01") -> the frame rate of its files, whatever they tell
            themselves. An AMC tells none, and without it 120 is taken.

    Raises:
        ConfigError: A frame rate is not positive, or not of a subject or a trial.
    """

    name = "cmu"

    def __init__(
        self,
        folder: str | Path,
        *,
        texts: str | None = None,
        fps: float = 30.0,
        frame_rates: Mapping[str, float] | None = None,
    ) -> None:
        if not _is_rate(fps):
            raise ConfigError(f"fps must be a positive number, got {fps!r}.")
        self._folder, self._texts, self.fps = Path(folder), texts, float(fps)
        self._rates = _checked(frame_rates or {})

    def missing(self) -> list[str]:
        """What has to be there before anything is read, and where it comes from."""
        if not self._folder.is_dir():
            return [f"There is no folder {self._folder}."]
        lines = []
        if not any(_trial(path) for path in self._files):
            lines.append(
                f"{self._folder} holds no .amc or .bvh file that is named after a trial, such as 02_01.amc. Get the "
                f"files at {WEBSITE}."
            )
        try:
            find_index(self._folder, self._texts)
        except ActionGPTError as error:
            lines.append(str(error))
        return lines

    def depends_on(self) -> dict[str, str]:
        """The descriptions as they are now: their file and its hash."""
        path = find_index(self._folder, self._texts)
        return {"texts": f"{path.name}, SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()}"}

    def recordings(self) -> Iterator[tuple[str, Callable[[], Recording]]]:
        """The trials in order, and after them the files that are not read, by their path below the folder.

        Raises:
            DataError: The descriptions cannot be read.
        """
        index = read_index(find_index(self._folder, self._texts))
        chosen: dict[_Trial, Path] = {}
        others: dict[Path, str] = {}
        for path in sorted(self._files, key=_rank):
            trial = _trial(path)
            if trial is None:
                others[path] = "not named after a trial, such as 02_01"
            elif trial in chosen:
                others[path] = "another file of the same trial is read"
            else:
                chosen[trial] = path
        for trial, path in sorted(chosen.items()):
            yield trial.identifier, partial(self._read, trial, path, index)
        for path, reason in sorted(others.items()):
            yield path.relative_to(self._folder).as_posix(), partial(_reject, reason)

    @cached_property
    def _files(self) -> list[Path]:
        paths = self._folder.rglob("*")
        return sorted(path for path in paths if path.suffix.lower() in SUFFIXES and path.is_file())

    def _read(self, trial: _Trial, path: Path, index: CmuIndex) -> Recording:
        text, is_own = index.text(trial.subject, trial.number)
        mocap = _read_mocap(path)
        rate = self._rates.get((trial.subject, trial.number), self._rates.get((trial.subject, None)))
        poses, translation, fps = retarget(mocap if rate is None else attrs.evolve(mocap, fps=rate))
        poses, translation = _at_rate(poses, translation, fps, self.fps)
        segments = _segments(trial.identifier, text, is_own, len(poses), self.fps)
        return Recording(
            poses=poses,
            translation=translation,
            split=split_of(trial.subject),
            segments=segments,
            pairs=consecutive_pairs(segments),
            subject=f"{trial.subject:02d}",
        )


def split_of(subject: int) -> str:
    """The split of a subject: "train", "val" or "test"."""
    if subject in TEST_SUBJECTS:
        return "test"
    return "val" if subject in VALIDATION_SUBJECTS else "train"


def _trial(path: Path) -> _Trial | None:
    match = _TRIAL.fullmatch(path.stem)
    return _Trial(int(match[1]), int(match[2])) if match else None


def _skeleton(path: Path) -> Path:
    """The ASF of an AMC: the subject's, beside it."""
    return path.with_name(f"{path.stem.partition('_')[0]}.asf")


def _rank(path: Path) -> tuple[int, Path]:
    """What is read first of a trial: CMU's own files, a conversion, and last an AMC that lacks its skeleton."""
    is_amc = path.suffix.lower() == ".amc"
    return (1 if not is_amc else 0 if _skeleton(path).is_file() else 2), path


def _read_mocap(path: Path) -> Mocap:
    if path.suffix.lower() == ".bvh":
        return read_bvh_mocap(path)
    skeleton = _skeleton(path)
    if not skeleton.is_file():
        raise MissingAssetError(f"{path}: its skeleton {skeleton.name} is not beside it. Get it at {WEBSITE}.")
    return read_asf_amc(skeleton, path)


def _at_rate(poses: Array, translation: Array, fps: float, target: float) -> tuple[Array, Array]:
    """Every n-th frame where the rates allow it, as in the published set."""
    if len(poses) < MIN_SECONDS * fps:
        raise RejectedRecording(f"shorter than {MIN_SECONDS} s")
    every = round(fps / target)
    if every and math.isclose(every * target, fps, rel_tol=_RATE_TOLERANCE):
        return poses[::every], translation[::every]
    return at_rate(poses, translation, fps, target)


def _segments(identifier: str, text: str, is_own: bool, num_frames: int, fps: float) -> list[Segment]:
    """One of a short recording; equal parts of a longer one, of which nobody says which part the text speaks of."""
    count = 1 if num_frames <= LONGEST * fps else math.ceil(num_frames / (WINDOW * fps))
    scope: Scope = "clip" if count == 1 and is_own else "window"
    bounds = [round(num_frames * part / count) for part in range(count + 1)]
    return [
        Segment(
            key=f"{identifier}_{start:05d}_{end:05d}",
            recording=identifier,
            start=start,
            end=end,
            texts=(text,),
            scope=scope,
        )
        for start, end in itertools.pairwise(bounds)
    ]


def _reject(reason: str) -> Recording:
    raise RejectedRecording(reason)


def _is_rate(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value) and value > 0


def _checked(rates: Mapping[str, float]) -> dict[tuple[int, int | None], float]:
    """Rates by subject and trial; None for all trials of a subject."""
    if not isinstance(rates, Mapping) or not all(
        isinstance(name, str) and _RATED.fullmatch(name) and _is_rate(fps) for name, fps in rates.items()
    ):
        raise ConfigError(
            f'frame_rates is written as {{"60": 60, "61_03": 60}}: a subject or a trial, and its rate; got {rates!r}.'
        )
    split = {name: name.partition("_") for name in rates}
    return {
        (int(subject), int(trial) if trial else None): float(rates[name]) for name, (subject, _, trial) in split.items()
    }
