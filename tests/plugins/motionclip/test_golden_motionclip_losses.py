"""One training step of MotionCLIP against the numbers of the original code (golden/motionclip_tiny)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import attrs
import pytest
import torch
import yaml
from optimiser_step import LOSS, OptimiserStep

from actiongpt_core.features.pose_rot6d import from_rows, to_rows
from actiongpt_core.published import rename
from actiongpt_core.text.aggregators import mean
from actiongpt_core.training.recipe import Term
from actiongpt_core.training.samples import Sample
from actiongpt_motionclip.clip import Clip
from actiongpt_motionclip.clip_encoder import ClipTextEncoder
from actiongpt_motionclip.convert import _NAMES, load_published
from actiongpt_motionclip.losses import MotionClipLosses, mmd
from actiongpt_motionclip.model import MotionClip
from actiongpt_motionclip.objective import Batch, MotionClipObjective, PicturedAction
from actiongpt_motionclip.training import MotionClipRecipe

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
def objective(
    golden: Any, model: MotionClip, options: dict[str, Any], tiny_clip: Clip, synthetic_smpl: Path
) -> MotionClipObjective:
    """What `actiongpt train --preset action-gpt` minimises, with a case's settings."""
    recipe, body = MotionClipRecipe(), synthetic_smpl / "smpl"
    preset = recipe.presets["action-gpt"]
    losses = attrs.evolve(
        losses_of(options),
        body=str(body / "SMPL_NEUTRAL.pkl"),
        extra_regressor=str(body / "J_regressor_extra.npy"),
        similarity_scale=float(tiny_clip.logit_scale.exp()),
    )
    return recipe.objective(attrs.evolve(preset, model=model.config, objective=losses), model)  # type: ignore[return-value]


@pytest.fixture
def batch(golden: Any, objective: MotionClipObjective, tiny_text_encoder: ClipTextEncoder) -> Batch:
    """The stored batch, as the objective collates it; each text is the mean of its descriptions."""
    lengths, texts = golden.feed(FILE, "lengths").tolist(), golden.load(INFO)["clip_text"]
    k = len(texts) // len(lengths)
    rows = zip(from_rows(golden.feed(FILE, "x")), lengths, golden.feed(FILE, "clip_images_emb"), strict=True)
    samples = [
        Sample(
            index=index,
            actions=(
                PicturedAction(features=x[:length], texts=tuple(texts[k * index : k * (index + 1)]), image=image),
            ),
        )
        for index, (x, length, image) in enumerate(rows)
    ]
    return objective.collate(
        samples, lambda actions, indices: [mean(tiny_text_encoder.encode(action.texts)) for action in actions]
    )


def stored_case(golden: Any, name: str) -> dict[str, Any]:
    return next(case for case in golden.load(INFO)["cases"] if case["name"] == name)


def losses_of(options: dict[str, Any]) -> MotionClipLosses:
    """The preset's objective with the factors and switches of an experiment's options."""
    factors = dict.fromkeys(("rc", "rcxyz", "vel", "velxyz"), 0.0) | options["lambdas"]
    for domain in ("image", "text"):
        named = dict.fromkeys(("mse", "ce", "cosine"), 0.0) | options["clip_lambdas"].get(domain, {})
        factors |= {f"{domain}_{name}": factor for name, factor in named.items()}
    switches = {"joint_set": options["jointstype"], "vertstrans": options["vertstrans"]}
    generation = float(options["use_generation_losses"])
    preset = MotionClipRecipe().presets["action-gpt"]
    return attrs.evolve(preset.objective, **factors, **switches, generation=generation)


def test_golden_the_preset_has_the_factors_of_the_papers_training(golden: Any) -> None:
    published = {"lambdas": {"rc": 100.0, "rcxyz": 100.0, "vel": 100.0}, "jointstype": "vertices", "vertstrans": False}
    distances = {"clip_lambdas": {"image": {"cosine": 1.0}, "text": {"cosine": 1.0}}, "use_generation_losses": False}
    assert losses_of(published | distances) == MotionClipRecipe().presets["action-gpt"].objective


def no_noise(indices: Any, dim: int) -> torch.Tensor:
    raise AssertionError("the original draws no noise")


@torch.no_grad()
@pytest.mark.golden(FILE, r"(\w+)\.z")
def test_golden_a_batch_has_the_same_latents_and_reconstruction(
    golden: Any, model: MotionClip, batch: Batch, case: str
) -> None:
    actions = batch.actions
    latents = model.encode_motion(actions.features, actions.lengths)
    golden.compare(FILE, f"{case}.z", latents, **OUTPUT)
    golden.compare(FILE, f"{case}.output", to_rows(model.decode(latents, actions.lengths)), **OUTPUT)
    assert actions.pooled is not None
    golden.compare(FILE, f"{case}.clip_text_emb", model.text_latent(actions.pooled), **OUTPUT)


@pytest.mark.golden(FILE, r"(\w+)\.z")
def test_golden_every_loss_and_the_step_agree(
    golden: Any, model: MotionClip, objective: MotionClipObjective, batch: Batch, options: dict[str, Any], case: str
) -> None:
    stored = stored_case(golden, case)
    terms = objective.terms(batch, no_noise, step=0)
    total = weighted(terms, "")
    step = OptimiserStep(model, total, lambda name: rename(name, _NAMES), options["lr"])
    found = {term.name: term.value.item() for term in terms} | {
        "mixed_without_clip": weighted(terms, r"rc|rcxyz|vel|velxyz").item(),
        "mixed_clip_only": weighted(terms, r"(image|text)_.*").item(),
        "mixed_with_clip": weighted(terms, r"(?!gen_).*").item(),
        "total": total.item(),
    }
    assert found == pytest.approx(stored["losses"] | {"total": stored["total"]}, rel=LOSS)
    step.compare_gradient_norms(stored["grad_norm"])
    step.compare_change_norms(stored["step_delta_norm"])
    for name in golden.keys(FILE, rf"{case}\.grad\.(.*)"):
        step.compare_parameter(golden, FILE, name, f"{case}.grad.{name}", f"{case}.post.{name}")


def weighted(terms: list[Term], pattern: str) -> torch.Tensor:
    """The weighted sum of the terms of some names; of all without a pattern."""
    chosen = [term.weight * term.value for term in terms if not pattern or re.fullmatch(pattern, term.name)]
    return torch.stack(chosen).sum() if chosen else torch.zeros(())


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
