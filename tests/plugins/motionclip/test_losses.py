"""Properties of the training objective, on random weights and points that are no body's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
import torch
from torch import Tensor

from actiongpt_core.errors import ConfigError
from actiongpt_core.nn.masks import lengths_to_mask
from actiongpt_motionclip.config import MotionClipConfig
from actiongpt_motionclip.losses import (
    Examples,
    LatentWeights,
    LossWeights,
    latent_losses,
    masked_mse,
    mmd,
    motion_losses,
    training_losses,
)
from actiongpt_motionclip.model import MotionClip

ALL = LossWeights(
    velxyz=50.0,
    image=LatentWeights(mse=0.5, ce=0.25, cosine=1.5),
    text=LatentWeights(mse=0.1, ce=0.2, cosine=1.0),
    generation=0.5,
)
EACH = LatentWeights(mse=1.0, ce=1.0, cosine=1.0)


def displacements(features: Tensor, mask: Tensor) -> Tensor:
    """A body of one point: the last row."""
    return features[..., -6:-3].unsqueeze(-2)


@pytest.fixture
def model() -> MotionClip:
    torch.manual_seed(0)
    return MotionClip(MotionClipConfig.tiny()).eval()


@pytest.fixture
def examples(model: MotionClip) -> Examples:
    size = model.config.latent_dim
    features, lengths = torch.randn(4, 12, model.features.num_features), torch.tensor([12, 7, 3, 1])
    return Examples(features=features, lengths=lengths, text=torch.randn(4, size), image=torch.randn(4, size))


@pytest.fixture
def losses(model: MotionClip) -> Callable[..., dict[str, Tensor]]:
    def compute(examples: Examples, weights: LossWeights = ALL, **settings: Any) -> dict[str, Tensor]:
        return training_losses(model, examples, weights, **({"points": displacements} | settings))

    return compute


# --- the whole ------------------------------------------------------------------------------------------------------


def test_every_term_and_sum_is_named_as_in_the_original(losses: Any, examples: Examples) -> None:
    motions, sums = ["rc", "rcxyz", "vel", "velxyz"], ["mixed_without_clip", "mixed_clip_only", "mixed_with_clip"]
    distances = ["mse", "ce_from_d", "ce_from_motion", "mixed_ce", "cosine"]
    expected = {*motions, *sums, "total", *(f"gen_{name}" for name in motions)}
    expected |= {f"{domain}_{name}" for domain in ("image", "text") for name in distances}
    assert set(losses(examples)) == expected


def test_the_total_is_the_weighted_sum_of_its_terms(losses: Any, examples: Examples) -> None:
    found = losses(examples)
    total = torch.zeros(())
    for name in ("rc", "rcxyz", "vel", "velxyz"):
        total += getattr(ALL, name) * (found[name] + ALL.generation * found[f"gen_{name}"])
    for domain in ("image", "text"):
        factors = getattr(ALL, domain)
        total += factors.mse * found[f"{domain}_mse"] + factors.cosine * found[f"{domain}_cosine"]
        total += factors.ce * (found[f"{domain}_ce_from_d"] + found[f"{domain}_ce_from_motion"]) / 2
    torch.testing.assert_close(found["total"], total)


def test_a_term_of_factor_0_is_not_computed(losses: Any, examples: Examples) -> None:
    alone = LossWeights(rc=1.0, rcxyz=0.0, vel=0.0, image=LatentWeights(), text=LatentWeights())
    found = losses(examples, alone, points=None)
    assert set(found) == {"rc", "mixed_without_clip", "mixed_clip_only", "mixed_with_clip", "total"}
    torch.testing.assert_close(found["total"], found["rc"])
    assert found["mixed_clip_only"] == 0


def test_frames_beyond_a_motions_end_do_not_count(losses: Any, examples: Examples) -> None:
    beyond = ~lengths_to_mask(examples.lengths)
    changed = attrs.evolve(examples, features=examples.features + 10 * beyond[..., None])
    torch.testing.assert_close(losses(changed), losses(examples))


def test_a_batch_may_be_padded_beyond_its_longest_motion(losses: Any, examples: Examples) -> None:
    padded = attrs.evolve(examples, features=torch.nn.functional.pad(examples.features, (0, 0, 0, 5)))
    torch.testing.assert_close(losses(padded), losses(examples))


@pytest.mark.parametrize("missing", ["text", "image", "points"])
def test_factors_that_ask_for_what_is_not_given_are_an_error(losses: Any, examples: Examples, missing: str) -> None:
    removed: dict[str, Any] = {} if missing == "points" else {missing: None}
    without = attrs.evolve(examples, **removed)
    with pytest.raises(ConfigError, match=missing):
        losses(without, points=None if missing == "points" else displacements)


def test_generation_terms_need_a_text_even_where_nothing_is_pulled_to_it(losses: Any, examples: Examples) -> None:
    weights = LossWeights(image=LatentWeights(), text=LatentWeights(), generation=1.0)
    with pytest.raises(ConfigError, match="text"):
        losses(attrs.evolve(examples, text=None), weights)


def test_factors_are_not_negative() -> None:
    with pytest.raises(ValueError, match="rc"):
        LossWeights(rc=-1.0)
    with pytest.raises(ValueError, match="cosine"):
        LatentWeights(cosine=-1.0)


def test_points_are_found_in_features_that_are_not_normalised(
    model: MotionClip, losses: Any, examples: Examples
) -> None:
    before = losses(examples)
    model.normalizer.std.fill_(3.0)
    after = losses(examples)
    torch.testing.assert_close(after["rcxyz"], 9 * before["rcxyz"])
    torch.testing.assert_close(after["rc"], before["rc"])


# --- what is trained ------------------------------------------------------------------------------------------------


def silent(module: torch.nn.Module) -> list[str]:
    return [name for name, weight in module.named_parameters() if weight.grad is None or not weight.grad.any()]


def test_reconstruction_reaches_encoder_and_decoder(model: MotionClip, losses: Any, examples: Examples) -> None:
    losses(examples)["mixed_without_clip"].backward()
    assert silent(model) == []


def test_what_pulls_latents_reaches_the_encoder_alone(model: MotionClip, losses: Any, examples: Examples) -> None:
    losses(examples)["mixed_clip_only"].backward()
    assert silent(model.motion_encoder) == []
    assert silent(model.motion_decoder) == [name for name, _ in model.motion_decoder.named_parameters()]


def test_what_is_told_reaches_the_decoder_alone(model: MotionClip, losses: Any, examples: Examples) -> None:
    losses(examples)["gen_rc"].backward()
    assert silent(model.motion_decoder) == []
    assert silent(model.motion_encoder) == [name for name, _ in model.motion_encoder.named_parameters()]


def test_a_few_steps_lower_the_objective(model: MotionClip, losses: Any, examples: Examples) -> None:
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    first = losses(examples)["total"]
    for _ in range(20):
        optimiser.zero_grad()
        losses(examples)["total"].backward()
        optimiser.step()
    assert losses(examples)["total"] < 0.8 * first


# --- the parts ------------------------------------------------------------------------------------------------------


def test_equal_motions_cost_nothing() -> None:
    views = {"": torch.randn(2, 6, 12), "xyz": torch.randn(2, 6, 5, 3)}
    found = motion_losses(views, views, lengths_to_mask([6, 4]), attrs.evolve(ALL, velxyz=1.0))
    assert {name: value.item() for name, value in found.items()} == dict.fromkeys(ALL.factors, 0.0)


def test_a_motion_that_is_held_elsewhere_has_the_right_velocity() -> None:
    motion = torch.randn(2, 6, 12)
    found = motion_losses({"": motion + 0.5}, {"": motion}, lengths_to_mask([6, 4]), ALL)
    assert found["rc"].item() == pytest.approx(0.25)
    assert found["vel"].item() == pytest.approx(0.0, abs=1e-12)


def test_long_motions_weigh_more() -> None:
    # 3 frames of error 2 and one of error 0: the mean over frames is 3, that over motions 2.
    predicted = torch.tensor([[2.0, 2.0, 2.0], [0.0, 9.0, 9.0]])[..., None]
    found = masked_mse(predicted, torch.zeros_like(predicted), lengths_to_mask([3, 1]))
    assert found.item() == pytest.approx(3.0)


def test_single_frames_have_no_velocity_and_no_cost_of_it() -> None:
    motion = torch.randn(2, 1, 12)
    assert motion_losses({"": motion + 1}, {"": motion}, lengths_to_mask([1, 1]), ALL)["vel"] == 0


def test_equal_latents_are_at_no_distance() -> None:
    latents = torch.randn(5, 8)
    found = latent_losses(latents, latents, EACH, 100.0)
    assert found["mse"] == 0
    assert found["cosine"].item() == pytest.approx(0.0, abs=1e-6)


def test_only_the_squared_distance_sees_how_long_latents_are() -> None:
    latents, others = torch.randn(5, 8), torch.randn(5, 8)
    found, longer = (latent_losses(scale * latents, others, EACH, 10.0) for scale in (1.0, 4.0))
    assert longer.pop("mse") != found.pop("mse")
    torch.testing.assert_close(longer, found)


def test_the_cross_entropy_of_latents_that_cannot_be_told_apart_is_the_logarithm_of_their_number() -> None:
    found = latent_losses(torch.ones(5, 8), torch.ones(5, 8), LatentWeights(ce=1.0), 100.0)
    assert {name: value.item() for name, value in found.items()} == pytest.approx(
        dict.fromkeys(("ce_from_d", "ce_from_motion", "mixed_ce"), torch.tensor(5.0).log().item())
    )


def test_a_sharper_similarity_tells_well_placed_latents_apart_better() -> None:
    latents = torch.eye(4)
    soft, sharp = (latent_losses(latents, latents, LatentWeights(ce=1.0), scale)["mixed_ce"] for scale in (1.0, 10.0))
    assert sharp < soft


def test_sets_that_are_spread_alike_have_no_discrepancy() -> None:
    a, b = torch.randn(6, 8), torch.randn(9, 8)
    assert mmd(a, a[torch.randperm(6)]).item() == pytest.approx(0.0, abs=1e-6)
    assert mmd(a, b + 2) > mmd(a, b) > 0
    torch.testing.assert_close(mmd(a, b), mmd(b, a))
