"""How motions look without a reference: foot skate, jitter; how far they lie apart: diversity, multimodality.

All take the 21 joints of the metrics, (T, 21, 3), MMM order, Y up, metres, and many clips at once. Diversity and
multimodality are those of Guo et al., "Action2Motion", ACM MM 2020, on features of our own: there is no learned
evaluator here, so the numbers are metres and cannot be compared with published ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from actiongpt_core.evaluation.joints import check_joints, in_batches
from actiongpt_core.evaluation.measures import FLOOR_CONTACT
from actiongpt_core.evaluation.metrics import compared_parts
from actiongpt_core.features.rifke import MMM_JOINTS

#: Moments of a clip, equally far apart, at which its poses are compared with those of another.
MOMENTS = 16
_TOES = [MMM_JOINTS.index("LF"), MMM_JOINTS.index("RF")]
_UP, _GROUND = 1, [0, 2]


def foot_skates(clips: Sequence[Tensor], fps: float) -> Tensor:
    """Mean ground speed of the lower toe joint while it is below 5 cm, (N,), m/s; NaN where it never is.

    As `measures.foot_skate`; the floor is at 0.
    """

    def skate(joints: Tensor, lengths: Tensor) -> Tensor:
        toes = joints[:, :, _TOES]
        heights, lower = toes[:, :-1, :, _UP].min(dim=2)
        speeds = torch.diff(toes[..., _GROUND], dim=1).norm(dim=-1) * fps
        speed = speeds.gather(2, lower[..., None]).squeeze(2)
        return _mean_where(speed, (heights < FLOOR_CONTACT) & _before(lengths - 1, speed.shape[1]))

    return _by_clip(clips, skate)


def jitters(clips: Sequence[Tensor], fps: float) -> Tensor:
    """Mean magnitude of the acceleration of the 21 joints, (N,), m/s^2; NaN under three frames.

    Second differences at the clips' own frame rate, as `measures.jitter`.
    """

    def jitter(joints: Tensor, lengths: Tensor) -> Tensor:
        acceleration = torch.diff(joints, n=2, dim=1).norm(dim=-1).mean(-1) * fps**2
        return _mean_where(acceleration, _before(lengths - 2, acceleration.shape[1]))

    return _by_clip(clips, jitter)


def pose_vectors(clips: Sequence[Tensor]) -> Tensor:
    """What diversity and multimodality compare: (N, 16 * 20 * 3), scaled so that distances are metres.

    The 20 local joints of the metrics (height over the clip's floor; ground position and heading of the root taken
    away) at 16 moments from the first to the last frame, so that the pace and the way do not count. The distance of two
    vectors is the root mean square distance of their joints.
    """

    def vectors(joints: Tensor, lengths: Tensor) -> Tensor:
        pose = compared_parts(joints)["pose"].flatten(2)
        places = torch.linspace(0, 1, MOMENTS, dtype=joints.dtype) * (lengths[:, None] - 1)
        before = places.floor().long()
        after = (before + 1).minimum(lengths[:, None] - 1)
        share = (places - before)[..., None]
        clip = torch.arange(len(joints))[:, None]
        return (pose[clip, before] * (1 - share) + pose[clip, after] * share).flatten(1)

    return _by_clip(clips, vectors) / math.sqrt(MOMENTS * (len(MMM_JOINTS) - 1))


def mean_distances(vectors: Tensor) -> Tensor:
    """Mean distance of each vector to all others, (N, F) -> (N,); NaN for fewer than two.

    Their mean is the diversity. Differs from Guo et al., who draw 300 pairs: all pairs are taken, nothing is drawn.
    """
    count = len(vectors)
    if count < 2:
        return torch.full((count,), math.nan, dtype=vectors.dtype)
    sums = [torch.cdist(rows, vectors).sum(1) for rows in vectors.split(256)]
    return torch.cat(sums) / (count - 1)


def multimodalities(runs: Sequence[Tensor]) -> Tensor:
    """Mean distance between the motions of one clip's text, (N,); NaN for fewer than two runs.

    Args:
        runs: `pose_vectors` of the same clips, one for each run, (N, F).
    """
    together = torch.stack(list(runs), dim=1)
    return torch.stack([mean_distances(motions).mean() for motions in together])


def _by_clip(clips: Sequence[Tensor], measure: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    for joints in clips:
        check_joints(joints)
    parts, order = [], []
    for rows, (joints,), lengths in in_batches([[clip] for clip in clips], [len(clip) for clip in clips]):
        parts.append(measure(joints.double(), lengths))
        order += rows
    return torch.cat(parts)[torch.tensor(order).argsort()]


def _before(ends: Tensor, frames: int) -> Tensor:
    return torch.arange(frames) < ends[:, None]


def _mean_where(values: Tensor, counts: Tensor) -> Tensor:
    """Mean over time of the values (N, T) that count; NaN where none does."""
    return (values * counts).sum(1) / counts.sum(1)
