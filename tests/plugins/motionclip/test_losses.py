"""Properties of the training objective, on random weights and points that are no body's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import pytest
import torch
from torch import Tensor

from actiongpt_core.errors import ConfigError, MissingAssetError
from actiongpt_core.nn.masks import lengths_to_mask
from actiongpt_core.training.batches import Actions
from actiongpt_motionclip.config import MotionClipConfig
from actiongpt_motionclip.losses import MotionClipLosses, latent_losses, masked_mse, mmd, motion_losses
from actiongpt_motionclip.model import MotionClip
from actiongpt_motionclip.objective import Batch, MotionClipObjective

#: Every published term.
ALL = MotionClipLosses(
    velxyz=50.0,
    image_mse=0.5,
    image_ce=0.25,
    image_cosine=1.5,
    text_mse=0.1,
    text_ce=0.2,
    text_cosine=1.0,
    generation=0.5,
)
NO_LATENTS = {f"{domain}_{name}": 0.0 for domain in ("image", "text") for name in ("mse", "ce", "cosine")}
EACH = {"mse": 1.0, "mixed_ce": 1.0, "cosine": 1.0}
CROSS_ENTROPY = {"mse": 0.0, "mixed_ce": 1.0, "cosine": 0.0}
FACTORS = {"rc": 100.0, "rcxyz": 100.0, "vel": 100.0, "velxyz": 1.0}


def displacements(features: Tensor, mask: Tensor) -> Tensor:
    """A body of one point: the last row."""
    return features[..., -6:-3].unsqueeze(-2)


def noise(indices: Sequence[int], dim: int) -> Tensor:
    return torch.stack([torch.randn(dim, generator=torch.Generator().manual_seed(index)) for index in indices])


@pytest.fixture
def model() -> MotionClip:
    torch.manual_seed(0)
    return MotionClip(MotionClipConfig.tiny()).eval()


@pytest.fixture
def batch(model: MotionClip) -> Batch:
    size, lengths = model.config.latent_dim, torch.tensor([12, 7, 3, 1])
    actions = Actions(
        indices=(0, 1, 2, 3),
        tokens=torch.randn(4, 2, size),
        mask=torch.ones(4, 2, dtype=torch.bool),
        features=torch.randn(4, 12, model.features.num_features) * lengths_to_mask(lengths)[..., None],
        lengths=lengths,
        pooled=torch.randn(4, size),
    )
    return Batch(actions, torch.randn(4, size))


def with_actions(batch: Batch, **changes: Any) -> Batch:
    return Batch(attrs.evolve(batch.actions, **changes), batch.image)


@pytest.fixture
def losses(model: MotionClip) -> Callable[..., dict[str, Tensor]]:
    """The terms and their weighted sum."""

    def compute(batch: Batch, factors: MotionClipLosses = ALL, step: int = 0) -> dict[str, Tensor]:
        terms = MotionClipObjective(model, factors, points=displacements).terms(batch, noise, step)
        return {term.name: term.value for term in terms} | {"total": sum(term.weight * term.value for term in terms)}

    return compute


# --- the whole ------------------------------------------------------------------------------------------------------


def test_every_term_is_named_as_in_the_original(losses: Any, batch: Batch) -> None:
    motions, distances = ["rc", "rcxyz", "vel", "velxyz"], ["mse", "ce_from_d", "ce_from_motion", "mixed_ce", "cosine"]
    expected = {*motions, "total", *(f"gen_{name}" for name in motions)}
    expected |= {f"{domain}_{name}" for domain in ("image", "text") for name in distances}
    assert set(losses(batch)) == expected


def test_the_total_is_the_weighted_sum_of_its_terms(losses: Any, batch: Batch) -> None:
    found = losses(batch)
    total = torch.zeros(())
    for name in ("rc", "rcxyz", "vel", "velxyz"):
        total += getattr(ALL, name) * (found[name] + ALL.generation * found[f"gen_{name}"])
    for domain in ("image", "text"):
        mse, ce, cosine = (getattr(ALL, f"{domain}_{name}") for name in ("mse", "ce", "cosine"))
        total += mse * found[f"{domain}_mse"] + cosine * found[f"{domain}_cosine"]
        total += ce * (found[f"{domain}_ce_from_d"] + found[f"{domain}_ce_from_motion"]) / 2
    torch.testing.assert_close(found["total"], total)


@pytest.mark.parametrize(
    "setting", ["rc", "rcxyz", "vel", "velxyz", *NO_LATENTS, "reconstruction", "joints", "velocity", "contact"]
)
def test_each_term_can_be_had_alone(model: MotionClip, batch: Batch, setting: str) -> None:
    nothing = {"rc": 0.0, "rcxyz": 0.0, "vel": 0.0, "velxyz": 0.0, **NO_LATENTS}
    factors = MotionClipLosses(**nothing | {setting: 2.0})  # type: ignore[arg-type]
    weighted = [
        term for term in MotionClipObjective(model, factors, points=displacements).terms(batch, noise, 0) if term.weight
    ]
    name = setting.replace("_ce", "_mixed_ce")
    assert {term.name for term in weighted} == (
        {"motion2motion", "text2motion"} if setting == "reconstruction" else {name}
    )
    assert all(term.weight == 2.0 for term in weighted)


def test_frames_beyond_a_motions_end_do_not_count(losses: Any, batch: Batch) -> None:
    beyond = ~lengths_to_mask(batch.actions.lengths)
    changed = with_actions(batch, features=batch.actions.features + 10 * beyond[..., None])
    torch.testing.assert_close(losses(changed), losses(batch))


def test_a_batch_without_its_images_is_refused_where_terms_are_about_them(losses: Any, batch: Batch) -> None:
    with pytest.raises(ConfigError, match="image latents"):
        losses(Batch(batch.actions, None))
    assert losses(Batch(batch.actions, None), MotionClipLosses(image_cosine=0.0))["total"] > 0


def test_a_batch_without_pooled_texts_is_refused_where_terms_are_about_them(losses: Any, batch: Batch) -> None:
    without = with_actions(batch, pooled=None)
    for factors in (ALL, MotionClipLosses(**NO_LATENTS, generation=1.0)):
        with pytest.raises(ConfigError, match="text latents"):
            losses(without, factors)
    assert losses(without, MotionClipLosses(**NO_LATENTS))["total"] > 0


def test_points_need_a_body_before_anything_is_trained(model: MotionClip) -> None:
    with pytest.raises(ConfigError, match=r"objective\.body"):
        MotionClipObjective(model, MotionClipLosses())
    with pytest.raises(MissingAssetError, match="nowhere"):
        MotionClipObjective(model, MotionClipLosses(body="nowhere/SMPL_NEUTRAL.pkl"))
    MotionClipObjective(model, MotionClipLosses(rcxyz=0.0))


@pytest.mark.parametrize("setting", ["rc", "text_cosine", "generation", "text_noise"])
def test_factors_are_not_negative(setting: str) -> None:
    with pytest.raises(ValueError, match=setting):
        MotionClipLosses(**{setting: -1.0})  # type: ignore[arg-type]


def test_points_are_found_in_features_that_are_not_normalised(model: MotionClip, losses: Any, batch: Batch) -> None:
    before = losses(batch)
    model.normalizer.std.fill_(3.0)
    after = losses(with_actions(batch, features=3 * batch.actions.features))
    torch.testing.assert_close(after["rcxyz"], 9 * before["rcxyz"])
    torch.testing.assert_close(after["rc"], before["rc"])


def test_the_first_steps_can_teach_the_basis_alone(model: MotionClip, batch: Batch) -> None:
    factors = MotionClipLosses(rcxyz=0.0, basis_steps=1)
    with pytest.raises(ConfigError, match="basis_components"):
        MotionClipObjective(model, factors)
    its = MotionClipObjective(MotionClip(MotionClipConfig.tiny(basis_components=4, max_frames=60)), factors)
    assert [term.name for term in its.terms(batch, noise, 0)] == ["basis"]
    assert "rc" in [term.name for term in its.terms(batch, noise, 1)]


def test_noise_is_added_to_texts_and_not_to_what_latents_are_pulled_to(losses: Any, batch: Batch) -> None:
    plain, blurred = (losses(batch, attrs.evolve(ALL, text_noise=spread)) for spread in (0.0, 0.5))
    assert blurred["gen_rc"] != plain["gen_rc"]
    assert blurred["text_cosine"] == plain["text_cosine"]


def test_the_motion_branch_can_see_a_part_of_the_batch(losses: Any, batch: Batch) -> None:
    half = attrs.evolve(ALL, motion_share=0.5)
    changed = batch.actions.features.clone()
    changed[3] += 1.0
    before, after = losses(batch, half), losses(with_actions(batch, features=changed), half)
    assert after["rc"] == before["rc"]
    assert after["gen_rc"] != before["gen_rc"]


# --- what is trained ------------------------------------------------------------------------------------------------


def silent(module: torch.nn.Module) -> list[str]:
    return [name for name, weight in module.named_parameters() if weight.grad is None or not weight.grad.any()]


def test_reconstruction_reaches_encoder_and_decoder(model: MotionClip, losses: Any, batch: Batch) -> None:
    losses(batch, MotionClipLosses(**NO_LATENTS))["total"].backward()
    assert silent(model) == []


def test_what_pulls_latents_reaches_the_encoder_alone(model: MotionClip, losses: Any, batch: Batch) -> None:
    losses(batch, MotionClipLosses(rc=0.0, rcxyz=0.0, vel=0.0))["total"].backward()
    assert silent(model.motion_encoder) == []
    assert silent(model.motion_decoder) == [name for name, _ in model.motion_decoder.named_parameters()]


def test_what_is_told_reaches_the_decoder_alone(model: MotionClip, losses: Any, batch: Batch) -> None:
    losses(batch)["gen_rc"].backward()
    assert silent(model.motion_decoder) == []
    assert silent(model.motion_encoder) == [name for name, _ in model.motion_encoder.named_parameters()]


def test_a_few_steps_lower_the_objective(model: MotionClip, losses: Any, batch: Batch) -> None:
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    first = losses(batch)["total"]
    for _ in range(20):
        optimiser.zero_grad()
        losses(batch)["total"].backward()
        optimiser.step()
    assert losses(batch)["total"] < 0.8 * first


# --- the parts ------------------------------------------------------------------------------------------------------


def test_equal_motions_cost_nothing() -> None:
    views = {"": torch.randn(2, 6, 12), "xyz": torch.randn(2, 6, 5, 3)}
    found = motion_losses(views, views, lengths_to_mask([6, 4]), FACTORS)
    assert {name: value.item() for name, value in found.items()} == dict.fromkeys(FACTORS, 0.0)


def test_a_motion_that_is_held_elsewhere_has_the_right_velocity() -> None:
    motion = torch.randn(2, 6, 12)
    found = motion_losses({"": motion + 0.5}, {"": motion}, lengths_to_mask([6, 4]), FACTORS)
    assert found["rc"].item() == pytest.approx(0.25)
    assert found["vel"].item() == pytest.approx(0.0, abs=1e-12)


def test_long_motions_weigh_more() -> None:
    # 3 frames of error 2 and one of error 0: the mean over frames is 3, that over motions 2.
    predicted = torch.tensor([[2.0, 2.0, 2.0], [0.0, 9.0, 9.0]])[..., None]
    found = masked_mse(predicted, torch.zeros_like(predicted), lengths_to_mask([3, 1]))
    assert found.item() == pytest.approx(3.0)


def test_single_frames_have_no_velocity_and_no_cost_of_it() -> None:
    motion = torch.randn(2, 1, 12)
    assert motion_losses({"": motion + 1}, {"": motion}, lengths_to_mask([1, 1]), FACTORS)["vel"] == 0


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
    found = latent_losses(torch.ones(5, 8), torch.ones(5, 8), CROSS_ENTROPY, 100.0)
    assert {name: value.item() for name, value in found.items()} == pytest.approx(
        dict.fromkeys(("ce_from_d", "ce_from_motion", "mixed_ce"), torch.tensor(5.0).log().item())
    )


def test_a_sharper_similarity_tells_well_placed_latents_apart_better() -> None:
    latents = torch.eye(4)
    soft, sharp = (latent_losses(latents, latents, CROSS_ENTROPY, scale)["mixed_ce"] for scale in (1.0, 10.0))
    assert sharp < soft


def test_sets_that_are_spread_alike_have_no_discrepancy() -> None:
    a, b = torch.randn(6, 8), torch.randn(9, 8)
    assert mmd(a, a[torch.randperm(6)]).item() == pytest.approx(0.0, abs=1e-6)
    assert mmd(a, b + 2) > mmd(a, b) > 0
    torch.testing.assert_close(mmd(a, b), mmd(b, a))
