"""APE and AVE (root, trajectory, local pose, global joints) as published, and the transition distance.

The joints are the 21 of the MMM order, Y up, metres. Both motions go through the heading-independent features and back,
which takes away the start's heading and ground position and the floor. A number means little without its body:
`protocol_id` says whose joints and heels were used.

Source: Ghosh et al., ICCV 2021, and Petrovich et al., "TEMOS", ECCV 2022, section 4.1; the joints as in the published
code (`features.rifke`). Differs from it: best of N is not divided by 1000.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import attrs
import torch
from torch import Tensor

from actiongpt_core.body.joint_sets import joints_to_mmmns
from actiongpt_core.body.stick import StickBody
from actiongpt_core.errors import ShapeError
from actiongpt_core.features.rifke import MMM_JOINTS, joints_to_rifke, rifke_to_joints
from actiongpt_core.types.motion import Motion


class BodyWithHeels(Protocol):
    """A body that the metrics can use."""

    body_id: str

    def joints(self, motion: Motion) -> Tensor:
        """World positions of the joints, (T, J, 3), metres; the first 22 are those of the SMPL body."""
        ...

    def heels(self, motion: Motion) -> Tensor:
        """World positions of the left and the right heel, (T, 2, 3), metres."""
        ...


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
        """The eight numbers of a table by their names in files: *_mean_pose is [mean local], *_mean_joints [global]."""
        numbers: dict[str, float] = {}
        for kind in ("ape", "ave"):
            for part in ("root", "traj"):
                numbers[f"{kind.upper()}_{part}"] = getattr(self, f"{kind}_{part}")
            for part in ("pose", "joints"):
                numbers[f"{kind.upper()}_mean_{part}"] = float(getattr(self, f"{kind}_{part}").mean())
        return numbers


def protocol_id(body: BodyWithHeels | None = None) -> str:
    """Names the metrics and the body that they were measured on."""
    return f"ape-ave/{(body or StickBody()).body_id}"


def metric_joints(motion: Motion, body: BodyWithHeels | None = None) -> Tensor:
    """The 21 joints that the metrics take, (T, 21, 3), MMM order, Y up, metres.

    Args:
        motion: Any motion of the SMPL body.
        body: Whose joints and heels; None for `StickBody`, whose heels are fixed points in the ankles' frames.
    """
    body = StickBody(motion.skeleton) if body is None else body
    return joints_to_mmmns(body.joints(motion), body.heels(motion))


def ape_ave(predictions: Sequence[Tensor], references: Sequence[Tensor]) -> ApeAve:
    """Metrics of a set of motions.

    APE: distance summed over all frames of all motions, by the number of frames. AVE: for each motion the distance
    between the two vectors of variances over time (divided by T - 1), averaged over motions.

    Args:
        predictions: (T, 21, 3) each, MMM order, Y up, metres.
        references: As many; each pair is cut to its common length.

    Raises:
        ShapeError: The numbers of motions differ or are 0, a shape is wrong, or a pair has fewer than 2 common frames.
    """
    if not predictions or len(predictions) != len(references):
        raise ShapeError(f"As many predictions as references expected; got {len(predictions)} and {len(references)}.")
    pairs = [_cut(*pair) for pair in zip(predictions, references, strict=True)]
    errors: dict[str, list[Tensor]] = {}
    variances: dict[str, list[Tensor]] = {}
    for prediction, reference in pairs:
        theirs = _parts(reference)
        for name, ours in _parts(prediction).items():
            errors.setdefault(name, []).append((ours - theirs[name]).norm(dim=-1))
            variances.setdefault(name, []).append((ours.var(0) - theirs[name].var(0)).norm(dim=-1))
    ape = {name: torch.cat(values).mean(0) for name, values in errors.items()}
    ave = {name: torch.stack(values).mean(0) for name, values in variances.items()}
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


def best_of(trials: Sequence[Sequence[Tensor]], references: Sequence[Tensor]) -> ApeAve:
    """Metrics where for each motion the trial with the smallest error of the root stands for all of them.

    Args:
        trials: N sets of predictions, each as `ape_ave` takes them.
        references: One set.
    """
    chosen = [_nearest(candidates, reference) for *candidates, reference in zip(*trials, references, strict=True)]
    return ape_ave(chosen, references)


def _nearest(candidates: Sequence[Tensor], reference: Tensor) -> Tensor:
    errors = [ape_ave([candidate], [reference]).ape_root for candidate in candidates]
    return candidates[errors.index(min(errors))]


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
    for joints in (prediction, reference):
        if joints.ndim != 3 or joints.shape[1:] != (len(MMM_JOINTS), 3):
            raise ShapeError(f"Joints (T, 21, 3) in MMM order expected, got {tuple(joints.shape)}; see metric_joints.")
    frames = min(len(prediction), len(reference))
    if frames < 2:
        raise ShapeError(f"A variance over time needs 2 common frames or more, got {frames}.")
    return prediction[:frames], reference[:frames]


def _parts(joints: Tensor) -> dict[str, Tensor]:
    """What is compared: root (T, 3), traj (T, 2), pose (T, 20, 3), joints (T, 21, 3)."""
    features = joints_to_rifke(joints)
    back = rifke_to_joints(features)
    # Numbers 1 to 60 are the joints as the body's own heading sees them.
    pose = features[:, 1:61].unflatten(-1, (len(MMM_JOINTS) - 1, 3))
    return {"root": back[:, 0], "traj": back[:, 0, [0, 2]], "pose": pose, "joints": back}
