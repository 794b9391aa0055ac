"""Latents of texts and motions, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from actiongpt_core.errors import ConfigError, PromptError, ShapeError
from actiongpt_core.features.pose_rot6d import from_rows
from actiongpt_core.geometry.clips import resample
from actiongpt_core.geometry.rotations import axis_angle_to_matrix
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.testing.fakes import FakeMotionModel, FakeProvider
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL, SMPL_BODY
from actiongpt_motionclip import MotionClip
from actiongpt_motionclip.database import read_database
from actiongpt_motionclip.dataset import load_item, windows
from actiongpt_motionclip.editing import decode, edit, interpolate
from actiongpt_motionclip.frames import ItemSettings
from actiongpt_motionclip.latents import item_settings, latent_of, latents_of_motions, latents_of_texts

Build = Callable[..., Pipeline]
PUBLISHED = {"row_24": "right_ankle", "root_orientation": "upright"}


def clip(num_frames: int = 40, fps: float = 30.0, skeleton: Any = SMPL, seed: int = 0) -> Motion:
    generator = torch.Generator().manual_seed(seed)
    rotations = axis_angle_to_matrix(0.3 * torch.randn(num_frames, skeleton.num_joints, 3, generator=generator))
    translation = torch.cumsum(0.02 * torch.randn(num_frames, 3, generator=generator), dim=0)
    return Motion(rotations=rotations, translation=translation, fps=fps, skeleton=skeleton)


def assert_same(actual: Tensor, expected: Tensor) -> None:
    """But for the order of sums: batches of another size are computed in another one."""
    torch.testing.assert_close(actual, expected, atol=1e-5, rtol=1e-5)


def model_of(pipeline: Pipeline) -> MotionClip:
    assert isinstance(pipeline.model, MotionClip)
    return pipeline.model


# --- latents ---------------------------------------------------------------------------------------------------------


def test_the_latent_of_a_text_is_the_mean_of_its_descriptions_vectors(build_pipeline: Build) -> None:
    pipeline = build_pipeline()
    texts = pipeline.describe("wave")[0].texts
    pooled = torch.stack([pipeline.text_encoder.encode([text]).pooled[0] for text in texts])  # type: ignore[index]
    assert_same(latent_of(pipeline, "wave"), pooled.mean(0))


def test_a_phrase_with_commas_is_one_action(build_pipeline: Build) -> None:
    pipeline = build_pipeline()
    latents_of_texts(pipeline, ["walk, then sit"])
    assert isinstance(pipeline.llm, FakeProvider)
    assert [action.phrase for action in pipeline.llm.calls] == ["walk, then sit"]


def test_a_phrase_without_letters_is_refused(build_pipeline: Build) -> None:
    with pytest.raises(PromptError, match="letters"):
        latent_of(build_pipeline(), "...")


def test_a_latent_is_its_own_latent_and_one_of_another_size_is_refused(build_pipeline: Build) -> None:
    pipeline = build_pipeline()
    latent = torch.randn(16)
    assert torch.equal(latent_of(pipeline, latent), latent)
    with pytest.raises(ShapeError, match=r"\(16,\), got \(2, 16\)"):
        latent_of(pipeline, torch.randn(2, 16))


@pytest.mark.parametrize("settings", [{}, PUBLISHED])
def test_motions_of_different_lengths_have_the_same_latents_alone_and_together(
    settings: dict[str, Any], build_pipeline: Build
) -> None:
    model = model_of(build_pipeline(**settings))
    motions = [clip(40), clip(25, seed=1), clip(60, seed=2)]
    together = latents_of_motions(model, motions)
    for motion, latent in zip(motions, together, strict=True):
        assert_same(latents_of_motions(model, [motion])[0], latent)


def test_a_motion_at_twice_the_frame_rate_has_the_same_latent(build_pipeline: Build) -> None:
    model, motion = model_of(build_pipeline()), clip(40)
    rotations, translation = resample(motion.rotations, motion.translation, 30.0, 60.0)
    twice = Motion(rotations=rotations, translation=translation, fps=60.0, skeleton=SMPL)
    assert_same(*(latents_of_motions(model, [one]) for one in (twice, motion)))


def test_a_motion_without_hands_is_read_with_straight_ones(build_pipeline: Build) -> None:
    model, motion = model_of(build_pipeline()), clip(40, skeleton=SMPL_BODY)
    hands = torch.eye(3).expand(40, 2, 3, 3)
    whole = Motion(
        rotations=torch.cat([motion.rotations, hands], dim=1),
        translation=motion.translation,
        fps=30.0,
        skeleton=SMPL,
    )
    assert_same(*(latents_of_motions(model, [one]) for one in (whole, motion)))


def test_an_item_of_a_data_base_is_encoded_as_it_stands(
    build_pipeline: Build, lists: dict[str, Any], write_database: Callable[..., Path]
) -> None:
    pipeline = build_pipeline(**PUBLISHED)
    model = model_of(pipeline)
    item = load_item(windows(read_database(write_database(lists)))[0], item_settings(model))
    assert item is not None
    expected = model.encode_motion(from_rows(item.x[None]), torch.tensor([item.x.shape[-1]]))[0]
    assert_same(latent_of(pipeline, item), expected)


def test_items_are_refused_by_a_model_of_another_last_row_and_in_another_form(
    build_pipeline: Build, lists: dict[str, Any], write_database: Callable[..., Path]
) -> None:
    window = windows(read_database(write_database(lists)))[0]
    with pytest.raises(ConfigError, match="pelvis's path"):
        item_settings(model_of(build_pipeline()))
    for pipeline, settings in (
        (build_pipeline(), ItemSettings()),
        (build_pipeline(**PUBLISHED), ItemSettings(representation="rotquat")),
    ):
        item = load_item(window, settings)
        assert item is not None
        with pytest.raises(ConfigError, match="item_settings"):
            latent_of(pipeline, item)


def test_another_backbone_has_no_latents_of_this_kind() -> None:
    with pytest.raises(ConfigError, match=r"this pipeline has FakeMotionModel.*motionclip"):
        edit(Pipeline(FakeMotionModel(), llm=FakeProvider(), device="cpu"), "jump", minus="walk", plus="run")


# --- editing ---------------------------------------------------------------------------------------------------------


def test_an_edit_adds_the_step_from_one_to_the_other(build_pipeline: Build) -> None:
    pipeline = build_pipeline()
    base, minus, plus = latents_of_texts(pipeline, ["jump", "walk", "walk old"])
    found = edit(pipeline, "jump", minus="walk", plus="walk old")
    assert_same(found.latent, base - minus + plus)
    expected = model_of(pipeline).motions(found.latent[None], [60])[0]
    assert torch.equal(found.motion.rotations, expected.rotations)
    assert torch.equal(found.motion.translation, expected.translation)


def test_a_step_to_the_same_changes_nothing(build_pipeline: Build) -> None:
    pipeline = build_pipeline()
    unchanged = edit(pipeline, "jump", minus="walk", plus="walk")
    motion = pipeline.generate("jump")
    torch.testing.assert_close(unchanged.motion.rotations, motion.rotations, atol=1e-4, rtol=0)


def test_texts_and_motions_can_stand_in_one_edit(build_pipeline: Build) -> None:
    pipeline = build_pipeline()
    motion = clip(60)
    found = edit(pipeline, motion, minus="walk", plus=latent_of(pipeline, "run"))
    expected = latent_of(pipeline, motion) - latent_of(pipeline, "walk") + latent_of(pipeline, "run")
    assert_same(found.latent, expected)


def test_the_length_is_what_is_asked_for(build_pipeline: Build) -> None:
    found = edit(build_pipeline(), "jump", minus="walk", plus="run", seconds=1.5)
    assert found.motion.num_frames == 45


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf"), 0.1, 1e9])
def test_a_length_that_the_pipeline_refuses_is_refused_here(build_pipeline: Build, seconds: float) -> None:
    pipeline = build_pipeline()
    with pytest.raises(ConfigError, match="seconds"):
        pipeline.generate("jump", seconds=seconds)
    with pytest.raises(ConfigError, match="seconds"):
        edit(pipeline, "jump", minus="walk", plus="run", seconds=seconds)


def test_latents_and_lengths_that_do_not_fit_are_refused(build_pipeline: Build) -> None:
    pipeline = build_pipeline()
    for latents in (torch.zeros(16), torch.zeros(0, 16), torch.zeros(1, 3)):
        with pytest.raises(ShapeError, match=r"Latents must be \(B, 16\)"):
            decode(pipeline, latents)
    for lengths in ([30, 30], [0], [-1], [30.5]):
        with pytest.raises(ShapeError, match="whole number of frames"):
            model_of(pipeline).motions(torch.zeros(1, 16), lengths)  # type: ignore[arg-type]


def test_what_is_no_source_is_refused(build_pipeline: Build) -> None:
    pipeline = build_pipeline()
    with pytest.raises(ConfigError, match="got list"):
        latent_of(pipeline, ["walk"])  # type: ignore[arg-type]
    with pytest.raises(PromptError, match="A list of one or more phrases"):
        latents_of_texts(pipeline, "walk")
    with pytest.raises(ConfigError, match="one or more motions"):
        latents_of_motions(model_of(pipeline), [])


def test_more_phrases_than_a_prompt_has_actions_have_latents(build_pipeline: Build) -> None:
    pipeline = build_pipeline()
    found = latents_of_texts(pipeline, ["walk", "run"] * 15)
    assert_same(found, latents_of_texts(pipeline, ["walk", "run"]).repeat(15, 1))


def test_a_motion_that_is_longer_than_those_of_the_training_warns_or_is_refused(build_pipeline: Build) -> None:
    pipeline = build_pipeline(trained_frames=40, max_frames=60)
    with pytest.warns(UserWarning, match=r"41 frames .* trained on 40 .* Cut the motion"):
        latent_of(pipeline, clip(41))
    with pytest.raises(ConfigError, match=r"at most 60 frames .* got 61. Cut the motion"):
        latent_of(pipeline, clip(61))


# --- interpolation ---------------------------------------------------------------------------------------------------


def test_an_interpolation_goes_in_equal_steps_from_one_end_to_the_other(build_pipeline: Build) -> None:
    pipeline = build_pipeline()
    stops = interpolate(pipeline, "walk", "run", num_stops=7)
    latents = torch.stack([stop.latent for stop in stops])
    ends = latents_of_texts(pipeline, ["walk", "run"])
    assert_same(latents[[0, -1]], ends)
    steps = latents.diff(dim=0)
    assert_same(steps, ((ends[1] - ends[0]) / 6).expand_as(steps))


def test_each_stop_is_the_motion_of_its_latent(build_pipeline: Build) -> None:
    pipeline = build_pipeline()
    for stop in interpolate(pipeline, clip(30), clip(50, seed=1), num_stops=3):
        alone = decode(pipeline, stop.latent[None])[0].motion
        torch.testing.assert_close(stop.motion.rotations, alone.rotations, atol=1e-4, rtol=0)


def test_an_interpolation_needs_two_stops(build_pipeline: Build) -> None:
    with pytest.raises(ConfigError, match="two stops or more"):
        interpolate(build_pipeline(), "walk", "run", num_stops=1)
