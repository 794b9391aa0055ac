"""What the parity tests of the text and motion VAEs' training share: one stored step of one backbone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
import yaml
from optimiser_step import LOSS, OptimiserStep
from torch import Tensor
from vae_parity import VaeCases

from actiongpt_core.features.base import Normalizer
from actiongpt_core.published import rename
from actiongpt_core.published_vae import _NAMES
from actiongpt_core.training.batches import Actions

_FOLDER = "losses"
_PADDING = {"torch111": "additive", "bool": "bool"}
#: Our names of the terms and theirs.
_TERMS = {"text2motion": "recons_text2rfeats", "motion2motion": "recons_rfeats2rfeats", "latent": "latent_manifold"}


class VaeStep:
    """A stored training step, and the same one made by the plugin's own training module.

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

    def actions(self, labels: Sequence[str], features: str, lengths: Sequence[int]) -> Actions:
        """One action of every sample: labels, the stored features' name, frames."""
        text = self.cases.encode([self.cases.annotations[label] for label in labels])
        return Actions(
            tokens=text["aggregated"], mask=text["mask"], features=self.feed(features), lengths=torch.tensor(lengths)
        )

    def compare(
        self, case: str, training: Any, batch: Any, names: dict[str, str], draws: Sequence[str], patch: Any
    ) -> None:
        """Every loss, every gradient's norm, and all of some gradients and of their parameters after the step.

        Args:
            case: Which mask.
            training: The module that is compared.
            batch: As it takes it.
            names: Prefixes of our names -> theirs, of the text part.
            draws: What noise is drawn for, in the original's order.
            patch: The fixture `monkeypatch`.
        """
        stored = self.info[f"{self.backbone}_{case}"]
        noise = [self.feed(f"eps_{name}") for name in draws]
        patch.setattr(torch, "randn", lambda *size, **options: noise.pop(0))
        terms = training.terms(batch)
        assert not noise
        total = torch.stack([getattr(training.weights, group) * value for group, _, value in terms]).sum()
        step = OptimiserStep(training.model, total, self._rename(names), self._learning_rate())

        found = {_published(name): (value.item(), getattr(training.weights, group)) for group, name, value in terms}
        losses = {name: value for name, (value, _) in found.items()} | {"total": total.item()}
        assert losses == pytest.approx(stored["losses_unweighted_and_total"], rel=LOSS)
        assert total.item() == pytest.approx(stored["total"], rel=LOSS)
        assert {name: weight for name, (_, weight) in found.items()} == stored["weights"]
        assert stored["lognames"].keys() == losses.keys()
        step.compare_gradient_norms(stored["grad_norms"])
        prefix = f"{self.backbone}/{case}"
        for name in self.golden.keys(self.file, rf"{prefix}/grad/(.*)"):
            step.compare_parameter(
                self.golden, self.file, name, f"{prefix}/grad/{name}", f"{prefix}/after_adamw_step/{name}"
            )

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
