"""A question with examples, in the two forms that language models take."""

from __future__ import annotations

from collections.abc import Sequence

from actiongpt_core.types.text import Prompt


def by_example(
    instruction: str, examples: Sequence[tuple[str, str]], asked: str, *, question: str, answer: str
) -> Prompt:
    """An instruction, examples, and what is asked, on one line.

    A chat model gets the examples as turns that it has had; a model that continues a text gets blocks of two lines, and
    its answer ends with the line.

    Args:
        instruction: What is to be done.
        examples: Questions and their answers, a line each.
        asked: The question.
        question: What stands before a question in the form of one text.
        answer: What stands before its answer there.
    """
    asked = " ".join(asked.split())  # a line end in it would break the form
    turns = [
        {"role": role, "content": content}
        for example in examples
        for role, content in zip(("user", "assistant"), example, strict=True)
    ]
    shown = [f"{question}: {one}\n{answer}: {other}" for one, other in examples]
    return Prompt(
        messages=({"role": "system", "content": instruction}, *turns, {"role": "user", "content": asked}),
        text="\n\n".join([instruction, *shown, f"{question}: {asked}\n{answer}:"]),
        stop=("\n",),
    )
