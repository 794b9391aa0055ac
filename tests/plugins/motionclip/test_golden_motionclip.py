"""MotionCLIP's networks against the numbers of the original code (golden/motionclip_tiny)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
import yaml
from torch import Tensor

from actiongpt_core.body.smpl import SmplBody
from actiongpt_core.features.pose_rot6d import from_rows, to_rows
from actiongpt_core.geometry.rotations import rot6d_to_matrix
from actiongpt_core.nn.masks import lengths_to_mask
from actiongpt_core.safe_pickle import load_checkpoint
from actiongpt_motionclip import MotionClip
from actiongpt_motionclip.convert import load_published
from actiongpt_motionclip.published import checkpoint_file, read_published
from actiongpt_motionclip.xyz import rows_to_xyz

pytestmark = pytest.mark.golden

FOLDER = "motionclip_tiny"
ENCODER, DECODER, GENERATE = (f"{FOLDER}/{name}.npz" for name in ("encoder", "decoder", "generate"))
KEYS, MANIFEST = f"{FOLDER}/state_dict_keys.json", f"{FOLDER}/manifest.json"
# Outputs and xyz, values of order 1.
TOLERANCE = {"atol": 2e-5, "rtol": 1e-4}


@pytest.fixture(scope="module")
def model(golden: Any) -> MotionClip:
    return load_published(golden.folder / FOLDER)


def with_settings(model: MotionClip, **changes: Any) -> MotionClip:
    """The same weights with other settings."""
    other = MotionClip(attrs.evolve(model.config, **changes))
    other.load_state_dict(model.state_dict())
    return other.eval()


def for_frames(model: MotionClip, num_frames: int, **changes: Any) -> MotionClip:
    """Told that it was trained on as many frames as a case has: what the warning says is tested elsewhere."""
    return with_settings(model, trained_frames=max(num_frames, model.config.trained_frames), **changes)


def is_zero_beyond(rows: Tensor, lengths: Tensor) -> bool:
    return not any(row[..., length:].any() for row, length in zip(rows, lengths.tolist(), strict=True))


# --- the encoder and the decoder -------------------------------------------------------------------------------------


@torch.no_grad()
@pytest.mark.golden(ENCODER, r"(\w+)\.mu")
def test_golden_a_motion_becomes_the_same_latent(golden: Any, model: MotionClip, case: str) -> None:
    features, lengths = from_rows(golden.feed(ENCODER, f"{case}.x")), golden.feed(ENCODER, f"{case}.lengths")
    mu = model.encode_motion(features, lengths)
    unit = with_settings(model, normalise_encoder_output=True).encode_motion(features, lengths)
    golden.compare(ENCODER, f"{case}.mu", mu, **TOLERANCE)
    golden.compare(ENCODER, f"{case}.mu_normalized", unit, **TOLERANCE)


@torch.no_grad()
@pytest.mark.golden(ENCODER, r"(\w+)\.reconstruction")
def test_golden_a_latent_becomes_the_motion_again(golden: Any, model: MotionClip, case: str) -> None:
    features, lengths = from_rows(golden.feed(ENCODER, f"{case}.x")), golden.feed(ENCODER, f"{case}.lengths")
    model = for_frames(model, int(lengths.max()))
    rows = to_rows(model.decode(model.encode_motion(features, lengths), lengths))
    golden.compare(ENCODER, f"{case}.reconstruction", rows, **TOLERANCE)
    assert is_zero_beyond(rows, lengths)


@torch.no_grad()
@pytest.mark.golden(DECODER, r"(\w+)\.lengths")
def test_golden_a_vector_is_decoded_to_the_same_rows(golden: Any, model: MotionClip, case: str) -> None:
    lengths = golden.feed(DECODER, f"{case}.lengths")
    rows = to_rows(for_frames(model, int(lengths.max())).decode(golden.feed(DECODER, "feat"), lengths))
    golden.compare(DECODER, f"{case}.output", rows, **TOLERANCE)
    assert is_zero_beyond(rows, lengths)


@torch.no_grad()
@pytest.mark.golden(DECODER, r"(normalized_input\w*)\.output")
def test_golden_a_vector_is_decoded_by_its_direction_where_the_option_says_so(
    golden: Any, model: MotionClip, case: str
) -> None:
    feat, num_frames = golden.feed(DECODER, "feat"), golden.load(DECODER)[f"{case}.output"].shape[-1]
    model = for_frames(model, num_frames, normalise_decoder_input=True)
    rows = to_rows(model.decode(feat, torch.full((len(feat),), num_frames)))
    golden.compare(DECODER, f"{case}.output", rows, **TOLERANCE)


# --- generation ------------------------------------------------------------------------------------------------------


def generation(golden: Any, model: MotionClip, case: str) -> tuple[MotionClip, Tensor]:
    """The model as a case wants it, and the case's lengths."""
    lengths = generated_lengths(golden, case)
    orientation = "decoded" if case.startswith("raw") else "upright"
    return for_frames(model, int(lengths.max()), root_orientation=orientation), lengths


