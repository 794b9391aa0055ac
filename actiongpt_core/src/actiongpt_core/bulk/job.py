"""A folder of motions that grows: what was asked for, what is there, what is missing."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import attrs

from actiongpt_core.bulk.inputs import Entry
from actiongpt_core.checkpoints import read_backbone
from actiongpt_core.errors import ConfigError, did_you_mean
from actiongpt_core.export import FORMATS
from actiongpt_core.registry import get_registry
from actiongpt_core.text.cache_file import without_credentials
from actiongpt_core.types.text import Action

JOB, MANIFEST = "job.json", "manifest.jsonl"
_LAYOUT = 1  #: of the folder
#: Options of providers that may be others when the job is taken up again: a larger budget, more threads.
_SPEED_AND_LIMITS = ("concurrency", "max_requests", "max_retries", "max_total_tokens", "threads", "timeout")
#: Options that hold a key, or name its file, for which some give the key itself.
_SECRET = re.compile(r"(?:^|_)(?:key|token|secret|password)(?:_|$)")


def _check_format(_: Any, __: Any, value: str) -> None:
    known = [suffix.removeprefix(".") for suffix in FORMATS]
    if value not in known:
        raise ConfigError(f"No format {value!r}. Known: {', '.join(known)}.{did_you_mean(value, known)}")


def _check_count(_: Any, attribute: attrs.Attribute[int], value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < (0 if attribute.name == "seed" else 1):
        raise ConfigError(f"{attribute.name} must be a whole number of at least 1 (seed: 0), got {value!r}.")


def _check_seconds(_: Any, __: Any, value: float | str | None) -> None:
    if isinstance(value, str) and value != "auto":
        raise ConfigError(f"seconds must be a positive number or 'auto', got {value!r}.")
    if value is not None and not isinstance(value, str):
        Action("any action", value)  # checks the value


def _to_text(path: str | Path | None) -> str | None:
    return None if path is None else str(Path(path).resolve()) if Path(path).exists() else str(path)


def _name(kind: str, name: str | None) -> str:
    """The default's name where the user gave none: it may be another when the job is taken up again."""
    part = get_registry().part(kind, name)
    return name or part.spec.name


def _llm(name: str | None) -> str:
    return _name("llm", name)


def _aggregator(name: str | None) -> str:
    return _name("aggregator", name)


@attrs.frozen(kw_only=True)
class Job:
    """All that decides about the motions, as plain values; what only decides how fast they are made is not here.

    The seed of prompt i is `seed + i`, so that neither the engine nor the size of a batch changes a motion.

    Raises:
        UnknownPluginError: There is no such backbone, provider or aggregator.
        CheckpointError: No backbone is given, and the checkpoint does not name one.
        ConfigError: A setting cannot work.
    """

    backbone: str = None  # type: ignore[assignment]  # named below, where it is not given
    llm: str = attrs.field(default=None, converter=_llm)
    aggregator: str = attrs.field(default=None, converter=_aggregator)
    checkpoint: str | None = attrs.field(default=None, converter=_to_text)
    text_encoder: str | None = attrs.field(default=None, converter=_to_text)
    stats: str | None = attrs.field(default=None, converter=_to_text)
    llm_options: Mapping[str, Any] = attrs.field(factory=dict)
    strategy: str | None = None
    k: int = attrs.field(default=4, validator=_check_count)
    seconds: float | Literal["auto"] | None = attrs.field(default="auto", validator=_check_seconds)
    noise_scale: float | None = None
    seed: int = attrs.field(default=0, validator=_check_count)
    format: str = attrs.field(default="npz", validator=_check_format)
    shard_size: int = attrs.field(default=1000, validator=_check_count)  #: motions in one folder

    def __attrs_post_init__(self) -> None:
        """Name the backbone: the user's, else the checkpoint's, else the default one."""
        name = self.backbone
        if name is None and self.checkpoint is not None:
            name = read_backbone(Path(self.checkpoint))
        object.__setattr__(self, "backbone", _name("backbone", name))

    def file(self, index: int) -> str:
        """Where the motion of a prompt is, below the job's folder: "00001/001234.npz"."""
        return f"{index // self.shard_size:05d}/{index:06d}.{self.format}"


@attrs.frozen(kw_only=True)
class Prompt:
    """One prompt of an input, or what is wrong with it."""

    index: int  #: its place among all prompts of the input, from 0
    text: str
    place: str  #: as of `Entry`
    problem: str | None = None


