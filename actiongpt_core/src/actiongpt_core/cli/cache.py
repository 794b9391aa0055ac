"""`actiongpt cache`: what language models wrote, counted, shared, taken in, removed."""

from __future__ import annotations

import datetime
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import attrs
import typer

from actiongpt_core.cli import options
from actiongpt_core.errors import CacheError, ConfigError

if TYPE_CHECKING:
    from actiongpt_core.text.cache import CacheKey
    from actiongpt_core.text.recordings import Group, Statistics

app = typer.Typer(
    help="The descriptions that language models wrote: count, export, import, prune them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_File = Annotated[Path | None, typer.Option("--file", help="The SQLite file; your own cache if not given.")]
_Provider = Annotated[str | None, typer.Option(help="Only what came through this provider.")]
_Model = Annotated[str | None, typer.Option(help="Only what this language model wrote.")]
_Strategy = Annotated[str | None, typer.Option(help="Only what was asked by this prompt strategy.")]
_Version = Annotated[int | None, typer.Option("--version", help="Only what this version of the strategy asked.")]
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@app.command()
def stats(file: _File = None, as_json: options.AsJson = False) -> None:
    """Count the descriptions, by who wrote them and how they were asked."""
    from actiongpt_core.text.recordings import statistics

    path = _path(file)
    found = statistics(path)
    if as_json:
        typer.echo(json.dumps({"file": str(path), "bytes": _size(path), **attrs.asdict(found)}, indent=2))
        return
    typer.echo(f"{path}  ({_shown_size(path)})")
    typer.echo(_counted(found))
    for line in _table(found.groups):
        typer.echo(line)


@app.command("export")
def export_json(
    output: Annotated[Path, typer.Argument(help="The JSON file to write; an existing one is replaced.")],
    provider: _Provider = None,
    model: _Model = None,
    strategy: _Strategy = None,
    version: _Version = None,
    k: Annotated[int | None, typer.Option(help="Exactly K texts of each phrase; phrases with fewer stay out.")] = None,
    file: _File = None,
) -> None:
    """Write descriptions as JSON, {phrase: [texts]} as the paper's gpt3_annotations.json."""
    from actiongpt_core.text.annotations import write_annotations
    from actiongpt_core.text.recordings import Selection, recordings

    if k is not None and k < 1:
        raise ConfigError(f"--k must be at least 1, got {k}.")
    path, selection = _path(file), Selection(provider=provider, model=model, strategy=strategy, version=version)
    annotations, num_ambiguous, num_short = {}, 0, 0
    for found in recordings(path, selection):
        full = [item for item in found if k is None or len(item.texts) >= k]
        if not full:
            num_short += 1
            continue
        num_ambiguous += len(full) > 1
        annotations[full[0].key.phrase] = list(full[0].texts[:k])
    if not annotations:
        raise CacheError(
            f"{path} holds no descriptions{selection}{f' with {k} of a phrase' if k else ''}: nothing is written. "
            f"See `actiongpt cache stats`."
        )
    write_annotations(output, annotations)
    typer.echo(f"wrote {output.resolve()}")
    for line in _export_lines(annotations, num_ambiguous, num_short):
        typer.echo(line)


@app.command("import")
def import_json(
    source: Annotated[Path, typer.Argument(help="A JSON file, {phrase: [texts]}.")],
    provider: Annotated[str, typer.Option(help="The provider through which they were written.")],
    model: Annotated[str, typer.Option(help="The language model that wrote them.")],
    strategy: Annotated[
        str | None,
        typer.Option(help="The prompt strategy that they answer, with its own sampling; unknown if not given."),
    ] = None,
    file: _File = None,
    as_json: options.AsJson = False,
) -> None:
    """Take descriptions in from a JSON file. Entries that cannot be used are listed by line; exit code 1 if any."""
    from actiongpt_core.text.annotations import read_annotations
    from actiongpt_core.text.recordings import add

    path, found = _path(file), read_annotations(source)
    num_texts = sum(len(texts) for texts in found.annotations.values())
    num_new = add(path, found.annotations, _asked(provider, model, strategy)) if found.annotations else 0
    for item in found.rejected:
        typer.echo(f"{source}, line {item.line}: {item.phrase!r} {item.reason}", err=True)
    counts = {
        "phrases": len(found.annotations),
        "descriptions": num_texts,
        "new": num_new,
        "there_already": num_texts - num_new,
        "rejected": len(found.rejected),
    }
    if as_json:
        rejected = [attrs.asdict(item) for item in found.rejected]
        typer.echo(json.dumps({"file": str(path), **counts, "rejected": rejected}, indent=2, ensure_ascii=False))
    else:
        typer.echo(
            f"{_many(num_texts, 'description')} of {_many(len(found.annotations), 'phrase')}: {num_new} new, "
            f"{num_texts - num_new} there already and left as they are; "
            f"{_many(len(found.rejected), 'entry', 'entries')} rejected"
        )
    if found.rejected:
        raise typer.Exit(1)


@app.command()
def prune(
    older_than: Annotated[
        str | None, typer.Option(help="Only what was recorded longer ago: 30d, 12h, 8w.", metavar="AGE")
    ] = None,
    provider: _Provider = None,
    model: _Model = None,
    strategy: _Strategy = None,
    version: _Version = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and stop.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    file: _File = None,
) -> None:
    """Remove descriptions and give their space back."""
    from actiongpt_core.text.recordings import Selection, remove, statistics

    path, before = _path(file), _moment(older_than)
    selection = Selection(provider=provider, model=model, strategy=strategy, version=version, before=before)
    if selection == Selection():
        raise ConfigError(
            f"Say what to remove: --older-than, --provider, --model, --strategy, --version. To remove everything, "
            f"delete {path}."
        )
    found, size = statistics(path, selection), _shown_size(path)
    if not found.descriptions:
        typer.echo(f"{path} holds no descriptions{selection}: nothing to remove")
        return
    typer.echo(f"{'would remove' if dry_run else 'to be removed'}: {_counted(found)}")
    for line in _table(found.groups):
        typer.echo(line)
    if dry_run:
        return
    if not yes:
        typer.confirm("Remove them? They cannot be brought back.", abort=True)
    num_removed = remove(path, selection)
    typer.echo(f"removed {_many(num_removed, 'description')}; {path}: {size} before, {_shown_size(path)} now")


def _path(file: Path | None) -> Path:
    from actiongpt_core.text.cache import DescriptionCache

    return DescriptionCache(file).path


def _asked(provider: str, model: str, strategy: str | None) -> CacheKey:
    from actiongpt_core.text.cache import CacheKey
    from actiongpt_core.text.prompts import get_strategy

    if strategy is None:
        return CacheKey(provider=provider, model=model, strategy="", version=1, phrase="", sampling={})
    known = get_strategy(strategy)
    sampling = dict(known.sampling)
    return CacheKey(
        provider=provider, model=model, strategy=known.name, version=known.version, phrase="", sampling=sampling
    )


def _moment(age: str | None) -> datetime.datetime | None:
    if age is None:
        return None
    match = re.fullmatch(r"(\d{1,5})([mhdw])", age)
    if match is None:
        raise ConfigError(f"An age is a number and a unit (m, h, d, w: {', '.join(_UNITS.values())}), got {age!r}.")
    return datetime.datetime.now(datetime.UTC) - datetime.timedelta(**{_UNITS[match[2]]: int(match[1])})


def _size(path: Path) -> int:
    """Bytes, with what SQLite keeps beside the file while it is in use."""
    return sum(part.stat().st_size for part in (path, path.with_name(f"{path.name}-wal")) if part.exists())


def _shown_size(path: Path) -> str:
    size = _size(path)
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.0f} kB"


