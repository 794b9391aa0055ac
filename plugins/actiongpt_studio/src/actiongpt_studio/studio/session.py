"""What one client of the studio has asked for and made. No widgets here."""

from __future__ import annotations

import attrs

from actiongpt_core import Action, Descriptions, Motion
from actiongpt_core.errors import ConfigError
from actiongpt_studio.studio.pipelines import Choices, Pipelines

MAX_VARIATIONS = 8


@attrs.frozen(eq=False, kw_only=True)
class Take:
    """One result: the variations of one text, or a file."""

    title: str
    motions: tuple[Motion, ...]


class Session:
    """The state of one browser tab.

    Args:
        pipelines: Shared by all tabs.
        choices: What is chosen at the start.
    """

    def __init__(self, pipelines: Pipelines, choices: Choices) -> None:
        self._pipelines = pipelines
        self.choices = choices
        self.descriptions: list[Descriptions] = []
        self.history: list[Take] = []
        self._told: tuple[str | tuple[Action, ...], Choices] | None = None  # what the descriptions were asked for

    def describe(self, prompt: str | list[Action]) -> list[Descriptions]:
        """Ask for the descriptions of a text or of actions, and keep them for `generate`.

        Raises:
            ActionGPTError: As `Pipeline.plan` and `Pipeline.describe`.
        """
        pipeline = self._pipelines.get(self.choices)
        self.descriptions = pipeline.describe(pipeline.plan(prompt))
        self._told = (prompt if isinstance(prompt, str) else tuple(prompt), self.choices)
        return self.descriptions

    def follow(self, prompt: str) -> None:
        """Describe anew where the text or the choices are others than those of the descriptions; keep edits else.

        Raises:
            ActionGPTError: As for `describe`.
        """
        if self._told != (prompt, self.choices):
            self.describe(prompt)

    def edit(self, action: int, index: int, text: str) -> None:
        """Replace one text of one action.

        Raises:
            PromptError: The text is blank.
            IndexError: There is no such action or text.
        """
        if self.descriptions[action].texts[index] != text:
            self.descriptions[action] = self.descriptions[action].with_text(index, text)

    def generate(self, seed: int, variations: int = 1) -> Take:
        """Motions of the descriptions, with the seeds `seed`, `seed + 1`, ...; the take joins the history.

        Raises:
            ConfigError: The number of variations cannot work, or nothing was described.
            ActionGPTError: As `Pipeline.generate_batch`.
        """
        if not 1 <= variations <= MAX_VARIATIONS:
            raise ConfigError(f"variations must be 1 to {MAX_VARIATIONS}, got {variations}.")
        if not self.descriptions:
            raise ConfigError("There is nothing to generate yet: type what the person does first.")
        told = list(self.descriptions)
        motions = self._pipelines.get(self.choices).generate_batch(
            [told] * variations, seed=[seed + offset for offset in range(variations)]
        )
        take = Take(title=f"{', then '.join(item.phrase for item in told)} (seed {seed})", motions=tuple(motions))
        self.history.append(take)
        return take
