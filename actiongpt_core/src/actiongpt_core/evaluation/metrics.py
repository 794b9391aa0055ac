"""APE and AVE (root, trajectory, local pose, global joints) as published, over all clips at once; transition distance.

The joints are the 21 of the MMM order, Y up, metres. Both motions go through the heading-independent features and back,
which takes away the start's heading and ground position and the floor. A number means little without its body:
`protocol_id` says whose joints and heels were used.

Clips of different lengths are computed together. What fills up the shorter ones repeats their last frame, so that it
changes neither the floor (a minimum over time) nor any frame before it, and it is left out of all sums: a clip's values
are those that it has alone.

Source: Ghosh et al., ICCV 2021, and Petrovich et al., "TEMOS", ECCV 2022, section 4.1; the joints as in the published
code (`features.rifke`). Differs from it: best of N is not divided by 1000; padding does not enter the floor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import torch
from torch import Tensor

from actiongpt_core.errors import ShapeError
from actiongpt_core.evaluation.joints import check_joints, in_batches
from actiongpt_core.features.rifke import MMM_JOINTS, joints_to_rifke, rifke_to_joints

#: What is compared, and the names of its numbers in tables: *_mean_pose is [mean local], *_mean_joints [mean global].
_PARTS = {"root": "root", "traj": "traj", "pose": "mean_pose", "joints": "mean_joints"}
#: The eight numbers of a table.
APE_AVE = tuple(f"{kind}_{name}" for kind in ("APE", "AVE") for name in _PARTS.values())


@attrs.frozen(eq=False, kw_only=True)
class ApeAve:
    """Average position error, metres, and average variance error, square metres. The paper's names in brackets."""

    ape_root: float  #: root in space [root joint]
    ape_traj: float  #: root on the ground [global trajectory]
    ape_pose: Tensor  #: 20 joints without the root's ground position and heading, (20,)
    ape_joints: Tensor  #: 21 joints in space, (21,)
    ave_root: float
    ave_traj: float
    ave_pose: Tensor
    ave_joints: Tensor

    @property
    def means(self) -> dict[str, float]:
        """The eight numbers of a table by their names in files (`APE_AVE`)."""
        return {
            f"{kind}_{name}": float(torch.as_tensor(getattr(self, f"{kind.lower()}_{part}")).mean())
            for kind in ("APE", "AVE")
            for part, name in _PARTS.items()
        }


@attrs.frozen(eq=False, kw_only=True)
class ClipErrors:
    """The errors of each of N clips, float64: root (N,), traj (N,), pose (N, 20), joints (N, 21)."""

    frames: Tensor  #: common frames of prediction and reference, (N,)
    ape: Mapping[str, Tensor]  #: mean over the clip's frames, metres
    ave: Mapping[str, Tensor]  #: square metres

    def total(self) -> ApeAve:
        """Of all clips: a position error weighs by its clip's frames, a variance error does not."""
        weights = self.frames / self.frames.sum()
        ape = {part: torch.tensordot(weights, values, dims=1) for part, values in self.ape.items()}
        ave = {part: values.mean(0) for part, values in self.ave.items()}
        return ApeAve(
            ape_root=float(ape["root"]),
            ape_traj=float(ape["traj"]),
            ape_pose=ape["pose"],
            ape_joints=ape["joints"],
            ave_root=float(ave["root"]),
            ave_traj=float(ave["traj"]),
            ave_pose=ave["pose"],
            ave_joints=ave["joints"],
        )

    @property
    def means(self) -> dict[str, Tensor]:
        """The eight numbers of each clip, (N,) each, by their names in files (`APE_AVE`)."""
        kinds = {"APE": self.ape, "AVE": self.ave}
        return {
            f"{kind}_{name}": values[part] if values[part].ndim == 1 else values[part].mean(-1)
            for kind, values in kinds.items()
            for part, name in _PARTS.items()
        }


def clip_errors(predictions: Sequence[Tensor], references: Sequence[Tensor]) -> ClipErrors:
    """The errors of each clip.

    APE: distance in each frame, averaged over the clip's frames. AVE: distance between the two vectors of variances
    over time (divided by T - 1).

    Args:
        predictions: (T, 21, 3) each, MMM order, Y up, metres.
        references: As many; each pair is cut to its common length.

    Raises:
        ShapeError: The numbers of motions differ or are 0, a shape is wrong, or a pair has fewer than 2 common frames.
    """
    if not predictions or len(predictions) != len(references):
        raise ShapeError(f"As many predictions as references expected; got {len(predictions)} and {len(references)}.")
    pairs = [_cut(*pair) for pair in zip(predictions, references, strict=True)]
    frames = [len(prediction) for prediction, _ in pairs]
    parts: list[ClipErrors] = []
    order: list[int] = []
    for rows, batches, lengths in in_batches(pairs, frames):
        ours, theirs = (compared_parts(batch.double()) for batch in batches)
        parts.append(errors_of_parts(ours, theirs, lengths))
        order += rows
    return _joined(parts, torch.tensor(order).argsort())


