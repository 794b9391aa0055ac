"""The published objective and a training step, on random weights and made-up motions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import pytest
import torch
from torch import Tensor

from actiongpt_core.errors import ConfigError
from actiongpt_core.nn.masks import lengths_to_mask
from actiongpt_core.training.batches import Actions
from actiongpt_core.training.losses import reconstruction_loss
from actiongpt_core.training.recipe import Objective
from actiongpt_temos import Temos, TemosConfig
from actiongpt_temos.losses import TemosLosses, padded_reconstruction_loss
from actiongpt_temos.training import TemosRecipe

LENGTHS = torch.tensor([40, 25, 31, 18])
PUBLISHED = TemosRecipe().presets["action-gpt"].objective
BODY = TemosLosses(joints=1.0, velocity=0.1, contact=0.1)


@pytest.fixture
def batch() -> Actions:
    numbers = torch.Generator().manual_seed(0)
    features = torch.randn(4, 40, 135, generator=numbers) * lengths_to_mask(LENGTHS)[..., None]
    tokens, mask = torch.randn(4, 6, 8, generator=numbers), lengths_to_mask([6, 3, 5, 4])
    return Actions(indices=(0, 1, 2, 3), tokens=tokens, mask=mask, features=features, lengths=LENGTHS)


@pytest.fixture
def model() -> Temos:
    torch.manual_seed(0)
    config = TemosConfig.tiny(frames_per_token=5, basis_components=4, keyword_detectors=6, max_frames=60, dropout=0.0)
    model = Temos(config)
    assert model.motion_decoder.basis is not None
    model.motion_decoder.basis.fit(torch.randn(20, 60, 135))
    torch.nn.init.normal_(model.motion_decoder.final_layer.weight, std=0.1)
    return model


def objective(model: Temos, losses: TemosLosses) -> Objective:
    recipe = TemosRecipe()
    return recipe.objective(attrs.evolve(recipe.presets["tiny"], model=model.config, objective=losses), model)


def noise(indices: Sequence[int], dim: int) -> Tensor:
    return torch.stack([torch.randn(dim, generator=torch.Generator().manual_seed(index)) for index in indices])


def total(its: Objective, batch: Actions) -> Tensor:
    return torch.stack([term.weight * term.value for term in its.terms(batch, noise, 0)]).sum()


def values(its: Objective, batch: Any, step: int = 0) -> dict[str, float]:
    return {term.name: term.value.item() for term in its.terms(batch, noise, step)}


def test_padding_dilutes_the_published_reconstruction() -> None:
    predicted, target = torch.randn(2, 10, 135), torch.randn(2, 10, 135)
    mask = lengths_to_mask([10, 5])
    predicted, target = predicted * mask[..., None], target * mask[..., None]
    halves = [padded_reconstruction_loss(predicted[row : row + 1], target[row : row + 1], mask) for row in (0, 1)]
    torch.testing.assert_close(padded_reconstruction_loss(predicted, target, mask), torch.stack(halves).mean())
    short = slice(1, 2)
    whole = reconstruction_loss(predicted[short], target[short], mask[short])
    torch.testing.assert_close(halves[1], whole / 2)


def test_only_the_papers_mean_makes_a_short_motions_error_depend_on_its_neighbours(
    model: Temos, batch: Actions
) -> None:
    rows = [slice(3, 4), slice(0, 1)]  # the shortest, and the longest
    for losses, is_diluted in ((TemosLosses(), False), (TemosLosses(padded_mean=True), True)):
        its = objective(model, losses)
        short, long = (values(its, _rows(batch, row, cut=True))["motion2motion"] for row in rows)
        both = values(its, _rows(batch, slice(0, 4, 3)))["motion2motion"]
        alike = (short + long) / 2
        assert (both < 0.9 * alike) if is_diluted else both == pytest.approx(alike, rel=1e-4)


def _rows(batch: Actions, rows: slice, *, cut: bool = False) -> Actions:
    """Some samples; cut to the longest of them."""
    names = ("tokens", "mask", "features", "lengths", "indices")
    chosen = {name: getattr(batch, name)[rows] for name in names}
    if cut:
        chosen["features"] = chosen["features"][:, : int(chosen["lengths"].max())]
    return attrs.evolve(batch, **chosen)


def test_the_motion_branch_can_see_a_part_of_the_batch(model: Temos, batch: Actions) -> None:
    found = values(objective(model, TemosLosses(motion_share=0.5)), batch)
    alone = values(objective(model, TemosLosses()), _rows(batch, slice(0, 2)))
    assert {name: found[name] for name in ("motion2motion", "kl_motion", "latent")} == pytest.approx(
        {name: alone[name] for name in ("motion2motion", "kl_motion", "latent")}, rel=1e-4
    )
    assert found["text2motion"] == pytest.approx(values(objective(model, TemosLosses()), batch)["text2motion"])


def test_terms_of_the_body_are_computed_where_one_of_them_counts(model: Temos, batch: Actions) -> None:
    ours = {"joints", "velocity", "contact"}
    assert not ours & values(objective(model, PUBLISHED), batch).keys()
    assert ours <= values(objective(model, BODY), batch).keys()


def test_the_first_steps_can_teach_the_linear_basis_alone(model: Temos, batch: Actions) -> None:
    its = objective(model, TemosLosses(basis_steps=2))
    assert [values(its, batch, step).keys() == {"basis"} for step in range(3)] == [True, True, False]
    with pytest.raises(ConfigError, match="basis_components"):
        objective(Temos(TemosConfig.tiny()), TemosLosses(basis_steps=2))


@pytest.mark.parametrize("losses", [PUBLISHED, BODY])
def test_every_parameter_of_the_model_gets_a_gradient(model: Temos, batch: Actions, losses: TemosLosses) -> None:
    total(objective(model, losses), batch).backward()
    silent = [name for name, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()]
    # Softmax over one memory token is 1: its query and key are never used.
    assert [name for name in silent if "multihead_attn" not in name] == []
