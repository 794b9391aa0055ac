import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
import torch

from actiongpt_core.errors import CheckpointError, ConfigError, ShapeError
from actiongpt_core.features.pose_rot6d import to_rows
from actiongpt_core.geometry.clips import CANONICAL_FACING, facing
from actiongpt_core.geometry.kinematics import forward_kinematics
from actiongpt_core.geometry.rotations import axis_angle_to_matrix, geodesic_angle
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.testing.fakes import FakeTextEncoder
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL, SMPL_BODY
from actiongpt_core.types.text import TextFeatures
from actiongpt_motionclip import MotionClip, MotionClipConfig

DIM = 16
PUBLISHED = {"row_24": "right_ankle", "root_orientation": "upright"}
OURS = {"frames_per_token": 5, "basis_components": 4, "max_frames": 180, "trained_frames": 180}


def build(**changes: Any) -> MotionClip:
    torch.manual_seed(0)
    return MotionClip(MotionClipConfig.tiny(**changes), text_encoder=FakeTextEncoder(DIM)).eval()


def text(seed: int = 0, dim: int = DIM) -> TextFeatures:
    pooled = torch.randn(dim, generator=torch.Generator().manual_seed(seed))
    return TextFeatures(tokens=torch.zeros(3, dim), mask=torch.ones(3, dtype=torch.bool), pooled=pooled)


def clip(num_joints: int = 24, fps: float = 30.0, num_frames: int = 40) -> Motion:
    generator = torch.Generator().manual_seed(5)
    rotations = axis_angle_to_matrix(0.3 * torch.randn(num_frames, num_joints, 3, generator=generator))
    rotations[:, 0] = axis_angle_to_matrix(torch.tensor([torch.pi / 2, 0.0, 0.0])) @ rotations[:, 0]
    translation = torch.cumsum(0.02 * torch.randn(num_frames, 3, generator=generator), dim=0)
    skeleton = SMPL if num_joints == 24 else SMPL_BODY
    return Motion(rotations=rotations, translation=translation, fps=fps, skeleton=skeleton)


# --- the networks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("motion_tokens", ["mu", "mu_sigma"])
@pytest.mark.parametrize("frames_per_token", [1, 5])
@torch.no_grad()
def test_padding_changes_no_latent(motion_tokens: str, frames_per_token: int) -> None:
    model = build(motion_tokens=motion_tokens, frames_per_token=frames_per_token)
    features, lengths = torch.randn(2, 40, 150), torch.tensor([40, 25])
    features[1, 25:] = 0
    latents = model.encode_motion(features, lengths)
    alone = model.encode_motion(features[1:, :25], lengths[1:])
    torch.testing.assert_close(latents[1:], alone, atol=1e-5, rtol=0)


@torch.no_grad()
def test_a_second_token_moves_the_frames_one_position_along() -> None:
    one, two = build(), build(motion_tokens="mu_sigma")
    two.load_state_dict(one.state_dict(), strict=False)
    features, lengths = torch.randn(1, 30, 150), torch.tensor([30])
    assert not torch.allclose(one.encode_motion(features, lengths), two.encode_motion(features, lengths), atol=1e-3)


@torch.no_grad()
def test_decoded_frames_are_the_same_in_a_batch_and_zero_beyond_each_length() -> None:
    model, latents, lengths = build(), torch.randn(3, DIM), torch.tensor([40, 7, 25])
    batch = model.decode(latents, lengths)
    for index, length in enumerate(lengths):
        alone = model.decode(latents[index : index + 1], lengths[index : index + 1])[0]
        torch.testing.assert_close(batch[index, :length], alone, atol=1e-5, rtol=0)
        assert not batch[index, length:].any()


@torch.no_grad()
def test_latents_are_divided_by_their_norm_where_the_settings_say_so() -> None:
    features, lengths, latents = torch.randn(2, 30, 150), torch.tensor([30, 30]), torch.randn(2, DIM)
    unit = build(normalise_encoder_output=True).encode_motion(features, lengths)
    torch.testing.assert_close(unit.norm(dim=-1), torch.ones(2), atol=1e-5, rtol=0)
    model = build(normalise_decoder_input=True)
    torch.testing.assert_close(model.decode(3 * latents, lengths), model.decode(latents, lengths), atol=1e-5, rtol=0)
    assert not torch.allclose(build().decode(3 * latents, lengths), build().decode(latents, lengths), atol=1e-3)


def test_more_frames_than_were_trained_on_warn_and_say_what_to_do() -> None:
    model = build(trained_frames=60)
    with pytest.warns(UserWarning, match=r"61 frames .* trained on 60 \(2 seconds\).*Ask for at most 2 seconds"):
        motion = model.generate([text()], [61])
    assert motion.num_frames == 61
    model.generate([text()], [60])  # warnings are errors