def compared_parts(joints: Tensor) -> dict[str, Tensor]:
    """What is compared: root (..., T, 3), traj (..., T, 2), pose (..., T, 20, 3), joints (..., T, 21, 3).

    Args:
        joints: (..., T, 21, 3), MMM order, Y up, metres. All T frames count for the floor.
    """
    features = joints_to_rifke(joints)
    back = rifke_to_joints(features)
    # Numbers 1 to 60 are the joints as the body's own heading sees them.
    pose = features[..., 1:61].unflatten(-1, (len(MMM_JOINTS) - 1, 3))
    return {"root": back[..., 0, :], "traj": back[..., 0, [0, 2]], "pose": pose, "joints": back}


def errors_of_parts(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor], lengths: Tensor) -> ClipErrors:
    """The errors of clips that were brought to their compared parts.

    Args:
        ours: `compared_parts` of the predictions, (N, T, ...).
        theirs: Of the references.
        lengths: Frames that count, (N,), from 2 to T.
    """
    ape, ave = {}, {}
    for part, prediction in ours.items():
        real = torch.arange(prediction.shape[1]) < lengths[:, None]
        distance = (prediction - theirs[part]).norm(dim=-1)
        ape[part] = _over_time(distance, real).sum(1) / _like(lengths, distance[:, 0])
        variances = [_variance(values, real, lengths) for values in (prediction, theirs[part])]
        ave[part] = (variances[0] - variances[1]).norm(dim=-1)
    return ClipErrors(frames=lengths.double(), ape=ape, ave=ave)


def ape_ave(predictions: Sequence[Tensor], references: Sequence[Tensor]) -> ApeAve:
    """Metrics of a set of motions.

    APE: distance summed over all frames of all motions, by the number of frames. AVE: for each motion the distance
    between the two vectors of variances over time (divided by T - 1), averaged over motions.

    Args:
        predictions: As for `clip_errors`.
        references: As for `clip_errors`.

    Raises:
        ShapeError: As `clip_errors`.
    """
    return clip_errors(predictions, references).total()


def best_trials(trials: Sequence[ClipErrors]) -> ClipErrors:
    """For each clip the errors of the trial with the smallest error of the root.

    Args:
        trials: The errors of the same clips, N times.

    Raises:
        ShapeError: There is no trial.
    """
    if not trials:
        raise ShapeError("The best of N trials needs a trial.")
    best = torch.stack([trial.ape["root"] for trial in trials]).argmin(0)
    clips = torch.arange(len(best))

    def chosen(values: Sequence[Tensor]) -> Tensor:
        return torch.stack(list(values))[best, clips]

    return ClipErrors(
        frames=chosen([trial.frames for trial in trials]),
        ape={part: chosen([trial.ape[part] for trial in trials]) for part in _PARTS},
        ave={part: chosen([trial.ave[part] for trial in trials]) for part in _PARTS},
    )


def best_of(trials: Sequence[Sequence[Tensor]], references: Sequence[Tensor]) -> ApeAve:
    """Metrics where for each motion the trial with the smallest error of the root stands for all of them.

    Args:
        trials: N sets of predictions, each as `ape_ave` takes them.
        references: One set.

    Raises:
        ShapeError: As `clip_errors`, or there is no trial.
    """
    return best_trials([clip_errors(predictions, references) for predictions in trials]).total()


def average_means(trials: Sequence[Sequence[Tensor]], references: Sequence[Tensor]) -> dict[str, float]:
    """The eight numbers of `ApeAve.means`, each the mean over N separate runs."""
    runs = [ape_ave(predictions, references).means for predictions in trials]
    return {name: sum(run[name] for run in runs) / len(runs) for name in runs[0]}


def transition_distance(joints: Tensor, start: int) -> float:
    """Mean distance that the joints jump by between two actions, metres.

    Args:
        joints: (T, J, 3), metres.
        start: First frame of the second action, 1 or more.

    Raises:
        ShapeError: There is no frame before or at `start`.
    """
    if not 0 < start < len(joints):
        raise ShapeError(f"A transition at frame {start} needs a frame before it; the motion has {len(joints)}.")
    return float((joints[start] - joints[start - 1]).norm(dim=-1).mean())


def _cut(prediction: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    check_joints(prediction)
    check_joints(reference)
    frames = min(len(prediction), len(reference))
    if frames < 2:
        raise ShapeError(f"A variance over time needs 2 common frames or more, got {frames}.")
    return prediction[:frames], reference[:frames]


def _variance(values: Tensor, real: Tensor, lengths: Tensor) -> Tensor:
    """Unbiased variance over the frames that count, (N, T, ...) -> (N, ...)."""
    counts = _like(lengths, values[:, 0])
    mean = _over_time(values, real).sum(1) / counts
    return _over_time((values - mean[:, None]).square(), real).sum(1) / (counts - 1)


def _over_time(values: Tensor, real: Tensor) -> Tensor:
    """The values (N, T, ...), 0 where a frame does not count."""
    return values * real.reshape(*real.shape, *[1] * (values.ndim - 2))


def _like(lengths: Tensor, values: Tensor) -> Tensor:
    """Lengths (N,) against values (N, ...)."""
    return lengths.to(values).reshape(-1, *[1] * (values.ndim - 1))


def _joined(parts: Sequence[ClipErrors], order: Tensor) -> ClipErrors:
    return ClipErrors(
        frames=torch.cat([part.frames for part in parts])[order],
        ape={name: torch.cat([part.ape[name] for part in parts])[order] for name in _PARTS},
        ave={name: torch.cat([part.ave[name] for part in parts])[order] for name in _PARTS},
    )
