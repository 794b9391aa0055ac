"""Published TEMOS experiments: read, refused, converted. What they share with others is in tests/core."""

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
from actiongpt_core.errors import CheckpointError, MissingAssetError
from actiongpt_core.pipeline import Pipeline
from actiongpt_temos.convert import convert, load_published
from actiongpt_temos.model import Temos

PUBLISHED = GOLDEN / "temos_tiny"
ENTRY = "rots2rfeats/globalvelandy/rot6d/babel-amass/seg"


@pytest.fixture(scope="module")
def stats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_stats(tmp_path_factory.mktemp("stats") / "stats.npz", ENTRY)


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(PUBLISHED, tmp_path / "experiment"))


# --- read ----------------------------------------------------------------------------------------------------------


def test_a_published_folder_goes_through_the_pipeline(stats: Path) -> None:
    pipe = Pipeline("temos", checkpoint=PUBLISHED, text_encoder=TEXT_MODEL, stats=stats, llm="passthrough")
    motion = pipe.generate("walk, then jump", seconds=1, seed=0)
    assert motion.num_frames == 60
    again = pipe.generate("walk, then jump", seconds=1, seed=0)
    torch.testing.assert_close(motion.rotations, again.rotations, atol=0, rtol=0)


def test_heads_and_dropout_are_not_taken_from_the_config(experiment: Path, stats: Path) -> None:
    # The original's classes ignore both settings; weights are only understood with 4 heads.
    change_config(experiment, lambda config: config["model"].update(num_head=16, droupout=0.7))
    config = load_published(experiment, text_encoder=TEXT_MODEL, stats=stats).config
    assert (config.num_heads, config.dropout) == (4, 0.1)


def test_the_statistics_are_those_of_single_segments(tmp_path: Path) -> None:
    all_data = write_stats(tmp_path / "stats.npz", ENTRY.removesuffix("/seg"))
    with pytest.raises(MissingAssetError, match=f"no entry {ENTRY}/rfeats_mean"):
        load_published(PUBLISHED, text_encoder=TEXT_MODEL, stats=all_data)


def test_tables_of_positions_may_be_absent(experiment: Path, stats: Path) -> None:
    whole = load_published(experiment, text_encoder=TEXT_MODEL, stats=stats)
    change_weights(experiment, lambda state: [state.pop(key) for key in list(state) if key.endswith("pos_encoding.pe")])
    reduced = load_published(experiment, text_encoder=TEXT_MODEL, stats=stats)
    assert all(torch.equal(value, reduced.state_dict()[key]) for key, value in whole.state_dict().items())


# --- converted -----------------------------------------------------------------------------------------------------


def test_a_converted_folder_is_the_published_model(stats: Path, tmp_path: Path) -> None:
    published = load_published(PUBLISHED, text_encoder=TEXT_MODEL, stats=stats)
    ours = Temos.from_checkpoint(convert(PUBLISHED, tmp_path / "ours", text_encoder=TEXT_MODEL, stats=stats))
    assert all(torch.equal(value, ours.state_dict()[key]) for key, value in published.state_dict().items())
    texts = ["The person walks.", "Steps."]
    assert torch.equal(ours.text_encoder.encode(texts).tokens, published.text_encoder.encode(texts).tokens)


def test_the_command_converts(stats: Path, tmp_path: Path) -> None:
    target = tmp_path / "ours"
    options = ["--text-encoder", str(TEXT_MODEL), "--stats", str(stats), "--backbone", "temos", "-o", str(target)]
    result = CliRunner().invoke(app, ["checkpoints", "convert", str(PUBLISHED), *options])
    assert result.exit_code == 0, result.output
    pipe = Pipeline("temos", checkpoint=target, llm="passthrough")
    assert pipe.generate("walk", seconds=1, seed=0).num_frames == 30


# --- refused -------------------------------------------------------------------------------------------------------

DAMAGED: dict[str, tuple[Callable[[State], Any], str]] = {
    "a missing weight": (lambda state: state.pop("textencoder.logvar_token"), r"lacks weights.*logvar_token"),
    "a separator, which TEACH has": (
        lambda state: state.update({"textencoder.seperation_token": torch.ones(32)}),
        r"unknown.*textencoder\.seperation_token",
    ),
    "another shape": (
        lambda state: state.update({"textencoder.projection.1.bias": torch.ones(3)}),
        r"textencoder\.projection\.1\.bias is \(3,\)",
    ),
}


@pytest.mark.parametrize("case", sorted(DAMAGED))
def test_weights_that_do_not_fit_are_refused_by_name(case: str, experiment: Path, stats: Path) -> None:
    change, message = DAMAGED[case]
    change_weights(experiment, change)
    with pytest.raises(CheckpointError, match=message):
        load_published(experiment, text_encoder=TEXT_MODEL, stats=stats)


def test_an_experiment_of_another_backbone_is_refused(stats: Path) -> None:
    with pytest.raises(CheckpointError, match="experiment of backbone 'teach', not 'temos'"):
        Temos.from_checkpoint(GOLDEN / "teach_tiny", text_encoder=TEXT_MODEL, stats=stats)