def test_frames_beyond_the_checkpoints_range_are_an_error() -> None:
    model = build(max_frames=100)
    with pytest.raises(ConfigError, match="at most 100 frames"):
        model.decode(torch.randn(1, DIM), torch.tensor([101]))
    with pytest.raises(ConfigError, match="at most 100 frames"):
        model.motions(torch.randn(1, DIM), [101])


# --- generation -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [PUBLISHED, OURS], ids=["published", "small"])
def test_sequences_of_different_sizes_are_the_same_alone_and_in_a_batch(changes: dict[str, Any]) -> None:
    model = build(**changes)
    prompts = [[text(0), text(1), text(2)], [text(3)], [text(4), text(5)]]
    lengths = [[40, 50, 33], [60], [30, 58]]
    for index, motion in enumerate(model.generate_batch(prompts, lengths)):
        alone = model.generate(prompts[index], lengths[index])
        torch.testing.assert_close(motion.rotations, alone.rotations, atol=2e-4, rtol=0)
        torch.testing.assert_close(motion.translation, alone.translation, atol=2e-4, rtol=0)
        assert motion.starts == tuple(sum(lengths[index][:i]) for i in range(len(lengths[index])))


def test_there_is_no_noise() -> None:
    model = build()
    first = model.generate([text()], [40], generator=torch.Generator().manual_seed(1), noise_scale=1.0)
    second = model.generate([text()], [40], generator=torch.Generator().manual_seed(2), noise_scale=0.0)
    assert torch.equal(first.rotations, second.rotations)
    assert torch.equal(first.translation, second.translation)


def test_a_later_action_is_the_same_whatever_comes_before_it_but_for_place_and_heading() -> None:
    model = build()
    after_a, after_b = (model.generate([text(seed), text(9)], [40, 50]) for seed in (1, 2))
    gap = model.config.transition_frames
    assert torch.equal(after_a.rotations[40 + gap :, 1:], after_b.rotations[40 + gap :, 1:])


def test_a_later_action_goes_on_where_the_one_before_ended() -> None:
    model = build()
    motion = model.generate([text(1), text(2)], [40, 50])
    body = 40 + model.config.transition_frames
    torch.testing.assert_close(motion.translation[body, :2], motion.translation[39, :2], atol=1e-5, rtol=0)
    torch.testing.assert_close(facing(motion.rotations[body, 0]), facing(motion.rotations[39, 0]), atol=1e-4, rtol=0)


def test_without_alignment_a_later_action_keeps_its_own_heading() -> None:
    free, alone = build(align="none"), build()
    gap = free.config.transition_frames
    joined = free.generate([text(1), text(2)], [40, 50])
    torch.testing.assert_close(
        joined.rotations[40 + gap :], alone.generate([text(2)], [50 - gap]).rotations, atol=5e-5, rtol=0
    )


@pytest.mark.parametrize("length", [3, 10_000])
def test_a_length_outside_the_checkpoints_range_is_an_error_in_seconds(length: int) -> None:
    with pytest.raises(ConfigError, match="makes actions of"):
        build().generate([text()], [length])


def test_another_number_of_lengths_than_actions_is_an_error() -> None:
    with pytest.raises(ShapeError, match="one length"):
        build().generate([text()], [40, 40])


def test_a_text_without_a_pooled_vector_is_an_error_that_says_what_to_use() -> None:
    with pytest.raises(ConfigError, match=r"one pooled vector a text.*'fake'.*aggregator 'mean'"):
        build().generate([attrs.evolve(text(), pooled=None)], [40])


def test_a_pooled_vector_of_another_size_is_an_error() -> None:
    with pytest.raises(ShapeError, match=r"\(16,\), got \(8,\)"):
        build().generate([text(dim=8)], [40])


@pytest.mark.parametrize("changes", [PUBLISHED, OURS], ids=["published", "small"])
def test_motions_of_latents_are_those_of_the_texts_that_the_latents_came_from(changes: dict[str, Any]) -> None:
    model, texts = build(**changes), [text(1), text(2)]
    made = model.motions(model.encode_text(texts), [30, 45])
    for item, length, motion in zip(texts, [30, 45], made, strict=True):
        expected = model.generate([item], [length])
        torch.testing.assert_close(motion.rotations, expected.rotations, atol=2e-4, rtol=0)
        torch.testing.assert_close(motion.translation, expected.translation, atol=2e-4, rtol=0)


# --- the layouts ----------------------------------------------------------------------------------------------------


