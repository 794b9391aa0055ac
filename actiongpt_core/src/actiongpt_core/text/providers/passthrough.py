"""The phrase itself, K times: the baseline without a language model, offline."""

from __future__ import annotations

from actiongpt_core.types.text import Action, Descriptions


class PassthroughProvider:
    """Describes an action by its own phrase."""

    name = "passthrough"
    cacheable = False

    def complete(self, action: Action, k: int) -> Descriptions:
        """The phrase, K times; source "phrase"."""
        return Descriptions(action=action, texts=(action.phrase,) * k, source="phrase", provider=self.name)
