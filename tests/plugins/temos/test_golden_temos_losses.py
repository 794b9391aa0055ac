"""One training step of TEMOS against the numbers of the original code (golden/losses)."""

from __future__ import annotations

from typing import Any

import pytest
from vae_parity import VaeCases
from vae_step import VaeStep

from actiongpt_core.training.optimiser import OptimiserSettings
from actiongpt_core.training.vae import VaeTraining
from actiongpt_temos.convert import _NAMES, load_published
from actiongpt_temos.losses import PUBLISHED_WEIGHTS, padded_reconstruction_loss

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
def test_golden_a_training_step_agrees_with_either_mask(
    step: VaeStep, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions = step.actions(step.described["text"], "features", step.described["length"])
    training = VaeTraining(
        step.model(case), PUBLISHED_WEIGHTS, OptimiserSettings(), reconstruction=padded_reconstruction_loss
    )
    step.compare(case, training, actions, _NAMES, ["text", "motion"], monkeypatch)


def test_golden_every_part_of_the_stored_step_is_compared(step: VaeStep) -> None:
    step.compare_contents({"text", "length"})
