"""What `language.py` measures: the texts, who describes them, who aggregates, and how a row is counted."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import attrs

from actiongpt_core.data import mixture
from actiongpt_core.evaluation.items import MAX_SECONDS, clip_items
from actiongpt_core.evaluation.joints import all_metric_joints
from actiongpt_core.evaluation.metrics import ape_ave, average_means
from actiongpt_core.evaluation.probes import BY_NAME, GOAL, PROBES, Probe
from actiongpt_core.interfaces import Aggregator, DataSet, LLMProvider
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.text.aggregators import first
from actiongpt_core.text.folding import fold
from actiongpt_core.text.providers.pack import PackProvider
from actiongpt_core.text.providers.passthrough import PassthroughProvider
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.text import Action, TextFeatures

Clips = list[tuple[str, Motion]]  #: text and real motion

RECORDED = Path(__file__).parent / "descriptions"
AGGREGATORS = ("mean", "masked_mean", "weighted", "concat", "first")  #: `first` is also what k = 1 gives
METRICS = ("APE_root", "APE_traj", "APE_mean_pose", "APE_mean_joints")
SECONDS = 4.0
K = 4

#: The texts and the probe that each is to pass.
TEXTS: dict[str, Probe] = {
    text: probe for probe in PROBES if probe.required for text in (probe.phrase, *probe.wordings, *probe.phrasings[-2:])
}


@attrs.frozen
class Result:
    """One provider with one aggregator."""

    provider: str
    aggregator: str
    k: int
    num_seeds: int
    passed: dict[str, int]  #: text -> seeds that pass
    split: dict[str, float]  #: metrics on the test split, mean over runs
    by_text: dict[str, float]  #: text of the test split -> APE_root of its clips

    def followed(self) -> set[str]:
        """The texts of which enough seeds pass."""
        return {text for text, passed in self.passed.items() if passed >= GOAL * self.num_seeds}


def providers() -> dict[str, LLMProvider]:
    """Who describes.

    Raises:
        SystemExit: A file holds no K descriptions of one of the 40 texts; a neighbour's would be taken without a word.
    """
    recorded = {file.stem: PackProvider(file) for file in sorted(RECORDED.glob("*.json"))}
    for provider in recorded.values():
        if not holds(provider, TEXTS):
            raise SystemExit(f"{provider.path} does not hold {K} descriptions of each of the {len(TEXTS)} texts.")
    return {"passthrough": PassthroughProvider(), "pack": PackProvider(), **recorded}


def holds(provider: LLMProvider, texts: Iterable[str]) -> bool:
    """Whether all texts are described by their own K descriptions; one that asks no file describes what it is given."""
    told = getattr(provider, "descriptions", None)
    return told is None or all(len(told.get(text, ())) >= K for text in texts)


def alone(index: int) -> Aggregator:
    """An aggregator that takes one of the K descriptions."""

    def take(features: TextFeatures) -> TextFeatures:
        pooled = None if features.pooled is None else features.pooled[index:]
        return first(TextFeatures(tokens=features.tokens[index:], mask=features.mask[index:], pooled=pooled))

    return take


#: Each of the others alone; the first one alone is `first`.
ALONE = [(f"description {index + 1} alone", alone(index)) for index in range(1, K)]


def arms(names: Iterable[str]) -> Iterator[tuple[str, str, str | Aggregator, int]]:
    """Provider, aggregator by name and itself, and k of every row; the others are compared with the first row."""
    for provider in names:
        yield from ((provider, name, name, K) for name in AGGREGATORS)
        if provider != "passthrough":
            yield provider, "mean", "mean", 2
            yield from ((provider, name, aggregator, K) for name, aggregator in ALONE)


def probes_passed(pipeline: Pipeline, seeds: Sequence[int]) -> dict[str, int]:
    """How many seeds of every text pass."""
    prompts = [pipeline.describe(Action(text, SECONDS)) for text in TEXTS]
    passed = dict.fromkeys(TEXTS, 0)
    for seed in seeds:
        motions = dict(zip(TEXTS, pipeline.generate_batch(prompts, seed=seed), strict=True))
        for text, probe in TEXTS.items():
            reference = motions[BY_NAME[probe.faster_than].phrase] if probe.faster_than else None
            passed[text] += probe.follows(motions[text], reference)
    return passed


def split_clips(data: DataSet, split: str) -> Clips:
    """Text and motion of every sound clip of a split, at most 6 s from its start."""
    return [(item.texts[0], item.reference(data)) for item in clip_items(data, split).items]


def split_errors(pipeline: Pipeline, seeds: Sequence[int], clips: Clips) -> tuple[dict[str, float], dict[str, float]]:
    """Metrics on the clips, mean over the seeds; and APE_root of the clips of each text."""
    if not clips:
        return {}, {}
    real = all_metric_joints([motion for _, motion in clips])
    prompts = [pipeline.describe(Action(text, _seconds(pipeline, motion))) for text, motion in clips]
    runs = [all_metric_joints(pipeline.generate_batch(prompts, seed=seed)) for seed in seeds]
    by_text = {}
    for text in {text for text, _ in clips}:
        rows = [row for row, (other, _) in enumerate(clips) if other == text]
        errors = [ape_ave([run[row] for row in rows], [real[row] for row in rows]).ape_root for run in runs]
        by_text[text] = sum(errors) / len(errors)
    return average_means(runs, real), by_text


def _seconds(pipeline: Pipeline, motion: Motion) -> float:
    """As long as the clip where the model can make that length; metrics cut to the common length."""
    shortest = getattr(pipeline.model, "min_frames", 1)
    longest = getattr(pipeline.model, "max_frames", round(MAX_SECONDS * pipeline.model.fps))
    return min(max(round(motion.seconds * pipeline.model.fps), shortest), longest) / pipeline.model.fps


def is_new(text: str) -> bool:
    """Whether no checkpoint that ships was told the text in training, neither by these words nor by descriptions."""
    return fold(text) not in _trained() and PackProvider().find(text) is None


@functools.cache
def _trained() -> frozenset[str]:
    return frozenset(map(fold, mixture.wordings()))
