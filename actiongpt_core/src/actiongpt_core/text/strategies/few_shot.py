"""The strategy "few-shot": descriptions in the style of those that ship."""

from __future__ import annotations

from actiongpt_core.text.strategies.examples import by_example
from actiongpt_core.types.text import Prompt

_INSTRUCTION = (
    "You describe how a person's body moves during an action. Answer with one paragraph of 25 to 50 words in the "
    "present tense that begins with 'The person': which parts of the body move, on which side, in which order and "
    "direction, and how the movement ends. No names, no feelings, no scenery, no list."
)
# Small models take words over into other actions. So the side of a limb stands only where the action says it, once
# each; the limb beside it is "the other"; and the last example, which weighs most, is of no side and no direction.
_EXAMPLES = (
    (
        "spin around",
        "The person takes quick small steps on the spot and turns the whole body in a full circle. The head leads, the "
        "shoulders and hips follow, and the feet stop side by side.",
    ),
    (
        "swing the left leg",
        "The person stands on the other leg and swings the left leg forward to hip height with a straight knee. The "
        "arms spread for balance, and the left foot comes back to the floor.",
    ),
    (
        "stretch the right arm",
        "The person reaches upward with the right arm until the elbow is straight, while the other arm hangs at the "
        "side. After a short hold the right hand sinks slowly back to the thigh.",
    ),
    (
        "pick something up",
        "The person bends the hips and both knees and reaches down in front of the feet. One hand closes near the "
        "floor, then the legs straighten and the trunk returns to standing.",
    ),
)


def few_shot(phrase: str) -> Prompt:
    """Four examples in the style of the descriptions that ship; a small model continues them, a chat model follows."""
    return by_example(_INSTRUCTION, _EXAMPLES, phrase, question="Action", answer="Body movements")
