"""One training step of TEMOS against the numbers of the original code (golden/losses)."""

from __future__ import annotations

from typing import Any

import pytest
from vae_parity import VaeCases
from vae_step import VaeStep

from actiongpt_core.training.samples import Sample
from actiongpt_temos.convert import _NAMES, load_published
from actiongpt_temos.training import TemosRecipe

pytestmark = pytest.mark.golden

FILE = "losses/temos_step.npz"


@pytest.fixture(scope="module")
def step(golden: Any, tmp_path_factory: pytest.TempPathFactory) -> VaeStep:
    cases = VaeCases(
        golden,
        "temos_tiny",
        backbone="temos",
        load=load_published,
        text_part="action_text_encoder",
        scratch=tmp_path_factory.mktemp("stats"),
    )
    return VaeStep(golden, cases, "temos")


@pytest.mark.golden(FILE, r"temos/(\w+)/grad/textencoder\.mu_token")
def test_golden_a_training_step_agrees_with_either_mask(step: VaeStep, case: str) -> None:
    actions = step.actions(step.described["text"], "features", step.described["length"])
    samples = [Sample(index=index, actions=(action,)) for index, action in enumerate(actions)]
    step.compare(case, TemosRecipe(), samples, _NAMES, ["text", "motion"])


def test_golden_every_part_of_the_stored_step_is_compared(step: VaeStep) -> None:
    step.compare_contents({"text", "length"})
