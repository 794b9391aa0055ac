"""A model over a split of the CMU set: APE and AVE beside those of the training clip with the nearest text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor

from actiongpt_core.data.cmu import CmuSet
from actiongpt_core.errors import ConfigError
from actiongpt_core.evaluation.metrics import ape_ave, average_means, metric_joints, protocol_id
from actiongpt_core.interfaces import TextEncoder
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.text.encoders import TransformersTextEncoder
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.text import Action

#: Real clips are cut to this for the comparison, so that its numbers do not depend on what a checkpoint can make.
MAX_SECONDS = 6.0


@attrs.frozen(kw_only=True)
class SplitReport:
    """APE in metres and AVE in square metres, by their published names."""

    protocol: str  #: names metrics and body
    split: str
    num_clips: int
    model: dict[str, float]  #: one motion a clip, the first seed
    model_average: dict[str, float]  #: mean over runs with all seeds
    num_seeds: int
    nearest_text: dict[str, float]  #: the training clip whose text is nearest, instead of a model

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return attrs.asdict(self)


def evaluate_split(
    pipeline: Pipeline, cmu: CmuSet, split: str = "test", seeds: Sequence[int] = (0, 1, 2)
) -> SplitReport:
    """Generate a motion for the text of every clip, described by the pipeline's own provider.

    Raises:
        ConfigError: There is no such split, or no seed, or the model's frame rate is another than the set's.
    """
    if not seeds:
        raise ConfigError("A report needs at least one seed.")
    if pipeline.model.fps != cmu.fps:
        raise ConfigError(
            f"The metrics compare frame by frame: the model makes {pipeline.model.fps:g} frames a second, the CMU set "
            f"has {cmu.fps:g}."
        )
    clips = split_clips(cmu, split)
    references = [metric_joints(motion) for _, motion in clips]
    runs = [[metric_joints(motion) for motion in generate_split(pipeline, clips, seed)] for seed in seeds]
    return SplitReport(
        protocol=protocol_id(),
        split=split,
        num_clips=len(clips),
        model=ape_ave(runs[0], references).means,
        model_average=average_means(runs, references),
        num_seeds=len(seeds),
        nearest_text=nearest_text_metrics(cmu, split),
    )


def split_clips(cmu: CmuSet, split: str) -> list[tuple[str, Motion]]:
    """Text and motion of every sound clip of a split, at most 6 s from its start."""
    sound = (item.clip for item in cmu.clips(split) if not item.suspect)
    return [(clip.texts[0], clip.motion[: round(MAX_SECONDS * clip.fps)]) for clip in sound]


def nearest_text_metrics(cmu: CmuSet, split: str = "test", encoder: TextEncoder | None = None) -> dict[str, float]:
    """APE and AVE where the training clip with the nearest text, by the embedded encoder, answers each clip's text.

    A yardstick: nothing that this library generates is a stored clip. Of several clips with that text one is drawn,
    from those that are long enough where there are any.
    """
    wanted, stored = split_clips(cmu, split), split_clips(cmu, "train")
    encoder = TransformersTextEncoder() if encoder is None else encoder
    texts = sorted({text for text, _ in stored})
    cosines = _embed(encoder, [text for text, _ in wanted]) @ _embed(encoder, texts).T
    rng = np.random.default_rng(0)
    chosen = []
    for (_, motion), row in zip(wanted, cosines, strict=True):
        nearest = texts[int(row.argmax())]
        candidates = [clip for text, clip in stored if text == nearest]
        long_enough = [clip for clip in candidates if len(clip) >= len(motion)] or candidates
        chosen.append(long_enough[int(rng.integers(len(long_enough)))])
    joints = [metric_joints(motion) for motion in chosen]
    return ape_ave(joints, [metric_joints(motion) for _, motion in wanted]).means


def generate_split(pipeline: Pipeline, clips: Sequence[tuple[str, Motion]], seed: int) -> list[Motion]:
    """One motion a clip, as long as the clip where the model can make that length; metrics cut to the common length.

    Args:
        pipeline: Its own provider describes the texts.
        clips: Text and motion of each, as `split_clips` gives them.
        seed: Of every motion.
    """
    shortest = getattr(pipeline.model, "min_frames", 1)
    longest = getattr(pipeline.model, "max_frames", round(MAX_SECONDS * pipeline.model.fps))
    prompts = []
    for text, motion in clips:
        frames = min(max(round(motion.seconds * pipeline.model.fps), shortest), longest)
        prompts.append(pipeline.describe(Action(text, frames / pipeline.model.fps)))
    return pipeline.generate_batch(prompts, seed=seed)


def _embed(encoder: TextEncoder, texts: Sequence[str]) -> Tensor:
    pooled = encoder.encode(texts).pooled
    if pooled is None:
        raise ConfigError(f"The text encoder {encoder.name} gives no pooled vectors; nearness of texts needs them.")
    return torch.nn.functional.normalize(pooled.float().cpu(), dim=-1)