@attrs.frozen(kw_only=True)
class Made:
    """What came of a prompt: its line of the manifest, and the file's content if there is one."""

    record: Mapping[str, Any]
    content: bytes | None = None
    is_unanswered: bool = False  #: whether it failed because a language model that costs something did not answer


class JobFolder:
    """The folder of a job. A motion's file is whole before its line is in the manifest, and a line is never changed.

    Args:
        path: The folder; made when there is something to keep.
        job: What is to be made in it.

    Raises:
        ConfigError: The folder holds the motions of another job, or cannot be written.
    """

    def __init__(self, path: Path, job: Job) -> None:
        self.path = path
        self.job = job
        self._is_begun = False
        self._settings = {"layout": _LAYOUT, **attrs.asdict(job), "llm_options": _shown(job.llm_options)}
        try:
            self._compare()
            self.done = dict(self._finished())  #: number of each motion that is there, and digest of its text
        except OSError as error:
            raise self._cannot_write(error) from error

    def missing(self, entries: Iterable[Entry]) -> Iterator[Prompt]:
        """Those prompts whose motion is not there.

        Raises:
            ConfigError: A prompt whose motion is there has another text now.
        """
        for index, entry in enumerate(entries):
            if index not in self.done:
                yield Prompt(index=index, text=entry.phrase, place=entry.place, problem=entry.problem)
            elif self.done[index] != _digest(entry.phrase):
                raise ConfigError(
                    f"The motion {self.job.file(index)} in {self.path} was made of another text than that of "
                    f"{entry.place} ({entry.phrase!r:.60}). Prompts may be added at the end of the input; for other "
                    f"changes use another folder."
                )

    def keep(self, made: Made) -> None:
        """Write a motion, then its line.

        Raises:
            ConfigError: Writing failed.
        """
        try:
            if not self._is_begun:
                self.path.mkdir(parents=True, exist_ok=True)
                self._write(self.path / JOB, (json.dumps(self._settings, indent=2) + "\n").encode())
                self._is_begun = True
            if made.content is not None:
                self._write(self.path / made.record["file"], made.content)
            with (self.path / MANIFEST).open("a", encoding="utf-8", newline="\n") as manifest:
                manifest.write(json.dumps(made.record, ensure_ascii=True) + "\n")
        except OSError as error:
            raise self._cannot_write(error) from error

    def _compare(self) -> None:
        """Compare with the settings that the folder was begun with."""
        file = self.path / JOB
        self._is_begun = file.exists()
        if not self._is_begun:
            return
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
            names = list(dict.fromkeys([*self._settings, *found]))
        except (ValueError, TypeError) as error:
            raise ConfigError(f"{file} cannot be read as JSON: {error}. Use another folder.") from error
        others = [name for name in names if self._settings.get(name) != found.get(name)]
        if others:
            changes = ", ".join(f"{name} {found.get(name)!r}, now {self._settings.get(name)!r}" for name in others)
            raise ConfigError(
                f"{self.path} was begun with other settings: {changes}. Give the same ones to go on, or use another "
                f"folder."
            )

    def _finished(self) -> Iterator[tuple[int, bytes]]:
        """Number and digest of the text of each motion that is there."""
        manifest = self.path / MANIFEST
        if not manifest.exists():
            return
        _drop_torn_line(manifest)
        with manifest.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    record = json.loads(line)
                    index, text, file = record["index"], record["text"], record.get("file")
                except (ValueError, TypeError, KeyError, AttributeError) as error:
                    raise ConfigError(f"{manifest}, line {number} is no line of a manifest. Remove it.") from error
                if file is not None and (self.path / file).exists():
                    yield index, _digest(text)

    def _write(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(exist_ok=True)
        unfinished = path.with_name(f".{secrets.token_hex(8)}.part")
        try:
            unfinished.write_bytes(content)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)

    def _cannot_write(self, error: OSError) -> ConfigError:
        return ConfigError(f"Cannot write in {str(self.path)!r}: {error.strerror or error}.")


def _shown(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as they may stand in a file: without secrets, and without those that change no words."""
    return {
        name: without_credentials(value) if isinstance(value, str) and "://" in value else value
        for name, value in options.items()
        if name not in _SPEED_AND_LIMITS and not _SECRET.search(name)
    }


def _drop_torn_line(manifest: Path) -> None:
    """What a killed process had written of a line; its motion is made again."""
    content_end = manifest.stat().st_size
    with manifest.open("r+b") as file:
        while content_end:
            file.seek(max(content_end - 4096, 0))
            start = file.tell()
            whole = file.read(content_end - start).rfind(b"\n") + 1
            content_end = start + whole
            if whole:
                break
        file.truncate(content_end)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
