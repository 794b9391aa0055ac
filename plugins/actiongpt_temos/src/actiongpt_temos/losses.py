"""What TEMOS's objective has beside that of every text and motion VAE."""

from __future__ import annotations

import attrs
from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from actiongpt_core.training.losses import VaeLosses


@attrs.frozen(kw_only=True)
class TemosLosses(VaeLosses):
    """Factors and switches of the terms."""

    #: reconstruction is a mean over the padded batch, as in the original, and not a mean over motions
    padded_mean: bool = False


def padded_reconstruction_loss(predicted: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Smooth L1 (beta 1), mean over the whole padded tensor (B, T, F).

    Both sides are 0 in the padding, so that short motions count less: the original's habit.
    """
    return smooth_l1_loss(predicted, target)
