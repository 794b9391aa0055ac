"""The answer in words, made of the numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from actiongpt_core.study.grid import PROBES
from actiongpt_core.study.summary import ALPHA, VERDICTS, Comparison, Summary, is_too_few

#: What a measure is about; and its unit.
MEANING: dict[str, tuple[str, str]] = {
    "APE_root": ("where the body is", "m"),
    "APE_traj": ("where on the ground it goes", "m"),
    "APE_mean_pose": ("what the body does", "m"),
    "APE_mean_joints": ("body and place together", "m"),
    "AVE_root": ("how much the place varies", "m²"),
    "AVE_traj": ("how much the path varies", "m²"),
    "AVE_mean_pose": ("how much the body moves", "m²"),
    "AVE_mean_joints": ("how much all joints move", "m²"),
    PROBES: ("does what the text says", "of 1"),
}


def sentences(summary: Summary) -> list[str]:
    """The first lines of the page: the answer, then who helps and who harms."""
    found = summary.answering
    if not found:
        return ["No answer yet: nothing could be compared. What could not run is listed below."]
    lines = [_verdict(found), _intervals(found)]
    tellers = dict.fromkeys(item.cell.teller for item in found)
    for teller in tellers if len(tellers) > 1 else ():
        lines.append(_of_teller(teller, [item for item in found if item.cell.teller == teller]))
    own, others = ([it for it in some if it.answers] for some in (summary.of_own(), summary.of_others()))
    if others and own:
        lines.append(f"Same weights: {counted(own)}. Against other weights, told the phrase alone: {counted(others)}.")
    if any(is_too_few(item.gain) for item in found):
        least = min(item.gain.num_texts for item in found)
        lines.append(f"With {least} texts hardly any difference can be shown: take a larger split.")
    return lines


def _verdict(found: Sequence[Comparison]) -> str:
    helps, hurts, none = (sum(item.verdict == verdict for item in found) for verdict in VERDICTS)
    if not helps and not hurts:
        return f"No difference shown: in none of {len(found)} comparisons do descriptions clearly help or hurt."
    if helps and hurts:
        start = "It depends: descriptions help in some comparisons and hurt in others"
    else:
        start = (
            "Where a difference shows, descriptions help" if helps else "Where a difference shows, descriptions hurt"
        )
    return f"{start} (of {len(found)}: {helps} help, {hurts} hurt, {none} no difference shown)."


def _intervals(found: Sequence[Comparison]) -> str:
    """What the intervals say one by one, before it is counted how many there are."""
    return (
        f"Taken one by one, {_one_by_one(found)}; about {len(found) * ALPHA:.0f} of {len(found)} would leave out 0 by "
        "chance alone."
    )


def _one_by_one(found: Sequence[Comparison]) -> str:
    better, worse = (sum(item.excludes_zero and (item.gain.value > 0) == up for item in found) for up in (True, False))
    return (
        f"the 95 % interval includes 0 in {len(found) - better - worse} of {len(found)}, lies above it (better with "
        f"descriptions) in {better}, below it (worse) in {worse}"
    )


def _of_teller(teller: str, found: Sequence[Comparison]) -> str:
    parts = []
    for verdict, verb in (("help", "help"), ("hurt", "hurt")):
        where = [item for item in found if item.verdict == verdict]
        if where:
            parts.append(f"{verb} in {len(where)} of {len(found)} ({listed(where)})")
    verdict = " and ".join(parts) if parts else f"no difference shown in any of {len(found)}"
    return f"{teller}: {verdict}; one by one, {_one_by_one(found)}."


def listed(found: Iterable[Comparison]) -> str:
    """Model by model the measures: "teach: APE_root, probes; temos: probes"."""
    by_model: dict[str, list[str]] = {}
    for item in found:
        names = by_model.setdefault(item.cell.model.name, [])
        against = "" if item.base.model == item.cell.model else f" against {item.base.model.name}"
        names.append(f"{item.measure}{against}")
    return "; ".join(f"{model}: {', '.join(names)}" for model, names in by_model.items())


def counted(found: Sequence[Comparison]) -> str:
    """How often each verdict stands there: "2 help, 1 hurt, 9 no difference shown"."""
    counts = [(sum(item.verdict == verdict for item in found), verdict) for verdict in VERDICTS]
    return ", ".join(f"{count} {verdict}" for count, verdict in counts)
