"""The training objective: motions, where their joints or vertices are, and distances of latents in the text's space.

Tevet et al., "MotionCLIP", ECCV 2022, section 3, with the generation terms that Action-GPT adds; behind them the terms
that the checkpoint that ships was trained with. There is no prior: the latents are shaped by what they are pulled
towards, and by nothing else. Formulas and sources: docs/explanation/training-objectives.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs
import torch
from attrs.validators import ge, gt, in_, le
from torch import Tensor
from torch.nn.functional import cosine_similarity, cross_entropy, mse_loss, normalize

from actiongpt_core.body.joint_sets import SMPL_JOINT_SETS
from actiongpt_core.body.smpl import SmplBody
from actiongpt_core.features.pose_rot6d import to_rows
from actiongpt_motionclip.model import MotionClip
from actiongpt_motionclip.xyz import JointSetName, rows_to_xyz

#: Features (B, T, F) that are not normalised, mask (B, T) -> points of the body, (B, T, P, 3), metres. What it gives
#: beyond the mask does not count.
Points = Callable[[Tensor, Tensor], Tensor]

#: What is compared of motions: "" their normalised features (B, T, F), "xyz" their points (B, T, P, 3).
Views = Mapping[str, Tensor]

#: What latents are pulled towards, in the original's order.
DOMAINS = ("image", "text")
_COSINE_EPS = 1e-6


@attrs.frozen(kw_only=True)
class MotionClipLosses:
    """Factors and switches of the terms; a term of factor 0 is left out. The defaults are the published training's.

    From `reconstruction` on they are ours, and off by default.
    """

    rc: float = attrs.field(default=100.0, validator=ge(0.0))  #: squared error of features
    rcxyz: float = attrs.field(default=100.0, validator=ge(0.0))  #: of points
    vel: float = attrs.field(default=100.0, validator=ge(0.0))  #: of the features' change from frame to frame
    velxyz: float = attrs.field(default=0.0, validator=ge(0.0))  #: of the points' change from frame to frame
    #: distances between the latents of motions and the vectors of their images, and of their texts
    image_mse: float = attrs.field(default=0.0, validator=ge(0.0))
    image_ce: float = attrs.field(default=0.0, validator=ge(0.0))
    image_cosine: float = attrs.field(default=1.0, validator=ge(0.0))
    text_mse: float = attrs.field(default=0.0, validator=ge(0.0))
    text_ce: float = attrs.field(default=0.0, validator=ge(0.0))
    text_cosine: float = attrs.field(default=1.0, validator=ge(0.0))
    #: the first four once more, times this, for what is decoded from the text's latent: 1 in the original where it is
    #: told to use_generation_losses
    generation: float = attrs.field(default=0.0, validator=ge(0.0))
    #: what cosines are multiplied by in the cross-entropy: exp(logit_scale) of the CLIP model, 100 in OpenAI's
    similarity_scale: float = attrs.field(default=100.0, validator=[gt(0.0)])
    #: file of the SMPL body whose points are compared, and of its nine extra joints where the joint set needs them
    body: str = ""
    extra_regressor: str = ""
    #: the surface ("vertices"), or a set of joints
    joint_set: JointSetName = attrs.field(default="vertices", validator=in_((*SMPL_JOINT_SETS, "vertices")))
    vertstrans: bool = False  #: add the displacement in the last row to the points
    # --- ours ---
    #: smooth L1 of features, of motions that were encoded and of motions that were told
    reconstruction: float = attrs.field(default=0.0, validator=ge(0.0))
    joints: float = attrs.field(default=0.0, validator=ge(0.0))  #: of told motions, per metre
    velocity: float = attrs.field(default=0.0, validator=ge(0.0))  #: of told motions, per metre a second
    contact: float = attrs.field(default=0.0, validator=ge(0.0))  #: of told motions, per metre a second
    #: the motion branch sees this part of each batch
    motion_share: float = attrs.field(default=1.0, validator=[gt(0.0), le(1.0)])
    #: spread of the noise that is added to a text's latent, so that words never seen come near known ones
    text_noise: float = attrs.field(default=0.0, validator=ge(0.0))
    #: so many first steps teach the text and the decoder's basis alone
    basis_steps: int = attrs.field(default=0, validator=ge(0))

    @property
    def motion_factors(self) -> dict[str, float]:
        """Of the terms that compare motions, by the original's names."""
        return {"rc": self.rc, "rcxyz": self.rcxyz, "vel": self.vel, "velxyz": self.velxyz}

    def latent_factors(self, domain: str) -> dict[str, float]:
        """Of the distances from a domain's latents, by the original's names."""
        names = {"mse": "mse", "mixed_ce": "ce", "cosine": "cosine"}
        return {name: getattr(self, f"{domain}_{setting}") for name, setting in names.items()}


