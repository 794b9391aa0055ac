"""AMASS as it is downloaded: a tree of SMPL-H files, DATASET/SUBJECT/FILE_poses.npz.

The frame rate, what is left out and what is corrected are those of the originals.

Source: `reference/teach.md`, section 8; `reference/motionclip.md`, section 5.2 (splits by data set).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path, PurePosixPath
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from actiongpt_core.data.amass_npz import AmassFile, pelvis_translation, read_npz, resampled_frames
from actiongpt_core.data.recording import Array, Recording
from actiongpt_core.errors import ConfigError, DataError, MissingAssetError, RejectedRecording

WEBSITE = "https://amass.is.tue.mpg.de"
#: Data sets as their folders are called in the SMPL-H files -> as the website calls them.
DOWNLOAD_NAMES = {
    "BioMotionLab_NTroje": "BMLrub",
    "DFaust_67": "DFaust",
    "Eyes_Japan_Dataset": "EyesJapanDataset",
    "MPI_HDM05": "HDM05",
    "MPI_Limits": "PosePrior",
    "MPI_mosh": "MoSh",
    "SSM_synced": "SSM",
    "TCD_handMocap": "TCDHands",
    "Transitions_mocap": "Transitions",
}
TEST_SETS = frozenset({"Transitions_mocap", "SSM_synced"})
VALIDATION_SETS = frozenset({"HumanEva", "MPI_HDM05", "SFU", "MPI_mosh"})
#: A part of a path -> the frame rate of such files, which tell a wrong one themselves.
# Differs from the originals: they correct two sequences of DFaust to 59 as well; which ones, our source does not tell.
FRAME_RATES: Mapping[str, float] = MappingProxyType({"BMLhandball": 240.0})
FPS = 30.0

_FOLDERS = {download.lower(): folder for folder, download in DOWNLOAD_NAMES.items()}
#: DATASET/SUBJECT/FILE
_DEPTH = 3


def dataset_of(path: str) -> str:
    """The data set of a path such as "CMU/CMU/01/01_01_poses.npz", by the name of its folder."""
    parts = PurePosixPath(path).parts
    name = parts[max(len(parts) - _DEPTH, 0)]
    return _FOLDERS.get(name.lower(), name)


def split_of(dataset: str) -> str:
    """The split of AMASS that a data set belongs to: "train", "val" or "test"."""
    if dataset in TEST_SETS:
        return "test"
    return "val" if dataset in VALIDATION_SETS else "train"


def identifier_of(path: str) -> str:
    """A path as the name of a recording: "CMU/01/01_01_poses.npz" -> "CMU.01.01_01"."""
    name = ".".join(PurePosixPath(path).parts[-_DEPTH:]).removesuffix(".npz").removesuffix("_poses")
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)


class AmassTree:
    """The motion files below a folder, found by the paths that annotations use.

    Annotations repeat the data set ("CMU/CMU/01/01_01_poses.npz"), downloads may lie under the name of the website, may
    have blanks where annotations have underscores, and prepared copies are named after BABEL's number.

    Args:
        folder: DATASET/SUBJECT/FILE_poses.npz below it, at any depth.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    @cached_property
    def files(self) -> dict[str, Path]:
        """Path below the folder -> file, in order; shapes, which are no motions, left out."""
        found = sorted(self.folder.rglob("*.npz"))
        return {path.relative_to(self.folder).as_posix(): path for path in found if not path.stem.endswith("shape")}

    @cached_property
    def datasets(self) -> frozenset[str]:
        """The data sets that are there."""
        return frozenset(dataset_of(path) for path in self.files)

    @cached_property
    def _by_key(self) -> dict[str, Path]:
        return {_key(path): file for path, file in reversed(self.files.items())}

    def find(self, path: str, number: str = "") -> Path | None:
        """The file that an annotation speaks of, or None.

        Args:
            path: "CMU/CMU/01/01_01_poses.npz", or without the first part.
            number: BABEL's number of the sequence, for copies that are named "NUMBER.npz".
        """
        short = path.partition("/")[2] or path
        exact = (path, short, path.replace("/", "."), short.replace("/", "."), f"{number}.npz")
        return next((self.files[name] for name in exact if name in self.files), self._by_key.get(_key(path)))

    def file(self, path: str, number: str = "") -> Path:
        """As `find`, where the file has to be there.

        Raises:
            RejectedRecording: Its whole data set is not there.
            MissingAssetError: It is not there.
        """
        found = self.find(path, number)
        if found is None and dataset_of(path) not in self.datasets:
            raise RejectedRecording(f"of {dataset_of(path)}, which is not among the AMASS files")
        if found is None:
            raise MissingAssetError(f"{path} of AMASS is not below {self.folder}. Get it again at {WEBSITE}.")
        return found

    def missing(self, needed: Iterable[str] = ()) -> list[str]:
        """What has to be downloaded; a line for each.

        Args:
            needed: Paths that annotations speak of.
        """
        if not self.folder.is_dir():
            return [f"AMASS: {self.folder} is no folder. Get the SMPL+H G files of its data sets at {WEBSITE}."]
        if not self.files:
            return [f"AMASS: no .npz below {self.folder}. Unpack the SMPL+H G files of {WEBSITE} there."]
        if all(path.endswith("_stageii.npz") for path in self.files):
            return [f"AMASS: {self.folder} has SMPL-X files (*_stageii.npz); get those for SMPL+H G at {WEBSITE}."]
        counts = Counter(dataset_of(path) for path in needed if self.find(path) is None)
        return [
            f"AMASS: {name}, of which {counts[name]} recordings are needed, is not below {self.folder}. Get "
            f"{DOWNLOAD_NAMES.get(name, name)} (SMPL+H G) at {WEBSITE} and unpack it there."
            for name in sorted(set(counts) - self.datasets)
        ]


