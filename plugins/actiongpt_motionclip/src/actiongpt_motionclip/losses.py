"""The training objective: motions, where their joints or vertices are, and distances of latents in the text's space.

Tevet et al., "MotionCLIP", ECCV 2022, section 3, with the generation terms that Action-GPT adds. There is no prior
and no noise: the latents are shaped by what they are pulled towards, and by nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import attrs
import torch
from attrs.validators import ge
from torch import Tensor
from torch.nn.functional import cosine_similarity, cross_entropy, mse_loss, normalize

from actiongpt_core.body.smpl import SmplBody
from actiongpt_core.errors import ConfigError
from actiongpt_core.features.pose_rot6d import to_rows
from actiongpt_core.nn.masks import lengths_to_mask
from actiongpt_motionclip.model import MotionClip
from actiongpt_motionclip.xyz import JointSetName, rows_to_xyz

#: Features (B, T, F) that are not normalised, mask (B, T) -> points of the body, (B, T, P, 3), metres. What it gives
#: beyond the mask does not count.
Points = Callable[[Tensor, Tensor], Tensor]

#: What is compared of motions: "" their normalised features (B, T, F), "xyz" their points (B, T, P, 3).
Views = Mapping[str, Tensor]

_Input = TypeVar("_Input")
_COSINE_EPS = 1e-6


@attrs.frozen(kw_only=True)
class LatentWeights:
    """Factors of the distances between motions' latents and others; a distance of factor 0 is left out."""

    mse: float = attrs.field(default=0.0, validator=ge(0.0))
    ce: float = attrs.field(default=0.0, validator=ge(0.0))
    cosine: float = attrs.field(default=0.0, validator=ge(0.0))

    @property
    def factors(self) -> dict[str, float]:
        """Of the terms, by the original's names."""
        return {"mse": self.mse, "mixed_ce": self.ce, "cosine": self.cosine}


@attrs.frozen(kw_only=True)
class LossWeights:
    """Factors of the terms; a term of factor 0 is left out. The defaults are those of the published training."""

    rc: float = attrs.field(default=100.0, validator=ge(0.0))  #: squared error of features
    rcxyz: float = attrs.field(default=100.0, validator=ge(0.0))  #: of points
    vel: float = attrs.field(default=100.0, validator=ge(0.0))  #: of the features' change from frame to frame
    velxyz: float = attrs.field(default=0.0, validator=ge(0.0))  #: of the points' change from frame to frame
    image: LatentWeights = LatentWeights(cosine=1.0)
    text: LatentWeights = LatentWeights(cosine=1.0)
    #: The first four once more, times this, for what is decoded from the text's latent: 1 in the original where it is
    #: told to use_generation_losses.
    generation: float = attrs.field(default=0.0, validator=ge(0.0))

    @property
    def factors(self) -> dict[str, float]:
        """Of the terms that compare motions, by the original's names."""
        return {"rc": self.rc, "rcxyz": self.rcxyz, "vel": self.vel, "velxyz": self.velxyz}


@attrs.frozen(eq=False, kw_only=True)
class Examples:
    """A batch of motions, and the latents that theirs are pulled towards."""

    features: Tensor  #: normalised, (B, T, F)
    lengths: Tensor  #: frames, (B,)
    text: Tensor | None = None  #: latents of the aggregated texts, (B, D); see `MotionClip.text_latent`
    image: Tensor | None = None  #: latents of rendered frames, (B, D)


# --- the whole ------------------------------------------------------------------------------------------------------


