"""What one client of the studio has asked for and made. No widgets here."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from actiongpt_core import Action, Descriptions, Motion
from actiongpt_core.errors import ConfigError
from actiongpt_studio.pipelines import Choices, Pipelines

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

    def follow(self, prompt: str) -> bool:
        """Describe anew where the text or the choices are others than those of the descriptions; keep edits else.

        Returns:
            Whether the descriptions are others now.

        Raises:
            ActionGPTError: As for `describe`.
        """
        if self._told == (prompt, self.choices):
            return False
        self.describe(prompt)
        return True

    def edit(self, action: int, index: int, text: str) -> None:
        """Replace one text of one action.

        Raises:
            PromptError: The text is blank.
            IndexError: There is no such action or text.
        """
        if self.descriptions[action].texts[index] != text:
            self.descriptions[action] = self.descriptions[action].with_text(index, text)

    def last(self, action: int, seconds: float) -> None:
        """Set how long one action lasts.

        Raises:
            ConfigError: seconds is not a positive number, or too long for an action.
            IndexError: There is no such action.
        """
        told = self.descriptions[action]
        self.descriptions[action] = attrs.evolve(told, action=attrs.evolve(told.action, seconds=seconds))

    def generate(self, seed: int, variations: int = 1, postprocess: Sequence[str] = ()) -> Take:
        """Motions of the descriptions, with the seeds `seed`, `seed + 1`, ...; the take joins the history.

        Args:
            seed: Of the first variation.
            variations: Number of motions.
            postprocess: Clean-up by name; see `actiongpt_core.postprocess`.

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
            [told] * variations, seed=[seed + offset for offset in range(variations)], postprocess=postprocess
        )
        about = ", ".join(filter(None, [self.choices.backbone, f"seed {seed}", *postprocess]))
        take = Take(title=f"{', then '.join(item.phrase for item in told)} ({about})", motions=tuple(motions))
        self.history.append(take)
        return take
