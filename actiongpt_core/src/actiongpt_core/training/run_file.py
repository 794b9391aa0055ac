"""`run.json`: what a run is, so that it can go on, be repeated and be described."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from typing import Any

import attrs

from actiongpt_core.errors import ConfigError, DataError
from actiongpt_core.training.settings import differences

RUN_FILE = "run.json"
PART_FILE = f".{RUN_FILE}"  #: what a process that was killed may leave of it
_FORMAT = 1
#: What may change between two commands of one run: how far it goes, and what is written on the way.
_FREE = ("max_steps", "save_every", "log_every", "validate_every", "pictures_every")
_VERSIONS = ("torch", "lightning", "transformers", "numpy")


@attrs.frozen(kw_only=True)
class RunFile:
    """A run."""

    backbone: str
    preset: str
    settings: dict[str, Any]  #: the four sections
    data: dict[str, Any]  #: name, options, frame rate
    told_by: dict[str, Any]  #: provider and aggregator of the descriptions
    start: str | None = None  #: the checkpoint whose weights it began with
    counts: dict[str, Any] = attrs.field(factory=dict)  #: samples, phrases, parameters
    versions: dict[str, str] = attrs.field(factory=lambda: versions())
    result: dict[str, Any] = attrs.field(factory=dict)  #: steps so far, the best loss of a validation, seconds

    def write(self, out: Path) -> None:
        """Write it, whole or not at all."""
        out.mkdir(parents=True, exist_ok=True)
        part = out / PART_FILE
        part.write_text(json.dumps({"format": _FORMAT, **attrs.asdict(self)}, indent=2) + "\n", encoding="utf-8")
        part.replace(out / RUN_FILE)

    def require_same(self, other: RunFile, out: Path) -> None:
        """That this run is the other one, gone on with.

        Raises:
            ConfigError: It is another one; the message names the differences.
        """
        found = differences(self._identity(), other._identity())
        if found:
            raise ConfigError(
                f"{out} holds another run ({'; '.join(found[:5])}{'; ...' if len(found) > 5 else ''}). "
                "Give the settings that it was begun with, or another --out."
            )

    def _identity(self) -> dict[str, Any]:
        settings = {
            section: {name: value for name, value in values.items() if section != "training" or name not in _FREE}
            for section, values in self.settings.items()
        }
        parts = ("backbone", "data", "told_by", "start")
        content = {**{name: getattr(self, name) for name in parts}, "settings": settings}
        same: dict[str, Any] = json.loads(json.dumps(content))  # tuples as the file gives them back
        return same


def read_run(out: Path) -> RunFile | None:
    """The run in a folder; None if there is none.

    Raises:
        DataError: The file is damaged.
    """
    file = out / RUN_FILE
    if not file.is_file():
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        content.pop("format")
        return RunFile(**content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{file} is damaged ({error}). Begin again with another --out.") from None


def versions() -> dict[str, str]:
    """Of this library and of what it computes with."""
    return {name: metadata.version(name) for name in ("actiongpt-core", *_VERSIONS)}
