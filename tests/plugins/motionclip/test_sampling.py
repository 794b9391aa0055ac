"""The dump of a test set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from actiongpt_core.errors import ConfigError
from actiongpt_core.pipeline import Pipeline
from actiongpt_motionclip.database import read_database
from actiongpt_motionclip.dataset import Window, windows
from actiongpt_motionclip.sampling import sample, window_motion

Build = Callable[..., Pipeline]
PUBLISHED = {"row_24": "right_ankle", "root_orientation": "upright"}


@pytest.fixture
def clips(lists: dict[str, Any], write_database: Callable[..., Path]) -> list[Window]:
    lists["text_raw_labels"][1][:] = ""
    return windows(read_database(write_database(lists)))


def test_each_labelled_window_has_its_own_sample(build_pipeline: Build, clips: list[Window]) -> None:
    found = list(sample(build_pipeline(**PUBLISHED), clips))
    assert [one.text for one in found] == ["walk", "sit down", "wave"]  # the second clip has no label
    for one in found:
        assert one.ground_truth.shape == one.generated.shape == (60, 24, 3)
    assert not torch.allclose(found[0].ground_truth, found[1].ground_truth, atol=1e-2)
    assert not torch.allclose(found[0].generated, found[1].generated, atol=1e-3)


def test_joints_are_seen_from_the_pelvis_with_z_up(build_pipeline: Build, clips: list[Window]) -> None:
    for one in sample(build_pipeline(**PUBLISHED), clips):
        assert not one.ground_truth[:, 0].any()
        assert not one.generated[:, 0].any()
        spine = one.generated[:, 3]
        assert bool((spine[:, 2] > 0.1).all()), "the spine goes up from the pelvis of a body that stands"


def test_the_ground_truth_is_the_recorded_pose(build_pipeline: Build, clips: list[Window]) -> None:
    motion = window_motion(clips[2], range(60), fps=30.0)
    thetas = torch.from_numpy(clips[2].recording.thetas[:60]).float()
    angle = torch.linalg.vector_norm(thetas.unflatten(1, (24, 3)), dim=-1)
    trace = motion.rotations.diagonal(dim1=-2, dim2=-1).sum(-1)
    torch.testing.assert_close(trace, 1 + 2 * torch.cos(angle), atol=1e-5, rtol=0)


def test_a_model_with_a_path_of_its_own_cannot_read_a_data_base(build_pipeline: Build, clips: list[Window]) -> None:
    with pytest.raises(ConfigError, match="pelvis's path"):
        list(sample(build_pipeline(), clips))
