"""`actiongpt data`: prepare data sets, list them, and say what is in one."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from actiongpt_core.cli import options
from actiongpt_core.errors import ConfigError

if TYPE_CHECKING:
    from actiongpt_core.data.prepare import PrepareReport
    from actiongpt_core.interfaces import DataSet

app = typer.Typer(
    help="Data sets: prepare them from their files, list them, see what is in one.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_SHOWN = 20  # damaged files in a message
_TEXTS = 10  # of the most frequent texts
_KEYS = 3  # of the first clips of a split
_Name = Annotated[str, typer.Argument(help="The data set; see `actiongpt data list`.")]


@app.command()
def prepare(
    name: _Name,
    out: Annotated[Path, typer.Option(help="Folder of the prepared set; the same command again goes on in it.")],
    source: Annotated[
        Path | None, typer.Option(help="Folder of the files as you have them; not needed by sets that are made.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("-O", "--option", help="A setting of the source, as fps=20. Repeatable."),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Read the files of a data set once, so that they are read fast ever after. Exit code 1 if files were damaged."""
    from actiongpt_core.registry import get_registry

    given = options.read_pairs(settings, "A setting of the source is written -O name=value, such as -O fps=20")
    opened = get_registry().open_data_source(name, source, **given)
    about = {"data": name, "folder": None if source is None else str(source.resolve()), "options": given}
    report = _prepare(opened, out, about)
    if as_json:
        typer.echo(json.dumps({"folder": str(out.resolve()), **report.to_dict()}, indent=2))
    else:
        for line in _report_lines(report):
            typer.echo(_printable(line))
        typer.echo(str(out.resolve()))
    if report.damaged:
        for recording, message in list(report.damaged.items())[:_SHOWN]:
            typer.echo(_printable(f"damaged: {recording}: {message}"), err=True)
        typer.echo(
            f"Not read: {len(report.damaged):,}; prepared.json lists all. Give the same command again when they are "
            "replaced.",
            err=True,
        )
        raise typer.Exit(1)


