"""`actiongpt annotate`: descriptions of many phrases into a file."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from actiongpt_core.cli import bulk_options, options

if TYPE_CHECKING:
    from actiongpt_core.bulk.annotate import Engine, Tally
    from actiongpt_core.bulk.asker import Asking
    from actiongpt_core.bulk.estimate import Estimate
    from actiongpt_core.bulk.inputs import Survey
    from actiongpt_core.bulk.prices import Price


def annotate(
    source: Annotated[
        str,
        typer.Argument(metavar="INPUT", help="Text, one phrase a line; JSON; BABEL's labels; - for standard input."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The JSON file to write, {phrase: [texts]}.")],
    llm: options.Llm = None,
    model: options.Model = None,
    strategy: options.Strategy = None,
    llm_options: options.LlmOptions = None,
    k: options.K = 4,
    max_requests: Annotated[int | None, typer.Option(min=0, help="Ask no more than so many times.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count and estimate; ask nobody, write nothing.")] = False,
    price: Annotated[
        str | None, typer.Option(metavar="IN,OUT", help="US dollars for a million tokens read and written.")
    ] = None,
    engine: bulk_options.EngineName = bulk_options.Engines.LOCAL,
    ray_address: bulk_options.RayAddress = None,
    workers: bulk_options.Workers = None,
    as_json: options.AsJson = False,
) -> None:
    """Describe every phrase of INPUT, and write the descriptions to a file.

    Each answer is kept in the description cache as it comes: the same command, run again, asks for what is missing.
    """
    from actiongpt_core.bulk.asker import Asker, Asking
    from actiongpt_core.bulk.inputs import input_file
    from actiongpt_core.bulk.prices import price_of, read_price

    given = read_price(price) if price is not None else None
    asking = Asking(llm=llm, options=options.provider_options(model, llm_options), strategy=strategy, k=k)
    with input_file(source) as path:
        if dry_run:
            from actiongpt_core.bulk.estimate import estimate

            asker = Asker(asking)
            found = estimate(path, asker)
            _show_estimate(found, given or price_of(asker.provider), as_json)
            return
        with _engine(engine, asking, max_requests, ray_address, workers) as started:
            tally = _run(path, output, started, given)
    _show_tally(tally, output, given or price_of(started.asker.provider), as_json)
    if not tally.is_complete:
        raise typer.Exit(1)


@contextlib.contextmanager
def _engine(
    name: bulk_options.Engines, asking: Asking, max_requests: int | None, address: str | None, workers: int | None
) -> Iterator[Engine]:
    if name is bulk_options.Engines.LOCAL:
        from actiongpt_core.bulk.annotate import LocalEngine

        bulk_options.refuse_ray_options(address, workers)
        yield LocalEngine(asking, max_requests=max_requests)
        return
    from actiongpt_core.bulk.ray_engine import RayEngine

    with bulk_options.cluster(address, workers) as cluster:
        yield RayEngine(asking, cluster, max_requests=max_requests)


def _run(path: Path, output: Path, engine: Engine, price: Price | None) -> Tally:
    from actiongpt_core.bulk.annotate import annotate as annotate_phrases
    from actiongpt_core.bulk.prices import price_of
    from actiongpt_core.bulk.progress import Progress

    progress, last = Progress(sys.stderr), None
    price = price or price_of(engine.asker.provider)

    def report(tally: Tally) -> None:
        nonlocal last
        last = tally
        progress.show(lambda: _progress_line(tally, price))

    try:
        tally = annotate_phrases(path, output, engine, report)
    except KeyboardInterrupt:
        progress.clear()
        typer.echo(_interrupted(last, engine.asker.is_kept), err=True)
        raise typer.Exit(bulk_options.INTERRUPTED) from None
    progress.clear()
    return tally


def _progress_line(tally: Tally, price: Price | None) -> str:
    from actiongpt_core.bulk.progress import remaining

    total = tally.survey.phrases
    parts = [f"{tally.done:,} of {total:,} phrases", remaining(tally.done, total, tally.seconds)]
    parts += [f"{tally.failed:,} failed"] if tally.failed else []
    return ", ".join(filter(None, [*parts, _cost(tally, price)]))


def _cost(tally: Tally, price: Price | None) -> str:
    """What was asked for, such as "37 requests, 410 tokens read, 1,200 written, $0.01"; empty for nothing."""
    spent = tally.spent
    parts = [f"{spent.requests:,} requests"] if spent.requests else []
    if spent.prompt_tokens or spent.completion_tokens:
        parts += [f"{spent.prompt_tokens:,} tokens read", f"{spent.completion_tokens:,} written"]
        parts += [_dollars(price.of(spent.prompt_tokens, spent.completion_tokens), price)] if price else []
    return ", ".join(parts)


def _dollars(value: float, price: Price) -> str:
    return f"${value:.2f} ({price.origin})" if value >= 0.01 or not value else f"${value:.6f} ({price.origin})"


def _interrupted(tally: Tally | None, is_kept: bool) -> str:
    done = f"after {tally.done:,} of {tally.survey.phrases:,} phrases" if tally else "before the first phrase was done"
    kept = "What was answered is in the description cache; run the same command again to go on." if is_kept else ""
    return f"Interrupted {done}. Nothing was written. {kept}".strip()


def _show_estimate(found: Estimate, price: Price | None, as_json: bool) -> None:
    import attrs

    _show_malformed(found.survey)
    dollars = price.of(found.prompt_tokens, found.completion_tokens) if price else None
    if as_json:
        counts = attrs.asdict(found, filter=lambda field, _: field.name != "survey")
        typer.echo(json.dumps({**_counts(found.survey), **counts, "usd": dollars}, indent=2))
        return
    typer.echo(_as_text(found.survey))
    typer.echo(f"{found.kept:,} are in the cache, {found.asked:,} would be asked for, {found.odd:,} refused")
    if not found.requests:
        typer.echo("nobody would be asked: no cost")
        return
    most = f" ({found.answers:,} where the server gives one answer a request)" if found.answers > found.asked else ""
    typer.echo(f"{found.requests:,} requests{most}")
    if found.completion_tokens:
        typer.echo(f"about {found.prompt_tokens:,} tokens read, at most {found.completion_tokens:,} written")
        unknown = "price not known for this model and server; give it with --price IN,OUT"
        typer.echo(f"at most about {_dollars(dollars, price)}" if price and dollars is not None else unknown)


def _show_tally(tally: Tally, output: Path, price: Price | None, as_json: bool) -> None:
    from actiongpt_core.bulk.annotate import failed_file

    _show_malformed(tally.survey)
    for phrase, problem in tally.problems.items():
        typer.echo(f"  {phrase!r:.80}: {problem}", err=True)
    if tally.failed:
        more = f", the first {len(tally.problems)} above" if tally.failed > len(tally.problems) else ""
        typer.echo(f"{tally.failed:,} phrases failed{more}; all are in {failed_file(output)}", err=True)
    if tally.left:
        reason = f"{tally.failed_in_a_row} in a row failed" if tally.given_up else "the budget is used up"
        typer.echo(
            f"{tally.left:,} phrases were not asked for: {reason}. What was answered is in the description cache; run "
            f"the same command again to go on.",
            err=True,
        )
    if as_json:
        typer.echo(json.dumps(_report(tally, output, price), indent=2, ensure_ascii=False))
        return
    sources = ", ".join(f"{number:,} {source}" for source, number in tally.sources.most_common())
    typer.echo(_as_text(tally.survey))
    typer.echo(f"{tally.annotated:,} annotated ({sources or 'none'}) in {tally.seconds:.1f} s")
    if cost := _cost(tally, price):
        typer.echo(cost)
    if tally.is_written:
        typer.echo(f"wrote {output.resolve()}")
    elif output.exists():
        typer.echo(f"{output.resolve()} is as it was: what there is now may be less")


def _report(tally: Tally, output: Path, price: Price | None) -> dict[str, Any]:
    import attrs

    spent = tally.spent
    return {
        "file": str(output.resolve()) if tally.is_written else None,
        **_counts(tally.survey),
        "annotated": tally.annotated,
        "sources": dict(tally.sources),
        "failed": tally.failed,
        "left": tally.left,
        **attrs.asdict(spent),
        "usd": price.of(spent.prompt_tokens, spent.completion_tokens) if price else None,
        "seconds": tally.seconds,
        "problems": tally.problems,
    }


def _show_malformed(survey: Survey) -> None:
    for entry in survey.shown:
        typer.echo(f"{entry.place} {entry.problem}; it is left out", err=True)
    if survey.malformed > len(survey.shown):
        typer.echo(f"and {survey.malformed - len(survey.shown):,} more entries that are left out", err=True)


def _counts(survey: Survey) -> dict[str, int]:
    return {"phrases": survey.phrases, "duplicates": survey.duplicates, "malformed": survey.malformed}


def _as_text(survey: Survey) -> str:
    return f"{survey.phrases:,} phrases, {survey.duplicates:,} duplicates, {survey.malformed:,} malformed entries"
