"""Do descriptions help, and does the aggregator matter? Providers x aggregators on a shipped checkpoint.

40 texts: the eight required probes, each told by its phrase, its two wordings and the last two of its phrasings. A text
is followed if 6 of 8 seeds do what it says. With ACTIONGPT_CMU set, APE on the test split as well.

What language models wrote comes from the files in `descriptions/`, each a provider of its own, so that the table is the
same everywhere; `--record` asks the provider `local` again and writes its files.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs
import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

from actiongpt_core.data.cmu import ENVIRONMENT, CmuSet
from actiongpt_core.errors import ProviderError
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.registry import get_registry
from actiongpt_core.text.cache import DescriptionCache
from actiongpt_core.text.describe import describe_action
from actiongpt_core.text.prompts import get_strategy
from actiongpt_core.text.providers.pack import PackProvider
from actiongpt_core.types.text import Action
from language_runs import (
    AGGREGATORS,
    ALONE,
    METRICS,
    RECORDED,
    TEXTS,
    Clips,
    K,
    Result,
    arms,
    holds,
    is_new,
    probes_passed,
    providers,
    split_clips,
    split_errors,
)

STRATEGIES = ("few-shot", "action-gpt", "normalise")  #: by which `local` is recorded
SPLIT_SEEDS = 3

Grid = tuple[str, list[str], list[list[str]]]  #: title, head, rows


def main() -> None:
    """Read the arguments, run, print, write."""
    arguments = _arguments()
    if arguments.record:
        record(split_clips(CmuSet(), "test"))
        return
    base = Pipeline(arguments.backbone, checkpoint=arguments.checkpoint)
    cmu = CmuSet() if os.environ.get(ENVIRONMENT) else None
    clips = split_clips(cmu, "test") if cmu and cmu.fps == base.model.fps else []  # errors are taken frame by frame
    seeds = range(1 if "deterministic" in (base.capabilities or ()) else arguments.seeds)
    llms, results, start = providers(), [], time.perf_counter()
    for provider, name, aggregator, k in track(list(arms(llms)), "measuring", console=Console(stderr=True)):
        pipeline = Pipeline(base.model, llm=llms[provider], aggregator=aggregator, k=k)
        known = clips if holds(llms[provider], {text for text, _ in clips}) else []
        passed, errors = probes_passed(pipeline, seeds), split_errors(pipeline, seeds[:SPLIT_SEEDS], known)
        results.append(Result(provider, name, k, len(seeds), passed, *errors))
    grids = [language_grid(results, clips), alone_grid(results), source_grid()]
    for grid in grids:
        show(grid)
    Console().print(f"{time.perf_counter() - start:.0f} s on {torch.get_num_threads()} threads")
    if arguments.json:
        write(arguments.json, json.dumps([attrs.asdict(result) for result in results], indent=1))
    if arguments.markdown:
        write(arguments.markdown, "\n\n".join(map(as_markdown, grids)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", help="name of the motion model (default: the default one)")
    parser.add_argument("--checkpoint", type=Path, help="the backbone's checkpoint folder (default: the shipped one)")
    parser.add_argument("--seeds", type=int, default=8, help="motions of each text; not of a deterministic backbone")
    parser.add_argument("--json", type=Path, help="write all numbers here")
    parser.add_argument("--markdown", type=Path, help="write the tables here")
    parser.add_argument("--record", action="store_true", help="ask the provider 'local', write its files and stop")
    return parser.parse_args()


def record(clips: Clips) -> None:
    """Write what the provider `local` says of all texts, K descriptions each, strategy by strategy.

    It goes through the description cache: what was asked before is not asked again.
    """
    provider = get_registry().build_provider("local", seed=0)
    texts = [*TEXTS, *sorted({text for text, _ in clips})]
    for strategy in STRATEGIES:
        told, silent = {}, []
        for text in track(texts, strategy, console=Console(stderr=True)):
            try:
                told[text] = describe_action(Action(text), provider, K, DescriptionCache(), strategy=strategy)
            except ProviderError:  # a small model: it goes on as the pack does with what it does not know
                silent.append(text)
        answer, version = next(iter(told.values())), get_strategy(strategy).version
        about = {"model": answer.model, "strategy": f"{strategy}, version {version}", "sampling": answer.sampling}
        described = {text: told[text].texts if text in told else [text] * K for text in texts}
        content = {"about": about | {"not described": silent}, "descriptions": described}
        write(RECORDED / f"local-{strategy}.json", json.dumps(content, indent=1))


def language_grid(results: Sequence[Result], clips: Clips) -> Grid:
    """A row an arm: texts that are followed, those won and lost against the bare phrase, errors on the split."""
    new, bare = {text for text in TEXTS if is_new(text)}, results[0]
    rows = []
    for it in (it for it in results if it.aggregator in AGGREGATORS):
        followed = it.followed()
        change = f"+{len(followed - bare.followed())} -{len(bare.followed() - followed)}"
        counts = [str(len(followed - new)), str(len(followed & new)), change, str(sum(it.passed.values()))]
        errors = [f"{it.split[name]:.3f}" if it.split else "-" for name in METRICS]
        rows.append([it.provider, it.aggregator, str(it.k), *counts, *errors, gain(bare.by_text, it.by_text, clips)])
    runs = len(TEXTS) * bare.num_seeds
    counted = [f"of {len(TEXTS) - len(new)} known", f"of {len(new)} new", "against the phrase", f"runs, of {runs}"]
    title = f"Texts that are followed (seeds: {bare.num_seeds}), and APE on the CMU test split, m"
    return title, ["provider", "aggregator", "k", *counted, *METRICS, "gain in APE_root"], rows


def alone_grid(results: Sequence[Result]) -> Grid:
    """What each description does when it is the only one: texts that are followed, and APE_root."""
    names = ["first", *(name for name, _ in ALONE)]
    rows = []
    for provider in dict.fromkeys(it.provider for it in results if it.aggregator == names[-1]):
        found = [it for name in names for it in results if (it.provider, it.aggregator) == (provider, name)]
        errors = [f"{it.split['APE_root']:.3f}" if it.split else "-" for it in found]
        rows.append([provider, *(str(len(it.followed())) for it in found), *errors])
    head = [f"{what}, {index}" for what in (f"followed of {len(TEXTS)}", "APE_root") for index in range(1, K + 1)]
    return "One description alone: the first, the second, ...", ["provider", *head], rows


def gain(bare: dict[str, float], other: dict[str, float], clips: Clips) -> str:
    """By how much APE_root is lower than that of the bare phrase, m, and 90 % of the texts' bootstrap samples."""
    if not other:
        return "-"
    texts = sorted(bare)
    frames = np.array([sum(len(motion) for it, motion in clips if it == text) for text in texts], dtype=float)
    better = np.array([bare[text] - other[text] for text in texts]) * frames
    drawn = np.random.default_rng(0).integers(len(texts), size=(5000, len(texts)))
    low, high = np.quantile(better[drawn].sum(1) / frames[drawn].sum(1), (0.05, 0.95))
    return f"{better.sum() / frames.sum():.2f} ({low:.2f} to {high:.2f})"


def source_grid() -> Grid:
    """Where the descriptions of the pack come from: many texts are told by their own words there too."""
    told = {text: PackProvider().complete(Action(text), K).source.partition(":")[0] for text in TEXTS}
    rows = []
    for kind, texts in (("known", [t for t in TEXTS if not is_new(t)]), ("new", [t for t in TEXTS if is_new(t)])):
        sources = [told[text] for text in texts]
        rows.append([kind, str(len(texts)), *(str(sources.count(name)) for name in ("pack", "nearest", "phrase"))])
    return "What 'pack' says of the texts", ["texts", "all", "its own", "a neighbour's", "the phrase itself"], rows


def as_markdown(grid: Grid) -> str:
    """One table."""
    title, head, rows = grid

    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    return "\n".join([title, "", line(head), line("---" for _ in head), *map(line, rows)])


def show(grid: Grid) -> None:
    """One table, on the terminal."""
    title, head, rows = grid
    table = Table(*head, title=title, title_justify="left")
    for row in rows:
        table.add_row(*row)
    Console(width=None if Console().is_terminal else 200).print(table)


def write(path: Path, text: str) -> None:
    """A file, in a folder that need not be there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
