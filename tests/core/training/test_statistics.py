"""What is fitted before the first step, on parametric clips."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from actiongpt_core.data.mixture import TrainingClip
from actiongpt_core.data.procedural_set import ProceduralSet
from actiongpt_core.errors import ConfigError
from actiongpt_core.features.root_velocity_rot6d import RootVelocityRot6d
from actiongpt_core.nn.basis import MotionBasis
from actiongpt_core.testing.training import Few
from actiongpt_core.training.segments import SegmentSampler, WholeSampling
from actiongpt_core.training.statistics import fit_basis, fit_coefficients, fit_frames, fit_normalizer, fit_statistics
from actiongpt_core.training.windows import MixtureSampling, WindowSampler

FEATURES = RootVelocityRot6d()
FRAMES = 60


@pytest.fixture
def mixture() -> list[TrainingClip]:
    data = Few(ProceduralSet(variants=1), segments=8)
    return MixtureSampling(variants=0).clips(data, min_frames=15, max_frames=FRAMES, fps=30.0, seed=0)


@pytest.fixture
def windows(mixture: list[TrainingClip]) -> WindowSampler:
    return WindowSampler(mixture, FEATURES.encode, 0, max_frames=FRAMES)


@pytest.fixture
def clips(windows: WindowSampler) -> list[torch.Tensor]:
    return [windows.single(index, FRAMES).features for index in range(12)]


def model(components: int) -> Any:
    basis = MotionBasis(8, components, FRAMES, FEATURES.num_features) if components else None
    decoder, normalizer = SimpleNamespace(basis=basis), SimpleNamespace(mean=torch.zeros(135))
    return SimpleNamespace(features=FEATURES, max_frames=FRAMES, normalizer=normalizer, motion_decoder=decoder)


def test_the_numbers_of_one_group_share_their_spread(clips: list[torch.Tensor]) -> None:
    fitted = fit_normalizer(clips, FEATURES.groups)
    joints = fitted.std[3:].unflatten(0, (-1, 6))
    assert (joints == joints[:, :1]).all()
    torch.testing.assert_close(fitted.mean, torch.cat(clips).mean(0))


def test_clips_read_one_by_one_have_the_mean_and_spread_of_all_their_frames(clips: list[torch.Tensor]) -> None:
    fitted, frames = fit_frames(iter(clips)), torch.cat(clips).double()
    torch.testing.assert_close(fitted.mean.double(), frames.mean(0), atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(fitted.std.double(), frames.std(0).clamp(min=1e-3), atol=1e-5, rtol=1e-4)


def test_whole_clips_are_normalised_over_all_their_frames() -> None:
    data, fitted = Few(ProceduralSet(variants=1), segments=8), model(0)
    sampling = WholeSampling()
    sampler = SegmentSampler(
        data, "train", FEATURES.encode, 0, fps=30.0, min_frames=15, max_frames=750, sampling=sampling
    )
    fit_statistics(fitted, sampler, 5_000)
    motions = [data.motion(item.recording, item.start, item.end) for item in data.segments("train")]
    frames = torch.cat([FEATURES.encode(motion.rotations, motion.translation) for motion in motions])
    torch.testing.assert_close(fitted.normalizer.mean, frames.mean(0), atol=1e-5, rtol=1e-5)


def test_statistics_are_fitted_from_windows_as_long_as_the_model_takes(windows: WindowSampler) -> None:
    fitted = model(6)
    fit_statistics(fitted, windows, 12)
    clip = fitted.normalizer.normalise(windows.single(3, FRAMES).features)
    assert float(clip.mean().abs()) < 1
    assert fitted.motion_decoder.basis.components.any()


def test_a_linear_basis_gives_back_the_clips_that_it_was_fitted_to(clips: list[torch.Tensor]) -> None:
    normalizer = fit_normalizer(clips, FEATURES.groups)
    basis = MotionBasis(8, len(clips), FRAMES, FEATURES.num_features)
    assert fit_basis(basis, clips, normalizer) > 0.99


def test_fewer_clips_than_components_are_refused_with_both_numbers(clips: list[torch.Tensor]) -> None:
    basis = MotionBasis(8, 40, FRAMES, FEATURES.num_features)
    with pytest.raises(ConfigError, match=r"12 clips .* 40 components.*basis_components"):
        fit_basis(basis, clips, fit_normalizer(clips, FEATURES.groups))


def test_a_basis_starts_from_the_best_linear_map_of_latents(clips: list[torch.Tensor]) -> None:
    """With a latent of its own for each clip nearly all is explained, with one for all nothing."""
    normalizer = fit_normalizer(clips, FEATURES.groups)
    basis = MotionBasis(len(clips), 4, FRAMES, FEATURES.num_features)
    fit_basis(basis, clips, normalizer)
    own, none = torch.eye(len(clips)), torch.zeros(len(clips), len(clips))
    assert fit_coefficients(basis, own, clips, normalizer, ridge=1e-6) > 0.99
    assert abs(fit_coefficients(basis, none, clips, normalizer)) < 0.01
