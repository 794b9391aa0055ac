"""The temperature of the aggregator `weighted`: what it does to weights, to texts that are followed, to errors.

`python benchmarks/temperatures.py`. The last column needs ACTIONGPT_CMU.
"""

from __future__ import annotations

import argparse
import math
import os
import random
from collections.abc import Sequence
from pathlib import Path

import torch

from actiongpt_core.data.cmu import ENVIRONMENT, CmuSet
from actiongpt_core.interfaces import LLMProvider, TextEncoder
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.text.aggregators import Weighted, first
from actiongpt_core.text.providers.pack import PackProvider
from actiongpt_core.types.text import TextFeatures
from language import as_markdown, show, write
from language_runs import TEXTS, K, Result, probes_passed, providers, split_clips, split_errors

Pack = tuple[list[TextFeatures], list[TextFeatures], list[TextFeatures]]

TEMPERATURES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, math.inf)
SPLIT = "val"  #: the test split is left for `language.py`
SPLIT_SEEDS = 3


def main() -> None:
    """Read the arguments, run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", help="name of the motion model (default: the default one)")
    parser.add_argument("--checkpoint", type=Path, help="the backbone's checkpoint folder (default: the shipped one)")
    parser.add_argument("--seeds", type=int, default=8, help="motions of each text; not of a deterministic backbone")
    parser.add_argument("--markdown", type=Path, help="write the table here")
    arguments = parser.parse_args()
    base = Pipeline(arguments.backbone, checkpoint=arguments.checkpoint)
    seeds = range(1 if "deterministic" in (base.capabilities or ()) else arguments.seeds)
    pack = encoded_pack(base.text_encoder)
    rows = [row(base, pack, temperature, seeds) for temperature in TEMPERATURES]
    followed = [f"followed of {len(TEXTS)}, {name}" for name in recorded()]
    head = ["temperature", "4 right ones count as", "weight of a wrong one", *followed, "APE_root"]
    grid = ("'weighted': the pack; recorded descriptions; the pack on the CMU validation split, m", head, rows)
    show(grid)
    if arguments.markdown:
        write(arguments.markdown, as_markdown(grid))


def row(base: Pipeline, pack: Pack, temperature: float, seeds: Sequence[int]) -> list[str]:
    """One temperature; infinity is the aggregator `mean`."""
    weighted = Weighted(temperature)
    count, foreign = shares(weighted, pack)
    followed = []
    for name, llm in recorded().items():
        passed = probes_passed(Pipeline(base.model, llm=llm, aggregator=weighted), seeds)
        followed.append(str(len(Result(name, "weighted", K, len(seeds), passed, {}, {}).followed())))
    clips = split_clips(CmuSet(), SPLIT) if os.environ.get(ENVIRONMENT) else []
    split, _ = split_errors(Pipeline(base.model, aggregator=weighted), seeds[:SPLIT_SEEDS], clips)
    error = f"{split['APE_root']:.3f}" if split else "-"
    return [f"{temperature:g}", f"{count:.2f}", f"{foreign:.2f}", *followed, error]


def recorded() -> dict[str, LLMProvider]:
    """Descriptions that no checkpoint was trained with."""
    return {name: llm for name, llm in providers().items() if name not in ("passthrough", "pack")}


def shares(weighted: Weighted, pack: Pack) -> tuple[float, float]:
    """Of the pack's phrases: 1 / sum of squared weights, and the weight of a description that is another phrase's."""
    phrases, right, mixed = pack
    own = torch.stack([weighted.weights(*pair) for pair in zip(right, phrases, strict=True)])
    other = torch.stack([weighted.weights(*pair)[-1] for pair in zip(mixed, phrases, strict=True)])
    return float((1 / own.square().sum(1)).mean()), float(other.mean())


def encoded_pack(encoder: TextEncoder) -> Pack:
    """The pack's phrases, their descriptions, and these with the last one taken from another phrase."""
    told, draw = PackProvider().descriptions, random.Random(0)
    mixed = []
    for phrase, texts in told.items():
        other = draw.choice([it for it in told if it != phrase])
        mixed.append([*texts[: K - 1], draw.choice(told[other])])
    groups = [[[phrase] for phrase in told], [texts[:K] for texts in told.values()], mixed]
    phrases, right, wrong = ([encoder.encode(group) for group in part] for part in groups)
    return [first(phrase) for phrase in phrases], right, wrong


if __name__ == "__main__":
    main()
