"""Windows, items and batches against the original's loader (golden/motionclip_tiny/dataset.*)."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import attrs
import pytest
import torch

from actiongpt_motionclip.database import WINDOW_FRAMES, read_database, split_file
from actiongpt_motionclip.dataset import Item, Window, collate, load_item, windows
from actiongpt_motionclip.frames import ItemSettings, choose_frames, motion_rows

pytestmark = pytest.mark.golden

FILE, INFO = "motionclip_tiny/dataset.npz", "motionclip_tiny/dataset.json"
ANNOTATIONS = "motionclip_tiny/clip_text.json"
ROTATIONS = 1e-5
#: What the notes of the parity data say of the cases "rep.*".
WINDOW, FIRST_FRAME = 1, 5
#: ... and of the frame index rule.
SEED = 3
VARIANTS = {"noglob": {"root_row": False}, "notrans": {"translation_row": False}, "frontview": {"face_front": True}}


@pytest.fixture(scope="module")
def train(golden_database: Path) -> list[Window]:
    return windows(read_database(split_file(golden_database, "train")), drop_first=True)


def items(golden: Any, train: list[Window], **changes: Any) -> list[Item]:
    """Each item drawn as the original drew it: python's generator seeded with the item's number."""
    settings = ItemSettings(num_frames=golden.load(FILE)["item0.inp"].shape[-1], **changes)
    found = [load_item(window, settings, random.Random(index)) for index, window in enumerate(train)]
    return [item for item in found if item is not None]


@pytest.mark.golden(FILE, r"(item\d+)\.inp")
def test_golden_an_item_has_the_same_rows_and_image_feature(golden: Any, train: list[Window], case: str) -> None:
    item = items(golden, train)[int(case.removeprefix("item"))]
    golden.compare(FILE, f"{case}.inp", item.x, atol=ROTATIONS)
    assert item.image_features is not None
    golden.compare(FILE, f"{case}.emb", item.image_features[None], atol=0)


@pytest.mark.golden(FILE, r"rep\.(.+)")
def test_golden_every_representation_has_the_same_numbers(golden: Any, train: list[Window], case: str) -> None:
    representation, _, variant = case.partition(".")
    settings = ItemSettings(representation=representation, **VARIANTS.get(variant, {}))  # type: ignore[arg-type]
    first = train[WINDOW].start + FIRST_FRAME
    frames = slice(first, first + golden.load(FILE)[f"rep.{case}"].shape[-1])
    recording = train[WINDOW].recording
    thetas, joints = (torch.from_numpy(array[frames]) for array in (recording.thetas, recording.joints))
    golden.compare(FILE, f"rep.{case}", motion_rows(thetas, joints, settings), atol=ROTATIONS)


def test_golden_a_batch_is_filled_up_with_zeros(golden: Any, train: list[Window]) -> None:
    x, lengths = golden.feed(FILE, "collate.x"), golden.load(FILE)["collate.lengths"].tolist()
    labels = [label for label, _ in told(golden)]
    parts = [
        attrs.evolve(items(golden, train)[0], x=row[..., :length], text=label)
        for row, length, label in zip(x, lengths, labels, strict=True)
    ]
    batch = collate([parts[0], None, *parts[1:]], golden.load(ANNOTATIONS)["annotations"])
    assert batch is not None
    for key, actual in (("x", batch.x), ("lengths", batch.lengths), ("mask", batch.mask), ("y", batch.y)):
        golden.compare(FILE, f"collate.{key}", actual, atol=0)


def told(golden: Any) -> list[tuple[str, list[str]]]:
    """The labels of the batch with their texts, four each; those without annotations stand for themselves."""
    texts, annotations = golden.load(INFO)["collate.clip_text"], golden.load(ANNOTATIONS)["annotations"]
    groups = [texts[first : first + 4] for first in range(0, len(texts), 4)]
    return [
        (next((label for label in annotations if annotations[label] == group), group[0]), group) for group in groups
    ]


def test_golden_labels_frames_categories_and_texts_are_the_same(golden: Any, train: list[Window]) -> None:
    expected = golden.load(INFO)
    found = {
        "n_items": len(train),
        "frames_per_item": [WINDOW_FRAMES] * len(train),
        "items": [described(index, item) for index, item in enumerate(items(golden, train))],
        "frame_index_first_second_last_count": {
            rule: frames(rule) for rule in expected["frame_index_first_second_last_count"]
        },
        "categories_60": categories(golden, train),
        "collate.clip_text": collated_texts(golden, train),
    }
    golden.compare_json(INFO, "", found, expected)


def described(index: int, item: Item) -> dict[str, Any]:
    batch = collate([item])
    assert batch is not None
    shift, target = item.frames[0], int(batch.y[0])
    return {"index": index, "shift": shift, "clip_text": item.text, "target": target, "clip_path": item.image_path}


def frames(rule: str) -> list[int]:
    match = re.fullmatch(r"num_frames=(-?\d+),step=(-?\d+),max_len=(-?\d+)", rule)
    assert match, rule
    num_frames, step, max_len = map(int, match.groups())
    settings = ItemSettings(num_frames=num_frames, sampling_step=step, max_len=max_len)
    chosen = choose_frames(WINDOW_FRAMES, settings, random.Random(SEED))
    return [chosen[0], chosen[1], chosen[-1], len(chosen)]


def categories(golden: Any, train: list[Window]) -> list[dict[str, Any]]:
    """The category that is drawn comes from a generator that the notes do not name: it must be one of the item's."""
    found, expected = [], golden.load(INFO)["categories_60"]
    for window, item, wanted in zip(train, items(golden, train, labels="category"), expected, strict=True):
        marks = window.recording.categories
        assert marks is not None
        taken = {marks[window.start + frame] for frame in item.frames}
        chosen = wanted["chosen"] if wanted["chosen"] in item.categories and item.text in item.categories else None
        found.append({"all_categories": list(item.categories), "chosen": chosen, "raw_cats": sorted(taken)})
    return found


def collated_texts(golden: Any, train: list[Window]) -> list[str]:
    parts = [attrs.evolve(items(golden, train)[0], text=label) for label, _ in told(golden)]
    batch = collate(parts, golden.load(ANNOTATIONS)["annotations"])
    assert batch is not None
    return [text for texts in batch.texts for text in texts]
