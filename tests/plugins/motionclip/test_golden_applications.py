"""The four applications against the original's scripts (golden/motionclip_tiny), cell by cell of their grids."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from torch import Tensor

from actiongpt_core.body.smpl import SmplBody
from actiongpt_core.geometry.rotations import axis_angle_to_matrix, rot6d_to_matrix
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.text.prompts import build_prompt
from actiongpt_core.types.text import Action, Descriptions
from actiongpt_motionclip import MotionClip
from actiongpt_motionclip.assets import read_edits, read_interpolations, read_texts
from actiongpt_motionclip.categories import BABEL_60
from actiongpt_motionclip.classifier import accuracy, classify, cosines, label_vectors, probabilities
from actiongpt_motionclip.clip_encoder import ClipTextEncoder
from actiongpt_motionclip.convert import load_published
from actiongpt_motionclip.database import read_database, split_file
from actiongpt_motionclip.dataset import Item, Window, collate, find_item, load_item, windows
from actiongpt_motionclip.editing import edit, interpolate
from actiongpt_motionclip.latents import Source, item_settings, latents_of_motions, latents_of_texts
from actiongpt_motionclip.sampling import sample
from actiongpt_motionclip.xyz import rows_to_xyz

pytestmark = pytest.mark.golden

FOLDER = "motionclip_tiny"
INFO, ANNOTATIONS = f"{FOLDER}/applications.json", f"{FOLDER}/clip_text.json"
TEXT2MOTION, INTERPOLATION, EDITING, SAMPLING, CLASSIFIER = (
    f"{FOLDER}/{name}.npz" for name in ("text2motion", "interpolation", "editing", "sampling", "classifier")
)
# Outputs and xyz, values of order 1.
TOLERANCE = {"atol": 2e-5, "rtol": 1e-4}
ROTATIONS = 1e-4
_COLUMNS = 4  # of the original's grid
#: The original's upright body has Y up, ours Z: (x, y, z) -> (x, -z, y).
Y_UP_TO_Z_UP = axis_angle_to_matrix(torch.tensor([torch.pi / 2, 0.0, 0.0]))


class AnnotatedProvider:
    """The descriptions of the parity data; what is not among them is told by `tell`."""

    cacheable = False

    def __init__(self, annotations: dict[str, list[str]], is_asked: bool) -> None:
        self.annotations, self.is_asked = annotations, is_asked
        self.prompts: list[str] = []

    def complete(self, action: Action, k: int) -> Descriptions:
        texts = self.annotations.get(action.phrase) or self._other(action.phrase, k)
        return Descriptions(action=action, texts=texts, source="test")

    def _other(self, phrase: str, k: int) -> list[str]:
        if not self.is_asked:  # as in the original's collate
            return [phrase] * k
        prompt = build_prompt(phrase)
        self.prompts += [prompt] * k
        return [f"{prompt} !"] * k


@pytest.fixture(scope="module")
def model(golden: Any, tiny_text_encoder: ClipTextEncoder) -> MotionClip:
    published = load_published(golden.folder / FOLDER)
    # The files do not say which text model they belong to.
    config = attrs.evolve(published.config, text_space=tiny_text_encoder.space)
    model = MotionClip(config, text_encoder=tiny_text_encoder)
    model.load_state_dict(published.state_dict())
    return model.eval()


@pytest.fixture(scope="module")
def pipeline(golden: Any, model: MotionClip) -> Pipeline:
    """As for text to motion: unknown phrases are asked for."""
    return Pipeline(model, llm=AnnotatedProvider(golden.load(ANNOTATIONS)["annotations"], is_asked=True), device="cpu")


@pytest.fixture(scope="module")
def body(synthetic_smpl: Path) -> SmplBody:
    return SmplBody(synthetic_smpl / "smpl" / "SMPL_NEUTRAL.pkl")


def split(database: Path, *names: str) -> list[Window]:
    files = [split_file(database, name) for name in names]
    return [window for file in files for window in windows(read_database(file), drop_first=True)]


def rows_and_xyz(model: MotionClip, latents: Tensor, body: SmplBody) -> tuple[Tensor, Tensor]:
    """The published layout and joints of (..., D): (..., 25, 6, T) and (..., 24, 3, T)."""
    flat = latents.flatten(0, -2)
    lengths = torch.full((len(flat),), model.config.trained_frames)
    rows = model.rows(flat, lengths)
    xyz = rows_to_xyz(rows, torch.ones(len(flat), rows.shape[-1], dtype=torch.bool), body)
    return rows.unflatten(0, latents.shape[:-1]), xyz.unflatten(0, latents.shape[:-1])


def assert_same_pose(motion: Any, rows: Tensor) -> None:
    """A motion is the pose of the original's rows (25, 6, T), standing upright in our axes."""
    expected = rot6d_to_matrix(rows[:24].permute(2, 0, 1))
    expected[:, 0] = Y_UP_TO_Z_UP @ expected[:, 0]
    torch.testing.assert_close(motion.rotations, expected, atol=ROTATIONS, rtol=0)


