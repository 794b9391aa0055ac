"""Published experiment folders: read, refused, converted."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from typer.testing import CliRunner

from actiongpt_core.cli.main import app
from actiongpt_core.errors import CheckpointError, MissingAssetError
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.published import read_stats
from actiongpt_core.published_vae import read_published_vae
from actiongpt_core.safe_pickle import load_checkpoint
from actiongpt_teach.convert import convert, load_published
from actiongpt_teach.model import Teach

# These tests are about the mechanics, so they always take the data that is kept with them.
GOLDEN = Path(__file__).parents[2] / "golden"
TEXT_MODEL = GOLDEN / "distilbert_tiny"
NUM_FEATURES = 135


class Call:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch canary",)


@pytest.fixture(scope="module")
def stats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("stats") / "stats.npz"
    entry = read_published_vae(GOLDEN / "teach_tiny", "teach").stats_entry
    numbers = np.random.default_rng(0)
    mean, std = numbers.normal(size=NUM_FEATURES), numbers.uniform(0.1, 1.0, NUM_FEATURES)
    np.savez(file, **{f"{entry}/rfeats_mean": mean.astype("f4"), f"{entry}/rfeats_std": std.astype("f4")})
    return file


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(GOLDEN / "teach_tiny", tmp_path / "experiment"))


Change = Callable[[dict[str, torch.Tensor]], Any]


def change_weights(experiment: Path, change: Change) -> None:
    file = experiment / "checkpoints" / "last.ckpt"
    state = {key: value.clone() for key, value in load_checkpoint(file)["state_dict"].items()}
    change(state)
    torch.save({"state_dict": state}, file)


def change_config(experiment: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    file = experiment / ".hydra" / "config.yaml"
    config = yaml.safe_load(file.read_text(encoding="utf-8"))
    change(config)
    file.write_text(yaml.safe_dump(config), encoding="utf-8")


# --- read ----------------------------------------------------------------------------------------------------------


def test_a_published_folder_goes_through_the_pipeline(stats: Path) -> None:
    pipe = Pipeline("teach", checkpoint=GOLDEN / "teach_tiny", text_encoder=TEXT_MODEL, stats=stats, llm="passthrough")
    motion = pipe.generate("walk, then jump", seconds=1, seed=0)
    assert motion.num_frames == 60
    again = pipe.generate("walk, then jump", seconds=1, seed=0)
    torch.testing.assert_close(motion.rotations, again.rotations, atol=0, rtol=0)


def test_heads_and_dropout_are_not_taken_from_the_config(experiment: Path, stats: Path) -> None:
    # The original's classes ignore both settings; weights are only understood with 4 heads.
    change_config(experiment, lambda config: config["model"].update(num_head=16, droupout=0.7))
    config = load_published(experiment, text_encoder=TEXT_MODEL, stats=stats).config
    assert (config.num_heads, config.dropout) == (4, 0.1)


def test_references_in_the_config_are_followed(experiment: Path) -> None:
    change_config(experiment, lambda config: config["model"].update(ff_size="${model.textencoder.size}"))
    change_config(experiment, lambda config: config["model"]["textencoder"].update(size="${model.latent_dim}"))
    assert read_published_vae(experiment, "teach").ff_size == read_published_vae(experiment, "teach").latent_dim


def test_settings_that_are_left_out_are_those_of_the_release(experiment: Path) -> None:
    for key in ("vae", "z_prev_text", "activation"):
        change_config(experiment, lambda config, key=key: config["model"].pop(key))
    change_config(experiment, lambda config: config.pop("sampler"))
    assert (read_published_vae(experiment, "teach").min_frames, read_published_vae(experiment, "teach").max_frames) == (
        15,
        750,
    )


def test_tolerated_weights_may_be_absent_or_more(experiment: Path, stats: Path) -> None:
    def change(state: dict[str, torch.Tensor]) -> None:
        for key in [key for key in state if key.endswith("pos_encoding.pe") or ".motionTransEncoder." in key]:
            del state[key]
        state["textencoder.text_model.embeddings.position_ids"] = torch.arange(8)[None]

    whole = load_published(experiment, text_encoder=TEXT_MODEL, stats=stats)
    change_weights(experiment, change)
    reduced = load_published(experiment, text_encoder=TEXT_MODEL, stats=stats)
    assert all(torch.equal(value, reduced.state_dict()[key]) for key, value in whole.state_dict().items())


# --- converted -----------------------------------------------------------------------------------------------------


def test_a_converted_folder_is_the_published_model(stats: Path, tmp_path: Path) -> None:
    published = load_published(GOLDEN / "teach_tiny", text_encoder=TEXT_MODEL, stats=stats)
    folder = convert(GOLDEN / "teach_tiny", tmp_path / "ours", text_encoder=TEXT_MODEL, stats=stats)
    ours = Teach.from_checkpoint(folder)
    assert all(torch.equal(value, ours.state_dict()[key]) for key, value in published.state_dict().items())
    texts = ["The person walks.", "Steps."]
    assert torch.equal(ours.text_encoder.encode(texts).tokens, published.text_encoder.encode(texts).tokens)


def test_a_converted_folder_can_be_moved(stats: Path, tmp_path: Path) -> None:
    folder = convert(GOLDEN / "teach_tiny", tmp_path / "ours", text_encoder=TEXT_MODEL, stats=stats)
    moved = folder.rename(tmp_path / "elsewhere")
    assert Teach.from_checkpoint(moved).text_encoder.encode(["walk"]).tokens.isfinite().all()


def test_the_command_converts(stats: Path, tmp_path: Path) -> None:
    target = tmp_path / "ours"
    options = ["--text-encoder", str(TEXT_MODEL), "--stats", str(stats), "--backbone", "teach", "-o", str(target)]
    result = CliRunner().invoke(app, ["checkpoints", "convert", str(GOLDEN / "teach_tiny"), *options])
    assert result.exit_code == 0, result.output
    assert (
        Teach.from_checkpoint(target).config.latent_dim == read_published_vae(GOLDEN / "teach_tiny", "teach").latent_dim
    )


def test_a_failed_conversion_leaves_nothing(experiment: Path, stats: Path, tmp_path: Path) -> None:
    change_weights(
        experiment, lambda state: state.update({"motiondecoder.final_layer.bias": torch.full((135,), torch.nan)})
    )
    with pytest.raises(CheckpointError):
        convert(experiment, tmp_path / "ours", text_encoder=TEXT_MODEL, stats=stats)
    assert not (tmp_path / "ours").exists()


# --- refused -------------------------------------------------------------------------------------------------------

DAMAGED: dict[str, tuple[Change, str]] = {
    "a NaN in the decoder": (
        lambda state: state["motiondecoder.final_layer.weight"].fill_(torch.nan),
        r"motiondecoder\.final_layer\.weight holds NaN",
    ),
    "an infinity in the text model": (
        lambda state: state["textencoder.text_model.embeddings.LayerNorm.bias"].fill_(torch.inf),
        r"textencoder\.text_model\.embeddings\.LayerNorm\.bias holds NaN or infinity",
    ),
    "a missing weight": (lambda state: state.pop("textencoder.seperation_token"), r"lacks weights.*seperation_token"),
    "an unknown weight": (
        lambda state: state.update({"textencoder.extra": torch.ones(1)}),
        r"unknown.*textencoder\.extra",
    ),
    "another shape": (
        lambda state: state.update({"motionencoder.skel_embedding.bias": torch.ones(3)}),
        r"motionencoder\.skel_embedding\.bias is \(3,\)",
    ),
    "no decoder": (lambda state: [state.pop(key) for key in list(state) if "Decoder" in key], "not a TEACH model"),
    "another text model": (
        lambda state: state.pop("textencoder.text_model.embeddings.LayerNorm.bias"),
        "do not fit the config",
    ),
    "nothing": (lambda state: state.clear(), "no state_dict"),
}


@pytest.mark.parametrize("case", sorted(DAMAGED))
def test_weights_that_do_not_fit_are_refused_by_name(case: str, experiment: Path, stats: Path) -> None:
    change, message = DAMAGED[case]
    change_weights(experiment, change)
    with pytest.raises(CheckpointError, match=message):
        load_published(experiment, text_encoder=TEXT_MODEL, stats=stats)


OTHER_CONFIGS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "another backbone": (lambda config: config["model"].update(modelname="temos"), "of backbone 'temos', not 'teach'"),
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
    "a variant": (lambda config: config["model"].update(z_prev_text=True), "z_prev_text = True is a variant"),
}


@pytest.mark.parametrize("case", sorted(OTHER_CONFIGS))
def test_configs_that_do_not_fit_are_refused(case: str, experiment: Path, stats: Path) -> None:
    change, message = OTHER_CONFIGS[case]
    change_config(experiment, change)
    with pytest.raises(CheckpointError, match=message):
        load_published(experiment, text_encoder=TEXT_MODEL, stats=stats)


def test_incomplete_folders_are_refused_with_what_is_missing(experiment: Path, stats: Path, tmp_path: Path) -> None:
    def load() -> Teach:
        return load_published(experiment, text_encoder=TEXT_MODEL, stats=stats)

    weights = experiment / "checkpoints" / "last.ckpt"
    weights.rename(weights.with_name("latest-epoch=99.ckpt"))
    with pytest.raises(CheckpointError, match=r"There is latest-epoch=99\.ckpt"):
        load()
    shutil.rmtree(weights.parent)
    with pytest.raises(CheckpointError, match=r"There is no .*last\.ckpt"):
        load()
    (experiment / ".hydra" / "config.yaml").write_text("model: [unclosed", encoding="utf-8")
    with pytest.raises(CheckpointError, match="damaged"):
        load()
    (experiment / ".hydra" / "config.yaml").unlink()
    with pytest.raises(CheckpointError, match=r"There is no .*config\.yaml"):
        load()
    with pytest.raises(CheckpointError, match="No experiment folder"):
        load_published(tmp_path / "absent", text_encoder=TEXT_MODEL, stats=stats)


def test_a_config_that_builds_objects_is_refused(experiment: Path, stats: Path) -> None:
    (experiment / ".hydra" / "config.yaml").write_text("!!python/object/apply:os.system ['touch canary']")
    with pytest.raises(CheckpointError, match="damaged"):
        load_published(experiment, text_encoder=TEXT_MODEL, stats=stats)


def test_a_hostile_checkpoint_is_refused_and_not_run(
    experiment: Path, stats: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content = load_checkpoint(experiment / "checkpoints" / "last.ckpt")
    torch.save({"state_dict": content["state_dict"], "callbacks": Call()}, experiment / "checkpoints" / "last.ckpt")
    with pytest.raises(CheckpointError, match=r"refused: (posix|nt)\.system"):
        load_published(experiment, text_encoder=TEXT_MODEL, stats=stats)
    assert not (tmp_path / "canary").exists()


# --- statistics ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_zip", [True, False])
def test_statistics_are_read_from_the_originals_folder(stats: Path, tmp_path: Path, is_zip: bool) -> None:
    with np.load(stats) as archive:
        for name in archive.files:
            file = tmp_path / f"{name}.pt"
            file.parent.mkdir(parents=True, exist_ok=True)
            torch.save(torch.from_numpy(archive[name]), file, _use_new_zipfile_serialization=is_zip)
    entry = read_published_vae(GOLDEN / "teach_tiny", "teach").stats_entry
    for one, other in zip(
        read_stats(stats, entry, NUM_FEATURES), read_stats(tmp_path, entry, NUM_FEATURES), strict=True
    ):
        assert torch.equal(one, other)


def test_other_kinds_of_data_have_their_own_statistics(experiment: Path) -> None:
    entry = read_published_vae(experiment, "teach").stats_entry
    change_config(experiment, lambda config: config["data"].update(dtype="seg"))
    assert read_published_vae(experiment, "teach").stats_entry == f"{entry}/seg"


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
    ones, entry = np.ones(NUM_FEATURES), "e"
    for mean, std, message in (
        (ones[:3], ones, "must be 135 finite numbers"),
        (ones * np.nan, ones, "must be 135 finite numbers"),
        (ones, -ones, "negative"),
        (np.array([object()], dtype=object), ones, "plain arrays"),
    ):
        np.savez(tmp_path / "bad.npz", **{f"{entry}/rfeats_mean": mean, f"{entry}/rfeats_std": std})
        with pytest.raises(CheckpointError, match=message):
            read_stats(tmp_path / "bad.npz", entry, NUM_FEATURES)
    (tmp_path / "bad.npz").write_bytes(stats.read_bytes()[:200])
    with pytest.raises(CheckpointError, match="plain arrays"):
        read_stats(tmp_path / "bad.npz", entry, NUM_FEATURES)
