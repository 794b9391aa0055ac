"""How long actions take: in the clips of the CMU set, and by design. Makes the table that `text.durations` reads."""

from __future__ import annotations

import json
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch

from actiongpt_core.data.procedural import ACTIONS, sample
from actiongpt_core.geometry.rotations import axis_angle_to_matrix, geodesic_angle
from actiongpt_core.interfaces import DataSet, TextEncoder
from actiongpt_core.text.durations import SHIPPED, DurationTable, Length, to_left
from actiongpt_core.text.folding import fold
from actiongpt_core.text.vectors import embedding_key, unit_vectors

#: Scopes whose clips are as long as what their text says. The set's "window" clips are equal parts of a longer one.
SCOPES = ("clip", "segment")

#: A text needs so many clips to say how much lengths of one text differ.
_ENOUGH = 3
#: Parametric performances as the shipped checkpoints are trained on: the frames of 6 s, little variation.
_SECONDS, _SPREAD, _PERFORMANCES = 6.0, 0.25, 8
#: Above these a body does more than sway: rad/s of any joint, m/s of the pelvis.
_TURNING, _MOVING = 0.5, 0.12
#: What `procedural.sample` draws where nobody says a length, and its middle.
_SHORTEST, _MIDDLE, _LONGEST = 2.5, 4.0, 5.5
#: A pose is held for at least so long (`hold` of the parametric actions).
_HELD = 1.0
#: An action that moves for longer than this has no end of its own.
_ENDS = 4.5

_ABOUT = {
    "what": "Seconds that actions take, by their text: the table of actiongpt_core.text.durations.",
    "clips": "Lengths with 'clips' 0 are by design, of the parametric actions of this library. All others are medians "
    "over clips of the CMU set's training split whose text describes the whole clip (scopes 'clip' and 'segment'). "
    "'typical' is the median of these over texts; 'short' and 'long' are the 10th and 90th percentile of a "
    "clip's length relative to the median of its text.",
    "terms": "The data used in this project was obtained from mocap.cs.cmu.edu. The database was created with funding "
    "from NSF EIA-0196217. CMU's terms are in the file NOTICE. This table holds figures about the recordings, and none "
    "of them.",
    "made by": "python benchmarks/durations.py --write",
}


@attrs.frozen
class RealLength:
    """One clip's text and length."""

    text: str  #: of the left version where it names a side
    seconds: float
    subject: str  #: "x" where the set does not know it


def real_lengths(data: DataSet, *splits: str) -> list[RealLength]:
    """Lengths of the clips of a set whose text describes them from start to end.

    Raises:
        ConfigError: There is no such split.
    """
    return [
        RealLength(to_left(item.texts[0]), item.num_frames / data.fps, _subject(item.recording))
        for split in splits
        for item in data.segments(split)
        if item.scope in SCOPES and not item.suspect
    ]


def _subject(recording: str) -> str:
    """Of a recording that is called like CMU's: "cmu_02_01"."""
    parts = recording.split("_")
    return parts[1] if len(parts) > 2 else "x"


def parametric_lengths() -> list[Length]:
    """Lengths of the parametric actions, left versions: until the movement is over and its end was held.

    By themselves they fill any length. One without an end of its own (wave, march, balance) has the middle of the
    lengths that `sample` draws.
    """
    lengths = []
    for name, action in ACTIONS.items():
        if name != to_left(name):
            continue  # the mirror image of another
        over = statistics.median(
            _seconds_until_over(name, np.random.default_rng(seed)) for seed in range(_PERFORMANCES)
        )
        has_end = 0.0 < over <= _ENDS
        seconds = min(max(over + _HELD, _SHORTEST), _LONGEST) if has_end else _MIDDLE
        wordings = tuple(wording for wording in action.wordings if wording != name)
        lengths.append(Length(text=name, seconds=round(seconds, 1), clips=0, wordings=wordings))
    return lengths


def _seconds_until_over(name: str, rng: np.random.Generator) -> float:
    """When the last movement of a performance ends; 0 if there is none."""
    made = sample(name, rng, seconds=_SECONDS, spread=_SPREAD)
    rotations = axis_angle_to_matrix(torch.from_numpy(made.poses).double())
    turning = geodesic_angle(rotations[:-1], rotations[1:]).amax(dim=1) * made.fps
    moving = torch.from_numpy(made.trans).double().diff(dim=0).norm(dim=1) * made.fps
    frames = ((turning > _TURNING) | (moving > _MOVING)).nonzero()
    return (int(frames[-1]) + 1) / made.fps if len(frames) else 0.0


def duration_table(real: Sequence[RealLength], parametric: Iterable[Length]) -> DurationTable:
    """The table of some clips, without vectors; texts that fold alike are one, and a real length is preferred."""
    groups: dict[str, list[RealLength]] = defaultdict(list)
    for clip in real:
        groups[fold(clip.text)].append(clip)
    medians = {form: statistics.median(clip.seconds for clip in clips) for form, clips in groups.items()}
    rows = {
        form: Length(
            text=min((clip.text for clip in clips), key=len), seconds=round(medians[form], 2), clips=len(clips)
        )
        for form, clips in groups.items()
    }
    for length in parametric:
        wordings = tuple(wording for wording in length.wordings if fold(wording) not in groups)
        rows[fold(length.text)] = attrs.evolve(rows.get(fold(length.text), length), wordings=wordings)
    short, long = _spread(groups, medians)
    typical = round(statistics.median(medians.values()), 2)
    return DurationTable(lengths=tuple(rows.values()), typical=typical, short=short, long=long)


def _spread(groups: Mapping[str, Sequence[RealLength]], medians: Mapping[str, float]) -> tuple[float, float]:
    """10th and 90th percentile of a clip's length relative to the median of its text; 1 where no text has enough."""
    ratios = [
        math.log(clip.seconds / medians[form])
        for form, clips in groups.items()
        if len(clips) >= _ENOUGH
        for clip in clips
    ]
    low, high = np.exp(np.quantile(ratios or [0.0], (0.1, 0.9))).tolist()
    return round(low, 2), round(high, 2)


def with_vectors(table: DurationTable, encoder: TextEncoder) -> DurationTable:
    """The table with the vectors of its texts, at the precision that is stored."""
    vectors = unit_vectors(encoder, table.texts).astype(np.float16)
    return attrs.evolve(table, vectors=vectors.astype(np.float32), key=embedding_key(table.texts, encoder.name))


def write_duration_table(table: DurationTable, path: Path = SHIPPED) -> tuple[Path, Path]:
    """Write a table with vectors: JSON, and the vectors beside it; returns both files."""
    factors = {name: getattr(table, name) for name in ("typical", "short", "long")}
    rows = [_row(length) for length in table.lengths]
    head = json.dumps({"about": _ABOUT, **factors}, indent=1)
    # One line a text, so that a change can be read.
    body = ",\n".join("  " + json.dumps(row) for row in rows)
    path.write_text(head.removesuffix("\n}") + ',\n "lengths": [\n' + body + "\n ]\n}\n", encoding="utf-8")
    vectors = path.with_suffix(".npz")
    np.savez(vectors, embeddings=np.asarray(table.vectors, dtype=np.float16), key=np.array(table.key))
    return path, vectors


def _row(length: Length) -> dict[str, Any]:
    row = attrs.asdict(length)
    return row if length.wordings else {key: value for key, value in row.items() if key != "wordings"}
