"""A long text to actions with seconds, by a language model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from actiongpt_core.errors import ConfigError, PromptError, ProviderError
from actiongpt_core.testing.fakes import FakeLanguageModel, FakeProvider
from actiongpt_core.text.cache import DescriptionCache
from actiongpt_core.text.decompose import MAX_CHARACTERS, decompose, read_text
from actiongpt_core.types.text import Action

PARTS = '[{"action": "walk forward", "seconds": 3}, {"action": "sit down", "seconds": 1.5}]'
ACTIONS = [Action("walk forward", 3.0), Action("sit down", 1.5)]
STORY = "A tired man crosses the room and takes a seat."


@pytest.mark.parametrize(
    "written",
    [
        PARTS,
        f"```json\n{PARTS}\n```",
        f"Sure, here is the list:\n{PARTS}\nLet me know if you need more.",
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
        ("[]", "no JSON list of 1 to 20"),
        (json.dumps([{"action": "walk", "seconds": 1}] * 21), "no JSON list of 1 to 20"),
        ('[{"action": "walk", "seconds": 3]', "JSON is broken"),
        ('[{"action": "walk"}]', "no action with seconds"),
        ('[{"action": "walk", "seconds": -3}]', "no action with seconds"),
        ('[{"action": "walk", "seconds": 1e9}]', "no action with seconds"),
        ('[{"action": "walk", "seconds": NaN}]', "no action with seconds"),
        ('[{"action": "walk", "seconds": "long"}]', "no action with seconds"),
        ('[{"action": "123", "seconds": 3}]', "no action with seconds"),
        ('["walk", "sit"]', "no action with seconds"),
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
