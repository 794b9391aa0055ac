"""Published TEACH experiments: read, refused, converted. What they share with others is in tests/core."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from published_folders import GOLDEN, TEXT_MODEL, State, change_config, change_weights, write_stats
from typer.testing import CliRunner

from actiongpt_core.cli.main import app
from actiongpt_core.errors import CheckpointError
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.published_vae import read_published_vae
from actiongpt_teach.convert import convert, load_published
from actiongpt_teach.model import Teach

PUBLISHED = GOLDEN / "teach_tiny"


@pytest.fixture(scope="module")
def stats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    entry = read_published_vae(PUBLISHED, "teach").stats_entry
    return write_stats(tmp_path_factory.mktemp("stats") / "stats.npz", entry)


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(PUBLISHED, tmp_path / "experiment"))


# --- read ----------------------------------------------------------------------------------------------------------


def test_a_published_folder_goes_through_the_pipeline(stats: Path) -> None:
    pipe = Pipeline("teach", checkpoint=PUBLISHED, text_encoder=TEXT_MODEL, stats=stats, llm="passthrough")
    motion = pipe.generate("walk, then jump", seconds=1, seed=0)
    assert motion.num_frames == 60
    again = pipe.generate("walk, then jump", seconds=1, seed=0)
    torch.testing.assert_close(motion.rotations, again.rotations, atol=0, rtol=0)


def test_heads_and_dropout_are_not_taken_from_the_config(experiment: Path, stats: Path) -> None:
    # The original's classes ignore both settings; weights are only understood with 4 heads.
    change_config(experiment, lambda config: config["model"].update(num_head=16, droupout=0.7))
    config = load_published(experiment, text_encoder=TEXT_MODEL, stats=stats).config
    assert (config.num_heads, config.dropout) == (4, 0.1)


def test_tolerated_weights_may_be_absent_or_more(experiment: Path, stats: Path) -> None:
    def change(state: State) -> None:
        for key in [key for key in state if key.endswith("pos_encoding.pe") or ".motionTransEncoder." in key]:
            del state[key]
        state["textencoder.text_model.embeddings.position_ids"] = torch.arange(8)[None]

    whole = load_published(experiment, text_encoder=TEXT_MODEL, stats=stats)
    change_weights(experiment, change)
    reduced = load_published(experiment, text_encoder=TEXT_MODEL, stats=stats)
    assert all(torch.equal(value, reduced.state_dict()[key]) for key, value in whole.state_dict().items())


# --- converted -----------------------------------------------------------------------------------------------------


def test_a_converted_folder_is_the_published_model(stats: Path, tmp_path: Path) -> None:
    published = load_published(PUBLISHED, text_encoder=TEXT_MODEL, stats=stats)
    ours = Teach.from_checkpoint(convert(PUBLISHED, tmp_path / "ours", text_encoder=TEXT_MODEL, stats=stats))
    assert all(torch.equal(value, ours.state_dict()[key]) for key, value in published.state_dict().items())
    texts = ["The person walks.", "Steps."]
    assert torch.equal(ours.text_encoder.encode(texts).tokens, published.text_encoder.encode(texts).tokens)


def test_a_converted_folder_can_be_moved(stats: Path, tmp_path: Path) -> None:
    folder = convert(PUBLISHED, tmp_path / "ours", text_encoder=TEXT_MODEL, stats=stats)
    moved = folder.rename(tmp_path / "elsewhere")
    assert Teach.from_checkpoint(moved).text_encoder.encode(["walk"]).tokens.isfinite().all()


def test_the_command_converts(stats: Path, tmp_path: Path) -> None:
    target = tmp_path / "ours"
    options = ["--text-encoder", str(TEXT_MODEL), "--stats", str(stats), "--backbone", "teach", "-o", str(target)]
    result = CliRunner().invoke(app, ["checkpoints", "convert", str(PUBLISHED), *options])
    assert result.exit_code == 0, result.output
    assert Teach.from_checkpoint(target).config.latent_dim == read_published_vae(PUBLISHED, "teach").latent_dim


def test_a_failed_conversion_leaves_nothing(experiment: Path, stats: Path, tmp_path: Path) -> None:
    change_weights(
        experiment, lambda state: state.update({"motiondecoder.final_layer.bias": torch.full((135,), torch.nan)})
    )
    with pytest.raises(CheckpointError):
        convert(experiment, tmp_path / "ours", text_encoder=TEXT_MODEL, stats=stats)
    assert not (tmp_path / "ours").exists()


# --- refused -------------------------------------------------------------------------------------------------------

DAMAGED: dict[str, tuple[Callable[[State], Any], str]] = {
    "a missing weight": (lambda state: state.pop("textencoder.seperation_token"), r"lacks weights.*seperation_token"),
    "an unknown weight": (
        lambda state: state.update({"textencoder.extra": torch.ones(1)}),
        r"unknown.*textencoder\.extra",
    ),
    "another shape": (
        lambda state: state.update({"motionencoder.skel_embedding.bias": torch.ones(3)}),
        r"motionencoder\.skel_embedding\.bias is \(3,\)",
    ),
}


@pytest.mark.parametrize("case", sorted(DAMAGED))
def test_weights_that_do_not_fit_are_refused_by_name(case: str, experiment: Path, stats: Path) -> None:
    change, message = DAMAGED[case]
    change_weights(experiment, change)
    with pytest.raises(CheckpointError, match=message):
        load_published(experiment, text_encoder=TEXT_MODEL, stats=stats)


def test_latents_that_depend_on_the_previous_one_are_refused(experiment: Path, stats: Path) -> None:
    change_config(experiment, lambda config: config["model"].update(z_prev_text=True))
    with pytest.raises(CheckpointError, match="z_prev_text = True is a variant"):
        load_published(experiment, text_encoder=TEXT_MODEL, stats=stats)
    change_config(experiment, lambda config: config["model"].pop("z_prev_text"))
    load_published(experiment, text_encoder=TEXT_MODEL, stats=stats)


def test_an_experiment_of_another_backbone_is_refused(stats: Path) -> None:
    with pytest.raises(CheckpointError, match="experiment of backbone 'temos', not 'teach'"):
        Teach.from_checkpoint(GOLDEN / "temos_tiny", text_encoder=TEXT_MODEL, stats=stats)
