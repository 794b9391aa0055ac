"""Running the probes: which texts make a model do what they say, run by run.

A run is a seed. A backbone that declares itself "deterministic" makes the same motion with every seed, so there a run
is one of the probe's eight phrasings, described as a user would have it: by the pipeline's own provider, which may know
the phrasing, take a neighbour's descriptions, or leave it to describe itself.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from typing import Any

import attrs

from actiongpt_core.data import mixture
from actiongpt_core.evaluation import measures
from actiongpt_core.evaluation.probes import BY_NAME, GOAL, PROBES, Probe
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.text.folding import fold
from actiongpt_core.text.providers.passthrough import PassthroughProvider
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.text import Action, Descriptions

#: The five tellings of a probe. In "other's descriptions" the phrase stays, but it is described as another probe's is,
#: and that one's criterion counts.
COLUMNS = ("descriptions", "phrase", "wording 1", "wording 2", "other's descriptions")


@attrs.frozen
class Cell:
    """One telling, all runs."""

    passed: int
    of: int
    measure: float | None  #: mean of the probe's measure over the runs

    @property
    def share(self) -> float:
        """Share of the runs that passed."""
        return self.passed / self.of if self.of else 0.0


@attrs.frozen(kw_only=True)
class Phrasing:
    """What a user might type, and what became of it."""

    text: str
    source: str  #: of its descriptions: "pack", "nearest:<phrase>", "phrase" (itself), or the provider's own word
    #: whether the phrase, but for inflection and articles, may have been told in training: it is a wording of the
    #: mixture that the shipped checkpoints learn from, or stands in the pack
    is_known: bool


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
    phrasings: tuple[Phrasing, ...] = ()  #: the runs of a deterministic backbone
    num_texts: int | None = None  #: how many of the phrasings are told differently
    foot_skate: float | None  #: m/s
    jitter: float | None  #: m/s^2
    variety: float | None  #: metres, noise scale 1; None for a deterministic backbone

    @property
    def reached(self) -> bool:
        """Whether the descriptions are followed often enough."""
        return self.cells["descriptions"].share >= GOAL


@attrs.frozen(kw_only=True)
class ProbeTable:
    """All probes of one model."""

    seeds: tuple[int, ...]  #: the runs; one seed where phrasings are the runs
    is_deterministic: bool = False
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
        seeds: One motion each; for a deterministic backbone only the first is used, with one motion a phrasing.
        seconds: Length of the motions; the criteria are meant for about 4.
        probes: Those to run. A probe that compares needs the one that it compares with among them.
        columns: Some of `COLUMNS`.
        noise_scale: Factor on the noise; None for the checkpoint's own. Variety is always measured at 1.
    """
    is_deterministic = "deterministic" in (pipeline.capabilities or ())
    seeds = tuple(seeds)[: 1 if is_deterministic else None]
    tellings = [_tellings(pipeline, probe, seconds, is_deterministic) for probe in probes]
    made = {
        column: _generate(pipeline, [told[column] for told in tellings], seeds, noise_scale)
        for column in dict.fromkeys((*columns, COLUMNS[0]))
    }
    described = [told[COLUMNS[0]] for told in tellings]
    varied = [] if is_deterministic else _generate(pipeline, described, seeds, 1.0)
    rows = []
    for index, probe in enumerate(probes):
        cells = {column: _cell(probe, column, index, made[column], probes) for column in columns}
        row = _row(probe, cells, made[COLUMNS[0]][index], varied[index] if varied else [])
        rows.append(_with_phrasings(row, described[index]) if is_deterministic else row)
    return ProbeTable(
        seeds=seeds, is_deterministic=is_deterministic, seconds=seconds, noise_scale=noise_scale, rows=tuple(rows)
    )


def judge(probe: Probe, motions: Sequence[Motion], references: Sequence[Motion | None] | None = None) -> Cell:
    """How many motions follow the probe, and the mean of its measure.

    Args:
        probe: The criterion.
        motions: One a run.
        references: As many, those that a comparing probe compares with; None for no comparison.
    """
    references = [None] * len(motions) if references is None else references
    passed = sum(probe.follows(*pair) for pair in zip(motions, references, strict=True))
    return Cell(passed, len(motions), mean([probe.measure(motion) for motion in motions]))


def mean(values: Sequence[float]) -> float | None:
    """Mean of the values that are numbers, rounded to 4 digits for JSON; None if there are none."""
    numbers = [value for value in values if not math.isnan(value)]
    return round(sum(numbers) / len(numbers), 4) if numbers else None


def _tellings(pipeline: Pipeline, probe: Probe, seconds: float, by_phrasing: bool) -> dict[str, list[Descriptions]]:
    """For each column what is told: one text, or one for each phrasing."""
    as_is = PassthroughProvider()

    def described(it: Probe) -> list[Descriptions]:
        return pipeline.describe([Action(text, seconds) for text in (it.phrasings if by_phrasing else [it.phrase])])

    def unchanged(*texts: str) -> list[Descriptions]:
        return [as_is.complete(Action(text, seconds), pipeline.k) for text in texts]

    own = described(probe)
    exchanged = [
        attrs.evolve(it, action=mine.action) for it, mine in zip(described(BY_NAME[probe.other]), own, strict=True)
    ]
    phrases = unchanged(*(item.phrase for item in own))
    return dict(zip(COLUMNS, (own, phrases, *([it] for it in unchanged(*probe.wordings)), exchanged), strict=True))


def _generate(
    pipeline: Pipeline, tellings: Sequence[Sequence[Descriptions]], seeds: Sequence[int], noise_scale: float | None
) -> list[list[Motion]]:
    """For each probe one motion a text and seed, all in one batch."""
    prompts = [(text, seed) for texts in tellings for text in texts for seed in seeds]
    motions = iter(
        pipeline.generate_batch(
            [text for text, _ in prompts], seed=[seed for _, seed in prompts], noise_scale=noise_scale
        )
    )
    return [[next(motions) for _ in range(len(texts) * len(seeds))] for texts in tellings]


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


def _with_phrasings(row: Row, described: Sequence[Descriptions]) -> Row:
    phrasings = tuple(Phrasing(text=it.phrase, source=it.source, is_known=_is_known(it)) for it in described)
    return attrs.evolve(row, phrasings=phrasings, num_texts=len({it.texts for it in described}))


def _is_known(described: Descriptions) -> bool:
    return described.source == "pack" or fold(described.phrase) in _folded_wordings()


@functools.cache
def _folded_wordings() -> frozenset[str]:
    return frozenset(map(fold, mixture.wordings()))
