"""Batches of a data base as the objective reads them, with the small CLIP of the parity data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
import torch

from actiongpt_core.errors import ConfigError
from actiongpt_core.features.pose_rot6d import to_rows
from actiongpt_motionclip.clip import Clip
from actiongpt_motionclip.clip_encoder import ClipImageEncoder, ClipTextEncoder
from actiongpt_motionclip.config import MotionClipConfig
from actiongpt_motionclip.dataset import Batch, Item, collate
from actiongpt_motionclip.examples import examples_of
from actiongpt_motionclip.model import MotionClip

ANNOTATIONS = {"walk": ["a walk", "someone walks", "legs swing", "steps"], "bow": ["a bow", "the trunk tips", "b", "c"]}


@pytest.fixture
def model(tiny_text_encoder: ClipTextEncoder) -> MotionClip:
    sizes = {"latent_dim": tiny_text_encoder.clip.dim, "text_dim": tiny_text_encoder.clip.dim}
    config = MotionClipConfig.tiny(text_space=tiny_text_encoder.space, row_24="right_ankle", **sizes)
    return MotionClip(config, text_encoder=tiny_text_encoder).eval()


@pytest.fixture
def images(tiny_clip: Clip) -> ClipImageEncoder:
    return ClipImageEncoder(tiny_clip)


@pytest.fixture
def batch() -> Callable[..., Batch]:
    def make(**changes: Any) -> Batch:
        generator = torch.Generator().manual_seed(0)
        items = []
        for label, length, size in (("walk", 9, 40), ("bow", 5, 33)):
            x = torch.randn(25, 6, length, generator=generator)
            image = torch.randint(256, (size, 36, 3), generator=generator, dtype=torch.uint8)
            item = Item(x=x, text=label, categories=(), frames=tuple(range(length)), image=image)
            items.append(attrs.evolve(item, **changes))
        made = collate(items, ANNOTATIONS)
        assert made is not None
        return made

    return make


def test_rows_become_normalised_features(model: MotionClip, batch: Any) -> None:
    model.normalizer.mean.fill_(0.5)
    given = batch()
    found = examples_of(given, model)
    torch.testing.assert_close(to_rows(model.normalizer.denormalise(found.features)), given.x)
    assert found.lengths.tolist() == [9, 5]


def test_a_texts_latent_is_the_mean_of_its_descriptions(
    model: MotionClip, batch: Any, tiny_text_encoder: ClipTextEncoder
) -> None:
    found = examples_of(batch(), model)
    expected = [tiny_text_encoder.encode(texts).pooled.mean(0) for texts in ANNOTATIONS.values()]  # type: ignore[union-attr]
    torch.testing.assert_close(found.text, torch.stack(expected))


def test_pictures_of_different_sizes_are_encoded(model: MotionClip, batch: Any, images: ClipImageEncoder) -> None:
    given = batch()
    found = examples_of(given, model, images)
    expected = torch.cat([images.encode(item.image[None]) for item in given.items])
    torch.testing.assert_close(found.image, expected)


def test_vectors_that_the_data_base_has_are_taken_instead_of_pictures(
    model: MotionClip, batch: Any, images: ClipImageEncoder
) -> None:
    vector = torch.randn(images.dim)
    found = examples_of(batch(image_features=vector), model, images)
    torch.testing.assert_close(found.image, vector.expand(2, -1))


def test_pictures_have_no_part_without_an_image_encoder(model: MotionClip, batch: Any) -> None:
    assert examples_of(batch(), model).image is None


def test_an_item_without_a_picture_is_an_error_where_pictures_are_read(
    model: MotionClip, batch: Any, images: ClipImageEncoder
) -> None:
    with pytest.raises(ConfigError, match="2 of 2 items have no rendered frame"):
        examples_of(batch(image=None), model, images)


def test_an_image_encoder_of_another_space_is_refused(model: MotionClip, batch: Any, images: ClipImageEncoder) -> None:
    images.space = "another"
    with pytest.raises(ConfigError, match="another"):
        examples_of(batch(), model, images)
