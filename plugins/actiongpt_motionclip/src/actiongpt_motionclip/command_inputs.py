"""What the commands of MotionCLIP share: options, what users may name, and what is written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from actiongpt_core.errors import ConfigError, ExportError, did_you_mean
from actiongpt_motionclip.config import BACKBONE

if TYPE_CHECKING:
    from torch import Tensor

    from actiongpt_core.pipeline import Pipeline
    from actiongpt_core.types.motion import Motion
    from actiongpt_motionclip.dataset import Window
    from actiongpt_motionclip.latents import Source

Output = Annotated[Path, typer.Option("--output", "-o", help="The folder to write; made if it is not there.")]
Format = Annotated[str, typer.Option("--format", help="bvh, npz, gif or png.")]
Checkpoint = Annotated[Path | None, typer.Option(help="Checkpoint folder; the one that ships if not given.")]
Seconds = Annotated[float | None, typer.Option(help="Length of each motion; the checkpoint's own if not given.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
Database = Annotated[
    Path | None, typer.Option(help="A data base of the originals: NAME_db.pt for its splits, or one split's file.")
]
DropFirst = Annotated[
    bool, typer.Option("--drop-first", help="Leave out each split's first sequence, as the originals do.")
]
_MOTION_SUFFIXES = (".npz", ".bvh")


def require_count(sources: Sequence[str] | None, count: int, names: str, file: Path | None) -> Sequence[str]:
    """The sources on the command line: so many, or none where there is a file."""
    if bool(sources) == bool(file) or (sources and len(sources) != count):
        raise ConfigError(f"Give {names}, or a CSV file with --file; got {len(sources or [])} values.")
    return sources or []


def build_pipeline(checkpoint: Path | None, text_encoder: str | None, llm: str | None, k: int, device: str) -> Pipeline:
    """The pipeline of the options that the commands share."""
    from actiongpt_core.pipeline import Pipeline

    return Pipeline(BACKBONE, llm=llm, checkpoint=checkpoint, text_encoder=text_encoder, k=k, device=device)


def build_finder(pipeline: Pipeline, database: Path | None, drop_first: bool) -> Callable[[str, bool], Tensor]:
    """Looks up the latent of what a user wrote: a label of the data base, a motion file or a phrase."""
    from actiongpt_motionclip.dataset import find_item
    from actiongpt_motionclip.latents import item_settings, latent_of, require_motionclip

    windows = read_windows(database, ("train", "vald"), drop_first) if database else []
    found: dict[tuple[str, bool], Tensor] = {}

    def find(name: str, is_label: bool) -> Tensor:
        if (name, is_label) not in found:
            source: Source = name.strip()
            if is_label:
                source = find_item(windows, name, item_settings(require_motionclip(pipeline)))
            elif Path(name).suffix.lower() in _MOTION_SUFFIXES:
                source = read_motion(Path(name))
            found[name, is_label] = latent_of(pipeline, source)
        return found[name, is_label]

    return find


def read_windows(database: Path, splits: Sequence[str], drop_first: bool) -> list[Window]:
    """The windows of some splits of a data base, one split after the other."""
    from actiongpt_motionclip.database import read_database, split_file
    from actiongpt_motionclip.dataset import windows

    files = dict.fromkeys(split_file(database, split) for split in splits)
    return [window for file in files for window in windows(read_database(file), drop_first=drop_first)]


def read_motion(path: Path) -> Motion:
    """A motion of a file.

    Raises:
        MissingAssetError: The file is not there.
        ConfigError: Its suffix is another, or it cannot be read.
    """
    from actiongpt_core.export import load

    return load(path)


def read_labels(labels: str | None) -> Sequence[str]:
    """The labels that an option names; BABEL-60 without it.

    Raises:
        ConfigError: It is neither a file nor labels with commas between, or the file holds no labels.
    """
    from actiongpt_motionclip.assets import read_texts
    from actiongpt_motionclip.categories import BABEL_60

    if labels is None:
        return BABEL_60
    if Path(labels).is_file():
        return read_texts(labels)
    if "," not in labels:
        raise ConfigError(f"--labels is a file with one a line, or labels with commas between; {labels!r} is neither.")
    return [label.strip() for label in labels.split(",") if label.strip()]


def make_folder(path: Path, format_: str = "bvh") -> Path:
    """The folder, made; checked before the work that fills it.

    Raises:
        ExportError: No format has this name, or the folder cannot be written.
    """
    from actiongpt_core.export import FORMATS, check_path

    if f".{format_}" not in FORMATS:
        known = [suffix.removeprefix(".") for suffix in FORMATS]
        raise ExportError(f"No format {format_!r}. Known: {', '.join(known)}.{did_you_mean(format_, known)}")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExportError(f"Cannot write the folder {str(path)!r}: {error.strerror or error}.") from None
    check_path(path / f"motion.{format_}")
    return path


def save_motions(motions: dict[str, Motion], folder: Path, format_: str, as_json: bool) -> None:
    """Write motions under their names and say where."""
    from actiongpt_core.export import save

    report = []
    for name, motion in motions.items():
        path = save(motion, folder / f"{name}.{format_}").resolve()
        report.append({"name": name, "file": str(path), "seconds": motion.seconds})
    lines = "\n".join(f"wrote {item['file']}" for item in report)
    typer.echo(json.dumps(report, indent=2, ensure_ascii=False) if as_json else lines)


def slug(phrase: str) -> str:
    """The phrase as part of a file name."""
    return re.sub(r"[^\w]+", "-", phrase.casefold()).strip("-")[:40]
