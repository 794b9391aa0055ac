"""The suite of training recipes passes the documentation's example, and fails what is wrong."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import attrs
import pytest

from actiongpt_core.data.procedural_set import ProceduralSet
from actiongpt_core.testing.training import TrainingRecipeSuite

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "hooks.md"


def example() -> dict[str, Any]:
    """What the page's code block defines."""
    code = next(it for it in re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.M | re.S) if "SketchRe" in it)
    names: dict[str, Any] = {"__name__": "example"}
    exec(code, names)  # our own page
    return names


EXAMPLE = example()
Recipe: Any = EXAMPLE["SketchRecipe"]


class TestTheExampleOfTheDocumentation(TrainingRecipeSuite):
    def build_recipe(self) -> Any:
        return Recipe()


class Changed:
    """A sampler whose draws are changed."""

    def __init__(self, sampler: Any, change: Any) -> None:
        self._sampler, self._change = sampler, change

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sampler, name)

    def draw(self, step: int, batch_size: int, rows: Any) -> Any:
        return self._change(self._sampler.draw(step, batch_size, rows))


def changed_recipe(change: Any) -> Any:
    class Wrong(Recipe):  # type: ignore[misc]
        def sampler(self, *arguments: Any) -> Any:
            return Changed(super().sampler(*arguments), change)

    return Wrong()


def run(recipe: Any, claim: str) -> None:
    """Try one of the suite's claims on a recipe."""
    suite, chosen = TrainingRecipeSuite(), recipe.presets["tiny"]
    model, data = recipe.build_model(chosen.model), ProceduralSet(variants=1, seconds=2.0)
    known = {"recipe": recipe, "chosen": chosen, "model": model, "data": data}
    known["sampler"] = recipe.sampler(chosen, model, data, "train", 0)
    test = getattr(suite, claim)
    test(**{name: known[name] for name in test.__code__.co_varnames[1 : test.__code__.co_argcount]})


def any_frames(samples: Any) -> Any:
    """Windows by a generator that has its own state."""
    cut = [
        attrs.evolve(action, features=action.features[random.randrange(10) :])
        for sample in samples
        for action in sample.actions
    ]
    return [attrs.evolve(sample, actions=(action,)) for sample, action in zip(samples, cut, strict=True)]


def renumbered(samples: Any) -> Any:
    return [attrs.evolve(sample, index=row) for row, sample in enumerate(samples)]


def reworded(samples: Any) -> Any:
    action = attrs.evolve(samples[0].actions[0], texts=("made up",))
    return [attrs.evolve(samples[0], actions=(action,)), *samples[1:]]


@pytest.mark.parametrize(
    ("change", "claim"),
    [
        (any_frames, "test_a_sample_depends_on_seed_and_number_only"),
        (any_frames, "test_a_validation_epoch_goes_once_through_all_clips_whatever_the_seed"),
        (renumbered, "test_samples_are_numbered_by_step_and_row"),
        (reworded, "test_all_texts_of_samples_are_known_beforehand"),
    ],
)
def test_wrong_samples_fail_the_suite(change: Any, claim: str) -> None:
    run(Recipe(), claim)
    with pytest.raises(AssertionError):
        run(changed_recipe(change), claim)


def test_a_recipe_that_takes_clips_of_any_length_fails_the_suite() -> None:
    class Lax(Recipe):  # type: ignore[misc]
        def sampler(self, preset: Any, model: Any, data: Any, split: str, seed: int) -> Any:
            limits = {"fps": model.fps, "min_frames": 1, "max_frames": 300}
            single_actions = EXAMPLE["single_actions"]
            return single_actions(preset.sampling, model.features.encode, data, split, seed, **limits)

    with pytest.raises(pytest.fail.Exception):
        run(Lax(), "test_clips_that_are_too_short_are_refused_and_counted")