def _counted(found: Statistics) -> str:
    return f"{_many(found.descriptions, 'description')} of {_many(found.phrases, 'phrase')}"


def _many(count: int, word: str, words: str = "") -> str:
    return f"{count} {word if count == 1 else words or f'{word}s'}"


def _table(groups: tuple[Group, ...]) -> Iterator[str]:
    """A header and a line for each group, in columns."""
    header = ("provider", "model", "strategy", "phrases", "descriptions", "tokens asked", "written", "first", "last")
    rows = [header, *(_cells(group) for group in groups)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for cells in rows if groups else []:
        yield "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _cells(group: Group) -> tuple[str, ...]:
    tokens = ["-" if count is None else str(count) for count in (group.prompt_tokens, group.completion_tokens)]
    strategy = f"{group.strategy} {group.version}" if group.strategy else "-"
    counts = [str(group.phrases), str(group.descriptions), *tokens]
    return group.provider, group.model or "-", strategy, *counts, group.first[:16], group.last[:16]


def _export_lines(annotations: dict[str, list[str]], num_ambiguous: int, num_short: int) -> Iterator[str]:
    num_texts = Counter(len(texts) for texts in annotations.values())
    sizes = ", ".join(f"{count} with {size}" for size, count in sorted(num_texts.items(), reverse=True))
    counts = _many(sum(map(len, annotations.values())), "description"), _many(len(annotations), "phrase")
    yield f"{counts[0]} of {counts[1]} ({sizes})"
    if num_ambiguous:
        yield (
            f"recorded in several ways, of which the newest is taken: {_many(num_ambiguous, 'phrase')}; choose with "
            f"--provider, --model, --strategy, --version"
        )
    if num_short:
        yield f"left out, with fewer descriptions than --k: {_many(num_short, 'phrase')}"
