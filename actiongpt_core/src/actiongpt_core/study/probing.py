"""The second yardstick: texts whose motion shows whether it does what they say."""

from __future__ import annotations

from collections.abc import Sequence

from actiongpt_core.evaluation.probes import BY_NAME, PROBES, Probe
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.types.text import Action

_SECONDS = 4.0  # for which the criteria are meant

#: The texts and the probe that each is to pass: of the required probes the phrase, its two wordings, and the last two
#: of its phrasings, so that most stand in no training text.
TEXTS: dict[str, Probe] = {
    text: probe for probe in PROBES if probe.required for text in (probe.phrase, *probe.wordings, *probe.phrasings[-2:])
}


def probes_passed(pipeline: Pipeline, seeds: Sequence[int]) -> dict[str, int]:
    """How many seeds of every text pass.

    Args:
        pipeline: Its own provider describes the texts.
        seeds: One motion each.
    """
    longest = getattr(pipeline.model, "max_frames", None)
    seconds = _SECONDS if longest is None else min(_SECONDS, longest / pipeline.model.fps)
    prompts = [pipeline.describe(Action(text, seconds)) for text in TEXTS]
    passed = dict.fromkeys(TEXTS, 0)
    for seed in seeds:
        motions = dict(zip(TEXTS, pipeline.generate_batch(prompts, seed=seed), strict=True))
        for text, probe in TEXTS.items():
            reference = motions[BY_NAME[probe.faster_than].phrase] if probe.faster_than else None
            passed[text] += probe.follows(motions[text], reference)
    return passed
