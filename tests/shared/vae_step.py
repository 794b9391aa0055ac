"""What the parity tests of the text and motion VAEs' training share: one stored step of one backbone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import pytest
import torch
import yaml
from optimiser_step import LOSS, OptimiserStep
from torch import Tensor
from vae_parity import VaeCases

from actiongpt_core.features.base import Normalizer
from actiongpt_core.published import rename
from actiongpt_core.published_vae import _NAMES
from actiongpt_core.text.aggregators import mean
from actiongpt_core.training.recipe import Term, TrainingRecipe
from actiongpt_core.training.samples import ActionSample, Sample
from actiongpt_core.types.text import TextFeatures

_FOLDER = "losses"
_PADDING = {"torch111": "additive", "bool": "bool"}
#: Our names of the terms and theirs.
_TERMS = {"text2motion": "recons_text2rfeats", "motion2motion": "recons_rfeats2rfeats", "latent": "latent_manifold"}


class VaeStep:
    """A stored training step, and the same one made by what `actiongpt train --preset action-gpt` uses.

    Args:
        golden: The fixture.
        cases: The backbone's model.
        backbone: Its name.
    """

    def __init__(self, golden: Any, cases: VaeCases, backbone: str) -> None:
        self.golden, self.cases, self.backbone = golden, cases, backbone
        self.file, self.info_file = (f"{_FOLDER}/{backbone}_step.{kind}" for kind in ("npz", "json"))
        self.info = golden.load(self.info_file)
        self.described = self.info[f"{backbone}_batch"]

    def feed(self, name: str) -> Tensor:
        """An input of the step."""
        return self.golden.feed(self.file, f"{self.backbone}/{name}")

    def model(self, case: str) -> Any:
        """The checkpoint's, with the case's mask; the stored features are normalised already."""
        model = self.cases.with_settings(padding=_PADDING[case])
        model.normalizer = Normalizer.identity(model.features.num_features)
        return model

    def actions(self, labels: Sequence[str], features: str, lengths: Sequence[int]) -> list[ActionSample]:
        """One action of every sample: labels, the stored features' name, frames."""
        rows = zip(self.feed(features), lengths, labels, strict=True)
        return [ActionSample(features=x[:length], texts=(label,)) for x, length, label in rows]

    def tell(self, actions: Sequence[ActionSample], indices: Sequence[int]) -> list[TextFeatures]:
        """The descriptions of each action, encoded as one batch of its place in the samples, as in the original."""
        places: dict[int, list[int]] = {}
        for number, index in enumerate(indices):
            places.setdefault(indices[:number].count(index), []).append(number)
        told: dict[int, TextFeatures] = {}
        for numbers in places.values():
            groups = [self.cases.annotations[actions[number].texts[0]] for number in numbers]
            encoded = self.cases.model.text_encoder.encode([text for group in groups for text in group])
            parts = zip(
                *(x.split([len(group) for group in groups]) for x in (encoded.tokens, encoded.mask)), strict=True
            )
            means = (mean(TextFeatures(tokens=tokens, mask=mask)) for tokens, mask in parts)
            told |= dict(zip(numbers, means, strict=True))
        return [told[number] for number in range(len(actions))]

    def compare(
        self, case: str, recipe: TrainingRecipe, samples: Sequence[Sample], names: dict[str, str], draws: Sequence[str]
    ) -> None:
        """Every loss, every gradient's norm, and all of some gradients and of their parameters after the step.

        Args:
            case: Which mask.
            recipe: Whose objective is compared.
            samples: The batch.
            names: Prefixes of our names -> theirs, of the text part.
            draws: What noise is drawn for, in the original's order.
        """
        model, preset = self.model(case), recipe.presets["action-gpt"]
        objective = recipe.objective(attrs.evolve(preset, model=model.config), model)
        noise = [self.feed(f"eps_{name}") for name in draws]
        terms = objective.terms(objective.collate(samples, self.tell), lambda indices, dim: noise.pop(0), step=0)
        assert not noise
        total = torch.stack([term.weight * term.value for term in terms]).sum()
        assert preset.training.learning_rate == self._learning_rate()
        step = OptimiserStep(model, total, self._rename(names), preset.training.learning_rate)
        self._compare_losses(case, terms, total)
        stored = self.info[f"{self.backbone}_{case}"]
        step.compare_gradient_norms(stored["grad_norms"])
        prefix = f"{self.backbone}/{case}"
        for name in self.golden.keys(self.file, rf"{prefix}/grad/(.*)"):
            step.compare_parameter(
                self.golden, self.file, name, f"{prefix}/grad/{name}", f"{prefix}/after_adamw_step/{name}"
            )

    def _compare_losses(self, case: str, terms: Sequence[Term], total: Tensor) -> None:
        stored = self.info[f"{self.backbone}_{case}"]
        losses = {_published(term.name): term.value.item() for term in terms} | {"total": total.item()}
        assert losses == pytest.approx(stored["losses_unweighted_and_total"], rel=LOSS)
        assert total.item() == pytest.approx(stored["total"], rel=LOSS)
        assert {_published(term.name): term.weight for term in terms} == stored["weights"]
        assert stored["lognames"].keys() == losses.keys()

    def compare_contents(self, batch: set[str]) -> None:
        """What the JSON file holds: nothing that no case compares."""
        parts = {"total", "losses_unweighted_and_total", "weights", "lognames", "grad_norms"}
        cases = self.golden.keys(self.file, rf"{self.backbone}/(\w+)/grad/.*")
        expected = {f"{self.backbone}_{case}": parts for case in cases} | {f"{self.backbone}_batch": batch}
        self.golden.compare_json(self.info_file, "", {key: set(value) for key, value in self.info.items()}, expected)

    def _rename(self, names: dict[str, str]) -> Callable[[str], str]:
        return lambda name: rename(name, names | _NAMES)

    def _learning_rate(self) -> float:
        config = yaml.safe_load((self.cases.experiment / ".hydra" / "config.yaml").read_text(encoding="utf-8"))
        return float(config["model"]["optim"]["lr"])


def _published(name: str) -> str:
    """Their name of one of our terms: "text2motion_0" -> "recons_text2rfeats_0"."""
    kind = name.split("_")[0]
    return name.replace(kind, _TERMS.get(kind, kind), 1)