def test_a_published_layouts_motion_stands_upright_in_place_with_a_joint_on_the_ground() -> None:
    motion = build(**PUBLISHED).generate([text()], [40])
    joints, _ = forward_kinematics(motion.rotations, motion.translation, motion.skeleton)
    torch.testing.assert_close(joints[..., 2].amin(-1), torch.zeros(40), atol=1e-5, rtol=0)
    assert not motion.translation[:, :2].any()
    upright = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    torch.testing.assert_close(motion.rotations[:, 0], upright.expand(40, 3, 3), atol=1e-6, rtol=0)
    torch.testing.assert_close(facing(motion.rotations[:, 0]), torch.full((40,), CANONICAL_FACING), atol=1e-5, rtol=0)


def test_root_orientations_tell_the_same_pose_turned() -> None:
    upright, decoded, relative = (
        build(row_24="right_ankle", root_orientation=name).generate([text()], [40]).rotations
        for name in ("upright", "decoded", "relative")
    )
    torch.testing.assert_close(relative[:, 0], upright[:, 0] @ decoded[:, 0], atol=1e-5, rtol=0)
    assert torch.equal(upright[:, 1:], decoded[:, 1:])
    assert float(geodesic_angle(upright[:, 0], decoded[:, 0]).min()) > 0.01


def test_our_layouts_pelvis_path_and_height_are_decoded() -> None:
    model, length = build(), torch.tensor([40])
    latent = model.encode_text([text()])
    motion = model.motions(latent, length)[0]
    row = model.rows(latent, length)[0, 24].T
    torch.testing.assert_close(motion.translation[:, :2], row[:, :2] - row[:1, :2])
    torch.testing.assert_close(motion.translation[:, 2], row[:, 2])


def test_rows_write_the_originals_root_orientation_into_every_frame() -> None:
    latents, lengths = torch.randn(2, DIM), torch.tensor([40, 7])
    rows = build(**PUBLISHED).rows(latents, lengths)
    assert torch.equal(rows[:, 0], torch.tensor([1.0, 0, 0, 0, 1, 0])[None, :, None].expand(2, 6, 40))
    with torch.no_grad():
        decoded = to_rows(build().decode(latents, lengths))
    assert torch.equal(rows[:, 1:], decoded[:, 1:])


def test_reading_a_motion_undoes_what_decoding_it_does() -> None:
    model, length = build(), torch.tensor([40])
    model.normalizer.std.fill_(2.0)
    model.normalizer.mean.fill_(0.5)
    motion = model.motions(model.encode_text([text()]), length)[0]
    features = model.normalizer.denormalise(model.read_motion(motion))
    rotations, translation = model.features.decode(features)
    again = model.read_motion(attrs.evolve(motion, rotations=rotations, translation=translation))
    torch.testing.assert_close(again, model.read_motion(motion), atol=1e-4, rtol=0)
    torch.testing.assert_close(rotations[:, 1:], motion.rotations[:, 1:], atol=1e-5, rtol=0)


def test_a_published_layout_reads_rotations_and_the_right_ankles_way() -> None:
    model, motion = build(**PUBLISHED), clip()
    features = model.read_motion(motion)
    rotations, _ = model.features.decode(features)
    torch.testing.assert_close(rotations, motion.rotations, atol=1e-5, rtol=0)
    still = torch.zeros_like(motion.translation)
    ankle = forward_kinematics(motion.rotations, still, SMPL)[0][:, SMPL.index("right_ankle")]
    torch.testing.assert_close(features[:, 144:147], ankle - ankle[0], atol=1e-5, rtol=0)
    assert not features[:, 147:].any()


