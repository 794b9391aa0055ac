"""Prompt strategies: what a language model is asked for an action, and how its answer is read. Named and versioned."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from actiongpt_core.errors import ConfigError, did_you_mean
from actiongpt_core.text.actions import MAX_ACTIONS
from actiongpt_core.text.cleaning import UnusableAnswerError, one_paragraph, read_description
from actiongpt_core.text.phrases import what_is_changed
from actiongpt_core.types.text import Action, Answer, Prompt

#: The strategy of the paper.
DEFAULT_STRATEGY = "action-gpt"
#: The strategy that parts a text into actions; the others describe one.
DECOMPOSE = "decompose"
#: Words of a label, unless the phrase itself has more.
_MAX_LABEL = 12

#: The paper's sampling (its released code: temperature 0.5, top_p 1, 128 tokens).
PAPER_SAMPLING: Mapping[str, Any] = {"temperature": 0.5, "top_p": 1.0, "max_tokens": 128}


@attrs.frozen(kw_only=True)
class Strategy:
    """A way to ask. A change that may change answers is a new version: answers of another version are not reused."""

    name: str
    version: int
    summary: str
    build: Callable[[str], Prompt]  #: phrase -> what is asked
    #: phrase, answer -> the description; raises `UnusableAnswerError` where the answer is none
    read: Callable[[str, Answer], str] = read_description
    sampling: Mapping[str, Any] = PAPER_SAMPLING  #: where the user sets nothing


def action_gpt(phrase: str) -> Prompt:
    """The prompt of the paper, word for word.

    Source: Kalakonda et al., "Action-GPT", ICME 2023, section 3.1.
    """
    text = f"Describe a person's body movements who is performing the action {phrase} in details"
    return Prompt(messages=({"role": "user", "content": text},), text=text)


_EXAMPLES = (
    (
        "raise both arms",
        "The person stands still and lifts both arms out to the sides and up until the hands meet above the head. "
        "The elbows stay straight, the chest opens, and the arms are held there.",
    ),
    (
        "kick with the left leg",
        "The person shifts the weight onto the right leg and lifts the left knee in front of the hips. The left foot "
        "swings forward and up, snaps back, and is put down beside the other foot.",
    ),
    (
        "pick something up",
        "The person bends the hips and both knees and reaches down in front of the feet. One hand closes near the "
        "floor, then the legs straighten and the trunk returns to standing.",
    ),
    (
        "stretch the right arm",
        "The person reaches upward with the right arm until the elbow is straight and the trunk bends a little to the "
        "left. After a short hold the right hand sinks slowly back to the thigh.",
    ),
)
_DESCRIBE = (
    "You describe how a person's body moves during an action. Answer with one paragraph of 25 to 50 words in the "
    "present tense that begins with 'The person': which parts of the body move, on which side, in which order and "
    "direction, and how the movement ends. No names, no feelings, no scenery, no list."
)


def few_shot(phrase: str) -> Prompt:
    """Four examples in the style of the descriptions that ship; a small model continues them, a chat model follows."""
    turns = [
        {"role": role, "content": content}
        for example in _EXAMPLES
        for role, content in zip(("user", "assistant"), example, strict=True)
    ]
    shown = "\n\n".join(f"Action: {action}\nBody movements: {text}" for action, text in _EXAMPLES)
    return Prompt(
        messages=({"role": "system", "content": _DESCRIBE}, *turns, {"role": "user", "content": phrase}),
        text=f"{shown}\n\nAction: {phrase}\nBody movements:",
        stop=("\n",),
    )


_REWRITINGS = (
    ("strolling ahead like somebody's grandmother", "walk forward slowly"),
    ("He flails his left hand about to greet her, twice", "wave with the left hand twice"),
    ("plops down onto the sofa", "sit down"),
    ("she's running backwards in a hurry", "run backward quickly"),
    ("has to hop about on his right foot three times", "hop on the right foot three times"),
)
_REWRITE = (
    "Rewrite what a person does as a short label of an action, as in a motion data set: a plain verb first, then what "
    "it needs. Keep every action, its order, side, direction, count and speed. Add nothing, leave nothing out. Answer "
    "with the label alone."
)


def normalise(phrase: str) -> Prompt:
    """The phrase in the words of motion data sets; nothing is added to it."""
    turns = [
        {"role": role, "content": content}
        for example in _REWRITINGS
        for role, content in zip(("user", "assistant"), example, strict=True)
    ]
    shown = "\n\n".join(f"Text: {text}\nLabel: {label}" for text, label in _REWRITINGS)
    return Prompt(
        messages=({"role": "system", "content": _REWRITE}, *turns, {"role": "user", "content": phrase}),
        text=f"{_REWRITE}\n\n{shown}\n\nText: {phrase}\nLabel:",
        stop=("\n",),
    )


def read_label(phrase: str, answer: Answer) -> str:
    """The label in an answer.

    Raises:
        UnusableAnswerError: There is none, or it says another side, direction, count or negation than the phrase.
    """
    label = one_paragraph(answer.text).strip(" .\"'")
    if not any(character.isalpha() for character in label):
        raise UnusableAnswerError("it has no words")
    if len(label.split()) > max(_MAX_LABEL, len(phrase.split())):
        raise UnusableAnswerError("it is no short label")
    difference = what_is_changed(phrase, label)
    if difference is not None:
        raise UnusableAnswerError(f"it changes the {difference}")
    return label


_DECOMPOSE = (
    "Part a text about what a person does into single actions, in the order in which they happen. Answer with a JSON "
    'list and nothing else. Every item has "action", a short label such as "walk forward" with its side, direction, '
    'count and speed, and "seconds", how long it takes. Leave out what is no movement of the body. Add nothing.'
)
_STORY = "She crosses the room slowly, sits down on a chair and waves twice with her left hand."
_STORY_PARTS = (
    '[{"action": "walk forward slowly", "seconds": 5}, {"action": "sit down", "seconds": 2}, '
    '{"action": "wave with the left hand twice", "seconds": 3}]'
)


def decompose(text: str) -> Prompt:
    """A long text into actions with seconds, as JSON."""
    return Prompt(
        messages=(
            {"role": "system", "content": _DECOMPOSE},
            {"role": "user", "content": _STORY},
            {"role": "assistant", "content": _STORY_PARTS},
            {"role": "user", "content": text},
        ),
        text=f"{_DECOMPOSE}\n\nText: {_STORY}\nActions: {_STORY_PARTS}\n\nText: {text}\nActions:",
        stop=("\n\n", "\nText:"),
    )


def read_actions(text: str, answer: Answer) -> str:
    """The actions in an answer, as JSON in one form.

    Raises:
        UnusableAnswerError: It holds no list of actions with seconds, or too many or impossible ones.
    """
    return json.dumps([{"action": item.phrase, "seconds": item.seconds} for item in actions_of(answer.text)])


def actions_of(text: str) -> list[Action]:
    """The actions that a JSON list names, wherever in the text it stands.

    Raises:
        UnusableAnswerError: There is no such list, or an item that is no action.
    """
    start, end = text.find("["), text.rfind("]")
    try:
        items = json.loads(text[start : end + 1]) if start >= 0 else None
    except (ValueError, RecursionError) as error:
        raise UnusableAnswerError("its JSON is broken") from error
    if not isinstance(items, list) or not 1 <= len(items) <= MAX_ACTIONS:
        raise UnusableAnswerError(f"it is no JSON list of 1 to {MAX_ACTIONS} actions")
    try:
        return [Action(" ".join(item["action"].split()), float(item["seconds"])) for item in items]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnusableAnswerError("an item is no action with seconds") from error


STRATEGIES: dict[str, Strategy] = {
    strategy.name: strategy
    for strategy in (
        Strategy(name=DEFAULT_STRATEGY, version=1, summary="The paper's sentence, exactly.", build=action_gpt),
        Strategy(
            name="few-shot",
            version=1,
            summary="Four examples in the style of the descriptions that ship, then the phrase.",
            build=few_shot,
            sampling={"temperature": 0.3, "top_p": 1.0, "max_tokens": 128},
        ),
        Strategy(
            name="normalise",
            version=1,
            summary="The phrase as a short label in the style of motion data sets; adds nothing.",
            build=normalise,
            read=read_label,
            sampling={"temperature": 0.2, "top_p": 1.0, "max_tokens": 32},
        ),
        Strategy(
            name=DECOMPOSE,
            version=1,
            summary="A long text into its actions, with seconds.",
            build=decompose,
            read=read_actions,
            sampling={"temperature": 0.0, "top_p": 1.0, "max_tokens": 768},
        ),
    )
}


def get_strategy(strategy: str | Strategy | None) -> Strategy:
    """A strategy by name; one of your own as it is; None for the paper's.

    Raises:
        ConfigError: No strategy has this name.
    """
    if isinstance(strategy, Strategy):
        return strategy
    name = DEFAULT_STRATEGY if strategy is None else strategy
    if name not in STRATEGIES:
        raise ConfigError(
            f"No prompt strategy {name!r}. Known: {', '.join(STRATEGIES)}.{did_you_mean(name, STRATEGIES)}"
        )
    return STRATEGIES[name]


def build_prompt(phrase: str, strategy: str | Strategy | None = None) -> str:
    """The prompt of a strategy for a phrase, as one text.

    Raises:
        ConfigError: No strategy has this name.
    """
    return get_strategy(strategy).build(phrase).text