def body_points(body: SmplBody, joint_set: JointSetName = "vertices", *, vertstrans: bool = False) -> Points:
    """Points of an SMPL body, as the published training compares them.

    Args:
        body: The body.
        joint_set: The surface, or joints relative to the pelvis; see `rows_to_xyz`.
        vertstrans: Add the displacement in the last row.
    """

    def points(features: Tensor, mask: Tensor) -> Tensor:
        xyz = rows_to_xyz(to_rows(features), mask, body, joint_set=joint_set, vertstrans=vertstrans)
        return xyz.permute(0, 3, 1, 2)

    return points


def views(model: MotionClip, features: Tensor, mask: Tensor, points: Points | None) -> Views:
    """What is compared of normalised features (B, T, F): they themselves, and the points that they tell of."""
    if points is None:
        return {"": features}
    return {"": features, "xyz": points(model.normalizer.denormalise(features), mask)}


def motion_losses(predicted: Views, real: Views, mask: Tensor, factors: Mapping[str, float]) -> dict[str, Tensor]:
    """The terms that compare motions and have a factor: "rc" and "vel" of features, "rcxyz" and "velxyz" of points.

    "vel" compares what changes from one frame to the next; a change counts where the later frame does.
    """
    terms = {}
    for view, target in real.items():
        if factors[f"rc{view}"]:
            terms[f"rc{view}"] = masked_mse(predicted[view], target, mask)
        if factors[f"vel{view}"]:
            changes = torch.diff(predicted[view], dim=1), torch.diff(target, dim=1)
            terms[f"vel{view}"] = masked_mse(*changes, mask[:, 1:])
    return terms


def masked_mse(predicted: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean squared error over the valid frames of a batch, (B, T, ...), mask (B, T); 0 if there is none.

    Long motions weigh more: the mean is taken over all frames alike.
    """
    errors = (predicted - target)[mask].square()
    return errors.sum() / max(errors.numel(), 1)


def latent_losses(
    latents: Tensor, others: Tensor, factors: Mapping[str, float], similarity_scale: float
) -> dict[str, Tensor]:
    """Distances of motions' latents (B, D) from others (B, D), row by row; those that have a factor.

    "mse" of the latents as they are; "cosine", 1 - cosine; the cross-entropy of telling which of the batch's motions
    belongs to an other ("ce_from_d"), which other to a motion ("ce_from_motion"), and the mean of the two ("mixed_ce").

    Source: Tevet et al., section 3, for "cosine"; Radford et al., "Learning Transferable Visual Models
    From Natural Language Supervision", ICML 2021, figure 3, for the cross-entropy.
    """
    terms: dict[str, Tensor] = {}
    if factors["mse"]:
        terms["mse"] = mse_loss(latents, others)
    if factors["mixed_ce"]:
        similarity = similarity_scale * normalize(others, dim=-1) @ normalize(latents, dim=-1).T
        places = torch.arange(len(latents), device=latents.device)
        terms["ce_from_d"] = cross_entropy(similarity, places)
        terms["ce_from_motion"] = cross_entropy(similarity.T, places)
        terms["mixed_ce"] = (terms["ce_from_d"] + terms["ce_from_motion"]) / 2
    if factors["cosine"]:
        directions = normalize(latents, dim=-1), normalize(others, dim=-1)
        terms["cosine"] = (1 - cosine_similarity(*directions, dim=-1, eps=_COSINE_EPS)).mean()
    return terms


def mmd(a: Tensor, b: Tensor) -> Tensor:
    """Maximum mean discrepancy of two sets of latents, (N, D) and (M, D): 0 where they are spread alike.

    The kernel is exp(-m / D), m the mean of the D squared differences. The original has this function and does not
    train with it.

    Source: Gretton et al., "A Kernel Two-Sample Test", JMLR 2012, equation 5 squared, the biased estimate.
    """

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        distance = (x[:, None] - y[None]).square().mean(-1)
        return (-distance / x.shape[-1]).exp().mean()

    return kernel(a, a) + kernel(b, b) - 2 * kernel(a, b)
