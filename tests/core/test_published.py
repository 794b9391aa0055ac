"""Published experiment folders, whatever backbone they are of: read strictly, refused with what is wrong."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from published_folders import (
    CONFIG,
    GOLDEN,
    NUM_FEATURES,
    TEXT_MODEL,
    WEIGHTS,
    Call,
    Settings,
    State,
    change_config,
    change_weights,
    save_stats,
    write_stats,
)

from actiongpt_core.errors import CheckpointError, MissingAssetError
from actiongpt_core.published import HydraSettings, load_renamed, read_state, read_stats, read_yaml, rename
from actiongpt_core.published_vae import PublishedVae, read_published_vae
from actiongpt_core.safe_pickle import load_checkpoint

ENTRY = "rots2rfeats/some/rot6d/data"


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(GOLDEN / "teach_tiny", tmp_path / "experiment"))


@pytest.fixture
def stats(tmp_path: Path) -> Path:
    return write_stats(tmp_path / "stats.npz", ENTRY)


def read(experiment: Path) -> PublishedVae:
    return read_published_vae(experiment, "teach")


# --- settings ------------------------------------------------------------------------------------------------------


def test_references_in_the_config_are_followed(experiment: Path) -> None:
    change_config(experiment, lambda config: config["model"].update(ff_size="${model.textencoder.size}"))
    change_config(experiment, lambda config: config["model"]["textencoder"].update(size="${trainer.size}"))
    change_config(experiment, lambda config: config["trainer"].update(size=64))
    assert HydraSettings(experiment / CONFIG).get("model.ff_size", int) == 64
    assert read(experiment).ff_size == 64


def test_settings_that_are_left_out_are_those_of_the_release(experiment: Path) -> None:
    change_config(experiment, lambda config: [config["model"].pop(key) for key in ("vae", "activation")])
    change_config(experiment, lambda config: config.pop("sampler"))
    assert (read(experiment).min_frames, read(experiment).max_frames) == (15, 750)


def test_every_kind_of_data_but_pairs_has_statistics_of_its_own(experiment: Path) -> None:
    entry = read(experiment).stats_entry
    change_config(experiment, lambda config: config["data"].update(dtype="seg"))
    assert read(experiment).stats_entry == f"{entry}/seg"


OTHER_CONFIGS: dict[str, tuple[Callable[[Settings], Any], str]] = {
    "another backbone": (lambda config: config["model"].update(modelname="other"), "of backbone 'other', not 'teach'"),
    "no model": (lambda config: config.pop("model"), "of backbone 'none'"),
    "another size": (lambda config: config["model"].update(latent_dim=256), "latent_dim 32; its config says 256"),
    "a huge size": (
        lambda config: config["model"].update(num_layers=10**9),
        "num_layers 2; its config says 1000000000",
    ),
    "a size in words": (
        lambda config: config["model"].update(latent_dim="many"),
        "model.latent_dim must be of type int",
    ),
    "a truth for a size": (lambda config: config["model"].update(ff_size=True), "model.ff_size must be of type int"),
    "a circle": (lambda config: config["model"].update(ff_size="${model.ff_size}"), "in a circle"),
    "no Gaussian": (lambda config: config["model"].update(vae=False), "model.vae = False is a variant"),
    "other features": (
        lambda config: config["data"]["transforms"]["rots2rfeats"].update(pose_rep="quat"),
        "pose_rep = 'quat' is a variant",
    ),
}


@pytest.mark.parametrize("case", sorted(OTHER_CONFIGS))
def test_configs_that_do_not_fit_are_refused(case: str, experiment: Path) -> None:
    change, message = OTHER_CONFIGS[case]
    change_config(experiment, change)
    with pytest.raises(CheckpointError, match=message):
        read(experiment)


def test_incomplete_folders_are_refused_with_what_is_missing(experiment: Path, tmp_path: Path) -> None:
    weights = experiment / WEIGHTS
    weights.rename(weights.with_name("latest-epoch=99.ckpt"))
    with pytest.raises(CheckpointError, match=r"There is latest-epoch=99\.ckpt"):
        read(experiment)
    shutil.rmtree(weights.parent)
    with pytest.raises(CheckpointError, match=r"There is no .*last\.ckpt"):
        read(experiment)
    (experiment / CONFIG).write_text("model: [unclosed", encoding="utf-8")
    with pytest.raises(CheckpointError, match="damaged"):
        read(experiment)
    (experiment / CONFIG).unlink()
    with pytest.raises(CheckpointError, match=r"There is no .*config\.yaml"):
        read(experiment)
    with pytest.raises(CheckpointError, match="No experiment folder"):
        read(tmp_path / "absent")


def test_a_config_that_builds_objects_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text("!!python/object/apply:os.system ['touch canary']", encoding="utf-8")
    with pytest.raises(CheckpointError, match="damaged"):
        read_yaml(tmp_path / "config.yaml")
    assert not (tmp_path / "canary").exists()


# --- weights -------------------------------------------------------------------------------------------------------

DAMAGED: dict[str, tuple[Callable[[State], Any], str]] = {
    "a NaN in the decoder": (
        lambda state: state["motiondecoder.final_layer.weight"].fill_(torch.nan),
        r"motiondecoder\.final_layer\.weight holds NaN",
    ),
    "an infinity in the text model": (
        lambda state: state["textencoder.text_model.embeddings.LayerNorm.bias"].fill_(torch.inf),
        r"textencoder\.text_model\.embeddings\.LayerNorm\.bias holds NaN or infinity",
    ),
    "no decoder": (
        lambda state: [state.pop(key) for key in list(state) if "Decoder" in key],
        "not a text and motion VAE: it lacks 'motiondecoder",
    ),
    "nothing": (lambda state: state.clear(), "no state_dict"),
    "no tensor": (lambda state: state.update(extra=3), "'extra' is not a named tensor"),  # type: ignore[call-overload]
}


@pytest.mark.parametrize("case", sorted(DAMAGED))
def test_weights_that_cannot_be_are_refused_by_name(case: str, experiment: Path) -> None:
    change, message = DAMAGED[case]
    change_weights(experiment, change)
    with pytest.raises(CheckpointError, match=message):
        read(experiment)


def test_a_text_model_that_does_not_fit_its_config_is_refused(experiment: Path) -> None:
    change_weights(experiment, lambda state: state.pop("textencoder.text_model.embeddings.LayerNorm.bias"))
    with pytest.raises(CheckpointError, match="do not fit the config"):
        read(experiment).text_encoder(TEXT_MODEL)


def test_weights_in_half_precision_are_read_in_full(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(2).half(), "count": torch.tensor(3)}, tmp_path / "weights.pt")
    state = read_state(tmp_path / "weights.pt")
    assert (state["a"].dtype, state["count"].dtype) == (torch.float32, torch.int64)


def test_a_hostile_checkpoint_is_refused_and_not_run(
    experiment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content = load_checkpoint(experiment / WEIGHTS)
    torch.save({"state_dict": content["state_dict"], "callbacks": Call()}, experiment / WEIGHTS)
    with pytest.raises(CheckpointError, match=r"refused: (posix|nt)\.system"):
        read(experiment)
    assert not (tmp_path / "canary").exists()


# --- weights under other names -------------------------------------------------------------------------------------


def layers() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2))


def published_name(name: str) -> str:
    return rename(name, {"0.": "theirs.first.", "": "theirs."})


def published_state() -> State:
    return {published_name(name): value for name, value in layers().state_dict().items()}


def fill(model: torch.nn.Module, state: State) -> None:
    load_renamed(model, state, Path("weights.pt"), published_name, tolerated=re.compile(r".*\.table"))


def test_weights_are_copied_under_our_names() -> None:
    model, state = layers(), published_state()
    fill(model, state | {"theirs.table": torch.ones(9)})
    own = model.state_dict()
    assert torch.equal(own["0.weight"], state["theirs.first.weight"])
    assert torch.equal(own["1.bias"], state["theirs.1.bias"])


MISFITS: dict[str, tuple[Callable[[State], Any], str]] = {
    "a missing weight": (
        lambda state: state.pop("theirs.first.bias"),
        r"lacks weights, 1 of them: theirs\.first\.bias",
    ),
    "an unknown weight": (lambda state: state.update(extra=torch.ones(1)), r"unknown weights, 1 of them: extra"),
    "another shape": (
        lambda state: state.update({"theirs.first.bias": torch.ones(3)}),
        r"theirs\.first\.bias is \(3,\); by its config \(4,\)",
    ),
}


@pytest.mark.parametrize("case", sorted(MISFITS))
def test_weights_that_do_not_fit_are_refused_by_their_published_name(case: str) -> None:
    change, message = MISFITS[case]
    model, state = layers(), published_state()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    change(state)
    with pytest.raises(CheckpointError, match=message):
        fill(model, state)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


# --- statistics ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_zip", [True, False])
def test_statistics_are_read_from_the_originals_folder(stats: Path, tmp_path: Path, is_zip: bool) -> None:
    with np.load(stats) as archive:
        for name in archive.files:
            file = tmp_path / f"{name}.pt"
            file.parent.mkdir(parents=True, exist_ok=True)
            torch.save(torch.from_numpy(archive[name]), file, _use_new_zipfile_serialization=is_zip)
    pairs = zip(read_stats(stats, ENTRY, NUM_FEATURES), read_stats(tmp_path, ENTRY, NUM_FEATURES), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_missing_statistics_say_what_is_expected(stats: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingAssetError, match=r"Give stats=.*a/b/rfeats_mean"):
        read_stats(None, "a/b", NUM_FEATURES)
    with pytest.raises(MissingAssetError, match="no such file"):
        read_stats(tmp_path / "absent.npz", "a/b", NUM_FEATURES)
    with pytest.raises(MissingAssetError, match=r"no entry a/b/rfeats_mean\. It has"):
        read_stats(stats, "a/b", NUM_FEATURES)
    with pytest.raises(MissingAssetError, match=r"rfeats_mean\.pt"):
        read_stats(tmp_path, "a/b", NUM_FEATURES)


def test_statistics_that_cannot_be_are_refused(stats: Path, tmp_path: Path) -> None:
    ones = np.ones(NUM_FEATURES)
    for mean, std, message in (
        (ones[:3], ones, "must be 135 finite numbers"),
        (ones * np.nan, ones, "must be 135 finite numbers"),
        (ones, -ones, "negative"),
        (np.array([object()], dtype=object), ones, "plain arrays"),
    ):
        save_stats(tmp_path / "bad.npz", "e", mean, std)
        with pytest.raises(CheckpointError, match=message):
            read_stats(tmp_path / "bad.npz", "e", NUM_FEATURES)
    (tmp_path / "bad.npz").write_bytes(stats.read_bytes()[:200])
    with pytest.raises(CheckpointError, match="plain arrays"):
        read_stats(tmp_path / "bad.npz", "e", NUM_FEATURES)
