"""The whole of TEACH against the numbers of the original code (golden/teach_tiny): text to motion, step by step."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from vae_parity import NETWORK, VaeCases, recorded

from actiongpt_core.types.text import TextFeatures
from actiongpt_teach.convert import load_published

pytestmark = pytest.mark.golden

FOLDER = "teach_tiny"
FILE = f"{FOLDER}/cases.npz"


@pytest.fixture(scope="module")
def cases(golden: Any, tmp_path_factory: pytest.TempPathFactory) -> VaeCases:
    return VaeCases(
        golden,
        FOLDER,
        backbone="teach",
        load=load_published,
        text_part="text_history_encoder",
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


@pytest.mark.golden(FILE, r"(extra)/hframes")
def test_golden_history_and_previous_latent_agree(golden: Any, cases: VaeCases, case: str) -> None:
    history, previous = golden.feed(FILE, f"{case}/hframes"), golden.feed(FILE, f"{case}/z_prev")
    given = {"hist": (history, None), "zprev": (None, previous), "hist_zprev": (history, previous)}
    # The files do not say which text it was: it is the one whose mu agrees first, and with it all must agree.
    texts = [
        TextFeatures(tokens=found["aggregated"][0], mask=found["mask"][0])
        for found in (cases.encode([info["descriptions"]]) for info in cases.info["texts"].values())
    ]
    first = golden.keys(FILE, rf"{case}/(\w+)/mu")[0]
    stored = torch.from_numpy(golden.load(FILE)[f"{case}/{first}/mu"])

    @torch.no_grad()
    def gaussian(text: TextFeatures, name: str) -> Any:
        return cases.model.text_history_encoder(text.tokens[None], text.mask[None], *given[name])

    text = min(texts, key=lambda text: float((gaussian(text, first).mu - stored).abs().max()))
    for name in golden.keys(FILE, rf"{case}/(\w+)/mu"):
        golden.compare(FILE, f"{case}/{name}/mu", gaussian(text, name).mu, NETWORK)
        golden.compare(FILE, f"{case}/{name}/std", gaussian(text, name).std, NETWORK)


@pytest.mark.golden(FILE, r"(motionenc_T\d+)/x")
def test_golden_the_motion_encoder_agrees_with_and_without_lengths(cases: VaeCases, case: str) -> None:
    def encode(features: Tensor, lengths: Tensor | None) -> Any:
        whole = torch.full((len(features),), features.shape[1])
        model = cases.with_settings(motion_lengths=lengths is not None)
        return model.encode_motion(features, whole if lengths is None else lengths)

    cases.compare_motion_encoder(case, encode)


@pytest.mark.golden(FILE, r"(rng/seed\d+)_draws")
def test_golden_a_seed_draws_the_same_noise(cases: VaeCases, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cases.compare_draws(case, monkeypatch)


# --- sequences -----------------------------------------------------------------------------------------------------


@pytest.mark.golden(FILE, r"(seq\d+)/rots")
def test_golden_a_sequence_becomes_the_same_motion(
    golden: Any, cases: VaeCases, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = cases.sequence_model(case)
    with recorded(model.text_history_encoder) as texts, recorded(model.motion_decoder) as decoded:
        motion = cases.generate(case, model, monkeypatch)
    for index, (text, decoding) in enumerate(zip(texts, decoded, strict=True)):
        found = {"mu": text[2].mu, "std": text[2].std, "z": decoding[0][0], "features": decoding[2][0]}
        if text[0][2] is not None:
            found["hframes"] = text[0][2]
        cases.compare_all(f"{case}/a{index}", found, golden.keys(FILE, rf"{case}/a{index}/((?!eps$).*)"))
    cases.compare_sequence(case, motion)


# --- the files -----------------------------------------------------------------------------------------------------


def test_golden_the_checkpoint_holds_what_its_list_says(cases: VaeCases) -> None:
    cases.compare_checkpoint()


def test_golden_the_settings_are_those_of_the_experiment(cases: VaeCases) -> None:
    written = cases.check_settings(data="")
    assert cases.model.config.hist_frames == written["model"]["hist_frames"]
