"""The conformance suite of a training recipe: subclass it in a test module and say how the recipe is built."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from torch import Tensor

from actiongpt_core.data.procedural_set import ProceduralSet
from actiongpt_core.errors import ConfigError
from actiongpt_core.interfaces import DataSet
from actiongpt_core.testing.suite import ConformanceSuite
from actiongpt_core.text.aggregators import mean
from actiongpt_core.training.epochs import noise_numbers
from actiongpt_core.training.recipe import Objective, Preset, Tell, TrainingRecipe
from actiongpt_core.training.samples import ActionSample, Sample, Sampler
from actiongpt_core.training.settings import SECTIONS, change
from actiongpt_core.types.segments import Segment
from actiongpt_core.types.text import TextFeatures

_BATCH = 8


class Few:
    """A data set with few segments, or with short ones: the set under test, seen through a keyhole."""

    def __init__(self, data: DataSet, *, segments: int | None = None, frames: int | None = None) -> None:
        self._data, self._segments, self._frames = data, segments, frames

    def __getattr__(self, name: str) -> Any:
        return getattr(self._data, name)

    def segments(self, split: str) -> Sequence[Segment]:
        """The first ones, their first frames."""
        found = self._data.segments(split)[: self._segments]
        if self._frames is None:
            return found
        return [attrs.evolve(item, end=min(item.end, item.start + self._frames)) for item in found]


class TrainingRecipeSuite(ConformanceSuite):
    """What every training recipe promises.

    Subclass it, name the class `Test...`, and write `build_recipe`. One preset is tried: a very small one.

    Attributes:
        preset: Its name.
        steps: Steps after which the loss of a batch must have fallen.
        falls_to: The part of the first loss that must be reached.
    """

    preset: str = "tiny"
    steps: int = 20
    falls_to: float = 0.95

    def build_recipe(self) -> TrainingRecipe:
        """The recipe under test; called for every test."""
        raise NotImplementedError("Write build_recipe in the subclass: it returns the training recipe under test.")

    def build_data_set(self, folder: Path, fps: float) -> DataSet:
        """A set that the preset can be trained on; parametric actions of the core, if a subclass says nothing else.

        Args:
            folder: An empty folder, for a set that is made of files.
            fps: The model's frames a second.
        """
        return ProceduralSet(variants=1, seconds=2.0, fps=fps)

    @pytest.fixture
    def recipe(self) -> TrainingRecipe:
        """The recipe under test."""
        return self.build_recipe()

    @pytest.fixture
    def chosen(self, recipe: TrainingRecipe) -> Preset:
        """The preset that is tried."""
        return recipe.presets[self.preset]

    @pytest.fixture
    def model(self, recipe: TrainingRecipe, chosen: Preset) -> Any:
        """With random weights, the same for every test."""
        torch.manual_seed(0)
        return recipe.build_model(chosen.model)

    @pytest.fixture
    def data(self, tmp_path: Path, model: Any) -> DataSet:
        """What is trained on."""
        return self.build_data_set(tmp_path, model.fps)

    @pytest.fixture
    def sampler(self, recipe: TrainingRecipe, chosen: Preset, model: Any, data: DataSet) -> Sampler:
        """Of the training split, with seed 0."""
        return recipe.sampler(chosen, model, data, "train", 0)

    @pytest.fixture
    def tell(self, model: Any) -> Tell:
        """Tells every action by its first text."""
        known: dict[str, TextFeatures] = {}

        def told(actions: Sequence[ActionSample], indices: Sequence[int]) -> list[TextFeatures]:
            for action in actions:
                if action.texts[0] not in known:
                    known[action.texts[0]] = mean(model.text_encoder.encode([action.texts[0]]))
            return [known[action.texts[0]] for action in actions]

        return told

    @pytest.fixture
    def ready(self, recipe: TrainingRecipe, chosen: Preset, model: Any, sampler: Sampler, tell: Tell) -> Objective:
        """The objective of a model whose statistics are fitted, as before the first step of a run."""
        recipe.fit_statistics(chosen, model, sampler, tell)
        return recipe.objective(chosen, model)

    # --- presets -----------------------------------------------------------------------------------------------------

    def test_every_preset_can_be_written_down_and_read_back(self, recipe: TrainingRecipe) -> None:
        """A preset survives JSON.

        Troubleshooting: Use numbers, strings, lists and dictionaries in its sections; tuples come back as lists
        unless a converter makes them tuples.
        """
        for preset in recipe.presets.values():
            sections = {name: attrs.asdict(getattr(preset, name)) for name in SECTIONS}
            assert change(preset, json.loads(json.dumps(sections))) == preset

    def test_every_preset_says_what_it_is(self, recipe: TrainingRecipe) -> None:
        """`about` is a line for users.

        Troubleshooting: Write one: `actiongpt train --help` has no other words for it.
        """
        assert all(preset.about.strip() for preset in recipe.presets.values())

    # --- samples -----------------------------------------------------------------------------------------------------

    def test_a_sample_depends_on_seed_and_number_only(
        self, recipe: TrainingRecipe, chosen: Preset, model: Any, data: DataSet, sampler: Sampler
    ) -> None:
        """Resuming and several devices draw the same samples.

        Troubleshooting: Draw from a generator that is seeded by seed and number, never from one that goes on.
        """
        together = [sampler.draw(step, _BATCH, range(_BATCH)) for step in (0, 1)]
        again = recipe.sampler(chosen, model, data, "train", 0)
        for step in (1, 0):
            for row in reversed(range(len(together[step]))):
                _require_same(again.draw(step, _BATCH, [row]), [together[step][row]])

    def test_several_devices_draw_the_rows_of_the_whole_batch(self, sampler: Sampler) -> None:
        """Rows do not depend on who draws them.

        Troubleshooting: Number samples by step and row of the whole batch, not by the device's.
        """
        whole = sampler.draw(1, _BATCH, range(_BATCH))
        for rank in (0, 1):
            _require_same(sampler.draw(1, _BATCH, range(rank, _BATCH, 2)), whole[rank::2])

    def test_samples_are_numbered_by_step_and_row(self, sampler: Sampler) -> None:
        """`Sample.index` is step times batch plus row.

        Troubleshooting: The index seeds the noise: set it from step and row.
        """
        assert [sample.index for sample in sampler.draw(1, _BATCH, range(_BATCH))] == list(range(_BATCH, 2 * _BATCH))

    def test_another_seed_draws_other_samples(
        self, recipe: TrainingRecipe, chosen: Preset, model: Any, data: DataSet, sampler: Sampler
    ) -> None:
        """The seed matters.

        Troubleshooting: It does not reach the generator of the sampler.
        """
        other = recipe.sampler(chosen, model, data, "train", 1)
        batches = [its.draw(0, _BATCH, range(_BATCH)) for its in (sampler, other)]
        assert [_print(sample) for sample in batches[0]] != [_print(sample) for sample in batches[1]]

    def test_all_texts_of_samples_are_known_beforehand(self, sampler: Sampler) -> None:
        """`texts()` names whatever a sample may say.

        Troubleshooting: Texts are encoded before training: augmented wordings belong in the list too.
        """
        known = {text for texts in sampler.texts() for text in texts}
        for step in range(3):
            for sample in sampler.draw(step, _BATCH, range(_BATCH)):
                assert {text for action in sample.actions for text in action.texts} <= known

    def test_a_validation_epoch_goes_once_through_all_clips_whatever_the_seed(
        self, recipe: TrainingRecipe, chosen: Preset, model: Any, data: DataSet
    ) -> None:
        """Validation is the same in every run.

        Troubleshooting: For "val" go through the clips in order, each once, without chance.
        """
        one, other = (recipe.sampler(chosen, model, Few(data, segments=11), "val", seed) for seed in (0, 1))
        count = one.num_samples
        assert count
        samples = [item for step in range(-(-count // 4)) for item in one.draw(step, 4, range(4))]
        assert [sample.index for sample in samples] == list(range(count))
        assert len({_print(sample) for sample in samples}) == count
        _require_same(other.draw(0, count, range(count)), samples)

    def test_clips_that_are_too_short_are_refused_and_counted(
        self, recipe: TrainingRecipe, chosen: Preset, model: Any, data: DataSet
    ) -> None:
        """A set without usable clips is an error with a number in it.

        Troubleshooting: Raise `ConfigError` that says how many clips there were and how short they are.
        """
        for split in ("train", "val"):
            with pytest.raises(ConfigError, match=r"\d"):
                recipe.sampler(chosen, model, Few(data, frames=2), split, 0)

    # --- losses ------------------------------------------------------------------------------------------------------

    def test_terms_are_named_finite_and_weighted(self, ready: Objective, sampler: Sampler, tell: Tell) -> None:
        """The objective is a list of named numbers.

        Troubleshooting: A term that is NaN comes from empty masks; a term of several numbers needs a mean.
        """
        batch = ready.collate(sampler.draw(0, _BATCH, range(_BATCH)), tell).to(torch.device("cpu"))
        assert list(batch.indices) == list(range(_BATCH))
        terms = ready.terms(batch, _noise(), 0)
        assert len({term.name for term in terms}) == len(terms)
        assert all(term.value.shape == () and term.value.isfinite() and term.weight >= 0 for term in terms)
        assert any(term.weight for term in terms)

    def test_all_noise_comes_from_the_source_that_is_given(
        self, ready: Objective, model: Any, sampler: Sampler, tell: Tell
    ) -> None:
        """Losses draw only from the function that they are handed.

        Troubleshooting: Use `noise(indices, dim)` for the latent, and no `torch.randn`.
        """
        model.eval()  # no dropout
        batch = ready.collate(sampler.draw(0, _BATCH, range(_BATCH)), tell)
        first, second = ([term.value.item() for term in ready.terms(batch, _noise(), 0)] for _ in range(2))
        assert first == second

    def test_a_few_steps_lower_the_loss(
        self, ready: Objective, model: Any, chosen: Preset, sampler: Sampler, tell: Tell
    ) -> None:
        """The preset learns.

        Troubleshooting: Gradient does not reach the weights (`detach`, `no_grad`), the learning rate is too
        high, or the terms pull against each other.
        """
        model.train()
        steps = range(self.steps)
        batches = [ready.collate(sampler.draw(step, _BATCH, range(_BATCH)), tell) for step in steps]
        learned = [weight for weight in model.parameters() if weight.requires_grad]
        optimiser = torch.optim.AdamW(learned, lr=chosen.training.learning_rate)
        before = float(_total(ready, batches[0], 0).detach())
        for step in steps:
            optimiser.zero_grad()
            _total(ready, batches[step], step).backward()
            optimiser.step()
        assert float(_total(ready, batches[0], 0).detach()) < self.falls_to * before


def _noise() -> Any:
    calls: list[int] = []

    def draw(indices: Sequence[int], dim: int) -> Tensor:
        calls.append(dim)
        rows = [noise_numbers(0, index, len(calls)).standard_normal(dim, np.float32) for index in indices]
        return torch.from_numpy(np.stack(rows))

    return draw


def _total(objective: Objective, batch: Any, step: int) -> Tensor:
    terms = [term.weight * term.value for term in objective.terms(batch, _noise(), step) if term.weight]
    total: Tensor = torch.stack(terms).sum()
    return total


def _print(sample: Sample) -> tuple[Any, ...]:
    """What tells samples apart: texts, lengths and a few numbers of the features."""
    parts = ((action.texts, len(action.features), action.features[[0, -1]].flatten()) for action in sample.actions)
    return tuple((texts, frames, tuple(numbers.tolist())) for texts, frames, numbers in parts)


def _require_same(found: Sequence[Sample], expected: Sequence[Sample]) -> None:
    assert [sample.index for sample in found] == [sample.index for sample in expected]
    for one, other in zip(found, expected, strict=True):
        assert [action.texts for action in one.actions] == [action.texts for action in other.actions]
        for mine, its in zip(one.actions, other.actions, strict=True):
            assert torch.equal(mine.features, its.features)