def training_losses(
    model: MotionClip,
    examples: Examples,
    weights: LossWeights,
    *,
    points: Points | None = None,
    similarity_scale: float = 100.0,
) -> dict[str, Tensor]:
    """All terms of a training step, and their weighted sums.

    Args:
        model: Encoder and decoder.
        examples: The batch.
        weights: Factors; they also say which terms there are.
        points: Finds the body's points; needed where a term compares them.
        similarity_scale: What cosines are multiplied by in the cross-entropy: exp(logit_scale) of the CLIP model, 100
            in OpenAI's.

    Returns:
        Terms without their factors, by the original's names: "rc", "rcxyz", "vel", "velxyz"; "image_..." and
        "text_..." for each distance; "gen_rc", ... for what is decoded from the texts. Weighted sums:
        "mixed_without_clip" of the first kind, "mixed_clip_only" of the second, "mixed_with_clip" of both, and "total"
        of all three, which is the objective.

    Raises:
        ConfigError: The factors ask for texts, images or points that are not given.
    """
    points = _given(points, "points") if weights.rcxyz or weights.velxyz else None
    lengths = examples.lengths
    features, mask = examples.features[:, : int(lengths.max())], lengths_to_mask(lengths)
    real, latents = views(model, features, mask, points), model.encode_motion(features, lengths)

    def compare(decoded: Tensor) -> dict[str, Tensor]:
        return motion_losses(views(model, decoded, mask, points), real, mask, weights)

    terms = compare(model.decode(latents, lengths))
    without_clip, clip_only = weighted_sum(terms, weights.factors), features.new_zeros(())
    for domain, others, factors in _pulls(examples, weights):
        found = latent_losses(latents, others, factors, similarity_scale)
        clip_only = clip_only + weighted_sum(found, factors.factors)
        terms |= {f"{domain}_{name}": value for name, value in found.items()}
    total = with_clip = without_clip + clip_only
    if weights.generation:
        told = compare(model.decode(_given(examples.text, "text"), lengths))
        total = with_clip + weights.generation * weighted_sum(told, weights.factors)
        terms |= {f"gen_{name}": value for name, value in told.items()}
    sums = {"mixed_without_clip": without_clip, "mixed_clip_only": clip_only, "mixed_with_clip": with_clip}
    return terms | sums | {"total": total}


def _pulls(examples: Examples, weights: LossWeights) -> list[tuple[str, Tensor, LatentWeights]]:
    """What the latents are pulled towards, in the original's order: name, latents (B, D), factors."""
    wanted = [("image", examples.image, weights.image), ("text", examples.text, weights.text)]
    return [(name, _given(others, name), factors) for name, others, factors in wanted if any(factors.factors.values())]


def _given(value: _Input | None, name: str) -> _Input:
    """An input of the objective that its factors ask for.

    Raises:
        ConfigError: It is missing.
    """
    if value is None:
        raise ConfigError(f"The loss weights ask for {name}, and none are given. Give them, or set those weights to 0.")
    return value


# --- the parts ------------------------------------------------------------------------------------------------------


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


def motion_losses(predicted: Views, real: Views, mask: Tensor, weights: LossWeights) -> dict[str, Tensor]:
    """The terms that compare motions: "rc" and "vel" of features, "rcxyz" and "velxyz" of points.

    "vel" compares what changes from one frame to the next; a change counts where the later frame does.
    """
    terms = {}
    for view, target in real.items():
        if weights.factors[f"rc{view}"]:
            terms[f"rc{view}"] = masked_mse(predicted[view], target, mask)
        if weights.factors[f"vel{view}"]:
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
    latents: Tensor, others: Tensor, weights: LatentWeights, similarity_scale: float
) -> dict[str, Tensor]:
    """Distances of motions' latents (B, D) from others (B, D), row by row.

    "mse" of the latents as they are; "cosine", 1 - cosine; the cross-entropy of telling which of the batch's motions
    belongs to an other ("ce_from_d"), which other to a motion ("ce_from_motion"), and the mean of the two ("mixed_ce").

    Source: Tevet et al., section 3, for "cosine"; Radford et al., "Learning Transferable Visual Models
    From Natural Language Supervision", ICML 2021, figure 3, for the cross-entropy.
    """
    terms: dict[str, Tensor] = {}
    if weights.mse:
        terms["mse"] = mse_loss(latents, others)
    if weights.ce:
        similarity = similarity_scale * normalize(others, dim=-1) @ normalize(latents, dim=-1).T
        places = torch.arange(len(latents), device=latents.device)
        terms["ce_from_d"] = cross_entropy(similarity, places)
        terms["ce_from_motion"] = cross_entropy(similarity.T, places)
        terms["mixed_ce"] = (terms["ce_from_d"] + terms["ce_from_motion"]) / 2
    if weights.cosine:
        directions = normalize(latents, dim=-1), normalize(others, dim=-1)
        terms["cosine"] = (1 - cosine_similarity(*directions, dim=-1, eps=_COSINE_EPS)).mean()
    return terms


def weighted_sum(terms: Mapping[str, Tensor], factors: Mapping[str, float]) -> Tensor:
    """Of those terms that have a factor; 0 if none has."""
    parts = [factors[name] * value for name, value in terms.items() if name in factors]
    return torch.stack(parts).sum() if parts else torch.zeros(())


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