def test_a_relative_layout_reads_the_same_however_the_clip_is_turned() -> None:
    model, motion = build(row_24="right_ankle", root_orientation="relative"), clip()
    turn = axis_angle_to_matrix(torch.tensor([0.3, -1.0, 2.0]))
    root = turn @ motion.rotations[:, :1]
    turned = attrs.evolve(motion, rotations=torch.cat([root, motion.rotations[:, 1:]], dim=1))
    features = model.read_motion(motion)
    torch.testing.assert_close(model.read_motion(turned), features, atol=1e-5, rtol=0)
    torch.testing.assert_close(features[0, :6], torch.tensor([1.0, 0, 0, 0, 1, 0]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("changes", [PUBLISHED, OURS], ids=["published", "small"])
def test_a_motion_without_hands_is_read_with_straight_ones(changes: dict[str, Any]) -> None:
    model, motion = build(**changes), clip(22)
    features = model.read_motion(motion)
    hands = features[:, 22 * 6 : 24 * 6].unflatten(-1, (2, 6))
    assert torch.equal(hands, torch.tensor([1.0, 0, 0, 0, 1, 0]).expand(40, 2, 6))
    with torch.no_grad():
        assert model.encode_motion(features[None], torch.tensor([40])).shape == (1, DIM)


def test_a_motion_of_another_rate_or_other_joints_is_an_error() -> None:
    with pytest.raises(ConfigError, match="30 frames a second; resample the 25"):
        build().read_motion(clip(fps=25))
    other = attrs.evolve(SMPL_BODY, name="robot", joint_names=tuple(f"joint{i}" for i in range(22)))
    with pytest.raises(ShapeError, match="'robot'"):
        build().read_motion(attrs.evolve(clip(22), skeleton=other))


# --- text spaces ----------------------------------------------------------------------------------------------------


def test_a_text_encoder_of_another_space_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"made for the text space 'clip:ViT-B-32'; .* 'fake'"):
        MotionClip(MotionClipConfig.tiny(text_space="clip:ViT-B-32"), text_encoder=FakeTextEncoder(DIM))


def test_a_checkpoint_refuses_the_text_model_of_another_space_when_it_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = build().save(tmp_path / "checkpoint")
    monkeypatch.setattr("actiongpt_motionclip.model.load_text_encoder", _Renamed)
    assert MotionClip.from_checkpoint(folder, text_encoder="fake").text_encoder.name == "fake"
    with pytest.raises(ConfigError, match=r"made for the text space 'fake'; .* 'other'"):
        _ = MotionClip.from_checkpoint(folder, text_encoder="other").text_encoder


class _Renamed(FakeTextEncoder):
    """A text encoder whose space is its source."""

    def __init__(self, source: str | Path) -> None:
        super().__init__(DIM)
        self.name = str(source)


# --- settings and checkpoints ---------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return build(**OURS).save(tmp_path / "checkpoint")


def test_a_saved_model_comes_back_with_its_settings_and_its_weights_in_half_precision(folder: Path) -> None:
    again, model = MotionClip.from_checkpoint(folder), build(**OURS)
    assert again.config == model.config
    for name, weight in model.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], weight.half().float())


def test_a_missing_folder_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nowhere"):
        MotionClip.from_checkpoint(tmp_path / "nowhere")


def _change(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    content = json.loads((folder / "config.json").read_text())
    change(content)
    (folder / "config.json").write_text(json.dumps(content))


DAMAGED: Sequence[tuple[Callable[[dict[str, Any]], Any], type[Exception], str]] = (
    (lambda content: content.update(backbone="other"), CheckpointError, "backbone 'other', not 'motionclip'"),
    (lambda content: content["config"].update(latent_dims=3), ConfigError, "Did you mean 'latent_dim'"),
    (lambda content: content["config"].update(row_24="left_ankle"), ConfigError, "row_24"),
    (lambda content: content["config"].update(root_orientation="any"), ConfigError, "root_orientation"),
    (lambda content: content["config"].update(max_frames=5001), ConfigError, "max_frames"),
    (lambda content: content["config"].update(text_dim=8), ConfigError, "text_dim 8 and latent_dim 16"),
)


@pytest.mark.parametrize(("change", "error", "message"), DAMAGED)
def test_a_config_that_cannot_be_is_an_error(
    folder: Path, change: Callable[[dict[str, Any]], Any], error: type[Exception], message: str
) -> None:
    _change(folder, change)
    with pytest.raises(error, match=message):
        MotionClip.from_checkpoint(folder)


def test_weights_that_are_not_finite_are_an_error_that_names_them(tmp_path: Path) -> None:
    model = build()
    with torch.no_grad():
        model.motion_decoder.final_layer.bias[0] = torch.nan
    with pytest.raises(CheckpointError, match=r"final_layer.bias holds NaN"):
        MotionClip.from_checkpoint(model.save(tmp_path / "nan"))


@pytest.mark.parametrize("changes", [PUBLISHED, OURS], ids=["published", "small"])
def test_settings_survive_their_json(changes: dict[str, Any]) -> None:
    config = MotionClipConfig.tiny(**changes)
    assert MotionClipConfig.from_dict(json.loads(json.dumps(attrs.asdict(config)))) == config


def test_the_defaults_are_the_papers_model() -> None:
    model = MotionClip(MotionClipConfig())
    assert sum(weight.numel() for weight in model.motion_encoder.parameters()) == pytest.approx(16.90e6, rel=1e-3)
    # The published files also hold a vector of 512 that takes no part.
    assert sum(weight.numel() for weight in model.motion_decoder.parameters()) == pytest.approx(25.31e6, rel=1e-3)


def test_no_length_is_estimated_beyond_what_was_trained() -> None:
    model = MotionClip(MotionClipConfig.tiny(trained_frames=60, max_frames=750), text_encoder=FakeTextEncoder(DIM))
    pipeline = Pipeline(model.eval(), llm="passthrough", k=1)
    assert pipeline.plan("walk slowly around the whole room three times")[0].seconds == 2.0
    assert pipeline.generate("walk slowly around the whole room three times").num_frames == 60  # and no warning
