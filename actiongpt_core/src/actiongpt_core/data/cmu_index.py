"""The descriptions of CMU's trials: the index file that comes with the BVH conversions of the database."""

from __future__ import annotations

import re
from pathlib import Path

import attrs

from actiongpt_core.errors import ConfigError, DataError, MissingAssetError, RejectedRecording

PATTERN = "cmu-mocap-index*.txt"
UNKNOWN = "unknown"  #: what the index says of a trial that CMU does not describe

_SUBJECT = re.compile(r"Subject #(\d+)\s*\((.*)\)")
_TRIAL = re.compile(r"(\d{1,3})_(\d{1,3})(?:\s+(.*))?")


@attrs.frozen
class CmuIndex:
    """What CMU says of its subjects and trials, white space tidied and else verbatim."""

    source: str  #: the file, for messages
    subjects: dict[int, str]
    trials: dict[tuple[int, int], dict[str, int]]  #: (subject, trial) -> its descriptions, with their lines

    def text(self, subject: int, trial: int) -> tuple[str, bool]:
        """The description of a trial, or else of its subject, and whether it is the trial's own.

        Raises:
            RejectedRecording: Neither is described.
            DataError: The trial is described twice, and not alike.
        """
        told = self.trials.get((subject, trial), {})
        if len(told) > 1:
            texts = " and ".join(f"{text!r} (line {line})" for text, line in told.items())
            raise DataError(f"{self.source}: the trial {subject:02d}_{trial:02d} is described as {texts}.")
        text = next(iter(told), UNKNOWN)
        if text.lower() != UNKNOWN:
            return text, True
        if not (about := self.subjects.get(subject)):
            raise RejectedRecording("without a description")
        return about, False


def find_index(folder: Path, name: str | None = None) -> Path:
    """The index file.

    Args:
        folder: Of the motions; without a name it is looked for in all folders below.
        name: Of the file, below the folder or a path of its own.

    Raises:
        MissingAssetError: It is not there.
        ConfigError: Files that differ are there.
    """
    if name is not None:
        if not (folder / name).is_file():
            raise MissingAssetError(f"There is no file {folder / name} with the descriptions of the trials.")
        return folder / name
    found = sorted(path for path in folder.rglob(PATTERN) if path.is_file())
    if not found:
        raise MissingAssetError(
            f"{folder} has no {PATTERN} with the descriptions of the trials. It comes with the BVH conversions at "
            "www.cgspeed.com; or write a file with a line for each trial, such as '02_01 walk', and name it "
            "(-O texts=FILE)."
        )
    if len({path.read_bytes() for path in found}) > 1:
        listed = ", ".join(path.relative_to(folder).as_posix() for path in found)
        raise ConfigError(f"{folder} has files with descriptions that differ: {listed}. Say which (-O texts=FILE).")
    return found[0]


def read_index(path: Path) -> CmuIndex:
    """The descriptions in a file with lines such as "Subject #2 (human behaviors)" and "02_01 walk".

    Other lines are read over: the index has a preface.

    Raises:
        DataError: It cannot be read, or describes no trial.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")  # the preface has quotation marks as Windows writes them
    subjects: dict[int, str] = {}
    trials: dict[tuple[int, int], dict[str, int]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        words = " ".join(line.split())
        if match := _TRIAL.fullmatch(words):
            told = match[3] or UNKNOWN
            trials.setdefault((int(match[1]), int(match[2])), {}).setdefault(told, number)
        elif match := _SUBJECT.fullmatch(words):
            subjects[int(match[1])] = match[2]
    if not trials:
        raise DataError(f"{path} describes no trial; lines such as '02_01 walk' were expected.")
    return CmuIndex(source=str(path), subjects=subjects, trials=trials)
