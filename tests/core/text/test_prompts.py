from __future__ import annotations

import pytest

from actiongpt_core.errors import ConfigError
from actiongpt_core.text.prompts import build_prompt


def test_default_prompt_is_the_papers_word_for_word() -> None:
    assert build_prompt("walk forward") == (
        "Describe a person's body movements who is performing the action walk forward in details"
    )


def test_unknown_strategy_is_refused_with_a_suggestion() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'action-gpt'"):
        build_prompt("walk", "action_gpt")