@app.command("list")
def list_sets(
    data_dir: Annotated[
        Path | None, typer.Option(help="A folder, in which or directly below which prepared sets are looked for.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """List the data sets, and where they are prepared."""
    from actiongpt_core.hookspecs import DataSetSpec
    from actiongpt_core.registry import get_registry

    found = {} if data_dir is None else _prepared(data_dir)
    rows: list[dict[str, Any]] = []
    for label, part in get_registry().labels("data"):
        assert isinstance(part.spec, DataSetSpec)
        rows.append(
            {
                "name": label,
                "summary": part.spec.summary,
                "can_be_prepared": part.spec.source is not None,
                "prepared": found.get(part.spec.name, []),
            }
        )
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    width = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        typer.echo(f"{row['name'].ljust(width)}  {row['summary']}")
        for place in row["prepared"]:
            state = "" if place["state"] == "complete" else " (not finished)"
            typer.echo(f"{'':{width}}  prepared: {place['folder']}{state}")


@app.command()
def show(
    name: _Name,
    data_dir: options.DataDir = None,
    settings: options.DataOptions = None,
    clip: Annotated[str | None, typer.Option(help="The key of a clip: say what is known of it instead.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write this clip to a file; its suffix chooses the format.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Say what is in a data set: splits, counts, hours, texts; what was left out. Or show one clip."""
    from actiongpt_core.registry import get_registry

    if output is not None and clip is None:
        raise ConfigError("--output writes one clip: name it (--clip KEY); without --clip the first keys are shown.")
    data = get_registry().open_data_set(name, data_dir, **options.data_options(settings))
    if clip is not None:
        _show_clip(data, clip, output)
        return
    content = _content(data)
    if data_dir is not None:
        content |= _prepared_from(data_dir)
    if as_json:
        typer.echo(json.dumps(content, indent=2))
        return
    for line in _content_lines(content):
        typer.echo(_printable(line))


def _show_clip(data: DataSet, key: str, output: Path | None) -> None:
    from actiongpt_core.errors import did_you_mean

    known = {item.key: item for split in data.splits for item in data.segments(split)}
    if key not in known:
        raise ConfigError(f"{data.name!r} has no clip {key!r}.{did_you_mean(key, known)}")
    item = known[key]
    texts = ", ".join(map(repr, item.texts))
    typer.echo(f"{key}: frames {item.start} to {item.end - 1} of {item.recording}, {item.num_frames / data.fps:.1f} s")
    typer.echo(_printable(f"{item.scope}: {texts}"))
    if output is not None:
        data.motion(item.recording, item.start, item.end).save(output)
        typer.echo(str(output))


def _prepare(source: Any, out: Path, about: Mapping[str, Any]) -> PrepareReport:
    from actiongpt_core.bulk.progress import Progress, remaining
    from actiongpt_core.data.prepare import prepare as prepare_set

    progress = Progress(sys.stderr)

    def line(report: PrepareReport) -> str:
        new = report.done - report.before
        left = remaining(new, report.total - report.before, report.seconds_taken)
        return f"{report.done:,} of {report.total:,} recordings, {_amounts(report)}, {left}"

    try:
        return prepare_set(source, out, settings=about, progress=lambda report: progress.show(lambda: line(report)))
    finally:
        progress.clear()


def _amounts(report: PrepareReport) -> str:
    parts = [f"{_duration(report.seconds_of_motion)} of motion"]
    if report.new_frames:
        parts.append(f"{report.speed:,.0f} x real time")
    if report.rejected:
        parts.append(f"{sum(report.rejected.values()):,} left out")
    if report.damaged:
        parts.append(f"{len(report.damaged):,} damaged")
    return ", ".join(parts)


def _report_lines(report: PrepareReport) -> Iterator[str]:
    splits = ", ".join(f"{split} {count:,}" for split, count in report.recordings.items())
    yield f"{sum(report.recordings.values()):,} recordings ({splits}), {_amounts(report)}"
    if report.before:
        yield f"{report.before:,} were dealt with before; nothing of them was read again"
    for reason, count in sorted(report.rejected.items()):
        yield f"left out: {count:,} {reason}"


def _prepared(folder: Path) -> dict[str, list[dict[str, str]]]:
    """Prepared sets by the name of their data set; damaged ones are passed over."""
    from actiongpt_core.data.prepared_index import is_prepared, read_header
    from actiongpt_core.errors import DataError, MissingAssetError

    if not folder.is_dir():
        raise MissingAssetError(f"There is no folder {folder}.")
    found: dict[str, list[dict[str, str]]] = {}
    for place in (folder, *sorted(item for item in folder.iterdir() if item.is_dir())):
        if not is_prepared(place):
            continue
        try:
            header = read_header(place)
        except DataError as error:
            typer.echo(f"Note: {error}", err=True)
            continue
        found.setdefault(header["name"], []).append({"folder": str(place), "state": header["state"]})
    return found


def _content(data: DataSet) -> dict[str, Any]:
    splits, texts, keys = {}, Counter[str](), {}
    for split in data.splits:
        segments = data.segments(split)
        keys[split] = [item.key for item in segments[:_KEYS]]
        pairs = getattr(data, "pairs", None)
        texts.update(item.texts[0] for item in segments)
        splits[split] = {
            "recordings": len({item.recording for item in segments}),
            "segments": len(segments),
            "pairs": 0 if pairs is None else len(pairs(split)),
            "hours": sum(item.num_frames for item in segments) / data.fps / 3600,
            "texts": len({text for item in segments for text in item.texts}),
            "suspect": sum(item.suspect for item in segments),
        }
    most = [{"text": text, "segments": count} for text, count in texts.most_common(_TEXTS)]
    return {"name": data.name, "fps": data.fps, "splits": splits, "most_frequent_texts": most, "first_clips": keys}


def _prepared_from(folder: Path) -> dict[str, Any]:
    """What the header of a prepared set says: all recordings, those without a text too, and what is not in it."""
    from actiongpt_core.data.prepared_index import is_prepared, read_header

    header = read_header(folder) if is_prepared(folder) else {}
    known = ("recordings", "seconds", "rejected", "damaged", "source", "versions")
    return {name: header[name] for name in known if name in header}


def _content_lines(content: dict[str, Any]) -> Iterator[str]:
    yield f"{content['name']}: {content['fps']:g} frames a second"
    if "recordings" in content:
        yield f"prepared: {sum(content['recordings'].values()):,} recordings, {_duration(content['seconds'])}"
    header = ("split", "recordings", "segments", "pairs", "hours", "texts", "suspect")
    rows = [header]
    for split, counts in content["splits"].items():
        rows.append((split, *(f"{counts[key]:,.2f}" if key == "hours" else f"{counts[key]:,}" for key in header[1:])))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
    yield "most frequent texts: " + ", ".join(
        f"{item['text']!r} ({item['segments']})" for item in content["most_frequent_texts"]
    )
    yield "first clips: " + ", ".join(key for keys in content["first_clips"].values() for key in keys)
    for reason, count in content.get("rejected", {}).items():
        yield f"left out: {count:,} {reason}"
    for recording, message in content.get("damaged", {}).items():
        yield f"damaged: {recording}: {message}"


def _duration(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"


def _printable(line: str) -> str:
    """Without the lone surrogates by which Python writes file names that are no UTF-8."""
    return line.encode("utf-8", "replace").decode()
