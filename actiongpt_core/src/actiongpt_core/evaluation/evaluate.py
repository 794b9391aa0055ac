"""A model over a split of any data set: the metrics of its motions, with intervals, beside real ones."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor

from actiongpt_core.body.stick import StickBody
from actiongpt_core.errors import ConfigError
from actiongpt_core.evaluation import quality
from actiongpt_core.evaluation.bootstrap import Array, Interval, intervals, spread
from actiongpt_core.evaluation.evaluation import Evaluation, versions
from actiongpt_core.evaluation.generating import ClipGenerator, Made, check_frame_rate, makes_sequences, model_facts
from actiongpt_core.evaluation.items import (
    MAX_SECONDS,
    MIN_SECONDS,
    Item,
    Selection,
    clip_items,
    items_digest,
    pair_items,
    pairs_of,
)
from actiongpt_core.evaluation.joints import BodyWithHeels, all_metric_joints
from actiongpt_core.evaluation.metrics import APE_AVE, best_trials, clip_errors, transition_distance
from actiongpt_core.evaluation.nearest import nearest_text_motions
from actiongpt_core.evaluation.protocol import Protocol
from actiongpt_core.interfaces import DataSet
from actiongpt_core.pipeline import Pipeline

__all__ = ["Evaluation", "Progress", "Runs", "collect", "evaluate", "measure"]

#: Told how many motions there are, of how many.
Progress = Callable[[int, int], None]

TRANSITION = "transition_distance"
_BATCH = 64
#: A bootstrap of means over clips knows half the spread of a mean over pairs of clips, in which each clip stands twice.
#: Source: Hoeffding, "A class of statistics with asymptotically normal distribution", 1948.
_PAIRWISE = {"diversity": 2.0}


@attrs.frozen(eq=False, kw_only=True)
class Runs:
    """The motions of items: what is measured."""

    items: Sequence[Item]
    joints: Sequence[Sequence[Tensor]]  #: for each run, for each item, (T, 21, 3)
    starts: Sequence[int] = ()  #: for pairs: first frame of the second action, for each item
    counts: Mapping[str, int]
    has_floor: bool = True  #: whether the floor is at height 0


def evaluate(
    pipeline: Pipeline,
    data: DataSet,
    *,
    split: str,
    num_samples: int = 1,
    seed: int = 0,
    texts: Collection[str] | None = None,
    max_clips: int | None = None,
    progress: Progress | None = None,
    noise_scale: float | None = None,
    max_seconds: float = MAX_SECONDS,
    body: BodyWithHeels | None = None,
    baseline: bool = True,
) -> Evaluation:
    """Generate motions for the texts of the clips of a split, and measure them.

    Clips that the set doubts, and those under 0.5 s, are left out; longer ones are cut to `max_seconds`. Each motion is
    as long as its clip, or as near to it as the model can; the common frames are compared. Where the backbone makes
    sequences and the set has pairs, the transition distance is measured on one motion of each pair.

    Args:
        pipeline: Describes the texts and makes the motions.
        data: The set.
        split: Of it.
        num_samples: Motions of each clip. With more than one APE and AVE are means over so many runs, and there are
            the best of N and multimodality.
        seed: Of the run; each motion has its own, see `items.clip_seed`.
        texts: Only clips that have one of these as their first text; None for all.
        max_clips: At most so many clips (and pairs), spread over the split; None for all.
        progress: Called as motions are made.
        noise_scale: As of `Pipeline.generate`.
        max_seconds: Longest clip.
        body: Whose joints and heels; None for `StickBody`.
        baseline: Whether the nearest-text training clips are measured too, where the set has a split "train".

    Raises:
        ConfigError: There is no such split, nothing of it is left, the model's frame rate is another than the set's,
            or a number cannot work.
        ProviderError: The language model does not answer.
    """
    check_frame_rate(pipeline, data)
    if num_samples < 1:
        raise ConfigError(f"num_samples must be at least 1, got {num_samples}.")
    clips = clip_items(data, split, texts=texts, max_clips=max_clips, max_seconds=max_seconds)
    pairs = None
    if texts is None and makes_sequences(pipeline) and pairs_of(data, split):
        pairs = pair_items(data, split, max_pairs=max_clips, max_seconds=max_seconds)
    total = len(clips.items) * num_samples + (len(pairs.items) if pairs else 0)
    generator = ClipGenerator(pipeline, seed=seed, noise_scale=noise_scale)
    counted = _counting(progress, total)
    runs = collect(counted(generator.make(_wanted(clips, num_samples))), clips, num_samples, body)
    pair_runs = None if pairs is None else collect(counted(generator.make(_wanted(pairs, 1))), pairs, 1, body)
    return measure(
        runs,
        data,
        split,
        pairs=pair_runs,
        seeds={"seed": seed, "num_samples": num_samples},
        model=model_facts(pipeline, noise_scale),
        body=body,
        max_seconds=max_seconds,
        baseline=baseline,
    )


def collect(made: Iterable[Made], wanted: Selection, num_samples: int, body: BodyWithHeels | None = None) -> Runs:
    """The joints of motions, run by run; items without a motion are left out and counted.

    Raises:
        ConfigError: No item has all its motions.
    """
    counts = {**wanted.counts, "cannot_be_made": 0, "made_longer": 0, "made_shorter": 0}
    joints: dict[tuple[str, int], Tensor] = {}
    starts: dict[str, tuple[int, ...]] = {}
    reason = ""
    remaining = iter(made)
    while batch := list(itertools.islice(remaining, _BATCH)):  # joints take a third of a motion's memory
        motions = [(one, one.motion) for one in batch if one.motion is not None]
        reason = reason or next((one.reason for one in batch if one.motion is None), "")
        for (one, motion), clip in zip(
            motions, all_metric_joints([motion for _, motion in motions], body), strict=True
        ):
            joints[one.item.key, one.index] = clip
            starts[one.item.key] = motion.starts
    runs = range(num_samples)
    items = [item for item in wanted.items if all((item.key, run) in joints for run in runs)]
    if not items:
        raise ConfigError(f"None of the {len(wanted.items)} texts could be made: {reason}")
    changes = [len(joints[item.key, 0]) - item.num_frames for item in items]
    counts["cannot_be_made"] = len(wanted.items) - len(items)
    counts["made_longer"] = sum(change > 0 for change in changes)
    counts["made_shorter"] = sum(change < 0 for change in changes)
    return Runs(
        items=items,
        joints=[[joints[item.key, run] for item in items] for run in runs],
        starts=[starts[item.key][1] for item in items if len(starts[item.key]) == 2],
        counts=counts,
    )


def measure(
    runs: Runs,
    data: DataSet,
    split: str,
    *,
    pairs: Runs | None = None,
    seeds: Mapping[str, Any],
    model: Mapping[str, Any],
    body: BodyWithHeels | None = None,
    max_seconds: float = MAX_SECONDS,
    baseline: bool = True,
) -> Evaluation:
    """Measure motions against the real ones; arguments as of `evaluate`.

    Args:
        runs: The motions of clips; or of pairs, which are then compared as a whole.
        data: The set.
        split: Of it.
        pairs: Motions of pairs, for the transition distance.
        seeds: What the motions were drawn with.
        model: What they depend on.
        body: Whose joints and heels.
        max_seconds: Longest clip.
        baseline: As of `evaluate`.
    """
    transitions = pairs or (runs if runs.starts else None)
    real = all_metric_joints([item.reference(data) for item in runs.items], body)
    frames, values = _against(runs.joints, real)
    values |= _alone(runs.joints, data.fps, has_floor=runs.has_floor)
    actual = _alone([real], data.fps)
    per_pair = {} if transitions is None else {TRANSITION: _transitions(transitions, transitions.joints[0])}
    real_pairs = {}
    if transitions is not None:
        shown = [item.reference(data) for item in transitions.items]
        real_pairs = {TRANSITION: _transitions(transitions, all_metric_joints(shown, body), is_real=True)}
    nearest: dict[str, Interval] = {}
    if baseline and "train" in data.splits and not runs.starts:
        stored = nearest_text_motions(data, runs.items, max_seconds=max_seconds)
        nearest_frames, errors = _against([all_metric_joints(stored, body)], real)
        nearest = _numbers(errors, nearest_frames)
    protocol = Protocol(
        body=(body or StickBody()).body_id,
        fps=data.fps,
        cut=f"{MIN_SECONDS:g}-{max_seconds:g}",
        data=data.name,
        split=split,
        clips=f"{len(runs.items)}-{items_digest(runs.items)}",
        unit="pair" if runs.starts else "clip",
        samples=len(runs.joints),
    )
    return Evaluation(
        protocol=protocol.id,
        metrics=_numbers(values, frames) | intervals(per_pair),
        real=_numbers(actual, frames) | intervals(real_pairs),
        nearest_text=nearest,
        model=dict(model),
        seeds=dict(seeds),
        counts=_counts(runs, pairs),
        versions=versions(model.get("backbone")),
        keys=tuple(item.key for item in runs.items),
        texts=tuple(item.texts[0] for item in runs.items),
        pair_keys=() if transitions is None else tuple(item.key for item in transitions.items),
        per_clip=values | {"frames": frames},
        per_pair=per_pair,
    )


def _counts(runs: Runs, pairs: Runs | None) -> dict[str, int]:
    counts = {"evaluated": len(runs.items), **runs.counts}
    if pairs is None:
        return counts
    of_pairs = {"pairs_evaluated": len(pairs.items), "pairs": pairs.counts["pairs"]}
    return counts | of_pairs | {f"pairs_{name}": count for name, count in pairs.counts.items() if name != "pairs"}


def _wanted(selection: Selection, num_samples: int) -> list[tuple[Item, int]]:
    return [(item, index) for item in selection.items for index in range(num_samples)]


def _counting(progress: Progress | None, total: int) -> Callable[[Iterable[Made]], Iterable[Made]]:
    done = 0

    def counted(made: Iterable[Made]) -> Iterable[Made]:
        nonlocal done
        for one in made:
            done += 1
            if progress is not None:
                progress(done, total)
            yield one

    return counted


def _against(runs: Sequence[Sequence[Tensor]], real: Sequence[Tensor]) -> tuple[Array, dict[str, Array]]:
    """Frames, and APE and AVE of each clip: mean over the runs, and of the best of them."""
    errors = [clip_errors(run, real) for run in runs]
    values = {name: torch.stack([error.means[name] for error in errors]).mean(0) for name in APE_AVE}
    if len(runs) > 1:
        values |= {f"best_{name}": value for name, value in best_trials(errors).means.items()}
    return errors[0].frames.numpy(), {name: value.numpy() for name, value in values.items()}


def _alone(runs: Sequence[Sequence[Tensor]], fps: float, *, has_floor: bool = True) -> dict[str, Array]:
    """What needs no reference, of each clip, mean over the runs."""
    vectors = [quality.pose_vectors(run) for run in runs]
    values = {"foot_skate": [quality.foot_skates(run, fps) for run in runs]} if has_floor else {}
    values["jitter"] = [quality.jitters(run, fps) for run in runs]
    values["diversity"] = [quality.mean_distances(run) for run in vectors]
    if len(runs) > 1:
        values["multimodality"] = [quality.multimodalities(vectors)]
    return {name: torch.stack(found).nanmean(0).numpy() for name, found in values.items()}


def _transitions(runs: Runs, joints: Sequence[Tensor], *, is_real: bool = False) -> Array:
    """How far the joints jump where the second action begins, for each pair."""
    starts = [item.actions[0][1] for item in runs.items] if is_real else runs.starts
    return np.array([transition_distance(clip, start) for clip, start in zip(joints, starts, strict=True)])


def _numbers(values: Mapping[str, Array], frames: Array) -> dict[str, Interval]:
    """Over all clips: a position error weighs by its clip's frames, all else does not."""
    weights = {name: frames for name in values if "APE_" in name}
    found = intervals(values, weights)
    return {name: spread(it, _PAIRWISE[name]) if name in _PAIRWISE else it for name, it in found.items()}
