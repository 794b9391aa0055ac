"""A cache of its own for every test, and a language model whose questions are counted."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

#: A provider that answers by rule; the module notes what it was asked. "fail" and "crash" in a phrase are obeyed.
SCRIPTED = """
import threading
import time
import zlib
from actiongpt_core.hookspecs import LLMProviderSpec, hookimpl

lock = threading.Lock()
asked, busy, most_busy, is_down = [], 0, 0, False

def load():
    from actiongpt_core.errors import ProviderError
    from actiongpt_core.text import asking
    from actiongpt_core.types.text import Answer

    class Scripted:
        name, cacheable, concurrency = "scripted", True, 4
        complete = asking.complete

        def __init__(self, model="one"):
            self.model, self.sampling = model, {}

        def answers(self, prompt, draws, sampling):
            global busy, most_busy
            with lock:
                asked.append((prompt.text, tuple(draws)))
                busy += 1
                most_busy = max(busy, most_busy)
            time.sleep(len(asked) % 3 / 1000)  # so that answers come in another order than the questions
            with lock:
                busy -= 1
            if is_down or "fail" in prompt.text:
                raise ProviderError("the server is down")
            if "crash" in prompt.text:
                raise KeyError("a mistake of the plugin")
            for draw in draws:
                text = f"The person bends both knees {zlib.crc32(prompt.text.encode())} times in way {draw}."
                yield Answer(draw=draw, text=text, prompt_tokens=10, completion_tokens=5, seconds=0.0)

    return Scripted

@hookimpl
def actiongpt_llm_providers():
    return [LLMProviderSpec(name="scripted", load=load, summary="A fake.")]
"""


@pytest.fixture(autouse=True)
def cache_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def scripted(install: Callable[..., None]) -> Any:
    """The module of the provider: what was `asked`, how many were `most_busy`; set `is_down` to have it fail."""
    install("scripted", SCRIPTED)
    return importlib.import_module("actiongpt_scripted")


#: A backbone of noise and text; a phrase with "fail" cannot be described, one with "crash" not be made.
MOTIONS = """
from actiongpt_core.hookspecs import LLMProviderSpec, MotionModelSpec, hookimpl

made = []

def load():
    from actiongpt_core.testing.fakes import FakeMotionModel

    class Stride(FakeMotionModel):
        min_frames, max_frames = 4, 200

        def generate_batch(self, features, lengths, **noise):
            made.append(len(lengths))
            if any(sum(frames) == 13 for frames in lengths):
                raise ArithmeticError("an unlucky number")
            return super().generate_batch(features, lengths, **noise)

    return Stride

def load_provider():
    from actiongpt_core.errors import ProviderError
    from actiongpt_core.testing.fakes import FakeProvider

    class Numbered(FakeProvider):
        def complete(self, action, k):
            if "fail" in action.phrase:
                raise ProviderError("no words for it")
            return super().complete(action, k)

    return Numbered

@hookimpl
def actiongpt_motion_models():
    return [MotionModelSpec(name="stride", load=load, summary="A fake.", capabilities={"sequence"}, default_rank=999)]

@hookimpl
def actiongpt_llm_providers():
    return [LLMProviderSpec(name="numbered", load=load_provider, summary="A fake.")]
"""


@pytest.fixture
def motions(install: Callable[..., None]) -> Any:
    """The module of a backbone `stride` and a provider `numbered`: sizes of the batches that were `made`."""
    install("motions", MOTIONS)
    return importlib.import_module("actiongpt_motions")
