"""One training step of TEACH against the numbers of the original code (golden/losses)."""

from __future__ import annotations

from typing import Any

import pytest
from vae_parity import VaeCases
from vae_step import VaeStep

from actiongpt_core.nn.masks import pad
from actiongpt_core.training.samples import Sample
from actiongpt_teach.convert import _NAMES, load_published
from actiongpt_teach.training import TeachRecipe

pytestmark = pytest.mark.golden

FILE = "losses/teach_step.npz"


@pytest.fixture(scope="module")
def step(golden: Any, tmp_path_factory: pytest.TempPathFactory) -> VaeStep:
    cases = VaeCases(
        golden,
        "teach_tiny",
        backbone="teach",
        load=load_published,
        text_part="text_history_encoder",
        scratch=tmp_path_factory.mktemp("stats"),
    )
    return VaeStep(golden, cases, "teach")


@pytest.mark.golden(FILE, r"teach/(\w+)/grad/textencoder\.mu_token")
def test_golden_a_training_step_agrees_with_either_mask(step: VaeStep, case: str) -> None:
    described = step.described
    first = step.actions(described["text_0"], "motion_feats_0", described["length_0"])
    second = step.actions(described["text_1"], "motion_feats_1_with_transition", described["length_1_with_transition"])
    pairs = enumerate(zip(first, second, strict=True))
    samples = [Sample(index=index, actions=actions) for index, actions in pairs]
    step.compare(case, TeachRecipe(), samples, _NAMES, ["text_0", "text_1", "motion_0", "motion_1"])


def test_golden_the_transition_comes_before_the_second_action(golden: Any, step: VaeStep) -> None:
    described = step.described
    both = zip(
        step.feed("motion_feats_1_with_transition"), described["length_transition"], described["length_1"], strict=True
    )
    golden.compare(FILE, "teach/motion_feats_1", pad([rows[start : start + count] for rows, start, count in both]), 0)
    sums = [sum(pair) for pair in zip(described["length_transition"], described["length_1"], strict=True)]
    assert sums == described["length_1_with_transition"]


def test_golden_every_part_of_the_stored_step_is_compared(step: VaeStep) -> None:
    lengths = {"length_0", "length_1", "length_transition", "length_1_with_transition"}
    step.compare_contents(lengths | {"text_0", "text_1"})