def written(folder: Path, text: str) -> Path:
    file = folder / "asset"
    file.write_text(text, encoding="utf-8")
    return file


# --- text to motion --------------------------------------------------------------------------------------------------


def test_golden_text_to_motion_is_the_same(
    golden: Any, pipeline: Pipeline, model: MotionClip, body: SmplBody, tmp_path: Path
) -> None:
    expected = golden.load(INFO)["text2motion"]
    phrases = read_texts(written(tmp_path, "\n".join(expected["lines"])))
    texts = [text for row in expected["grid_texts"] for text in row]
    assert texts == phrases + [""] * (-len(phrases) % _COLUMNS)
    # The original fills the last row up with a text that is none; here it has no description to be asked for.
    filled = [model.encode_text([pipeline.aggregator(pipeline.text_encoder.encode(empty_texts(golden)))])] * (
        len(texts) - len(phrases)
    )
    features = torch.cat([latents_of_texts(pipeline, phrases), *filled])
    golden.compare(TEXT2MOTION, "features", features, **TOLERANCE)
    rows, xyz = rows_and_xyz(model, features.unflatten(0, (-1, _COLUMNS)), body)
    golden.compare(TEXT2MOTION, "output", rows, **TOLERANCE)
    golden.compare(TEXT2MOTION, "output_xyz", xyz, **TOLERANCE)
    lengths = torch.full(rows.shape[:2], model.config.trained_frames)
    golden.compare(TEXT2MOTION, "lengths", lengths, atol=0)
    motions = pipeline.generate_batch([Action(phrase) for phrase in phrases])
    output = torch.from_numpy(golden.load(TEXT2MOTION)["output"]).flatten(0, 1)
    for motion, cell in zip(motions, output, strict=False):
        assert_same_pose(motion, cell)


def empty_texts(golden: Any) -> list[str]:
    texts: list[str] = golden.load(ANNOTATIONS)["annotations"].get("") or [f"{build_prompt('')} !"] * 4
    return texts


# --- latents of data: the original's scripts leave dropout on when they encode ---------------------------------------


def require_dropout_alone(model: MotionClip, items: Sequence[Sequence[Item]], mu: Tensor) -> None:
    """Stop unless stored latents (lines, items, D) are ours but for dropout.

    In the scripts for interpolation and editing the model encodes before it is put into eval mode: one and the same
    clip has another latent each time. Latents without dropout are compared where there are some, with the classifier.
    """
    flat, expected = [item for line in items for item in line], mu.flatten(0, 1)
    distance = torch.linalg.vector_norm(latents_of_motions(model, flat) - expected, dim=-1)
    noisy = copy.deepcopy(model).train()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        draws = torch.stack([latents_of_motions(noisy, flat) for _ in range(20)])
    spread = torch.linalg.vector_norm(draws - latents_of_motions(model, flat), dim=-1).amax(0)
    assert bool((distance < 1.5 * spread).all()), f"{distance} of latents that dropout moves by up to {spread}"


def of_items(items: Sequence[Sequence[Item]]) -> Tensor:
    """(lines, items, 25, 6, T)."""
    return torch.stack([torch.stack([item.x for item in line]) for line in items])


# --- interpolation ---------------------------------------------------------------------------------------------------


def test_golden_interpolation_is_the_same(
    golden: Any, pipeline: Pipeline, model: MotionClip, body: SmplBody, golden_database: Path, tmp_path: Path
) -> None:
    expected = golden.load(INFO)["interpolation"]
    lines = read_interpolations(written(tmp_path, expected["csv"]))
    clips = split(golden_database, "train", "vald")
    ends = [[find_item(clips, label, item_settings(model)) for label in attrs.astuple(line)] for line in lines]
    golden.compare(INTERPOLATION, "motions", of_items(ends), atol=1e-5)
    mu = golden.feed(INTERPOLATION, "mu")
    require_dropout_alone(model, ends, mu)
    found = [interpolate(pipeline, start, end, num_stops=expected["num_stops"]) for start, end in mu]
    features = torch.stack([torch.stack([stop.latent for stop in stops]) for stops in found], dim=1)
    golden.compare(INTERPOLATION, "features", features, **TOLERANCE)
    rows, xyz = rows_and_xyz(model, features, body)
    golden.compare(INTERPOLATION, "output", rows, **TOLERANCE)
    golden.compare(INTERPOLATION, "output_xyz_last_frame", xyz[..., -1], **TOLERANCE)
    output = torch.from_numpy(golden.load(INTERPOLATION)["output"])
    for line, stops in enumerate(found):
        for stop, cell in zip(stops, output[:, line], strict=True):
            assert_same_pose(stop.motion, cell)


