"""Readers and the training mixture, on the real set."""

import os

import numpy as np
import pytest

from actiongpt_core.data.cmu import CmuSet, cmu_folder
from actiongpt_core.data.gait import left_foot_events
from actiongpt_core.data.mixture import SHARES, TrainingClip, draw_probabilities, training_clips
from actiongpt_core.errors import ConfigError, MissingAssetError
from actiongpt_core.evaluation.measures import forward_speed


@pytest.fixture(scope="module")
def cmu() -> CmuSet:
    if not os.environ.get("ACTIONGPT_CMU"):
        pytest.skip("the prepared CMU set is not here: set ACTIONGPT_CMU to its folder")
    return CmuSet()


@pytest.fixture(scope="module")
def mixture(cmu: CmuSet) -> list[TrainingClip]:
    return training_clips(cmu, max_frames=90, variants=1, seed=0)


def test_without_the_set_the_error_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACTIONGPT_CMU", raising=False)
    with pytest.raises(MissingAssetError, match="ACTIONGPT_CMU"):
        cmu_folder()


def test_a_folder_of_something_else_says_what_is_missing(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(MissingAssetError, match=r"motions\.npz is missing"):
        cmu_folder(tmp_path)


@pytest.mark.cmu
def test_a_split_that_does_not_exist_is_an_error(cmu: CmuSet) -> None:
    with pytest.raises(ConfigError, match="train, val, test"):
        cmu.clips("training")


@pytest.mark.cmu
def test_recordings_of_one_split_are_in_no_other(cmu: CmuSet) -> None:
    recordings = [{clip.recording for clip in cmu.clips(split)} for split in ("train", "val", "test")]
    assert sum(map(len, recordings)) == len(set.union(*recordings))


@pytest.mark.cmu
def test_shares_of_the_mixture_are_those_that_were_asked_for(mixture: list[TrainingClip]) -> None:
    probabilities = draw_probabilities(mixture)
    for group, share in SHARES.items():
        drawn = sum(p for p, item in zip(probabilities, mixture, strict=True) if item.group == group)
        assert drawn == pytest.approx(share)


@pytest.mark.cmu
def test_walks_of_the_mixture_start_at_one_phase_and_move_as_they_say(mixture: list[TrainingClip]) -> None:
    for item in mixture:
        speed = forward_speed(item.clip.motion)
        if item.group == "walk" and len(item.starts) > 1:
            assert set(item.starts) <= set(left_foot_events(item.clip))
        if item.group in ("walk", "run"):
            assert speed > 0.5
        if item.group == "walk backward":
            assert speed < -0.5


@pytest.mark.cmu
def test_mirrored_clips_have_mirrored_words(mixture: list[TrainingClip]) -> None:
    texts = {item.clip.texts[0] for item in mixture if item.clip.source.startswith("cmu") and item.clip.mirrored}
    assert "run, veer left" in texts
    assert "run, veer right" in texts
    assert np.isfinite(draw_probabilities(mixture)).all()
