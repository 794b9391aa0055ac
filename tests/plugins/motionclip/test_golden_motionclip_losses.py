"""One training step of MotionCLIP against the numbers of the original code (golden/motionclip_tiny)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
import torch
import yaml
from optimiser_step import LOSS, OptimiserStep

from actiongpt_core.body.smpl import SmplBody
from actiongpt_core.features.pose_rot6d import to_rows
from actiongpt_core.nn.masks import lengths_to_mask
from actiongpt_core.published import rename
from actiongpt_motionclip.clip import Clip
from actiongpt_motionclip.clip_encoder import ClipTextEncoder
from actiongpt_motionclip.convert import _NAMES, load_published
from actiongpt_motionclip.dataset import Batch
from actiongpt_motionclip.examples import examples_of
from actiongpt_motionclip.losses import Examples, LatentWeights, LossWeights, body_points, mmd, training_losses
from actiongpt_motionclip.model import MotionClip

pytestmark = pytest.mark.golden

FOLDER = "motionclip_tiny"
FILE, INFO, MMD = f"{FOLDER}/losses.npz", f"{FOLDER}/losses.json", f"{FOLDER}/mmd.npz"
OUTPUT = {"atol": 2e-5, "rtol": 1e-4}  # networks
#: Options of opt.yaml that the cases change.
KNOWN_SETTINGS = {
    "lambdas",
    "clip_lambdas",
    "jointstype",
    "vertstrans",
    "use_generation_losses",
    "normalize_encoder_output",
    "normalize_decoder_input",
}


@pytest.fixture(scope="module")
def body(synthetic_smpl: Path) -> SmplBody:
    folder = synthetic_smpl / "smpl"
    return SmplBody(folder / "SMPL_NEUTRAL.pkl", extra_regressor=folder / "J_regressor_extra.npy")


@pytest.fixture
def options(golden: Any, case: str) -> dict[str, Any]:
    """The experiment's options, with what a case changes."""
    settings = stored_case(golden, case)["settings"]
    assert settings.keys() <= KNOWN_SETTINGS
    return yaml.safe_load((golden.folder / FOLDER / "opt.yaml").read_text(encoding="utf-8")) | settings


@pytest.fixture
def model(golden: Any, options: dict[str, Any], tiny_text_encoder: ClipTextEncoder) -> MotionClip:
    model = load_published(golden.folder / FOLDER, text_encoder=tiny_text_encoder)
    model.config = attrs.evolve(
        model.config,
        trained_frames=max(model.config.trained_frames, golden.load(FILE)["x"].shape[-1]),
        normalise_encoder_output=options["normalize_encoder_output"],
        normalise_decoder_input=options["normalize_decoder_input"],
    )
    return model


@pytest.fixture
def examples(golden: Any, model: MotionClip) -> Examples:
    info = golden.load(INFO)
    lengths, texts = golden.feed(FILE, "lengths"), info["clip_text"]
    k = len(texts) // len(lengths)
    batch = Batch(
        x=golden.feed(FILE, "x"),
        lengths=lengths,
        mask=lengths_to_mask(lengths),
        texts=tuple(tuple(texts[start : start + k]) for start in range(0, len(texts), k)),
        items=(),
        image_features=golden.feed(FILE, "clip_images_emb"),
    )
    return examples_of(batch, model)


def stored_case(golden: Any, name: str) -> dict[str, Any]:
    return next(case for case in golden.load(INFO)["cases"] if case["name"] == name)


def weights_of(options: dict[str, Any]) -> LossWeights:
    image, text = (LatentWeights(**options["clip_lambdas"].get(name, {})) for name in ("image", "text"))
    factors = dict.fromkeys(LossWeights().factors, 0.0) | options["lambdas"]
    return LossWeights(**factors, image=image, text=text, generation=float(options["use_generation_losses"]))


def losses_of(
    model: MotionClip, examples: Examples, options: dict[str, Any], clip: Clip, body: SmplBody
) -> dict[str, torch.Tensor]:
    points = body_points(body, options["jointstype"], vertstrans=options["vertstrans"])
    scale = float(clip.logit_scale.exp())
    return training_losses(model, examples, weights_of(options), points=points, similarity_scale=scale)


@torch.no_grad()
@pytest.mark.golden(FILE, r"(\w+)\.z")
def test_golden_a_batch_has_the_same_latents_and_reconstruction(
    golden: Any, model: MotionClip, examples: Examples, case: str
) -> None:
    latents = model.encode_motion(examples.features, examples.lengths)
    golden.compare(FILE, f"{case}.z", latents, **OUTPUT)
    golden.compare(FILE, f"{case}.output", to_rows(model.decode(latents, examples.lengths)), **OUTPUT)
    golden.compare(FILE, f"{case}.clip_text_emb", examples.text, **OUTPUT)


@pytest.mark.golden(FILE, r"(\w+)\.z")
def test_golden_every_loss_and_the_step_agree(
    golden: Any,
    model: MotionClip,
    examples: Examples,
    options: dict[str, Any],
    tiny_clip: Clip,
    body: SmplBody,
    case: str,
) -> None:
    stored = stored_case(golden, case)
    losses = losses_of(model, examples, options, tiny_clip, body)
    step = OptimiserStep(model, losses["total"], lambda name: rename(name, _NAMES), options["lr"])
    found = {name: value.item() for name, value in losses.items()}
    assert found == pytest.approx(stored["losses"] | {"total": stored["total"]}, rel=LOSS)
    step.compare_gradient_norms(stored["grad_norm"])
    step.compare_change_norms(stored["step_delta_norm"])
    for name in golden.keys(FILE, rf"{case}\.grad\.(.*)"):
        step.compare_parameter(golden, FILE, name, f"{case}.grad.{name}", f"{case}.post.{name}")


def test_golden_every_part_of_the_stored_losses_is_compared(golden: Any) -> None:
    info = golden.load(INFO)
    parts = {"name", "settings", "total", "losses", "grad_norm", "step_delta_norm"}
    shape = {"labels": len(info["labels"]), "cases": {case["name"]: set(case) for case in info["cases"]}}
    expected = {
        "labels": len(golden.feed(FILE, "lengths")),
        "cases": dict.fromkeys(golden.keys(FILE, r"(\w+)\.z"), parts),
    }
    assert info.keys() == {"clip_text", "labels", "cases"}
    golden.compare_json(INFO, "", shape, expected)


def test_golden_the_discrepancy_of_two_sets_agrees(golden: Any) -> None:
    golden.compare(MMD, "mmd", mmd(golden.feed(MMD, "a"), golden.feed(MMD, "b")), 1e-6, LOSS)