# --- editing ---------------------------------------------------------------------------------------------------------


def test_golden_editing_is_the_same(
    golden: Any, pipeline: Pipeline, model: MotionClip, body: SmplBody, golden_database: Path, tmp_path: Path
) -> None:
    lines = read_edits(written(tmp_path, golden.load(INFO)["editing"]["csv"]))
    names = [(line.base, line.v_start, line.v_end) for line in lines]
    clips = split(golden_database, "train", "vald")
    data = [number for number, line in enumerate(lines) if line.source == "data"]
    items = [[find_item(clips, name, item_settings(model)) for name in names[number]] for number in data]
    golden.compare(EDITING, "motions", of_items(items), atol=1e-5)
    mu = golden.feed(EDITING, "mu")
    require_dropout_alone(model, items, mu)
    stored = dict(zip(data, mu, strict=True))
    parts = [stored[n] if n in stored else latents_of_texts(pipeline, line) for n, line in enumerate(names)]
    sources: list[Sequence[Source]] = [stored[n].unbind() if n in stored else line for n, line in enumerate(names)]
    results = [edit(pipeline, base, minus=minus, plus=plus) for base, minus, plus in sources]
    features = torch.stack([torch.cat([p, r.latent[None]]) for p, r in zip(parts, results, strict=True)], dim=1)
    golden.compare(EDITING, "features", features, **TOLERANCE)
    rows, xyz = rows_and_xyz(model, features, body)
    golden.compare(EDITING, "result_output", rows[-1], **TOLERANCE)
    golden.compare(EDITING, "result_output_xyz", xyz[-1], **TOLERANCE)
    for key in golden.keys(EDITING, r"(mc_data_\d+_\d+)"):
        row, column = (int(number) for number in re.findall(r"\d+", key))
        golden.compare(EDITING, key, rows[row, column, :24].permute(2, 0, 1), **TOLERANCE)
    for result, cell in zip(results, torch.from_numpy(golden.load(EDITING)["result_output"]), strict=True):
        assert_same_pose(result.motion, cell)


# --- samples of the test set -----------------------------------------------------------------------------------------


def test_golden_samples_of_the_test_set_are_the_same(
    golden: Any, pipeline: Pipeline, model: MotionClip, body: SmplBody, golden_database: Path
) -> None:
    clips = split(golden_database, "test")
    items = [load_item(window, item_settings(model)) for window in clips]
    batch = collate(items, golden.load(ANNOTATIONS)["annotations"])
    assert batch is not None
    golden.compare(SAMPLING, "inp", batch.x, atol=1e-5)
    told = Pipeline(model, llm=AnnotatedProvider(golden.load(ANNOTATIONS)["annotations"], is_asked=False), device="cpu")
    features = latents_of_texts(told, [item.text for item in batch.items])
    golden.compare(SAMPLING, "features", features, **TOLERANCE)
    truth = rows_to_xyz(batch.x, batch.mask, body).permute(0, 3, 1, 2)
    generated = rows_and_xyz(model, features, body)[1].permute(0, 3, 1, 2)
    golden.compare(SAMPLING, "ground_truth", truth, **TOLERANCE)
    golden.compare(SAMPLING, "action_gpt", generated, **TOLERANCE)
    # What a user gets: both with Z up, each sample in its own place.
    found = list(sample(told, clips, body))
    assert [one.text for one in found] == [item.text for item in batch.items]
    torch.testing.assert_close(torch.stack([one.ground_truth for one in found]), truth, atol=2e-5, rtol=1e-4)
    z_up = generated @ Y_UP_TO_Z_UP.T
    torch.testing.assert_close(torch.stack([one.generated for one in found]), z_up, atol=1e-4, rtol=1e-4)
    # The original's first file: some sample, of shuffled clips, under the number 0.
    saved = torch.from_numpy(golden.load(SAMPLING)["as_saved_ground_truth_0"])
    which = min(range(len(truth)), key=lambda index: float((truth[index] - saved).abs().max()))
    golden.compare(SAMPLING, "as_saved_ground_truth_0", truth[which], **TOLERANCE)
    golden.compare(SAMPLING, "as_saved_action_gpt_0", generated[which], **TOLERANCE)


