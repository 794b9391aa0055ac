"""The published objective and a training step, on random weights and made-up motions."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from actiongpt_core.nn.masks import lengths_to_mask
from actiongpt_core.training.batches import Actions
from actiongpt_core.training.losses import LossWeights, reconstruction_loss
from actiongpt_core.training.optimiser import OptimiserSettings
from actiongpt_core.training.vae import VaeTraining
from actiongpt_temos import Temos, TemosConfig
from actiongpt_temos.losses import PUBLISHED_WEIGHTS, padded_reconstruction_loss

_LENGTHS = torch.tensor([40, 25, 31, 18])


def _batch() -> Actions:
    numbers = torch.Generator().manual_seed(0)
    features = torch.randn(4, 40, 135, generator=numbers) * lengths_to_mask(_LENGTHS)[..., None]
    mask = lengths_to_mask([6, 3, 5, 4])
    return Actions(tokens=torch.randn(4, 6, 8, generator=numbers), mask=mask, features=features, lengths=_LENGTHS)


def _training(weights: LossWeights) -> VaeTraining:
    torch.manual_seed(0)
    config = TemosConfig.tiny(frames_per_token=5, basis_components=4, keyword_detectors=6, max_frames=60, dropout=0.0)
    model = Temos(config)
    assert model.motion_decoder.basis is not None
    model.motion_decoder.basis.fit(torch.randn(20, 60, 135))
    torch.nn.init.normal_(model.motion_decoder.final_layer.weight, std=0.1)
    return VaeTraining(model, weights, OptimiserSettings())


def _value(module: VaeTraining, batch: Actions) -> Tensor:
    terms = module.terms(batch)
    return torch.stack([getattr(module.weights, group) * value for group, _, value in terms]).sum()


def test_padding_dilutes_the_published_reconstruction() -> None:
    predicted, target = torch.randn(2, 10, 135), torch.randn(2, 10, 135)
    mask = lengths_to_mask([10, 5])
    predicted, target = predicted * mask[..., None], target * mask[..., None]
    halves = [padded_reconstruction_loss(predicted[row : row + 1], target[row : row + 1], mask) for row in (0, 1)]
    torch.testing.assert_close(padded_reconstruction_loss(predicted, target, mask), torch.stack(halves).mean())
    short = slice(1, 2)
    whole = reconstruction_loss(predicted[short], target[short], mask[short])
    torch.testing.assert_close(halves[1], whole / 2)


def test_the_published_divergences_weigh_32_times_as_much_as_the_latents() -> None:
    assert PUBLISHED_WEIGHTS.kl_between == PUBLISHED_WEIGHTS.kl_prior == pytest.approx(32 * PUBLISHED_WEIGHTS.latent)


@pytest.mark.parametrize("weights", [PUBLISHED_WEIGHTS, LossWeights(joints=1.0, velocity=0.1, contact=0.1)])
def test_every_parameter_of_the_model_gets_a_gradient(weights: LossWeights) -> None:
    module = _training(weights)
    _value(module, _batch()).backward()
    silent = [name for name, weight in module.model.named_parameters() if weight.grad is None or not weight.grad.any()]
    # Softmax over one memory token is 1: its query and key are never used.
    assert [name for name in silent if "multihead_attn" not in name] == []


def test_a_few_steps_lower_the_objective() -> None:
    module, batch = _training(PUBLISHED_WEIGHTS), _batch()
    optimiser = torch.optim.AdamW(module.model.parameters(), lr=3e-3)
    before = float(_value(module, batch).detach())
    for _ in range(15):
        optimiser.zero_grad()
        _value(module, batch).backward()
        optimiser.step()
    assert float(_value(module, batch).detach()) < 0.9 * before
