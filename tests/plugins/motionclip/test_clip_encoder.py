"""CLIP's towers as encoders of texts and images."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch

from actiongpt_core.errors import CheckpointError, PromptError, ShapeError
from actiongpt_core.interfaces import TextEncoder
from actiongpt_motionclip.clip import Clip, from_openai_state
from actiongpt_motionclip.clip_encoder import ClipImageEncoder, ClipTextEncoder

#: Sums of a few hundred float32 products in another order.
ROUNDING: dict[str, Any] = {"atol": 2e-5, "rtol": 1e-4}
LONG = "walk " * 100
OPENAI_MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073])
OPENAI_STD = torch.tensor([0.26862954, 0.26130258, 0.27577711])


@pytest.fixture(scope="module")
def images(tiny_clip: Clip) -> ClipImageEncoder:
    return ClipImageEncoder(tiny_clip)


# --- texts ---------------------------------------------------------------------------------------------------------


def test_the_text_tower_is_a_text_encoder_whose_states_have_dim_channels(tiny_text_encoder: ClipTextEncoder) -> None:
    assert isinstance(tiny_text_encoder, TextEncoder)
    features = tiny_text_encoder.encode(["a person walks", "wave"])
    assert features.tokens.shape == (2, 5, tiny_text_encoder.dim)
    assert features.mask.tolist() == [[True] * 5, [True] * 3 + [False] * 2]
    assert features.pooled is not None
    assert features.pooled.dtype == features.tokens.dtype == torch.float32


def test_a_batch_of_groups_equals_its_groups_one_by_one(tiny_text_encoder: ClipTextEncoder) -> None:
    groups = [["a person walks forward", "wave"], ["wave"], ["", "wave", "the right arm is raised, then lowered"]]
    for group, together in zip(groups, tiny_text_encoder.encode_batch(groups), strict=True):
        alone = tiny_text_encoder.encode(group)
        torch.testing.assert_close(together.tokens, alone.tokens, **ROUNDING)
        torch.testing.assert_close(together.pooled, alone.pooled, **ROUNDING)
        assert torch.equal(together.mask, alone.mask)


def test_a_longer_text_beside_it_does_not_change_a_texts_vector(tiny_text_encoder: ClipTextEncoder) -> None:
    alone, beside = (tiny_text_encoder.encode(texts).pooled for texts in (["wave"], ["wave", LONG]))
    assert alone is not None
    assert beside is not None
    torch.testing.assert_close(beside[0], alone[0], **ROUNDING)


def test_the_vector_is_that_of_open_clips_own_text_function(tiny_text_encoder: ClipTextEncoder) -> None:
    texts = ["a person walks forward", LONG]
    ids = torch.zeros(2, 77, dtype=torch.long)
    for row, tokens in zip(ids, tiny_text_encoder.tokenize(texts), strict=True):
        row[: len(tokens)] = torch.tensor(tokens)
    expected = tiny_text_encoder.clip.model.encode_text(ids)
    torch.testing.assert_close(tiny_text_encoder.encode(texts).pooled, expected, **ROUNDING)


def test_a_cut_text_ends_with_the_end_and_is_reported_once(tiny_clip: Clip) -> None:
    encoder = ClipTextEncoder(tiny_clip)
    with pytest.warns(UserWarning, match="102 tokens, and CLIP reads at most 77"):
        ids = encoder.tokenize([LONG])[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert encoder.tokenize([LONG])[0] == ids
    assert len(ids) == 77
    assert ids[-1] == encoder.tokenize(["walk"])[0][-1]


def test_a_text_of_the_longest_length_is_not_cut(tiny_clip: Clip) -> None:
    encoder = ClipTextEncoder(tiny_clip, truncate=False)
    assert len(encoder.tokenize(["walk " * 75])[0]) == 77
    with pytest.raises(PromptError, match="78 tokens"):
        encoder.tokenize(["walk " * 76])


def test_no_text_is_refused(tiny_text_encoder: ClipTextEncoder) -> None:
    nothing: list[str] = []
    with pytest.raises(PromptError, match="needs a list"):
        tiny_text_encoder.encode(nothing)


def test_one_text_is_not_taken_for_its_letters(tiny_text_encoder: ClipTextEncoder) -> None:
    with pytest.raises(PromptError, match="needs a list"):
        tiny_text_encoder.encode("walk")


def test_the_towers_are_frozen_and_take_no_gradient(tiny_clip: Clip, images: ClipImageEncoder) -> None:
    assert not tiny_clip.model.training
    assert not any(parameter.requires_grad for parameter in tiny_clip.model.parameters())
    pixels = torch.zeros(1, 3, images.size, images.size, requires_grad=True)
    assert not images.encode_pixels(pixels).requires_grad


# --- images --------------------------------------------------------------------------------------------------------


def test_one_colour_becomes_that_colour_on_clips_scale(images: ClipImageEncoder) -> None:
    colour = torch.tensor([255, 128, 0], dtype=torch.uint8)
    prepared = images.prepare(colour.expand(1, 50, 70, 3))
    assert prepared.shape == (1, 3, images.size, images.size)
    expected = (colour / 255 - OPENAI_MEAN) / OPENAI_STD
    torch.testing.assert_close(prepared, expected[None, :, None, None].expand_as(prepared), atol=1e-5, rtol=0)


def test_the_middle_of_a_wide_image_is_read(images: ClipImageEncoder) -> None:
    size = images.size
    wide = np.zeros((1, size, 3 * size, 3), dtype=np.uint8)
    wide[:, :, size : 2 * size] = np.random.default_rng(0).integers(0, 256, (size, size, 3))
    torch.testing.assert_close(images.prepare(wide), images.prepare(wide[:, :, size : 2 * size]), atol=0, rtol=0)


def test_a_large_image_becomes_a_small_one_without_losing_its_brightness(images: ClipImageEncoder) -> None:
    # One pixel wide stripes: taking every n-th pixel would give black or white, a resize gives grey.
    stripes = np.zeros((1, 8 * images.size, 8 * images.size, 3), dtype=np.uint8)
    stripes[:, :, ::2] = 255
    grey = images.prepare(np.full((1, 8, 8, 3), 128, dtype=np.uint8))[..., 0, 0]
    torch.testing.assert_close(images.prepare(stripes).mean((2, 3)), grey, atol=0.05, rtol=0)


def test_an_opaque_image_may_have_a_fourth_channel(images: ClipImageEncoder) -> None:
    rgba = np.random.default_rng(0).integers(0, 256, (2, 40, 40, 4), dtype=np.uint8)
    rgba[..., 3] = 255
    assert torch.equal(images.prepare(rgba), images.prepare(rgba[..., :3].copy()))


def test_an_images_vector_is_that_of_its_prepared_pixels(images: ClipImageEncoder) -> None:
    batch = torch.randint(0, 256, (3, 40, 50, 3), dtype=torch.uint8)
    vectors = images.encode(batch)
    assert vectors.shape == (3, images.dim)
    torch.testing.assert_close(vectors[1:2], images.encode_pixels(images.prepare(batch[1:2])), **ROUNDING)


@pytest.mark.parametrize("shape", [(40, 40, 3), (1, 3, 40, 40), (0, 40, 40, 3)])
def test_images_of_another_shape_are_refused(images: ClipImageEncoder, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="uint8"):
        images.prepare(np.zeros(shape, dtype=np.uint8))


def test_images_between_zero_and_one_are_refused(images: ClipImageEncoder) -> None:
    with pytest.raises(ShapeError, match="float32"):
        images.prepare(torch.zeros(1, 40, 40, 3))


def test_pixels_of_another_size_are_refused(images: ClipImageEncoder) -> None:
    with pytest.raises(ShapeError, match=f"3, {images.size}, {images.size}"):
        images.encode_pixels(torch.zeros(1, 3, images.size + 1, images.size))


# --- weights at hand -----------------------------------------------------------------------------------------------


def test_half_precision_weights_are_computed_in_float32(tiny_clip: Clip) -> None:
    half = {name: tensor.half() for name, tensor in tiny_clip.model.state_dict().items()}
    other = from_openai_state(half)
    assert {parameter.dtype for parameter in other.model.parameters()} == {torch.float32}
    assert other.space == tiny_clip.space
    expected, found = (ClipTextEncoder(clip).encode(["walk"]).pooled for clip in (tiny_clip, other))
    torch.testing.assert_close(found, expected, atol=0.1, rtol=0.05)  # half precision keeps three digits


def test_weights_of_another_training_are_another_space(tiny_clip: Clip) -> None:
    state = tiny_clip.model.state_dict()
    other = from_openai_state({**state, "text_projection": state["text_projection"] * 1.01})
    assert other.space != tiny_clip.space
    assert other.space.startswith("clip:")


def test_incomplete_weights_are_refused(tiny_clip: Clip) -> None:
    state = dict(tiny_clip.model.state_dict())
    del state["transformer.resblocks.0.ln_1.weight"]
    with pytest.raises(CheckpointError, match=r"1 missing \(transformer\.resblocks\.0\.ln_1\.weight"):
        from_openai_state(state)


def test_weights_that_are_not_finite_are_refused(tiny_clip: Clip) -> None:
    state = dict(tiny_clip.model.state_dict())
    state["ln_final.bias"] = torch.full_like(state["ln_final.bias"], torch.nan)
    with pytest.raises(CheckpointError, match=r"ln_final\.bias holds NaN"):
        from_openai_state(state)


def test_a_clip_without_an_image_tower_reads_no_images(tiny_clip: Clip) -> None:
    texts_alone = {name: tensor for name, tensor in tiny_clip.model.state_dict().items() if "visual" not in name}
    with pytest.raises(CheckpointError, match="no image tower"):
        from_openai_state(texts_alone)
