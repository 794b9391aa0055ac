"""What is TEMOS's own: actions that know nothing of each other, joined to one motion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
import torch
from torch import Tensor

from actiongpt_core.errors import CheckpointError, ConfigError, ShapeError
from actiongpt_core.geometry.clips import facing
from actiongpt_core.nn.masks import pad
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL_REST_PELVIS
from actiongpt_core.types.text import TextFeatures
from actiongpt_temos import Temos, TemosConfig

_OURS: dict[str, Any] = {"canonicalise": False, "frames_per_token": 5, "basis_components": 4, "max_frames": 180}
_GAP = 8  # frames between two actions, by default


def _text(length: int, seed: int = 0) -> TextFeatures:
    tokens = torch.randn(length, 8, generator=torch.Generator().manual_seed(seed))
    return TextFeatures(tokens=tokens, mask=torch.ones(length, dtype=torch.bool))


def _model(**changes: Any) -> Temos:
    torch.manual_seed(0)
    return Temos(TemosConfig.tiny(**changes)).eval()


def _seeded(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _turns(motion: Motion) -> Tensor:
    """Change of the facing direction from frame to frame, radians, (T - 1,)."""
    turns = torch.diff(facing(motion.rotations[:, 0]))
    return torch.atan2(turns.sin(), turns.cos()).abs()


# --- generation -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{}, _OURS], ids=["published", "small"])
def test_sequences_of_different_sizes_are_the_same_alone_and_in_a_batch(changes: dict[str, Any]) -> None:
    model = _model(**changes)
    prompts = [[_text(5), _text(9, 1), _text(3, 2)], [_text(7, 3)], [_text(12, 4), _text(4, 5)]]
    lengths = [[40, 50, 33], [60], [30, 71]]
    batch = model.generate_batch(prompts, lengths, generators=[_seeded(i) for i in range(3)])
    for index, motion in enumerate(batch):
        alone = model.generate(prompts[index], lengths[index], generator=_seeded(index))
        torch.testing.assert_close(motion.rotations, alone.rotations, atol=2e-4, rtol=0)
        torch.testing.assert_close(motion.translation, alone.translation, atol=2e-4, rtol=0)


def test_a_seed_decides_and_no_noise_needs_none() -> None:
    model = _model()
    first, again, other = (model.generate([_text(5)], [40], generator=_seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(first.rotations, again.rotations)
    assert not torch.allclose(first.rotations, other.rotations, atol=1e-4)
    calm = [model.generate([_text(5)], [40], noise_scale=0.0) for _ in range(2)]
    assert torch.equal(calm[0].rotations, calm[1].rotations)


def test_the_noise_scale_of_the_checkpoint_is_the_default() -> None:
    model = _model(noise_scale=0.5)
    told = model.generate([_text(5)], [40], generator=_seeded(), noise_scale=0.5)
    untold = model.generate([_text(5)], [40], generator=_seeded())
    assert torch.equal(told.rotations, untold.rotations)


def test_actions_of_one_sequence_draw_their_own_noise() -> None:
    motion = _model(align="none", transition_frames=0).generate([_text(5)] * 2, [40, 40], generator=_seeded())
    assert not torch.allclose(motion.rotations[:40], motion.rotations[40:], atol=1e-4)


# --- joining --------------------------------------------------------------------------------------------------------


def test_an_action_of_a_sequence_is_what_it_is_alone() -> None:
    """But for the bridge that takes its first frames, and for place and heading."""
    model = _model()
    both = model.generate([_text(5), _text(6, 1)], [40, 50 + _GAP], noise_scale=0.0)
    first, second = (
        model.generate([text], [length], noise_scale=0.0) for text, length in ((_text(5), 40), (_text(6, 1), 50))
    )
    torch.testing.assert_close(both.rotations[:40], first.rotations, atol=1e-4, rtol=0)
    torch.testing.assert_close(both.translation[:40], first.translation, atol=1e-4, rtol=0)
    torch.testing.assert_close(both.rotations[40 + _GAP :, 1:], second.rotations[:, 1:], atol=1e-4, rtol=0)
    torch.testing.assert_close(_turns(both)[40 + _GAP :], _turns(second), atol=1e-4, rtol=0)
    heights = both.translation[40 + _GAP :, 2], second.translation[:, 2]
    torch.testing.assert_close(*heights, atol=1e-4, rtol=0)


@pytest.mark.parametrize("changes", [{}, _OURS], ids=["published", "small"])
def test_place_and_heading_go_on_at_the_seam(changes: dict[str, Any]) -> None:
    model = _model(**changes)
    if model.motion_decoder.basis is not None:
        model.motion_decoder.basis.fit(torch.randn(20, 180, 135, generator=_seeded()))
    motion = model.generate([_text(5), _text(6, 1)], [40, 60], noise_scale=0.0)
    last, resumed = 39, 40 + _GAP
    torch.testing.assert_close(motion.translation[last, :2], motion.translation[resumed, :2], atol=1e-4, rtol=0)
    facings = facing(motion.rotations[[last, resumed], 0])
    torch.testing.assert_close(facings[0], facings[1], atol=1e-3, rtol=0)
    steps = torch.diff(motion.translation[:, :2], dim=0).norm(dim=-1)
    assert float(steps[last:resumed].max()) < 1e-4


def test_without_alignment_an_action_starts_in_its_own_direction() -> None:
    aligned, free = (
        _model(align=align).generate([_text(5), _text(6, 1)], [40, 60], noise_scale=0.0) for align in ("full", "none")
    )
    alone = _model().generate([_text(6, 1)], [60 - _GAP], noise_scale=0.0)
    torch.testing.assert_close(free.rotations[40 + _GAP :], alone.rotations, atol=1e-4, rtol=0)
    assert not torch.allclose(aligned.rotations[40 + _GAP :, 0], free.rotations[40 + _GAP :, 0], atol=1e-3)


def test_without_a_bridge_all_frames_are_generated() -> None:
    model = _model(transition_frames=0)
    both = model.generate([_text(5), _text(6, 1)], [40, 50], noise_scale=0.0)
    second = model.generate([_text(6, 1)], [50], noise_scale=0.0)
    torch.testing.assert_close(both.rotations[40:, 1:], second.rotations[:, 1:], atol=1e-4, rtol=0)


def test_a_published_models_translation_becomes_the_pelvis() -> None:
    pelvis, smpl = (
        _model(root=root).generate([_text(5), _text(6)], [40, 40], noise_scale=0.0) for root in ("pelvis", "smpl")
    )
    shift = torch.tensor(SMPL_REST_PELVIS).expand(80, 3)
    torch.testing.assert_close(smpl.translation - pelvis.translation, shift, atol=1e-5, rtol=0)


# --- what cannot be generated ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [3, 10_000])
def test_a_length_outside_the_checkpoints_range_is_an_error_in_seconds(length: int) -> None:
    with pytest.raises(ConfigError, match="makes actions of"):
        _model().generate([_text(5)], [length])


def test_another_number_of_lengths_than_actions_is_an_error() -> None:
    with pytest.raises(ShapeError, match="one length"):
        _model().generate([_text(5)], [40, 40])


# --- padding --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{}, {"keyword_detectors": 6}], ids=["published", "small"])
@pytest.mark.parametrize("padding", ["bool", "additive"])
def test_only_additive_padding_makes_a_text_depend_on_the_longest_one_beside_it(
    padding: str, changes: dict[str, Any]
) -> None:
    model, short, long = _model(padding=padding, **changes), _text(5), _text(9, 1)
    alone = model.encode_text(short.tokens[None], short.mask[None])
    beside = model.encode_text(pad([short.tokens, long.tokens]), pad([short.mask, long.mask]))
    assert torch.allclose(beside.mu[0], alone.mu[0], atol=1e-4) == (padding == "bool")


def test_for_one_text_both_kinds_of_padding_are_the_same() -> None:
    text = _text(7)
    plain, additive = (
        _model(padding=kind).encode_text(text.tokens[None], text.mask[None]) for kind in ("bool", "additive")
    )
    torch.testing.assert_close(plain.mu, additive.mu, atol=1e-5, rtol=0)
    torch.testing.assert_close(plain.logvar, additive.logvar, atol=1e-5, rtol=0)


def test_the_motion_encoder_does_not_see_padding() -> None:
    model = _model()
    features, longer = torch.randn(1, 30, 135), torch.randn(1, 45, 135)
    alone = model.encode_motion(features, torch.tensor([30]))
    beside = model.encode_motion(pad([features[0], longer[0]]), torch.tensor([30, 45]))
    torch.testing.assert_close(beside.mu[:1], alone.mu, atol=1e-5, rtol=0)


# --- checkpoints ----------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return _model(**_OURS, keyword_detectors=6).save(tmp_path / "checkpoint")


def test_a_saved_model_comes_back_with_its_settings_and_its_weights_in_half_precision(folder: Path) -> None:
    again, model = Temos.from_checkpoint(folder), _model(**_OURS, keyword_detectors=6)
    assert again.config == model.config
    for name, weight in model.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], weight.half().float())


def test_another_backbones_checkpoint_is_an_error(folder: Path) -> None:
    config = folder / "config.json"
    config.write_text(config.read_text(encoding="utf-8").replace('"temos"', '"teach"'), encoding="utf-8")
    with pytest.raises(CheckpointError, match="backbone 'teach', not 'temos'"):
        Temos.from_checkpoint(folder)


def test_an_unknown_setting_is_an_error(folder: Path) -> None:
    config = folder / "config.json"
    config.write_text(config.read_text(encoding="utf-8").replace('"align"', '"hist_frames"'), encoding="utf-8")
    with pytest.raises(ConfigError, match="'hist_frames' for TemosConfig"):
        Temos.from_checkpoint(folder)


def test_settings_survive_their_json() -> None:
    config = TemosConfig.tiny(**_OURS)
    assert TemosConfig.from_dict(attrs.asdict(config)) == config
