"""Published experiment folders: read, refused, converted."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from typer.testing import CliRunner

from actiongpt_core.cli.main import app
from actiongpt_core.errors import CheckpointError, ConfigError
from actiongpt_core.nn.positional import sinusoid
from actiongpt_core.safe_pickle import load_checkpoint
from actiongpt_core.testing.fakes import FakeTextEncoder
from actiongpt_core.types.text import TextFeatures
from actiongpt_motionclip import MotionClip, MotionClipConfig
from actiongpt_motionclip.convert import convert, load_published
from actiongpt_motionclip.published import read_published

DIM = 16
NAME = "checkpoint_0020.pth.tar"
THEIRS = {
    "motion_encoder.mu_token": "encoder.muQuery",
    "motion_encoder.sigma_token": "encoder.sigmaQuery",
    "motion_encoder.motion_projection": "encoder.skelEmbedding",
    "motion_encoder.transformer": "encoder.seqTransEncoder",
    "motion_decoder.transformer": "decoder.seqTransDecoder",
    "motion_decoder.final_layer": "decoder.finallayer",
}
OPTIONS = {
    "modeltype": "motionclip",
    "archiname": "transformer",
    "activation": "gelu",
    "pose_rep": "rot6d",
    "glob": True,
    "translation": True,
    "glob_rot": [3.141592653589793, 0, 0],
    "latent_dim": DIM,
    "num_layers": 2,
    "ff_size": 32,
    "num_frames": 45,
    "clip_lambdas": {"text": {"cosine": 1.0}},
    "datapath": "./data/amass_db/amass_30fps_db.pt",
    "ablation": None,
}


class Call:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch canary",)


def published_state(motion_tokens: str) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    model = MotionClip(MotionClipConfig.tiny(motion_tokens=motion_tokens))
    state = {}
    for name, value in model.state_dict().items():
        ours = next((ours for ours in THEIRS if name.startswith(ours)), None)
        if ours is not None:
            state[name.replace(ours, THEIRS[ours])] = value
    table = sinusoid(50, DIM)[:, None]
    unused = {f"{part}.sequence_pos_encoder.pe": table for part in ("encoder", "decoder")}
    return state | unused | {"decoder.actionBiases": torch.randn(1, DIM)}


def write(folder: Path, motion_tokens: str = "mu", **options: Any) -> Path:
    folder.mkdir()
    torch.save(published_state(motion_tokens), folder / NAME)
    (folder / "opt.yaml").write_text(yaml.safe_dump(OPTIONS | options), encoding="utf-8")
    return folder


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    return write(tmp_path / "experiment")


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    return write(tmp_path / "upstream", "mu_sigma")


def change_weights(experiment: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    state = {key: value.clone() for key, value in load_checkpoint(experiment / NAME).items()}
    change(state)
    torch.save(state, experiment / NAME)


def change_options(experiment: Path, **changes: Any) -> None:
    file = experiment / "opt.yaml"
    options = yaml.safe_load(file.read_text(encoding="utf-8")) | changes
    file.write_text(yaml.safe_dump(options), encoding="utf-8")


def text() -> TextFeatures:
    return TextFeatures(tokens=torch.zeros(3, DIM), mask=torch.ones(3, dtype=torch.bool), pooled=torch.ones(DIM))


# --- read ----------------------------------------------------------------------------------------------------------


def test_a_published_folder_is_read_with_its_options_and_the_releases_where_it_has_none(experiment: Path) -> None:
    config = MotionClip.from_checkpoint(experiment).config
    assert (config.latent_dim, config.text_dim, config.num_layers, config.ff_size) == (DIM, DIM, 2, 32)
    assert (config.num_heads, config.dropout, config.fps, config.trained_frames) == (4, 0.1, 30.0, 45)
    assert (config.motion_tokens, config.row_24, config.root_orientation) == ("mu", "right_ankle", "upright")
    assert not any((config.normalise_encoder_output, config.normalise_decoder_input, config.whiten))
    assert config.default_seconds == 1.5


def test_a_published_folder_generates(experiment: Path) -> None:
    model = MotionClip.from_checkpoint(experiment)
    assert not model.training
    assert model.generate([text(), text()], [40, 45]).num_frames == 85


def test_options_without_a_flag_in_the_original_are_honoured(experiment: Path) -> None:
    change_options(experiment, num_heads=8, dropout=0, normalize_encoder_output=True, normalize_decoder_input=True)
    config = load_published(experiment).config
    assert (config.num_heads, config.dropout) == (8, 0.0)
    assert config.normalise_encoder_output
    assert config.normalise_decoder_input


@pytest.mark.parametrize(
    ("changes", "name", "value"),
    [
        ({"datapath": "./data/amass_db/amass_10fps_db.pt"}, "fps", 10.0),
        ({"datapath": "elsewhere.pt"}, "fps", 30.0),
        ({"num_frames": -1}, "trained_frames", 100),
        ({"align_pose_frontview": True}, "root_orientation", "relative"),
        ({"njoints": 25, "nfeats": 6, "num_classes": 1, "ablation": ""}, "num_layers", 2),
    ],
)
def test_what_an_option_means(experiment: Path, changes: dict[str, Any], name: str, value: Any) -> None:
    change_options(experiment, **changes)
    assert getattr(load_published(experiment).config, name) == value


def test_the_highest_number_is_read_and_a_file_by_its_name(experiment: Path) -> None:
    later = experiment / "checkpoint_0100.pth.tar"
    shutil.copy(experiment / NAME, later)
    state = load_checkpoint(later)
    torch.save(state | {"decoder.finallayer.bias": torch.ones(150)}, later)
    last, first = (
        MotionClip.from_checkpoint(path).motion_decoder.final_layer.bias for path in (experiment, experiment / NAME)
    )
    assert torch.equal(last, torch.ones(150))
    assert torch.equal(first, state["decoder.finallayer.bias"])


def test_what_takes_no_part_may_be_absent_or_more(experiment: Path) -> None:
    def change(state: dict[str, torch.Tensor]) -> None:
        for name in ("encoder.sequence_pos_encoder.pe", "decoder.sequence_pos_encoder.pe", "decoder.actionBiases"):
            del state[name]
        state["clip_model.logit_scale"] = torch.zeros(())

    before = load_published(experiment).state_dict()
    change_weights(experiment, change)
    for name, value in load_published(experiment).state_dict().items():
        assert torch.equal(value, before[name]), name


@torch.no_grad()
def test_an_upstream_checkpoint_is_read_with_both_tokens_when_it_is_asked_for(upstream: Path) -> None:
    model = load_published(upstream, upstream=True)
    assert model.config.motion_tokens == "mu_sigma"
    torch.manual_seed(0)
    expected = MotionClip(MotionClipConfig.tiny(motion_tokens="mu_sigma")).eval()
    x, lengths = torch.randn(2, 30, 150), torch.tensor([30, 12])
    torch.testing.assert_close(model.encode_motion(x, lengths), expected.encode_motion(x, lengths))


def test_an_upstream_checkpoint_is_refused_unless_it_is_asked_for(experiment: Path, upstream: Path) -> None:
    with pytest.raises(CheckpointError, match=r"sigmaQuery: an upstream checkpoint.*upstream=True"):
        load_published(upstream)
    with pytest.raises(CheckpointError, match=r"no encoder\.sigmaQuery: it is no upstream"):
        load_published(experiment, upstream=True)


def test_the_papers_size_means_the_papers_text_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actiongpt_motionclip.convert._CLIP_DIM", DIM)
    experiment = write(tmp_path / "experiment")
    config = load_published(experiment, text_encoder="elsewhere.pt").config
    assert (config.text_encoder, config.text_space) == ("elsewhere.pt", "clip:ViT-B-32")
    assert load_published(experiment).config.text_encoder == "clip:ViT-B-32/openai"
    with pytest.raises(ConfigError, match=r"made for the text space 'clip:ViT-B-32'; .* 'fake'"):
        load_published(experiment, text_encoder=FakeTextEncoder(DIM))


def test_another_size_takes_the_text_space_that_is_given(experiment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actiongpt_motionclip.convert.load_text_encoder", lambda source: FakeTextEncoder(DIM))
    for source, name in (("somewhere", "somewhere"), (FakeTextEncoder(DIM), "fake")):
        model = load_published(experiment, text_encoder=source)
        assert (model.config.text_encoder, model.config.text_space) == (name, "fake")
        assert isinstance(model.text_encoder, FakeTextEncoder)


def test_another_size_without_a_text_model_decodes_latents_and_reads_no_texts(experiment: Path) -> None:
    model = load_published(experiment)
    assert model.motions(torch.ones(1, DIM), [40])[0].num_frames == 40
    with pytest.raises(ConfigError, match=r"names no text model.*Give text_encoder="):
        _ = model.text_encoder


# --- convert -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("motion_tokens", ["mu", "mu_sigma"])
def test_a_converted_folder_makes_the_same_motion_bit_by_bit(tmp_path: Path, motion_tokens: str) -> None:
    is_upstream = motion_tokens == "mu_sigma"
    experiment = write(tmp_path / "experiment", motion_tokens)
    folder = convert(experiment, tmp_path / "converted", upstream=is_upstream)
    ours, theirs = MotionClip.from_checkpoint(folder), load_published(experiment, upstream=is_upstream)
    assert ours.config == theirs.config
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    a, b = (model.generate([text()], [40]) for model in (ours, theirs))
    assert torch.equal(a.rotations, b.rotations)
    assert torch.equal(a.translation, b.translation)


def test_the_command_converts(experiment: Path, tmp_path: Path) -> None:
    target = tmp_path / "converted"
    result = CliRunner().invoke(
        app, ["checkpoints", "convert", str(experiment), "--backbone", "motionclip", "-o", str(target)]
    )
    assert result.exit_code == 0, result.output
    assert MotionClip.from_checkpoint(target).config.latent_dim == DIM


# --- refused -------------------------------------------------------------------------------------------------------

DAMAGED: dict[str, tuple[Callable[[dict[str, torch.Tensor]], Any], str]] = {
    "NaN": (lambda state: state["decoder.finallayer.bias"].fill_(torch.nan), r"finallayer\.bias holds NaN"),
    "a missing weight": (lambda state: state.pop("encoder.skelEmbedding.bias"), r"lacks weights.*skelEmbedding\.bias"),
    "an unknown weight": (lambda state: state.update({"encoder.extra": torch.ones(1)}), r"unknown.*encoder\.extra"),
    "another shape": (
        lambda state: state.update({"decoder.finallayer.bias": torch.ones(144)}),
        r"decoder\.finallayer\.bias is \(144,\)",
    ),
    "more classes": (lambda state: state.update({"encoder.muQuery": torch.ones(3, DIM)}), r"muQuery is \(3, 16\)"),
    "no decoder": (lambda state: [state.pop(key) for key in list(state) if "Decoder" in key], "not a MotionCLIP model"),
    "a scalar token": (lambda state: state.update({"encoder.muQuery": torch.ones(())}), "not a MotionCLIP model"),
    "nothing": (lambda state: state.clear(), "no dictionary of weights"),
}


@pytest.mark.parametrize("case", sorted(DAMAGED))
def test_weights_that_do_not_fit_are_refused_by_name(case: str, experiment: Path) -> None:
    change, message = DAMAGED[case]
    change_weights(experiment, change)
    with pytest.raises(CheckpointError, match=message):
        load_published(experiment)


UNFIT: dict[str, tuple[dict[str, Any], str]] = {
    "another model": ({"modeltype": "cvae"}, "modeltype = 'cvae' is a variant that is not supported"),
    "another network": ({"archiname": "gru"}, "archiname = 'gru'"),
    "quaternions": ({"pose_rep": "rotquat"}, "pose_rep = 'rotquat'.*only 'rot6d'"),
    "no translation": ({"translation": False}, "translation = False"),
    "no root": ({"glob": False}, "glob = False"),
    "an ablation": ({"ablation": "average_encoder"}, "ablation = 'average_encoder'"),
    "another activation": ({"activation": "relu"}, "activation = 'relu'"),
    "more rows": ({"njoints": 24}, "njoints = 24"),
    "a truth for a number": ({"num_classes": True}, "num_classes = True"),
    "another width": ({"latent_dim": 512}, "latent_dim 16; its opt.yaml says 512"),
    "a huge depth": ({"num_layers": 10**9}, "num_layers 2; its opt.yaml says 1000000000"),
    "no width": ({"latent_dim": None}, "latent_dim must be a whole number, got None"),
    "a width in words": ({"latent_dim": "many"}, "latent_dim must be a whole number, got 'many'"),
    "a negative width": ({"ff_size": -32}, "ff_size must be at least 1"),
    "heads that do not divide": ({"num_heads": 5}, "cannot be shared among 5 attention heads"),
    "all dropped": ({"dropout": 1.0}, "dropout must be a number from 0 to below 1"),
    "a flag in words": ({"normalize_encoder_output": "yes"}, "normalize_encoder_output must be true or false"),
}


@pytest.mark.parametrize("case", sorted(UNFIT))
def test_options_that_do_not_fit_are_refused_by_name(case: str, experiment: Path) -> None:
    changes, message = UNFIT[case]
    change_options(experiment, **changes)
    with pytest.raises(CheckpointError, match=message):
        load_published(experiment)


UNSAFE = {
    "code": ("!!python/object/apply:os.system ['touch canary']", "damaged"),
    "a name": ("modeltype: !!python/name:os.system", "damaged"),
    "no yaml": ("modeltype: [unclosed", "damaged"),
    "a list": ("[1, 2]", "no mapping"),
    "a date": ("expname: 2022-08-31", "no number, text, list or mapping"),
    "bytes": ("expname: !!binary aGVsbG8=", "no number, text, list or mapping"),
    "a set": ("expname: !!set {a, b}", "no number, text, list or mapping"),
    "infinity": ("lr: .inf", "no number, text, list or mapping"),
}


@pytest.mark.parametrize("case", sorted(UNSAFE))
def test_options_that_are_more_than_plain_values_are_refused(
    case: str, experiment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content, message = UNSAFE[case]
    (experiment / "opt.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(CheckpointError, match=message):
        read_published(experiment)
    assert not (tmp_path / "canary").exists()


def test_aliases_that_unfold_without_end_are_read_in_no_time(experiment: Path) -> None:
    lines = ["a0: &a0 [x, x]", *(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60)), "circle: &c [*c]"]
    with (experiment / "opt.yaml").open("a", encoding="utf-8") as file:
        file.write("\n".join(lines))
    assert read_published(experiment).latent_dim == DIM


def test_a_hostile_checkpoint_is_refused_and_not_run(
    experiment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(load_checkpoint(experiment / NAME) | {"callback": Call()}, experiment / NAME)
    with pytest.raises(CheckpointError, match=r"refused: (posix|nt)\.system"):
        load_published(experiment)
    assert not (tmp_path / "canary").exists()


def test_incomplete_folders_are_refused_with_what_is_missing(experiment: Path, tmp_path: Path) -> None:
    (experiment / "opt.yaml").rename(tmp_path / "opt.yaml")
    with pytest.raises(CheckpointError, match=r"There is no .*opt\.yaml"):
        MotionClip.from_checkpoint(experiment)
    (tmp_path / "opt.yaml").rename(experiment / "opt.yaml")
    (experiment / NAME).write_bytes((experiment / NAME).read_bytes()[:2000])
    with pytest.raises(CheckpointError, match="truncated"):
        MotionClip.from_checkpoint(experiment)
    (experiment / NAME).unlink()
    with pytest.raises(CheckpointError, match=r"There is no .*checkpoint_NNNN\.pth\.tar"):
        MotionClip.from_checkpoint(experiment)
    with pytest.raises(CheckpointError, match=r"No experiment folder at .*absent"):
        load_published(tmp_path / "absent")


def test_statistics_have_no_use_here(experiment: Path) -> None:
    with pytest.raises(ConfigError, match="leave stats out"):
        load_published(experiment, stats=experiment / "opt.yaml")