def _key(path: str) -> str:
    *_, subject, file = ["", "", *PurePosixPath(path).parts]
    return f"{dataset_of(path)}/{subject}/{file}".replace(" ", "_")


def corrected_rates(known: Mapping[str, float]) -> dict[str, float]:
    """`FRAME_RATES` and, before them, what a user knows.

    Raises:
        ConfigError: They are no mapping of parts of paths to positive numbers.
    """
    is_mapping = isinstance(known, Mapping) and all(isinstance(part, str) for part in known)
    if not is_mapping or not all(isinstance(fps, int | float) and fps > 0 for fps in known.values()):
        raise ConfigError(f'frame_rates is written as {{"50032": 59}}: a part of a path, its rate; got {known!r}.')
    return {**known, **FRAME_RATES}


def read_motion(path: Path, name: str, rates: Mapping[str, float] = FRAME_RATES) -> tuple[Array, Array]:
    """A file at 30 frames a second: poses (T, 22, 3) and the position of the pelvis (T, 3).

    Args:
        path: The file.
        name: Its path in AMASS.
        rates: A part of a path -> the frame rate of such files, whatever they tell themselves.

    Raises:
        DataError: The file is damaged.
        RejectedRecording: It is shorter than half a second.
    """
    file = read_npz(path)
    fps = next((rate for part, rate in rates.items() if part in name), file.fps)
    return body_frames(file, resampled_frames(file.num_frames, fps, FPS))


def body_frames(file: AmassFile, frames: NDArray[np.int64]) -> tuple[Array, Array]:
    """Some frames of a file: poses (T, 22, 3) and the position of the pelvis (T, 3)."""
    return file.body_poses[frames], pelvis_translation(file.translation[frames])


class AmassSource:
    """All of AMASS that is below a folder, without texts, in the splits that are usual for it.

    Args:
        folder: See `AmassTree`.
        frame_rates: A part of a path -> the frame rate of such files, where it is known that they tell a wrong one.
    """

    name = "amass"
    fps = FPS

    def __init__(self, folder: str | Path, *, frame_rates: Mapping[str, float] = FRAME_RATES) -> None:
        self._tree, self._rates = AmassTree(folder), corrected_rates(frame_rates)

    def missing(self) -> list[str]:
        """A line if there are no files."""
        return self._tree.missing()

    def recordings(self) -> Iterator[tuple[str, Callable[[], Recording]]]:
        """Every motion file, by its path.

        Raises:
            DataError: Two files would have the same name.
        """
        seen: dict[str, str] = {}
        for path, file in self._tree.files.items():
            identifier = identifier_of(path)
            if identifier in seen:
                raise DataError(f"{path} and {seen[identifier]} are both called {identifier}. Move one of them away.")
            seen[identifier] = path
            yield identifier, partial(_read, file, path, self._rates)


def _read(file: Path, path: str, rates: Mapping[str, float]) -> Recording:
    poses, translation = read_motion(file, path, rates)
    return Recording(poses=poses, translation=translation, split=split_of(dataset_of(path)), subject=subject_of(path))


def subject_of(path: str) -> str:
    """Who moves, as far as AMASS tells: "CMU/01"."""
    return f"{dataset_of(path)}/{PurePosixPath(path).parent.name}"
