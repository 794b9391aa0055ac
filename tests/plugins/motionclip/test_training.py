"""The published settings, value by value, and the recipe's samples: frames of windows, and windows of the mixture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch

from actiongpt_core.data.procedural_set import ProceduralSet
from actiongpt_core.errors import ConfigError
from actiongpt_core.testing.fakes import FakeTextEncoder
from actiongpt_core.testing.training import Few
from actiongpt_core.text.aggregators import mean
from actiongpt_core.training.samples import Sampler
from actiongpt_core.types.motion import Motion
from actiongpt_motionclip import MotionClip, MotionClipConfig
from actiongpt_motionclip.objective import PicturedAction
from actiongpt_motionclip.training import MotionClipRecipe
from actiongpt_motionclip.windows import FrameSampler, FrameSampling

RECIPE = MotionClipRecipe()
PAPER = RECIPE.presets["action-gpt"]
WITHOUT_IMAGES = attrs.evolve(PAPER, objective=attrs.evolve(PAPER.objective, image_cosine=0.0))


@pytest.mark.parametrize(
    ("setting", "value"),
    # Action-GPT-MotionCLIP: the paper's command, and the defaults of its parser.
    {
        "model.latent_dim": 512,
        "model.num_layers": 8,
        "model.num_heads": 4,
        "model.ff_size": 1024,
        "model.dropout": 0.1,
        "model.motion_tokens": "mu",
        "model.normalise_encoder_output": False,
        "model.normalise_decoder_input": False,
        "model.fps": 30.0,
        "model.trained_frames": 60,
        "model.text_space": "clip:ViT-B-32",
        "model.row_24": "right_ankle",
        "model.whiten": False,
        "model.frames_per_token": 1,
        "model.basis_components": 0,
        "training.batch_size": 20,
        "training.learning_rate": 1e-4,
        "training.weight_decay": 0.01,
        "training.schedule": "constant",
        "training.gradient_clip": None,
        "training.ema": None,
        "training.precision": "32-true",
        "training.seed": 10,
        "training.k": 4,
        "training.min_k": None,
        "training.description_share": 1.0,
        "training.states": "float32",
        "sampling.window": 100,
        "sampling.frames": 60,
        "sampling.last_batch": "keep",
        "objective.rc": 100.0,
        "objective.rcxyz": 100.0,
        "objective.vel": 100.0,
        "objective.velxyz": 0.0,
        "objective.image_cosine": 1.0,
        "objective.text_cosine": 1.0,
        "objective.image_mse": 0.0,
        "objective.image_ce": 0.0,
        "objective.text_mse": 0.0,
        "objective.text_ce": 0.0,
        "objective.generation": 0.0,
        "objective.similarity_scale": 100.0,
        "objective.joint_set": "vertices",
        "objective.vertstrans": False,
        "objective.reconstruction": 0.0,
        "objective.motion_share": 1.0,
        "objective.text_noise": 0.0,
        "objective.basis_steps": 0,
    }.items(),
)
def test_the_papers_preset_has_the_released_value(setting: str, value: object) -> None:
    section, name = setting.split(".")
    assert getattr(getattr(PAPER, section), name) == value


# --- frames of windows ----------------------------------------------------------------------------------------------


class Described(Few):
    """A set with labels of frames, hands, ankles and pictures."""

    image_space = "fake"

    def frame_labels(self, recording: str, start: int, end: int) -> list[str]:
        return ["walk" if frame < 30 else "" for frame in range(start, end)]

    def extra(self, recording: str, name: str, start: int, end: int) -> np.ndarray[Any, Any]:
        frames = np.arange(start, end, dtype=np.float32)
        return np.zeros((len(frames), 2, 3), np.float32) if name == "hands" else np.stack([frames] * 3, 1)

    def image_features(self, key: str) -> torch.Tensor:
        return torch.full((16,), float(len(key)))


@pytest.fixture
def model() -> MotionClip:
    torch.manual_seed(0)
    return MotionClip(MotionClipConfig.tiny(row_24="right_ankle", root_orientation="upright"))


@pytest.fixture
def data() -> ProceduralSet:
    return ProceduralSet(variants=1, seconds=8.0)


def drawn(sampler: Sampler, count: int = 12) -> list[PicturedAction]:
    return [sample.actions[0] for sample in sampler.draw(0, count, range(count))]  # type: ignore[misc]


def test_clips_are_cut_into_whole_windows(model: MotionClip, data: ProceduralSet) -> None:
    sampler = RECIPE.sampler(WITHOUT_IMAGES, model, data, "train", 0)
    assert isinstance(sampler, FrameSampler)
    assert sampler.num_samples == 2 * len(data.segments("train"))  # 240 frames: two of 100, and a rest
    assert {window.end - window.start for window in sampler.windows} == {100}
    assert {action.features.shape for action in drawn(sampler)} == {(60, 150)}


def test_a_sample_starts_at_one_of_the_first_40_frames_of_its_window(model: MotionClip, data: ProceduralSet) -> None:
    asked = []

    class Watched(Few):
        def motion(self, recording: str, start: int, end: int) -> Motion:
            asked.append(start % 100)
            motion: Motion = data.motion(recording, start, end)
            return motion

    sampler = RECIPE.sampler(WITHOUT_IMAGES, model, Watched(data, segments=3), "train", 0)
    for step in range(60):
        sampler.draw(step, 6, range(6))
    assert set(asked) == set(range(40))


def test_a_sample_is_told_by_the_labels_of_its_own_frames(model: MotionClip, data: ProceduralSet) -> None:
    described = Described(data, segments=3)
    sampler = RECIPE.sampler(WITHOUT_IMAGES, model, described, "train", 0)
    told = {sample.actions[0].texts for step in range(30) for sample in sampler.draw(step, 6, range(6))}
    # Frames without a label beside others have the label "", as in the original; windows without any, the segment's.
    assert told == {(" and walk",)} | {item.texts for item in described.segments("train")}
    assert told <= set(sampler.texts())


def test_the_ankles_way_starts_at_the_samples_own_first_frame(model: MotionClip, data: ProceduralSet) -> None:
    for action in drawn(RECIPE.sampler(WITHOUT_IMAGES, model, Described(data, segments=3), "train", 0), 6):
        assert not action.features[0, -6:].any()
        assert torch.equal(action.features[:, -6], torch.arange(60.0))


def test_frames_of_any_other_split_come_in_order_and_are_the_same_each_time(
    model: MotionClip, data: ProceduralSet
) -> None:
    one, other = (RECIPE.sampler(WITHOUT_IMAGES, model, Few(data, segments=5), "val", seed) for seed in (0, 1))
    for mine, its in zip(drawn(one, 10), drawn(other, 10), strict=True):
        assert torch.equal(mine.features, its.features)


def test_vectors_of_pictures_come_with_their_windows(model: MotionClip, data: ProceduralSet) -> None:
    described = Described(data, segments=3)
    sampler = RECIPE.sampler(PAPER, model, described, "val", 0)
    assert [float(action.image[0]) for action in drawn(sampler, 6) if action.image is not None] == [
        float(len(item.key)) for item in described.segments("val") for _ in range(2)
    ]
    objective = RECIPE.objective(attrs.evolve(PAPER, objective=attrs.evolve(PAPER.objective, rcxyz=0.0)), model)
    batch = objective.collate(sampler.draw(0, 6, range(6)), _tell)
    terms = {term.name: term for term in objective.terms(batch, _no_noise, 0)}
    assert terms["image_cosine"].weight == 1.0
    assert terms["image_cosine"].value.isfinite()


def test_pictures_of_another_models_space_are_refused(model: MotionClip, data: ProceduralSet) -> None:
    described = Described(data, segments=3)
    described.image_space = "clip:ViT-L-14"
    with pytest.raises(ConfigError, match="ViT-L-14"):
        RECIPE.sampler(PAPER, model, described, "train", 0)


def test_a_set_without_pictures_is_refused_where_terms_are_about_them(model: MotionClip, data: ProceduralSet) -> None:
    with pytest.raises(ConfigError, match=r"no vectors of images.*objective\.image_cosine"):
        RECIPE.sampler(PAPER, model, data, "train", 0)


def test_clips_that_are_too_short_for_a_sample_are_counted(model: MotionClip, data: ProceduralSet) -> None:
    with pytest.raises(ConfigError, match="5 shorter than 60 frames"):
        RECIPE.sampler(WITHOUT_IMAGES, model, Few(data, segments=5, frames=59), "train", 0)


def _tell(actions: Any, indices: Any) -> Any:
    return [mean(FakeTextEncoder(16).encode(action.texts[:1])) for action in actions]


def _no_noise(indices: Any, dim: int) -> torch.Tensor:
    raise AssertionError("the original draws no noise")


# --- what is fitted -------------------------------------------------------------------------------------------------


def test_a_published_model_keeps_its_features_as_they_are(model: MotionClip, data: ProceduralSet) -> None:
    sampler = RECIPE.sampler(WITHOUT_IMAGES, model, data, "train", 0)
    RECIPE.fit_statistics(WITHOUT_IMAGES, model, sampler, _tell)
    assert not model.normalizer.mean.any()
    assert (model.normalizer.std == 1).all()


@pytest.mark.parametrize("part", [{"basis_components": 4}, {"whiten": True}])
def test_parts_that_whole_windows_cannot_fit_are_refused(data: ProceduralSet, part: dict[str, Any]) -> None:
    fitted = MotionClip(MotionClipConfig.tiny(**part))
    sampler = FrameSampler(fitted, data, "train", 0, FrameSampling())
    with pytest.raises(ConfigError, match="basis_components"):
        RECIPE.fit_statistics(WITHOUT_IMAGES, fitted, sampler, _tell)


def test_features_texts_and_basis_are_fitted_to_the_mixture(data: ProceduralSet, tmp_path: Path) -> None:
    tiny = RECIPE.presets["tiny"]
    config = MotionClipConfig.tiny(whiten=True, text_dim=24, latent_dim=16, basis_components=4, max_frames=60)
    preset = attrs.evolve(tiny, model=config, sampling=attrs.evolve(tiny.sampling, statistics=40))
    fitted = MotionClip(config)
    sampler = RECIPE.sampler(preset, fitted, Few(data, segments=6), "train", 0)

    def tell(actions: Any, indices: Any) -> Any:
        return [mean(FakeTextEncoder(24).encode(action.texts[:1])) for action in actions]

    RECIPE.fit_statistics(preset, fitted, sampler, tell)
    assert fitted.normalizer.mean.any()
    assert fitted.motion_decoder.basis is not None
    assert fitted.motion_decoder.basis.components.any()
    pooled = torch.stack([text.pooled for text in tell([s.actions[0] for s in sampler.draw(0, 40, range(40))], None)])
    assert float(fitted.text_latent(pooled).mean(0).abs().max()) < 1.0
