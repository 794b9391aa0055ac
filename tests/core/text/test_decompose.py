"""A long text to actions with seconds, by a language model."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest

from actiongpt_core.errors import ConfigError, PromptError, ProviderError
from actiongpt_core.testing.fakes import FakeLanguageModel, FakeProvider
from actiongpt_core.text.cache import DescriptionCache
from actiongpt_core.text.decompose import MAX_CHARACTERS, decompose, read_text
from actiongpt_core.text.describe import cache_key
from actiongpt_core.text.prompts import get_strategy
from actiongpt_core.types.text import Action, Prompt

PARTS = '[{"action": "walk forward", "seconds": 3}, {"action": "sit down", "seconds": 1.5}]'
ACTIONS = [Action("walk forward", 3.0), Action("sit down", 1.5)]
STORY = "A tired man crosses the room and takes a seat."


@pytest.mark.parametrize(
    "written",
    [
        PARTS,
        f"```json\n{PARTS}\n```",
        f"Sure, here is the list:\n{PARTS}\nLet me know if you need more.",
        f"Two actions [see below] in order:\n{PARTS} [2 actions]",
        f'{{"actions": {PARTS}}}',
        f'<think>\nMaybe [{{"action": "jump", "seconds": 1}}]?\n</think>\n{PARTS}',
        json.dumps(json.loads(PARTS), indent=2),
        PARTS.replace("walk forward", "  walk\\n forward "),
    ],
)
def test_a_list_of_actions_is_found_in_what_is_written(written: str) -> None:
    assert decompose(STORY, FakeLanguageModel(lambda prompt, draw: written)) == ACTIONS


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("He walks and sits.", "no JSON list"),
        ("[" * 3000, "no JSON list"),
        ("[]", "no JSON list of 1 to 20"),
        (json.dumps([{"action": "walk", "seconds": 1}] * 21), "no JSON list of 1 to 20"),
        ('[{"action": "walk", "seconds": 3]', "no JSON list"),
        ('[{"action": "walk", "seconds": 3}, {"action": "sit", "sec', "no JSON list"),
        ('[{"action": "walk"}]', "no action with seconds"),
        ('[{"action": "walk", "seconds": -3}]', "no action with seconds"),
        ('[{"action": "walk", "seconds": 1e9}]', "no action with seconds"),
        ('[{"action": "walk", "seconds": NaN}]', "no action with seconds"),
        ('[{"action": "walk", "seconds": "long"}]', "no action with seconds"),
        ('[{"action": "123", "seconds": 3}]', "no action with seconds"),
        ('["walk", "sit"]', "no JSON list"),
        ('[{"action": "walk", "seconds": 3}, "sit"]', "no action with seconds"),
        ('[{"action": "walk", "seconds": true}]', "no action with seconds"),
        ('[{"action": "walk", "seconds": "3"}]', "no action with seconds"),
        (f'[{{"action": "walk", "seconds": {"9" * 400}}}]', "no action with seconds"),
        ('[{"action": ["walk"], "seconds": 3}]', "no action with seconds"),
        ('[{"action": "walk\\u0000", "seconds": 3}]', "control character"),
        ('[{"action": "limp forward", "seconds": 5}, {"action": "sit", "seconds": 2}]', "repeats the example"),
        ('[{"action": "wave with the left hand", "seconds": 3}]', "adds a side"),
    ],
)
def test_what_is_no_list_of_actions_is_asked_again_and_then_reported(written: str, reason: str) -> None:
    model = FakeLanguageModel(lambda prompt, draw: written)
    with pytest.raises(ProviderError, match=reason):
        decompose(STORY, model)
    assert len(model.asked) == 3


def test_a_text_is_parted_once_and_then_comes_from_the_cache(tmp_path: Path) -> None:
    cache = DescriptionCache(tmp_path / "cache.sqlite")
    model = FakeLanguageModel(lambda prompt, draw: f"Here: {PARTS}")
    assert decompose(STORY, model, cache) == decompose(STORY, model, cache) == ACTIONS
    assert len(model.asked) == 1


def test_a_list_in_the_cache_that_is_none_is_reported_by_nobody_but_asked_for_again(tmp_path: Path) -> None:
    cache, model = DescriptionCache(tmp_path / "cache.sqlite"), FakeLanguageModel(lambda prompt, draw: PARTS)
    cache.put(cache_key(STORY, model, get_strategy("decompose")), 0, "no list")
    assert decompose(STORY, model, cache) == ACTIONS


def test_what_the_text_tells_may_be_what_the_example_tells() -> None:
    written = '[{"action": "kneel on the left knee", "seconds": 2}]'
    model = FakeLanguageModel(lambda prompt, draw: written)
    assert decompose("He kneels on the left knee.", model) == [Action("kneel on the left knee", 2.0)]


def test_a_list_that_leaves_most_of_the_text_out_is_refused() -> None:
    story = "She walks in, sits down and waves."
    with pytest.raises(ProviderError, match="leaves most of the text out"):
        decompose(story, FakeLanguageModel(lambda prompt, draw: '[{"action": "walk forward", "seconds": 3}]'))
    assert decompose(story, FakeLanguageModel(lambda prompt, draw: PARTS)) == ACTIONS


def test_the_example_passes_its_own_check() -> None:
    _, story, listed, _ = get_strategy("decompose").build(STORY).messages
    model = FakeLanguageModel(lambda prompt, draw: listed["content"])
    assert len(decompose(story["content"], model)) == 3


def test_a_strategy_of_ones_own_that_is_called_decompose_is_asked_by() -> None:
    own = attrs.evolve(get_strategy("decompose"), build=lambda text: Prompt(messages=(), text=f"Mine: {text}"))
    model = FakeLanguageModel(lambda prompt, draw: PARTS)
    assert read_text(STORY, model, own) == ACTIONS
    assert model.asked == [(f"Mine: {STORY}", (0,))]


def test_it_is_asked_without_chance_and_with_room_for_the_answer() -> None:
    seen = {}

    class Noting(FakeLanguageModel):
        def answers(self, prompt, draws, sampling):  # type: ignore[no-untyped-def]
            seen.update(sampling)
            return super().answers(prompt, draws, sampling)

    decompose(STORY, Noting(lambda prompt, draw: PARTS))
    assert seen["temperature"] == 0
    assert seen["max_tokens"] > 500


@pytest.mark.parametrize("text", ["", "123 !", "walk\x07", "walk " * MAX_CHARACTERS])
def test_a_text_that_cannot_be_read_is_refused_before_anybody_is_asked(text: str) -> None:
    model = FakeLanguageModel()
    with pytest.raises(PromptError):
        decompose(text, model)
    assert model.asked == []


def test_a_text_may_be_longer_than_one_that_our_rules_part() -> None:
    text = "She walks on and on. " * 100
    assert decompose(text, FakeLanguageModel(lambda prompt, draw: PARTS)) == ACTIONS
    with pytest.raises(PromptError, match="at most 1000"):
        read_text(text, FakeLanguageModel(), "few-shot")


def test_a_provider_without_a_language_model_cannot_part_a_text() -> None:
    with pytest.raises(ConfigError, match="asks no language model, so it cannot part a text"):
        read_text(STORY, FakeProvider(), "decompose")
    assert [action.phrase for action in read_text("walk, then sit", FakeProvider(), None)] == ["walk", "sit"]