def generated_lengths(golden: Any, case: str) -> Tensor:
    if golden.has(GENERATE, f"{case}_lengths"):
        lengths: Tensor = golden.feed(GENERATE, f"{case}_lengths")
        return lengths
    count, *_, num_frames = golden.load(GENERATE)[f"{case}_output"].shape
    return torch.full((count,), num_frames)


@pytest.mark.golden(GENERATE, r"(\w+)_output")
def test_golden_generated_rows_and_motions_are_the_same(golden: Any, model: MotionClip, case: str) -> None:
    feat, (model, lengths) = golden.feed(GENERATE, "feat"), generation(golden, model, case)
    golden.compare(GENERATE, f"{case}_output", model.rows(feat, lengths), **TOLERANCE)
    # A motion is the same pose; what stands upright there faces our canonical direction.
    expected = torch.from_numpy(golden.load(GENERATE)[f"{case}_output"])
    is_upright = model.config.root_orientation == "upright"
    to_ours = torch.tensor([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]) if is_upright else torch.eye(3)
    for motion, rows, length in zip(model.motions(feat, lengths), expected, lengths.tolist(), strict=True):
        rotations = rot6d_to_matrix(rows[:24, :, :length].permute(2, 0, 1))
        rotations[:, 0] = to_ours @ rotations[:, 0]
        torch.testing.assert_close(motion.rotations, rotations, atol=1e-4, rtol=0)


@pytest.fixture(scope="module")
def body(synthetic_smpl: Path) -> SmplBody:
    return SmplBody(synthetic_smpl / "smpl" / "SMPL_NEUTRAL.pkl")


@pytest.mark.golden(GENERATE, r"(\w+)_output_xyz")
def test_golden_generated_joints_are_the_same(golden: Any, model: MotionClip, body: SmplBody, case: str) -> None:
    model, lengths = generation(golden, model, case)
    rows = model.rows(golden.feed(GENERATE, "feat"), lengths)
    joints = rows_to_xyz(rows, lengths_to_mask(lengths), body)
    golden.compare(GENERATE, f"{case}_output_xyz", joints, **TOLERANCE)


# --- the files -------------------------------------------------------------------------------------------------------


def test_golden_the_published_names_and_shapes_are_those_that_are_read(golden: Any) -> None:
    state = load_checkpoint(checkpoint_file(golden.folder / FOLDER))
    found = {name: [list(value.shape), str(value.dtype)] for name, value in state.items()}
    golden.compare_json(KEYS, "", found, golden.load(KEYS))


def test_golden_the_options_are_read_as_they_stand(golden: Any) -> None:
    folder = golden.folder / FOLDER
    options, published = yaml.safe_load((folder / "opt.yaml").read_text(encoding="utf-8")), read_published(folder)
    for name in ("latent_dim", "num_layers", "num_heads", "ff_size"):
        assert getattr(published, name) == options[name]
    assert published.trained_frames == options["num_frames"]
    assert published.normalise_encoder_output == options["normalize_encoder_output"]
    assert published.normalise_decoder_input == options["normalize_decoder_input"]
    assert published.is_turned_to_front == options["align_pose_frontview"]


def test_golden_the_files_hold_what_their_manifest_says(golden: Any) -> None:
    found: dict[str, Any] = {}
    for file in golden.load(MANIFEST):
        with np.load(golden.folder / FOLDER / file) as archive:
            found[file] = {key: [list(archive[key].shape), str(archive[key].dtype)] for key in archive.files}
    golden.compare_json(MANIFEST, "", found, golden.load(MANIFEST))
