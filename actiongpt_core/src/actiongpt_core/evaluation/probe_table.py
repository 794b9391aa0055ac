"""Running the probes: which texts make a model do what they say, seed by seed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import attrs

from actiongpt_core.evaluation import measures
from actiongpt_core.evaluation.probes import BY_NAME, GOAL, PROBES, Probe
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.text.providers.passthrough import PassthroughProvider
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.text import Action, Descriptions

#: The five tellings of a probe. In "other's descriptions" the phrase stays, but it is described as another probe's is,
#: and that one's criterion counts.
COLUMNS = ("descriptions", "phrase", "wording 1", "wording 2", "other's descriptions")


@attrs.frozen
class Cell:
    """One text, all seeds."""

    passed: int
    of: int
    measure: float | None  #: mean of the probe's measure over the seeds

    @property
    def share(self) -> float:
        """Share of the seeds that passed."""
        return self.passed / self.of if self.of else 0.0


@attrs.frozen(kw_only=True)
class Row:
    """One probe, all tellings; the last three numbers are those of the descriptions."""

    name: str
    phrase: str
    wordings: tuple[str, ...]
    other: str
    unit: str
    required: bool
    cells: dict[str, Cell]
    foot_skate: float | None  #: m/s
    jitter: float | None  #: m/s^2
    variety: float | None  #: metres, noise scale 1

    @property
    def reached(self) -> bool:
        """Whether the descriptions are followed often enough."""
        return self.cells["descriptions"].share >= GOAL


@attrs.frozen(kw_only=True)
class ProbeTable:
    """All probes of one model."""

    seeds: tuple[int, ...]
    seconds: float
    noise_scale: float | None  #: None for the checkpoint's own
    rows: tuple[Row, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return attrs.asdict(self)


def run_probes(
    pipeline: Pipeline,
    seeds: Iterable[int] = range(8),
    seconds: float = 4.0,
    *,
    probes: Sequence[Probe] = PROBES,
    columns: Sequence[str] = COLUMNS,
    noise_scale: float | None = None,
) -> ProbeTable:
    """Generate every probe in every telling and judge what comes out.

    Args:
        pipeline: Its own provider writes the descriptions; the other tellings are encoded as they are.
        seeds: One motion each.
        seconds: Length of the motions; the criteria are meant for about 4.
        probes: Those to run. A probe that compares needs the one that it compares with among them.
        columns: Some of `COLUMNS`.
        noise_scale: Factor on the noise; None for the checkpoint's own. Variety is always measured at 1.
    """
    seeds = tuple(seeds)
    tellings = {probe.name: _tellings(pipeline, probe, seconds) for probe in probes}
    made = {
        column: _generate(pipeline, [tellings[probe.name][column] for probe in probes], seeds, noise_scale)
        for column in columns
    }
    varied = _generate(pipeline, [tellings[probe.name]["descriptions"] for probe in probes], seeds, 1.0)
    rows = []
    for index, probe in enumerate(probes):
        cells = {column: _cell(probe, column, index, made[column], probes) for column in columns}
        shown = made["descriptions"][index] if "descriptions" in made else varied[index]
        rows.append(_row(probe, cells, shown, varied[index]))
    return ProbeTable(seeds=seeds, seconds=seconds, noise_scale=noise_scale, rows=tuple(rows))


def judge(probe: Probe, motions: Sequence[Motion], references: Sequence[Motion | None] | None = None) -> Cell:
    """How many motions follow the probe, and the mean of its measure.

    Args:
        probe: The criterion.
        motions: One a seed.
        references: As many, those that a comparing probe compares with; None for no comparison.
    """
    references = [None] * len(motions) if references is None else references
    passed = sum(probe.follows(*pair) for pair in zip(motions, references, strict=True))
    return Cell(passed, len(motions), mean([probe.measure(motion) for motion in motions]))


def mean(values: Sequence[float]) -> float | None:
    """Mean of the values that are numbers, rounded to 4 digits for JSON; None if there are none."""
    numbers = [value for value in values if not math.isnan(value)]
    return round(sum(numbers) / len(numbers), 4) if numbers else None


def _tellings(pipeline: Pipeline, probe: Probe, seconds: float) -> dict[str, Descriptions]:
    action = Action(probe.phrase, seconds)
    as_is = PassthroughProvider()
    described, substituted = (pipeline.describe(Action(it.phrase, seconds))[0] for it in (probe, BY_NAME[probe.other]))
    wordings = [as_is.complete(Action(words, seconds), pipeline.k) for words in probe.wordings]
    exchanged = attrs.evolve(substituted, action=action)
    return dict(zip(COLUMNS, (described, as_is.complete(action, pipeline.k), *wordings, exchanged), strict=True))


def _generate(
    pipeline: Pipeline, texts: Sequence[Descriptions], seeds: Sequence[int], noise_scale: float | None
) -> list[list[Motion]]:
    """For each text one motion a seed, all in one batch."""
    prompts = [text for text in texts for _ in seeds]
    motions = pipeline.generate_batch(prompts, seed=[*seeds] * len(texts), noise_scale=noise_scale)
    return [motions[start : start + len(seeds)] for start in range(0, len(motions), len(seeds))]


def _cell(probe: Probe, column: str, index: int, made: Sequence[list[Motion]], probes: Sequence[Probe]) -> Cell:
    if column == COLUMNS[-1]:
        return judge(BY_NAME[probe.other], made[index])
    names = [item.name for item in probes]
    return judge(probe, made[index], made[names.index(probe.faster_than)] if probe.faster_than in names else None)


def _row(probe: Probe, cells: dict[str, Cell], shown: Sequence[Motion], varied: Sequence[Motion]) -> Row:
    return Row(
        name=probe.name,
        phrase=probe.phrase,
        wordings=probe.wordings,
        other=probe.other,
        unit=probe.unit,
        required=probe.required,
        cells=cells,
        foot_skate=mean([measures.foot_skate(motion) for motion in shown]),
        jitter=mean([measures.jitter(motion) for motion in shown]),
        variety=mean([measures.variety(varied)]),
    )
