"""The strategy "decompose": a long text as a list of actions with seconds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import attrs

from actiongpt_core.errors import ActionGPTError
from actiongpt_core.text.actions import MAX_ACTIONS, check_text
from actiongpt_core.text.cleaning import UnusableAnswerError, without_thoughts
from actiongpt_core.text.folding import fold
from actiongpt_core.text.phrases import read_meaning
from actiongpt_core.text.rewording import verbs_of
from actiongpt_core.text.strategies.examples import by_example
from actiongpt_core.types.text import Action, Answer, Prompt

_INSTRUCTION = (
    "Part a text about what a person does into single actions, in the order in which they happen. Answer with a JSON "
    'list and nothing else. Every item has "action", a short label such as "walk forward" with its side, direction, '
    'count and speed, and "seconds", how long it takes. Leave out what is no movement of the body. Add nothing.'
)
# Rare verbs: where they turn up in another answer, they were taken over.
_STORY = "She limps across the room, kneels down on her left knee, and cartwheels to the right twice."
_STORY_ACTIONS = {"limp forward": 5, "kneel on the left knee": 2, "cartwheel to the right twice": 4}


def decompose_prompt(text: str) -> Prompt:
    """A long text into actions with seconds, as JSON on one line."""
    listed = json.dumps([{"action": action, "seconds": seconds} for action, seconds in _STORY_ACTIONS.items()])
    prompt = by_example(_INSTRUCTION, [(_STORY, listed)], text, question="Text", answer="Actions")
    return attrs.evolve(prompt, stop=("\n\n", "\nText:"))  # many a model breaks lines inside of its JSON


def read_actions(text: str, answer: Answer) -> str:
    """The actions in an answer, as JSON in one form.

    Raises:
        UnusableAnswerError: It holds no list of actions with seconds, too many, impossible ones, or such as the text
            does not tell.
    """
    actions = actions_of(without_thoughts(answer.text))
    _check(text, actions)
    return json.dumps([{"action": action.phrase, "seconds": action.seconds} for action in actions])


def _check(text: str, actions: Iterable[Action]) -> None:
    told, sides, verbs, found = fold(text).split(), read_meaning(text).sides, set(verbs_of(text)), set[str]()
    for action in actions:
        meaning = read_meaning(action.phrase)
        if action.phrase in _STORY_ACTIONS and meaning.verb not in told:
            raise UnusableAnswerError("it repeats the example")
        if not meaning.sides <= sides:
            raise UnusableAnswerError("it adds a side")
        found.update(verbs_of(action.phrase))
    # Not all of them: "crosses the room" is "walk forward".
    if len(verbs) > 1 and 2 * len(verbs & found) < len(verbs):
        raise UnusableAnswerError("it leaves most of the text out")


def actions_of(text: str) -> list[Action]:
    """The actions of the first JSON list of objects in a text.

    Raises:
        UnusableAnswerError: There is no such list, or an item that is no action.
    """
    items = next((found for found in _lists(text) if found and isinstance(found[0], dict)), None)
    if items is None or len(items) > MAX_ACTIONS:
        raise UnusableAnswerError(f"it has no JSON list of 1 to {MAX_ACTIONS} actions")
    return [_action(item) for item in items]


def _lists(text: str) -> Iterator[list[Any]]:
    decoder, start = json.JSONDecoder(), -1
    while (start := text.find("[", start + 1)) >= 0:
        try:
            yield decoder.raw_decode(text, start)[0]
        except (ValueError, RecursionError):
            continue


def _action(item: Any) -> Action:
    seconds = item.get("seconds") if isinstance(item, dict) else None
    phrase = item.get("action") if isinstance(item, dict) else None
    if not isinstance(phrase, str) or isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise UnusableAnswerError("an item is no action with seconds")
    phrase = " ".join(phrase.split())
    try:
        check_text(phrase)
        return Action(phrase, float(seconds))
    except (ActionGPTError, OverflowError) as error:
        raise UnusableAnswerError(f"an item is no action with seconds ({error})") from error
