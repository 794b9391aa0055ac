"""What is particular to this backbone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from actiongpt_core import CheckpointError, ConfigError, MissingAssetError, Pipeline, StickBody, get_registry
from actiongpt_core.text.aggregators import mean

from actiongpt_retrieval.build import build_index
from actiongpt_retrieval.model import Retrieval, join, warp


@pytest.fixture(scope="module")
def pipeline(index: Path) -> Pipeline:
    return Pipeline(backbone="retrieval", checkpoint=index, llm="passthrough", device="cpu")


def test_every_stored_text_finds_itself(pipeline: Pipeline) -> None:
    model = pipeline.model
    assert isinstance(model, Retrieval)
    assert len(model.config.texts) > 10
    for text in model.config.texts:
        encoded = model.text_encoder.encode([text])
        assert model.nearest_text(mean(encoded)) == text


def test_without_noise_a_stored_text_gives_its_stored_clip(pipeline: Pipeline) -> None:
    model = pipeline.model
    assert isinstance(model, Retrieval)
    text = model.config.texts[0]
    first = int((model.index.text_of == 0).nonzero()[0])
    start, end = (int(bound) for bound in model.index.bounds[first : first + 2])
    motion = model.generate([mean(model.text_encoder.encode([text]))], [end - start], noise_scale=0)
    torch.testing.assert_close(motion.translation, model.index.translation[start:end])


def test_a_warp_keeps_both_ends(pipeline: Pipeline) -> None:
    clip = pipeline.generate("walk forward", seconds=2, seed=0)
    for length in (7, 60, 133):
        rotations, translation = warp((clip.rotations, clip.translation), length)
        assert len(rotations) == len(translation) == length
        for end in (0, -1):
            torch.testing.assert_close(rotations[end], clip.rotations[end], rtol=0, atol=1e-5)
            torch.testing.assert_close(translation[end], clip.translation[end])


def test_a_seam_is_no_jump(pipeline: Pipeline) -> None:
    walk = pipeline.generate("walk forward", seconds=2, seed=0)
    clip = (walk.rotations, walk.translation)
    _, translation = join([clip, clip], seam=8)
    steps = translation.diff(dim=0).norm(dim=1)
    assert len(translation) == 2 * walk.num_frames
    assert steps.max() <= 1.5 * walk.translation.diff(dim=0).norm(dim=1).max()


def test_without_an_index_the_error_says_how_to_build_one() -> None:
    with pytest.raises(MissingAssetError, match="actiongpt retrieval build --data"):
        Pipeline(backbone="retrieval")


def test_another_text_encoder_than_the_indexs_is_refused(index: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be compared"):
        Retrieval.from_checkpoint(index, text_encoder="package:another")


def test_an_index_is_never_overwritten(index: Path) -> None:
    with pytest.raises(CheckpointError, match="already there"):
        build_index(get_registry().open_data_set("procedural"), index)


def test_an_unknown_split_is_refused_with_those_that_are_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no split 'dev'.*train"):
        build_index(get_registry().open_data_set("procedural"), tmp_path / "index", split="dev")
    assert not list(tmp_path.iterdir())


def test_a_body_stands_along_z(pipeline: Pipeline) -> None:
    motion = pipeline.generate("stand still", seconds=2, seed=0)
    joints = StickBody().joints(motion)
    height = joints[..., 2].amax(dim=1) - joints[..., 2].amin(dim=1)
    assert ((height > 1.2) & (height < 2.2)).all()
