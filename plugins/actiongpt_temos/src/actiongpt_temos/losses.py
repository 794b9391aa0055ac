"""The published training objective of TEMOS."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from actiongpt_core.training.losses import LossWeights

#: The factors that Action-GPT trained with; upstream TEMOS had 1e-5 for all divergences.
PUBLISHED_WEIGHTS = LossWeights(kl_between=32e-5, kl_prior=32e-5)


def padded_reconstruction_loss(predicted: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Smooth L1 (beta 1), mean over the whole padded tensor (B, T, F).

    Both sides are 0 in the padding, so that short motions count less: the original's habit.
    """
    return smooth_l1_loss(predicted, target)
