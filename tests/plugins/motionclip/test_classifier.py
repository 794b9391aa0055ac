"""Labels of motions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
import torch

from actiongpt_core.errors import ConfigError
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.types.motion import Motion
from actiongpt_motionclip import MotionClip
from actiongpt_motionclip.categories import BABEL_60
from actiongpt_motionclip.classifier import accuracy, classify, label_vectors
from actiongpt_motionclip.database import read_database
from actiongpt_motionclip.dataset import Item, load_item, windows
from actiongpt_motionclip.editing import decode
from actiongpt_motionclip.latents import item_settings, latents_of_motions

Build = Callable[..., Pipeline]
LABELS = ("walk", "run", "sit down", "wave")


@pytest.fixture
def model(build_pipeline: Build) -> MotionClip:
    found = build_pipeline(row_24="right_ankle", root_orientation="upright").model
    assert isinstance(found, MotionClip)
    return found


@pytest.fixture
def motions(build_pipeline: Build) -> list[Motion]:
    latents = torch.randn(3, 16, generator=torch.Generator().manual_seed(1))
    return [item.motion for item in decode(build_pipeline(), latents)]


@pytest.fixture
def item(model: MotionClip, lists: dict[str, Any], write_database: Callable[..., Path]) -> Item:
    found = load_item(windows(read_database(write_database(lists)))[0], item_settings(model))
    assert found is not None
    return found


def test_the_best_label_is_the_one_whose_vector_points_as_the_latent(
    model: MotionClip, motions: list[Motion], monkeypatch: pytest.MonkeyPatch
) -> None:
    latents = latents_of_motions(model, motions)
    # A text space in which each motion's own label points exactly as its latent, at another length.
    vectors = torch.cat([3.0 * latents, -latents[:1]])
    monkeypatch.setattr("actiongpt_motionclip.classifier.label_vectors", lambda *_: vectors)
    found = classify(model, motions, ["a", "b", "c", "opposite"], top=4)
    assert [one.labels[0] for one in found] == ["a", "b", "c"]
    assert found[0].cosines[0] == pytest.approx(1.0, abs=1e-5)
    assert found[0].labels[-1] == "opposite"
    assert found[0].cosines[-1] == pytest.approx(-1.0, abs=1e-5)


def test_labels_come_best_first_and_their_probabilities_sum_to_one(model: MotionClip, motions: list[Motion]) -> None:
    for found in classify(model, motions, LABELS, top=10):
        assert sorted(found.labels) == sorted(LABELS)
        assert list(found.cosines) == sorted(found.cosines, reverse=True)
        assert sum(found.probabilities) == pytest.approx(1.0, abs=1e-5)


def test_only_the_best_labels_are_named(model: MotionClip, motions: list[Motion]) -> None:
    few, all_of_them = classify(model, motions, LABELS, top=2), classify(model, motions, LABELS, top=4)
    assert [one.labels for one in few] == [one.labels[:2] for one in all_of_them]
    assert few[0].probabilities == all_of_them[0].probabilities[:2]


def test_a_label_is_encoded_as_it_stands(model: MotionClip) -> None:
    pooled = model.text_encoder.encode(["sit down"]).pooled
    assert pooled is not None
    torch.testing.assert_close(label_vectors(model, LABELS)[2], pooled[0])


@pytest.mark.parametrize(("labels", "message"), [([], "two labels or more"), (["walk", "walk"], "stands twice")])
def test_labels_that_cannot_be_told_apart_are_refused(
    labels: Sequence[str], message: str, model: MotionClip, motions: list[Motion]
) -> None:
    with pytest.raises(ConfigError, match=message):
        classify(model, motions, labels)


def test_no_motions_have_no_labels(model: MotionClip) -> None:
    assert classify(model, [], LABELS) == []


def test_a_hit_is_any_of_the_items_classes_among_the_best(model: MotionClip, item: Item) -> None:
    ranked = classify(model, [item], BABEL_60, top=60)[0].labels
    items: list[Item | None] = [
        attrs.evolve(item, categories=names)
        for names in ((ranked[0],), (ranked[59], ranked[4]), (ranked[5],), (ranked[59], ranked[0]), ())
    ]
    found = accuracy(model, [*items, None])
    assert (found.total, dict(found.hits)) == (4, {5: 3, 1: 2})
    assert found.lines() == ["Top-5 Acc. : 75.00%  (3/4)", "Top-1 Acc. : 50.00%  (2/4)"]


def test_a_smaller_set_of_classes_is_told_apart_among_itself(model: MotionClip, item: Item) -> None:
    found = accuracy(model, [attrs.evolve(item, categories=("jump",))], "15", ks=(15,))
    assert found.hits == {15: 0}  # "jump" is none of the 15
    assert accuracy(model, [attrs.evolve(item, categories=("run",))], "15", ks=(15,)).hits == {15: 1}


def test_without_an_item_that_has_a_class_there_is_no_accuracy(model: MotionClip, item: Item) -> None:
    with pytest.raises(ConfigError, match="labels='category'"):
        accuracy(model, [item, None])


@pytest.mark.parametrize(
    ("labels", "top", "message"),
    [
        (["walk"], 5, "two labels or more"),
        ("walk", 5, "two labels or more"),
        (LABELS, 0, "at least 1"),
        (LABELS, -3, "-3"),
    ],
)
def test_a_choice_that_is_none_is_refused(
    model: MotionClip, motions: list[Motion], labels: Sequence[str], top: int, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        classify(model, motions, labels, top)
