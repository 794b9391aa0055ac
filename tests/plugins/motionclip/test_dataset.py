"""Windows, items and batches: what must hold of any data base."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
import torch

from actiongpt_core.errors import ConfigError
from actiongpt_core.geometry.rotations import quaternion_to_matrix, rot6d_to_matrix
from actiongpt_core.testing.fakes import FakeProvider
from actiongpt_motionclip.categories import BABEL_60, categories_of, classes, require_class_set
from actiongpt_motionclip.database import read_database
from actiongpt_motionclip.dataset import Window, collate, describe_labels, find_item, load_item, windows
from actiongpt_motionclip.frames import RANDOM_LENGTH, WHOLE_WINDOW, ItemSettings, choose_frames

Write = Callable[..., Path]


@pytest.fixture
def clips(lists: dict[str, Any], write_database: Write) -> list[Window]:
    return windows(read_database(write_database(lists)))


# --- windows ---------------------------------------------------------------------------------------------------------


def test_sequences_are_cut_into_whole_windows(clips: list[Window]) -> None:
    assert [(window.recording.name[-1], window.start) for window in clips] == [("0", 0), ("1", 0), ("2", 0), ("2", 100)]


def test_the_first_sequence_is_dropped_only_where_that_is_asked_for(clips: list[Window]) -> None:
    recordings = list(dict.fromkeys(window.recording for window in clips))
    assert [window.recording.name[-1] for window in windows(recordings, drop_first=True)] == ["1", "2", "2"]


# --- frames ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampling", ["conseq", "random_conseq", "random"])
@pytest.mark.parametrize("num_frames", [1, 2, 33, 60, 100])
@pytest.mark.parametrize("rng", [None, random.Random(7)])
def test_frames_are_in_order_inside_the_window_and_as_many_as_wanted(
    sampling: Any, num_frames: int, rng: random.Random | None
) -> None:
    for _ in range(20):
        frames = choose_frames(100, ItemSettings(num_frames=num_frames, sampling=sampling), rng)
        assert len(frames) == num_frames
        assert frames == sorted(set(frames))
        assert frames[0] >= 0
        assert frames[-1] < 100


def test_without_a_generator_an_item_begins_with_the_window() -> None:
    assert choose_frames(100, ItemSettings()) == list(range(60))


def test_more_frames_than_there_are_repeat_the_last() -> None:
    assert choose_frames(3, ItemSettings(num_frames=5)) == [0, 1, 2, 2, 2]


def test_a_random_length_is_between_its_bounds() -> None:
    settings = ItemSettings(num_frames=RANDOM_LENGTH, min_len=10, max_len=20)
    lengths = {len(choose_frames(100, settings, random.Random(seed))) for seed in range(200)}
    assert lengths == set(range(10, 21))


def test_a_whole_window_is_cut_to_the_longest_length() -> None:
    assert choose_frames(100, ItemSettings(num_frames=WHOLE_WINDOW)) == list(range(100))
    assert len(choose_frames(100, ItemSettings(num_frames=WHOLE_WINDOW, max_len=80))) == 80


@pytest.mark.parametrize("changes", [{"num_frames": 0}, {"sampling_step": 0}, {"num_frames": RANDOM_LENGTH}])
def test_settings_that_choose_nothing_are_refused(changes: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        ItemSettings(**changes)  # type: ignore[arg-type]


# --- items -----------------------------------------------------------------------------------------------------------


def item(window: Window, **settings: Any) -> Any:
    found = load_item(window, ItemSettings(**settings))
    assert found is not None
    return found


def test_the_same_poses_stand_in_every_representation(clips: list[Window]) -> None:
    poses = {
        "rot6d": rot6d_to_matrix(item(clips[0], representation="rot6d").x[:24].permute(2, 0, 1)),
        "rotquat": quaternion_to_matrix(item(clips[0], representation="rotquat").x[:24].permute(2, 0, 1)),
        "rotmat": item(clips[0], representation="rotmat").x[:24].permute(2, 0, 1).unflatten(-1, (3, 3)),
    }
    for matrix in poses.values():
        torch.testing.assert_close(matrix, poses["rotmat"], atol=1e-5, rtol=0)
    thetas = torch.from_numpy(clips[0].recording.thetas[:60]).float()
    assert torch.equal(item(clips[0], representation="rotvec").x[:24].permute(2, 0, 1).flatten(1), thetas)


@pytest.mark.parametrize(
    ("settings", "shape"),
    [
        ({}, (25, 6, 60)),
        ({"root_row": False}, (24, 6, 60)),
        ({"translation_row": False, "representation": "rotmat"}, (24, 9, 60)),
        ({"representation": "xyz"}, (18, 3, 60)),
    ],
)
def test_rows_are_as_many_as_the_settings_say(
    settings: dict[str, Any], shape: tuple[int, ...], clips: list[Window]
) -> None:
    assert tuple(item(clips[0], **settings).x.shape) == shape


def test_an_item_turned_to_the_front_starts_upright_and_moves_alike(clips: list[Window]) -> None:
    plain, turned = item(clips[0]), item(clips[0], face_front=True)
    torch.testing.assert_close(turned.x[0, :, 0], torch.tensor([1.0, 0, 0, 0, 1.0, 0]), atol=1e-5, rtol=0)
    back = rot6d_to_matrix(plain.x[0, :, 0]).T
    torch.testing.assert_close(turned.x[24, :3], back @ plain.x[24, :3], atol=1e-5, rtol=0)
    assert torch.equal(turned.x[1:24], plain.x[1:24]) or torch.allclose(turned.x[1:24], plain.x[1:24], atol=1e-5)


def test_an_item_is_called_by_the_sorted_labels_of_its_frames(clips: list[Window]) -> None:
    assert [item(window).text for window in clips] == ["walk", "sit down and walk", "sit down", "wave"]


def test_an_item_is_called_by_one_of_its_classes_where_that_is_wanted(clips: list[Window]) -> None:
    found = item(clips[1], labels="category")
    assert found.categories == ("sit", "walk", "turn")
    assert found.text == "sit"
    drawn = {load_item(clips[1], ItemSettings(labels="category"), random.Random(s)).text for s in range(30)}  # type: ignore[union-attr]
    assert drawn <= {"sit", "walk", "turn"}
    assert len(drawn) > 1


def test_an_item_without_a_class_is_none(clips: list[Window]) -> None:
    assert load_item(clips[0], ItemSettings(labels="category", class_set="15")) is None


def test_a_data_base_without_categories_cannot_name_items_by_them(clips: list[Window]) -> None:
    window = Window(attrs.evolve(clips[0].recording, categories=None), 0)
    with pytest.raises(ConfigError, match="action_cat"):
        load_item(window, ItemSettings(labels="category"))


def test_window_k_has_image_k(clips: list[Window]) -> None:
    features = clips[3].recording.image_features
    assert features is not None
    assert torch.equal(item(clips[3]).image_features, torch.from_numpy(features[1]))
    assert item(clips[3]).image_path == "img2_1.png"


def test_the_first_item_with_a_label_is_found(clips: list[Window]) -> None:
    assert torch.equal(find_item(clips, "sit down").x, item(clips[2]).x)


def test_a_label_that_no_clip_has_is_an_error_with_a_suggestion(clips: list[Window]) -> None:
    with pytest.raises(ConfigError, match=r"'sit dwn'.*Did you mean 'sit down'"):
        find_item(clips, "sit dwn")


# --- classes ---------------------------------------------------------------------------------------------------------


def test_the_sets_of_classes_divide_the_sixty() -> None:
    assert len(set(classes("60"))) == 60
    assert set(classes("45")) | set(classes("15")) == set(BABEL_60)
    assert not set(classes("45")) & set(classes("15"))
    assert len(classes("15")) == 15
    assert require_class_set("45") == "45"
    with pytest.raises(ConfigError, match="60, 45, 15"):
        require_class_set("120")


def test_categories_that_are_no_class_are_passed_over() -> None:
    assert categories_of(["walk", "zombie,walk", "", "salute,", "walk"]) == ("walk", "walk")


# --- batches ---------------------------------------------------------------------------------------------------------


def test_a_batch_holds_each_item_and_zeros_behind_it(clips: list[Window]) -> None:
    parts = [item(clips[0], num_frames=20), None, item(clips[1], num_frames=35)]
    batch = collate(parts)
    assert batch is not None
    assert batch.lengths.tolist() == [20, 35]
    assert tuple(batch.x.shape) == (2, 25, 6, 35)
    assert torch.equal(batch.x[0, ..., :20], parts[0].x)
    assert not batch.x[0, ..., 20:].any()
    assert batch.mask.sum(-1).tolist() == [20, 35]
    assert batch.y.tolist() == [0, 0]
    assert batch.image_features is not None
    assert torch.equal(batch.image_features[1], parts[2].image_features)


def test_no_items_are_no_batch() -> None:
    assert collate([None, None]) is None


def test_a_label_without_descriptions_is_its_own(clips: list[Window]) -> None:
    batch = collate([item(clips[0]), item(clips[3])], {"walk": ["a", "b", "c", "d"]})
    assert batch is not None
    assert batch.texts == (("a", "b", "c", "d"), ("wave",) * 4)


def test_a_label_with_too_few_descriptions_is_an_error(clips: list[Window]) -> None:
    with pytest.raises(ConfigError, match="3 descriptions of 'walk'; every label needs 4"):
        collate([item(clips[0])], {"walk": ["a", "b", "c"]})


def test_labels_are_described_once_and_those_without_letters_not_at_all() -> None:
    provider = FakeProvider()
    found = describe_labels(["walk", "", "wave", "walk"], provider, k=2)
    assert list(found) == ["walk", "wave"]
    assert [len(texts) for texts in found.values()] == [2, 2]
    assert [action.phrase for action in provider.calls] == ["walk", "wave"]
