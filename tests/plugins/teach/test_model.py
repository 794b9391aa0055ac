import attrs
import pytest
import torch

from actiongpt_core.errors import CheckpointError, ConfigError, ShapeError
from actiongpt_core.geometry.clips import facing
from actiongpt_core.types.skeleton import SMPL_REST_PELVIS
from actiongpt_core.types.text import TextFeatures
from actiongpt_teach import Teach, TeachConfig

_OURS = {"heading": "facing", "frames_per_token": 5, "basis_components": 4, "max_frames": 180}


def _text(length: int, seed: int = 0) -> TextFeatures:
    tokens = torch.randn(length, 8, generator=torch.Generator().manual_seed(seed))
    return TextFeatures(tokens=tokens, mask=torch.ones(length, dtype=torch.bool))


def _model(**changes: object) -> Teach:
    torch.manual_seed(0)
    return Teach(TeachConfig.tiny(**changes)).eval()


def _seeded(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("changes", [{}, _OURS], ids=["published", "small"])
def test_sequences_of_different_sizes_are_the_same_alone_and_in_a_batch(changes: dict[str, object]) -> None:
    model = _model(**changes)
    prompts = [[_text(5), _text(9, 1), _text(3, 2)], [_text(7, 3)], [_text(12, 4), _text(4, 5)]]
    lengths = [[40, 50, 33], [60], [30, 71]]
    batch = model.generate_batch(prompts, lengths, generators=[_seeded(i) for i in range(3)])
    for index, motion in enumerate(batch):
        alone = model.generate(prompts[index], lengths[index], generator=_seeded(index))
        torch.testing.assert_close(motion.rotations, alone.rotations, atol=2e-4, rtol=0)
        torch.testing.assert_close(motion.translation, alone.translation, atol=2e-4, rtol=0)


def test_a_motion_has_the_frames_that_were_asked_for_and_knows_where_actions_start() -> None:
    motion = _model().generate([_text(5), _text(6)], [40, 50])
    assert motion.num_frames == 90
    assert motion.starts == (0, 40)


def test_the_second_action_depends_on_the_first() -> None:
    model = _model()
    after_a = model.generate([_text(5, 1), _text(6)], [40, 50], generator=_seeded())
    after_b = model.generate([_text(5, 2), _text(6)], [40, 50], generator=_seeded())
    assert not torch.allclose(after_a.rotations[60:, 1:], after_b.rotations[60:, 1:], atol=1e-4)


def test_zero_noise_needs_no_seed() -> None:
    model = _model()
    first, second = (model.generate([_text(5)], [40], noise_scale=0.0) for _ in range(2))
    assert torch.equal(first.rotations, second.rotations)


def test_aligned_actions_join_without_a_jump() -> None:
    motion = _model(**_OURS).generate([_text(5), _text(6)], [40, 60], noise_scale=0.0)
    step = torch.diff(motion.translation[:, :2], dim=0).norm(dim=-1)
    assert float(step[39:49].max()) <= float(step.max()) + 1e-6
    turns = torch.diff(facing(motion.rotations[:, 0]))
    assert float(torch.atan2(turns.sin(), turns.cos())[39:48].abs().max()) < 0.2


def test_without_alignment_a_later_action_keeps_its_own_heading() -> None:
    aligned = _model(align="full").generate([_text(5), _text(6)], [40, 60], noise_scale=0.0)
    free = _model(align="none").generate([_text(5), _text(6)], [40, 60], noise_scale=0.0)
    torch.testing.assert_close(aligned.rotations[48:, 1:], free.rotations[48:, 1:])
    assert not torch.allclose(aligned.rotations[48:, 0], free.rotations[48:, 0], atol=1e-3)


def test_a_published_models_translation_becomes_the_pelvis() -> None:
    pelvis = _model(root="pelvis").generate([_text(5)], [40], noise_scale=0.0)
    smpl = _model(root="smpl").generate([_text(5)], [40], noise_scale=0.0)
    torch.testing.assert_close(
        smpl.translation - pelvis.translation, torch.tensor(SMPL_REST_PELVIS).expand(40, 3), atol=1e-5, rtol=0
    )


def test_history_is_seen_from_where_the_body_faces() -> None:
    model = _model(**_OURS)
    history = torch.randn(2, 5, 135)
    turned = model.features.turn(history, torch.tensor([1.0, -2.0]))
    torch.testing.assert_close(model.prepare_history(turned), model.prepare_history(history), atol=1e-3, rtol=0)


@pytest.mark.parametrize("length", [3, 10_000])
def test_a_length_outside_the_checkpoints_range_is_an_error_in_seconds(length: int) -> None:
    with pytest.raises(ConfigError, match="makes actions of"):
        _model().generate([_text(5)], [length])


def test_another_number_of_lengths_than_actions_is_an_error() -> None:
    with pytest.raises(ShapeError, match="one length"):
        _model().generate([_text(5)], [40, 40])


def test_additive_padding_differs_only_where_a_batch_has_padding() -> None:
    tokens, mask = torch.randn(2, 9, 8), torch.ones(2, 9, dtype=torch.bool)
    plain, additive = _model(), _model(padding="additive")
    torch.testing.assert_close(
        additive.encode_text(tokens, mask).mu, plain.encode_text(tokens, mask).mu, atol=1e-5, rtol=0
    )
    mask[1, 5:] = False
    assert not torch.allclose(
        additive.encode_text(tokens, mask).mu[1], plain.encode_text(tokens, mask).mu[1], atol=1e-4
    )


# --- checkpoints ----------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):  # type: ignore[no-untyped-def]
    return _model(**_OURS).save(tmp_path / "checkpoint")


def test_a_saved_model_comes_back_with_its_settings_and_its_weights_in_half_precision(folder) -> None:  # type: ignore[no-untyped-def]
    again, model = Teach.from_checkpoint(folder), _model(**_OURS)
    assert again.config == model.config
    for name, weight in model.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], weight.half().float())


def test_a_missing_folder_says_where_it_looked(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(CheckpointError, match="nowhere"):
        Teach.from_checkpoint(tmp_path / "nowhere")


def test_truncated_weights_are_an_error(folder) -> None:  # type: ignore[no-untyped-def]
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="damaged"):
        Teach.from_checkpoint(folder)


def test_weights_that_are_not_finite_are_an_error_that_names_them(tmp_path) -> None:  # type: ignore[no-untyped-def]
    model = _model()
    with torch.no_grad():
        model.motion_decoder.final_layer.bias[0] = torch.nan
    with pytest.raises(CheckpointError, match=r"final_layer.bias holds NaN"):
        Teach.from_checkpoint(model.save(tmp_path / "nan"))


def test_another_backbones_checkpoint_is_an_error(folder) -> None:  # type: ignore[no-untyped-def]
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"teach"', '"other"'))
    with pytest.raises(CheckpointError, match="backbone 'other', not 'teach'"):
        Teach.from_checkpoint(folder)


def test_an_unknown_setting_is_an_error_with_a_suggestion(folder) -> None:  # type: ignore[no-untyped-def]
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"latent_dim"', '"latent_dims"'))
    with pytest.raises(ConfigError, match="Did you mean 'latent_dim'"):
        Teach.from_checkpoint(folder)


def test_settings_survive_their_json() -> None:
    config = TeachConfig.tiny(**_OURS)
    assert TeachConfig.from_dict(attrs.asdict(config)) == config
