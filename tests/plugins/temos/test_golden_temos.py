"""The whole of TEMOS against the numbers of the original code (golden/temos_tiny): text to motion, step by step."""

from __future__ import annotations

from typing import Any

import pytest
from vae_parity import VaeCases, recorded

from actiongpt_temos.convert import load_published

pytestmark = pytest.mark.golden

FOLDER = "temos_tiny"
FILE = f"{FOLDER}/cases.npz"


@pytest.fixture(scope="module")
def cases(golden: Any, tmp_path_factory: pytest.TempPathFactory) -> VaeCases:
    return VaeCases(
        golden,
        FOLDER,
        backbone="temos",
        load=load_published,
        text_part="action_text_encoder",
        scratch=tmp_path_factory.mktemp("stats"),
    )


# --- one text ------------------------------------------------------------------------------------------------------


@pytest.mark.golden(FILE, r"(text\d+)/mu")
def test_golden_a_text_becomes_the_same_motion(cases: VaeCases, case: str) -> None:
    cases.compare_text(case)


@pytest.mark.golden(FILE, r"(text\d+/(?:joints|vertices)_\w+)")
def test_golden_a_text_becomes_the_same_joints(cases: VaeCases, case: str) -> None:
    cases.compare_joints(case)


def test_golden_labels_are_found_in_the_annotations(cases: VaeCases) -> None:
    cases.compare_annotations()


@pytest.mark.golden(FILE, r"(text\d+)/token_embeddings")
def test_golden_the_text_model_in_the_folder_is_the_one_in_the_checkpoint(cases: VaeCases, case: str) -> None:
    cases.compare_text_model(case)


# --- many texts ----------------------------------------------------------------------------------------------------


@pytest.mark.golden(FILE, r"(batch\d+/\w+)/mu")
def test_golden_a_batch_agrees_with_either_mask(cases: VaeCases, case: str) -> None:
    cases.compare_batch(case)


@pytest.mark.golden(FILE, r"(motionenc_T\d+)/x")
def test_golden_the_motion_encoder_agrees_with_and_without_lengths(cases: VaeCases, case: str) -> None:
    cases.compare_motion_encoder(case, cases.model.motion_encoder)


@pytest.mark.golden(FILE, r"(rng/seed\d+)_draws")
def test_golden_a_seed_draws_the_same_noise(cases: VaeCases, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cases.compare_draws(case, monkeypatch)


# --- sequences -----------------------------------------------------------------------------------------------------


@pytest.mark.golden(FILE, r"(seq\d+)/joints_mmmns")
def test_golden_actions_one_after_the_other_become_the_same_motion(
    golden: Any, cases: VaeCases, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The original does not join actions: their features stand one after the other, and so its numbers are made."""
    model = cases.sequence_model(case)
    with recorded(model.action_text_encoder) as texts, recorded(model.motion_decoder) as decoded:
        motion = cases.generate(case, model, monkeypatch)
    [(_, _, text)], [((latent, lengths), _, features)] = texts, decoded
    for index, length in enumerate(lengths.tolist()):
        row = slice(index, index + 1)
        found = {"mu": text.mu[row], "std": text.std[row], "z": latent[row], "features": features[index, :length]}
        cases.compare_all(f"{case}/a{index}", found, golden.keys(FILE, rf"{case}/a{index}/((?!eps$).*)"))
    cases.compare_sequence(case, motion)


# --- the files -----------------------------------------------------------------------------------------------------


def test_golden_the_checkpoint_holds_what_its_list_says(cases: VaeCases) -> None:
    cases.compare_checkpoint()


def test_golden_the_settings_are_those_of_the_experiment(cases: VaeCases) -> None:
    cases.check_settings(data="/seg")
