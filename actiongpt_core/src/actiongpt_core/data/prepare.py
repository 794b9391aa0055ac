"""From the files of a data set, as users have them, to a prepared set: streaming, and going on where it was stopped."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs

from actiongpt_core.data.prepared_index import Rejection, rows_of
from actiongpt_core.data.prepared_writer import PreparedWriter
from actiongpt_core.data.recording import Recording
from actiongpt_core.errors import ActionGPTError, DataError, MissingAssetError, RejectedRecording
from actiongpt_core.interfaces import DataSource
from actiongpt_core.plugins import installed_version

_SHOWN = 20  #: damaged recordings that a message lists


@attrs.define(kw_only=True)
class PrepareReport:
    """What came of a preparation, or how far it is."""

    name: str
    total: int  #: recordings that the source has
    fps: float
    before: int = 0  #: of these, how many an earlier run had dealt with
    recordings: dict[str, int] = attrs.field(factory=Counter)  #: in the set, by split
    rejected: dict[str, int] = attrs.field(factory=Counter)  #: left out by the set's rules, by reason
    damaged: dict[str, str] = attrs.field(factory=dict)  #: what could not be read, and why; the next run tries again
    frames: int = 0  #: in the set
    new_frames: int = 0  #: of these, what this run added
    seconds_taken: float = 0.0

    @property
    def done(self) -> int:
        """Recordings of which it is known what came of them."""
        return sum(self.recordings.values()) + sum(self.rejected.values()) + len(self.damaged)

    @property
    def seconds_of_motion(self) -> float:
        """In the set."""
        return self.frames / self.fps

    @property
    def speed(self) -> float:
        """Seconds of motion that this run added in a second."""
        return self.new_frames / self.fps / self.seconds_taken if self.seconds_taken else 0.0

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        counts = {"name": self.name, "total": self.total, "before": self.before, "recordings": dict(self.recordings)}
        left_out = {"rejected": dict(self.rejected), "damaged": self.damaged}
        seconds = {"seconds_of_motion": self.seconds_of_motion, "seconds_taken": self.seconds_taken}
        return counts | left_out | seconds | {"speed": self.speed}


def prepare(
    source: DataSource,
    out: str | Path,
    *,
    settings: Mapping[str, Any] | None = None,
    progress: Callable[[PrepareReport], None] = lambda report: None,
) -> PrepareReport:
    """Read every recording of a source that is not in the set yet.

    Args:
        source: The files.
        out: Folder of the prepared set; made where there is none.
        settings: What the set is made from, such as the folder and the options of the source. A set that was begun with
            others is not gone on with.
        progress: Called after every recording.

    Returns:
        What came of it. Damaged recordings are in it, and are no error: all else is kept.

    Raises:
        MissingAssetError: The source lacks files, or has no recording.
        ConfigError: The folder holds something else, or a set that was begun otherwise; another process writes it; it
            cannot be written, the disk being full, for example. What was done before stays.
        DataError: The set that is there is damaged; no recording could be used.
    """
    start = time.perf_counter()
    if missing := list(source.missing()):
        raise MissingAssetError("\n".join([f"The files of {source.name!r} are not all there:", *missing]))
    readers = _readers(source)
    depends_on = getattr(source, "depends_on", dict)
    with PreparedWriter(Path(out), source, {**(settings or {}), **depends_on()}) as writer:
        report = _begun(source, len(readers), writer)
        todo = {name: read for name, read in readers.items() if name not in writer.known}
        if todo:
            writer.write_header("unfinished", {})
        for name, read in todo.items():
            _add(name, read, writer, report)
            report.seconds_taken = time.perf_counter() - start
            progress(report)
        report.seconds_taken = time.perf_counter() - start
        _require_recordings(report)
        writer.write_header("complete", _summary(report))
    return report


def _readers(source: DataSource) -> dict[str, Callable[[], Recording]]:
    readers: dict[str, Callable[[], Recording]] = {}
    for name, read in source.recordings():
        if name in readers:
            raise DataError(f"The source of {source.name!r} gives two recordings the name {name!r}.")
        readers[name] = read
    if not readers:
        raise MissingAssetError(f"The source of {source.name!r} holds no recording. Look at the folder (--source).")
    return readers


def _begun(source: DataSource, total: int, writer: PreparedWriter) -> PrepareReport:
    report = PrepareReport(name=source.name, total=total, fps=float(source.fps))
    for item in writer.known.values():
        if isinstance(item, Rejection):
            report.rejected[item.reason] += 1
        else:
            report.recordings[item.split] += 1
            report.frames += item.frames
    report.before = report.done
    report.total = max(total, report.before)
    return report


def _add(name: str, read: Callable[[], Recording], writer: PreparedWriter, report: PrepareReport) -> None:
    try:
        recording = read()
        writer.check(name, recording)
        rows = rows_of(recording)
    except RejectedRecording as error:
        writer.reject(name, str(error))
        report.rejected[str(error)] += 1
    except (ActionGPTError, OSError) as error:
        report.damaged[name] = str(error)
    else:
        writer.add(name, recording, rows)
        report.recordings[recording.split] += 1
        report.frames += recording.num_frames
        report.new_frames += recording.num_frames


def _require_recordings(report: PrepareReport) -> None:
    if report.recordings:
        return
    reasons = [f"{count} left out: {reason}" for reason, count in report.rejected.items()]
    reasons += [f"{name}: {message}" for name, message in list(report.damaged.items())[:_SHOWN]]
    raise DataError("\n".join([f"None of the {report.total} recordings of {report.name!r} can be used:", *reasons]))


def _summary(report: PrepareReport) -> dict[str, Any]:
    return {
        "recordings": dict(report.recordings),
        "seconds": report.seconds_of_motion,
        "rejected": dict(report.rejected),
        "damaged": report.damaged,
        "versions": {name: installed_version(name) for name in ("actiongpt-core", "numpy")},
    }
