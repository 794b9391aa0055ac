from __future__ import annotations

from actiongpt_core.interfaces import LLMProvider
from actiongpt_core.text.providers.passthrough import PassthroughProvider
from actiongpt_core.types.text import Action


def test_passthrough_gives_the_phrase_k_times() -> None:
    provider = PassthroughProvider()
    found = provider.complete(Action("walk", seconds=2.0), 3)
    assert isinstance(provider, LLMProvider)
    assert (found.texts, found.source, found.provider) == (("walk",) * 3, "phrase", "passthrough")
    assert found.action.seconds == 2.0