# --- classification --------------------------------------------------------------------------------------------------


def recognised(model: MotionClip, database: Path) -> list[Item]:
    settings = attrs.evolve(item_settings(model), labels="category")
    found = [load_item(window, settings) for window in split(database, "vald")]
    return [item for item in found if item is not None]


def test_golden_classification_is_the_same(golden: Any, model: MotionClip, golden_database: Path) -> None:
    items = recognised(model, golden_database)
    golden.compare(CLASSIFIER, "x", torch.stack([item.x for item in items]), atol=1e-5)
    z, vectors = latents_of_motions(model, items), label_vectors(model, BABEL_60)
    golden.compare(CLASSIFIER, "z", z, **TOLERANCE)
    golden.compare(CLASSIFIER, "class_text_features", vectors, **TOLERANCE)
    scores = cosines(z, vectors)
    golden.compare(CLASSIFIER, "scores", scores, **TOLERANCE)
    # A hundred times a cosine in the exponent.
    golden.compare(CLASSIFIER, "similarity", probabilities(scores), atol=2e-5, rtol=1e-3)
    top = golden.load(CLASSIFIER)["top5"].shape[-1]
    best = [[BABEL_60.index(label) for label in one.labels] for one in classify(model, items, BABEL_60, top)]
    golden.compare(CLASSIFIER, "top5", torch.tensor(best), atol=0)


# --- what the scripts say --------------------------------------------------------------------------------------------


def test_golden_the_scripts_read_ask_and_print_the_same(
    golden: Any, pipeline: Pipeline, model: MotionClip, golden_database: Path, tmp_path: Path
) -> None:
    """Names of the originals' files and notes on how they were made are taken as they are."""
    expected = golden.load(INFO)
    found = {name: dict(section) for name, section in expected.items()}
    found["text2motion"] |= text2motion_info(golden, model, tmp_path)
    found["interpolation"]["grid_texts"] = interpolation_grid(expected["interpolation"], tmp_path)
    lines = read_edits(written(tmp_path, expected["editing"]["csv"]))
    found["editing"]["grid_texts"] = [
        *([getattr(line, name) for line in lines] for name in ("base", "v_start", "v_end")),
        ["Result"] * len(lines),
    ]
    found["sampling"]["clip_text"] = sampling_texts(golden, model, golden_database)
    found["classifier"] |= classifier_info(model, golden_database)
    golden.compare_json(INFO, "", found, expected)


def text2motion_info(golden: Any, model: MotionClip, folder: Path) -> dict[str, Any]:
    provider = AnnotatedProvider(golden.load(ANNOTATIONS)["annotations"], is_asked=True)
    phrases = read_texts(written(folder, "\n".join(golden.load(INFO)["text2motion"]["lines"])))
    latents_of_texts(Pipeline(model, llm=provider, device="cpu"), phrases)
    texts = phrases + [""] * (-len(phrases) % _COLUMNS)
    if "" not in provider.annotations:  # the original asks for what it fills the grid up with, too
        provider.prompts += [build_prompt("")] * 4 * (len(texts) - len(phrases))
    grid = [texts[first : first + _COLUMNS] for first in range(0, len(texts), _COLUMNS)]
    return {"lines": phrases, "gpt_prompts_for_missing": provider.prompts, "grid_texts": grid}


def interpolation_grid(expected: dict[str, Any], folder: Path) -> list[list[str]]:
    lines = read_interpolations(written(folder, expected["csv"]))
    between = [[" "] * len(lines)] * (expected["num_stops"] - 2)
    return [[line.start for line in lines], *between, [line.end for line in lines]]


def sampling_texts(golden: Any, model: MotionClip, database: Path) -> list[str]:
    items = [load_item(window, item_settings(model)) for window in split(database, "test")]
    batch = collate(items, golden.load(ANNOTATIONS)["annotations"])
    assert batch is not None
    return list(np.concatenate(batch.texts))


def classifier_info(model: MotionClip, database: Path) -> dict[str, Any]:
    items = recognised(model, database)
    found = accuracy(model, items)
    return {
        "printed": found.lines(),
        "labels": [[BABEL_60.index(name) for name in item.categories] for item in items],
        "total": found.total,
        "top5": found.hits[5],
        "top1": found.hits[1],
        "class_texts": list(BABEL_60),
    }
