"""The training mixture, on the real set."""

from __future__ import annotations

import os

import numpy as np
import pytest

from actiongpt_core.data.cmu import CmuSet
from actiongpt_core.data.gait import left_foot_events
from actiongpt_core.data.mixture import SHARES, TrainingClip, draw_probabilities, training_clips
from actiongpt_core.evaluation.measures import forward_speed


@pytest.fixture(scope="module")
def mixture() -> list[TrainingClip]:
    if not os.environ.get("ACTIONGPT_CMU"):
        pytest.skip("the prepared CMU set is not here: set ACTIONGPT_CMU to its folder")
    return training_clips(CmuSet(), min_frames=15, max_frames=90, variants=1, seed=0)


@pytest.mark.cmu
def test_shares_of_the_mixture_are_those_that_were_asked_for(mixture: list[TrainingClip]) -> None:
    probabilities = draw_probabilities(mixture)
    for group, share in SHARES.items():
        drawn = sum(p for p, item in zip(probabilities, mixture, strict=True) if item.group == group)
        assert drawn == pytest.approx(share)


@pytest.mark.cmu
def test_walks_of_the_mixture_start_at_one_phase_and_move_as_they_say(mixture: list[TrainingClip]) -> None:
    for item in mixture:
        if item.group == "other":
            continue
        clip = item.clip[:]
        speed = forward_speed(clip.motion)
        if item.group == "walk" and len(item.starts) > 1:
            assert set(item.starts) <= set(left_foot_events(clip))
        if item.group in ("walk", "run"):
            assert speed > 0.5
        if item.group == "walk backward":
            assert speed < -0.5


@pytest.mark.cmu
def test_mirrored_clips_have_mirrored_words(mixture: list[TrainingClip]) -> None:
    texts = {item.clip.texts[0] for item in mixture if getattr(item.clip, "mirrored", False)}
    assert "run, veer left" in texts
    assert "run, veer right" in texts
    assert np.isfinite(draw_probabilities(mixture)).all()
