"""Do descriptions help, and does the aggregator matter? Providers x aggregators on a shipped checkpoint.

40 texts: the eight required probes, each told by its phrase, its two wordings and the last two of its phrasings. A text
is followed if 6 of 8 seeds do what it says. With ACTIONGPT_CMU set, APE on the test split as well.

What a language model wrote comes from files in `descriptions/`, so that the table is the same everywhere; `--record`
asks the provider `local` again and writes its files.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import os
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import attrs
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

from actiongpt_core.data import mixture
from actiongpt_core.data.cmu import ENVIRONMENT, CmuSet
from actiongpt_core.evaluation.probes import BY_NAME, GOAL, PROBES, Probe
from actiongpt_core.evaluation.report import evaluate_split, split_clips
from actiongpt_core.interfaces import LLMProvider
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.registry import get_registry
from actiongpt_core.text.aggregators import Weighted, first
from actiongpt_core.text.cache import DescriptionCache
from actiongpt_core.text.describe import describe
from actiongpt_core.text.encoders import TransformersTextEncoder
from actiongpt_core.text.folding import fold
from actiongpt_core.text.providers.pack import PackProvider
from actiongpt_core.text.providers.passthrough import PassthroughProvider
from actiongpt_core.types.text import Action

Grid = tuple[str, list[str], list[list[str]]]  #: title, head, rows

RECORDED = Path(__file__).parent / "descriptions"
STRATEGIES = ("few-shot", "action-gpt")  #: by which `local` is recorded
AGGREGATORS = ("mean", "masked_mean", "weighted", "concat", "first")
METRICS = ("APE_root", "APE_traj", "APE_mean_pose", "APE_mean_joints")
SECONDS = 4.0
K = 4
BASELINE = ("passthrough", "mean", K)

#: The texts and the probe that each is to pass.
TEXTS: dict[str, Probe] = {
    text: probe for probe in PROBES if probe.required for text in (probe.phrase, *probe.wordings, *probe.phrasings[-2:])
}


@attrs.frozen(kw_only=True)
class Result:
    """One provider with one aggregator."""

    provider: str
    aggregator: str
    k: int
    passed: dict[str, int]  #: text -> seeds that pass
    num_seeds: int
    split: dict[str, float]  #: metrics on the test split, mean over seeds; empty without the set

    def followed(self) -> set[str]:
        """The texts of which enough seeds pass."""
        return {text for text, passed in self.passed.items() if passed >= GOAL * self.num_seeds}


def main() -> None:
    """Read the arguments, run, print, write."""
    arguments = _arguments()
    if arguments.record:
        record(CmuSet())
        return
    base = Pipeline(arguments.backbone, checkpoint=arguments.checkpoint)
    seeds = range(1 if "deterministic" in (base.capabilities or ()) else arguments.seeds)
    cmu = CmuSet() if os.environ.get(ENVIRONMENT) else None
    start = time.perf_counter()
    results = [measure(base, *arm, seeds, cmu) for arm in track(arms(), "measuring", console=Console(stderr=True))]
    grids = [language_grid(results), source_grid(), temperature_grid()]
    for title, head, rows in grids:
        _print(title, head, rows)
    Console().print(f"{time.perf_counter() - start:.0f} s on {torch.get_num_threads()} threads")
    if arguments.json:
        _write(arguments.json, json.dumps([attrs.asdict(result) for result in results], indent=1))
    if arguments.markdown:
        _write(arguments.markdown, "\n\n".join(map(as_markdown, grids)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", help="name of the motion model (default: the default one)")
    parser.add_argument("--checkpoint", type=Path, help="the backbone's checkpoint folder (default: the shipped one)")
    parser.add_argument("--seeds", type=int, default=8, help="motions of each text; not of a deterministic backbone")
    parser.add_argument("--json", type=Path, help="write all numbers here")
    parser.add_argument("--markdown", type=Path, help="write the tables here")
    parser.add_argument("--record", action="store_true", help="ask the provider 'local', write its files and stop")
    return parser.parse_args()


def record(cmu: CmuSet) -> None:
    """Write what the provider `local` says of the texts and of those of the test split, K each, strategy by strategy.

    It goes through the description cache: what was asked before is not asked again.
    """
    texts = [*TEXTS, *sorted({text for text, _ in split_clips(cmu, "test")})]
    provider = get_registry().build_provider("local", seed=0)
    for strategy in STRATEGIES:
        told = [
            describe([Action(text)], provider, K, DescriptionCache(), strategy=strategy)[0]
            for text in track(texts, strategy)
        ]
        about = {"model": told[0].model, "strategy": strategy, "sampling": told[0].sampling}
        content = {"about": about, "descriptions": {item.phrase: item.texts for item in told}}
        _write(RECORDED / f"local-{strategy}.json", json.dumps(content, indent=1))


@functools.cache
def providers() -> dict[str, LLMProvider]:
    """Who describes."""
    recorded = {f"local, {strategy}": PackProvider(RECORDED / f"local-{strategy}.json") for strategy in STRATEGIES}
    return {"passthrough": PassthroughProvider(), "pack": PackProvider(), **recorded}


def arms() -> Iterator[tuple[str, str, int]]:
    """Provider, aggregator and k of every row."""
    for provider in providers():
        for aggregator in AGGREGATORS:
            yield provider, aggregator, K
        if provider != "passthrough":
            yield from ((provider, "mean", k) for k in (1, 2))


def measure(base: Pipeline, provider: str, aggregator: str, k: int, seeds: Sequence[int], cmu: CmuSet | None) -> Result:
    """Every text with every seed, and the test split."""
    pipeline = Pipeline(base.model, llm=providers()[provider], aggregator=aggregator, k=k)
    prompts = [pipeline.describe(Action(text, SECONDS)) for text in TEXTS]
    passed = dict.fromkeys(TEXTS, 0)
    for seed in seeds:
        motions = dict(zip(TEXTS, pipeline.generate_batch(prompts, seed=seed), strict=True))
        for text, probe in TEXTS.items():
            reference = motions[BY_NAME[probe.faster_than].phrase] if probe.faster_than else None
            passed[text] += probe.follows(motions[text], reference)
    split = evaluate_split(pipeline, cmu, seeds=seeds[:3]).model_average if cmu else {}
    return Result(provider=provider, aggregator=aggregator, k=k, passed=passed, num_seeds=len(seeds), split=split)


def is_new(text: str) -> bool:
    """Whether no checkpoint that ships was told the text in training: neither by its words nor by its descriptions."""
    return fold(text) not in _trained() and PackProvider().find(text) is None


@functools.cache
def _trained() -> frozenset[str]:
    return frozenset(map(fold, mixture.wordings()))


def language_grid(results: Sequence[Result]) -> Grid:
    """A row an arm: texts that are followed, those gained and lost against the bare phrase, errors on the split."""
    new = {text for text in TEXTS if is_new(text)}
    baseline = next(it.followed() for it in results if (it.provider, it.aggregator, it.k) == BASELINE)
    rows = []
    for it in results:
        followed = it.followed()
        gained, lost = len(followed - baseline), len(baseline - followed)
        counts = [
            str(len(followed - new)),
            str(len(followed & new)),
            f"+{gained} -{lost}",
            str(sum(it.passed.values())),
        ]
        errors = [f"{it.split[name]:.3f}" if it.split else "-" for name in METRICS]
        rows.append([it.provider, it.aggregator, str(it.k), *counts, *errors])
    runs = len(TEXTS) * results[0].num_seeds
    head = [
        *("provider", "aggregator", "k", f"followed, of {len(TEXTS) - len(new)} known", f"of {len(new)} new"),
        *("against the phrase", f"runs, of {runs}", *METRICS),
    ]
    return f"{len(TEXTS)} texts, {results[0].num_seeds} seeds; APE on the CMU test split in m", head, rows


def source_grid() -> Grid:
    """Where the descriptions of the pack come from: many texts are told by their own words there too."""
    told = {text: PackProvider().complete(Action(text), K).source.partition(":")[0] for text in TEXTS}
    rows = []
    for kind, texts in (("known", [t for t in TEXTS if not is_new(t)]), ("new", [t for t in TEXTS if is_new(t)])):
        sources = [told[text] for text in texts]
        rows.append([kind, str(len(texts)), *(str(sources.count(name)) for name in ("pack", "nearest", "phrase"))])
    return "What 'pack' says of the texts", ["texts", "all", "its own", "a neighbour's", "the phrase itself"], rows


def temperature_grid() -> Grid:
    """What `weighted` does to four descriptions of the pack, and where one of the four is another action's.

    "Count as": 1 / sum of squared weights, 4 if all count the same.
    """
    encoder, told = TransformersTextEncoder(), PackProvider().descriptions
    draw = random.Random(0)
    spoilt = {}
    for phrase, texts in told.items():
        other = draw.choice([it for it in told if it != phrase])
        spoilt[phrase] = [*texts[: K - 1], draw.choice(told[other])]
    phrases = [first(group) for group in encoder.encode_batch([[phrase] for phrase in told])]
    right = encoder.encode_batch([texts[:K] for texts in told.values()])
    mixed = encoder.encode_batch(list(spoilt.values()))
    rows = []
    for temperature in (0.02, 0.05, 0.1, 0.2, 0.5, math.inf):
        weigh = Weighted(temperature).weights
        shares = torch.stack([weigh(*pair) for pair in zip(right, phrases, strict=True)])
        foreign = torch.stack([weigh(*pair)[-1] for pair in zip(mixed, phrases, strict=True)])
        numbers = [(1 / shares.square().sum(1)).mean(), shares.amax(1).mean(), foreign.mean()]
        rows.append([f"{temperature:g}", *(f"{float(number):.2f}" for number in numbers)])
    head = ["temperature", "4 right ones count as", "largest weight", "weight of another action's description"]
    return f"'weighted' on the {len(told)} phrases of the pack", head, rows


def as_markdown(grid: Grid) -> str:
    """One table."""
    title, head, rows = grid

    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    return "\n".join([title, "", line(head), line("---" for _ in head), *map(line, rows)])


def _print(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(*head, title=title, title_justify="left")
    for row in rows:
        table.add_row(*row)
    Console(width=None if Console().is_terminal else 200).print(table)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
