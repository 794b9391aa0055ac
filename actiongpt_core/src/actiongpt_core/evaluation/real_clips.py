"""The probes' measures on real and on parametric clips, beside which a model's stand.

`real_clips.json` holds them as they were measured when it was written; with the prepared CMU set at hand they are
measured anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch

from actiongpt_core.data import gait
from actiongpt_core.data.clip import LabelledClip, face_canonically, labelled_clip, mirror_motion
from actiongpt_core.data.cmu import ENVIRONMENT, CmuSet
from actiongpt_core.data.procedural import ACTIONS, sample
from actiongpt_core.evaluation import measures
from actiongpt_core.evaluation.items import MAX_SECONDS, clip_items
from actiongpt_core.evaluation.joints import all_metric_joints, protocol_id
from actiongpt_core.evaluation.metrics import ape_ave
from actiongpt_core.evaluation.nearest import nearest_text_motions
from actiongpt_core.evaluation.probe_table import Cell, judge, mean
from actiongpt_core.evaluation.probes import PROBES, Probe
from actiongpt_core.geometry.rotations import axis_angle_to_matrix
from actiongpt_core.types.motion import Motion

STORED = Path(__file__).with_name("real_clips.json")
_SECONDS = 4.0
_VARIANTS = 16

#: Texts of the CMU set whose clips show what a probe asks for; "walk backward" takes walks reversed in time.
_TEXTS: dict[str, tuple[str, ...]] = {
    "walk": ("walk",),
    "run": ("run", "running", "run/jog"),
    "squat": ("squat",),
    "turn left": ("run, 90-degree left turn", "Run Turn Left"),
    "turn right": ("run, 90-degree right turn", "Run Turn Right"),
    "jump": ("jump", "jumping", "forward jump"),
    "punch right": ("punch/strike",),
    "kick right": ("soccer - kick ball", "Front Kick"),
    "walk backward": ("walk",),
}
#: Their texts name no side: either one counts.
_EITHER_SIDE = ("punch right", "kick right")


@attrs.frozen(kw_only=True)
class RealRow:
    """One probe on clips that no model made; the last three numbers are of real clips, else of parametric ones."""

    texts: tuple[str, ...]  #: whose real clips were taken
    real: Cell | None
    parametric: Cell | None
    foot_skate: float | None  #: m/s
    jitter: float | None  #: m/s^2
    variety: float | None  #: metres


@attrs.frozen(kw_only=True)
class RealClips:
    """All probes on clips that no model made, and the metrics of nearest-text training clips on the test split."""

    rows: dict[str, RealRow]
    protocol: str
    nearest_text: dict[str, float]  #: APE in metres, AVE in square metres

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return attrs.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RealClips:
        """From JSON."""
        rows = {}
        for name, row in values["rows"].items():
            cells = {kind: Cell(**row[kind]) if row[kind] else None for kind in ("real", "parametric")}
            rows[name] = RealRow(**(row | cells | {"texts": tuple(row["texts"])}))
        return cls(**(values | {"rows": rows}))


def real_clips(folder: str | Path | None = None) -> RealClips:
    """Measured anew where the prepared CMU set is known (`folder`, else ACTIONGPT_CMU); as stored otherwise."""
    if folder is None and not os.environ.get(ENVIRONMENT):
        return RealClips.from_dict(json.loads(STORED.read_text(encoding="utf-8")))
    return measure_real_clips(CmuSet(folder))


def measure_real_clips(cmu: CmuSet) -> RealClips:
    """The first 4 s of the real clips of all splits, and 16 variants of each parametric action."""
    segments = (item for split in cmu.splits for item in cmu.segments(split) if not item.suspect)
    clips = [labelled_clip(cmu, item) for item in segments]
    walks = sorted(_real(PROBES[0], clips), key=PROBES[0].measure)
    rows = {probe.name: _row(probe, clips, walks[len(walks) // 2]) for probe in PROBES}
    return RealClips(rows=rows, protocol=protocol_id(), nearest_text=_nearest_text(cmu))


def _nearest_text(cmu: CmuSet) -> dict[str, float]:
    items = clip_items(cmu, "test").items
    answers = nearest_text_motions(cmu, items, max_seconds=MAX_SECONDS)
    return ape_ave(all_metric_joints(answers), all_metric_joints([item.reference(cmu) for item in items])).means


def _row(probe: Probe, clips: Sequence[LabelledClip], median_walk: Motion) -> RealRow:
    real, parametric = _real(probe, clips), _parametric(probe)
    shown = real or parametric
    reference = median_walk if probe.faster_than else None
    return RealRow(
        texts=_TEXTS.get(probe.name, ()),
        real=judge(probe, real, [reference] * len(real)) if real else None,
        parametric=judge(probe, parametric) if parametric else None,
        foot_skate=mean([measures.foot_skate(motion) for motion in shown]),
        jitter=mean([measures.jitter(motion) for motion in shown]),
        variety=mean([measures.variety([motion for motion in shown if motion.seconds >= 1])]),
    )


def _real(probe: Probe, clips: Sequence[LabelledClip]) -> list[Motion]:
    texts = _TEXTS.get(probe.name, ())
    motions = []
    for clip in (clip for clip in clips if clip.texts[0] in texts):
        shown = gait.reverse_time(clip, clip.texts) if probe.name == "walk backward" else clip
        motions.append(_canonical(shown[: round(_SECONDS * clip.fps)]))
    return [_better_side(probe, motion) for motion in motions] if probe.name in _EITHER_SIDE else motions


def _canonical(clip: LabelledClip) -> Motion:
    rotations, translation = face_canonically(clip.rotations, clip.translation)
    return Motion(rotations=rotations, translation=translation, fps=clip.fps)


def _better_side(probe: Probe, motion: Motion) -> Motion:
    rotations, translation = mirror_motion(motion.rotations, motion.translation)
    twin = attrs.evolve(motion, rotations=rotations, translation=translation)
    return max(motion, twin, key=lambda side: (probe.passes(side), probe.measure(side)))


def _parametric(probe: Probe) -> list[Motion]:
    if probe.phrase not in ACTIONS:
        return []
    rng = np.random.default_rng(0)
    made = [sample(probe.phrase, rng, seconds=_SECONDS) for _ in range(_VARIANTS)]
    return [
        Motion(
            rotations=axis_angle_to_matrix(torch.from_numpy(clip.poses)),
            translation=torch.from_numpy(clip.trans),
            fps=clip.fps,
        )
        for clip in made
    ]
