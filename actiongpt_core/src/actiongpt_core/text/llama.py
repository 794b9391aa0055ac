"""llama.cpp in this process, through xllamacpp."""

from __future__ import annotations

import functools
import logging
import secrets
import threading
from collections.abc import Generator, Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from actiongpt_core.errors import ProviderError

_LOG = logging.getLogger("actiongpt_core")
_LOADING = threading.Lock()
#: How many answers are written at the same time, at most: llama.cpp refuses a request for more.
SLOTS = 4
#: Tokens that a prompt and its answer may have together.
CONTEXT = 2048
# llama.cpp's own levels.
_SILENT, _TALKING = -1, 3


def load(path: Path, model: str, threads: int) -> Any:
    """llama.cpp with a model in memory; the last one stays there and is shared.

    Args:
        path: The GGUF file.
        model: Name of its content.
        threads: Threads that compute.

    Raises:
        ProviderError: xllamacpp is not installed, or cannot load the file.
    """
    with _LOADING:  # without it two threads would load it twice
        return _load(path, model, threads)


def chunks(server: Any, request: Mapping[str, Any], *, is_chat: bool) -> Generator[dict[str, Any], None, None]:
    """What llama.cpp sends for a request, as it comes; closing the iterator stops it.

    Raises:
        ProviderError: The request is refused, or cannot be sent.
    """
    handle = server.handle_chat_completions if is_chat else server.handle_completions
    queue: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
    is_closed = threading.Event()

    def take(chunk: dict[str, Any]) -> bool:
        queue.put(chunk)
        return is_closed.is_set()

    def ask() -> None:
        try:
            handle({**request, "stream": True, "stream_options": {"include_usage": True}}, take)
        except Exception as error:  # what has no form in JSON, such as half a character
            queue.put({"error": {"message": str(error)}})
        finally:
            queue.put(None)

    # In a thread of its own, because an interrupt by the user does not reach Python while llama.cpp computes.
    thread = threading.Thread(target=ask, name="llama.cpp")
    thread.start()
    try:
        for chunk in iter(queue.get, None):
            if "error" in chunk:
                raise _refusal(chunk["error"])
            yield chunk
    finally:
        is_closed.set()
        thread.join()


@functools.lru_cache(maxsize=1)
def _load(path: Path, model: str, threads: int) -> Any:
    try:
        import xllamacpp
    except ImportError as error:
        raise ProviderError(
            f"The provider 'local' needs xllamacpp ({error}). Install it with\n  pip install 'actiongpt-core[local]'"
        ) from error
    try:
        return xllamacpp.Server(_parameters(xllamacpp.CommonParams(), path, threads))
    except RuntimeError as error:
        raise ProviderError(
            f"llama.cpp cannot load {path} ({path.stat().st_size / 1e6:.0f} MB). It may be cut off or damaged, too "
            f"large for the memory, or of a kind that xllamacpp {xllamacpp.__version__} does not know; with "
            f"`actiongpt --debug` llama.cpp says why."
        ) from error


def _parameters(parameters: Any, path: Path, threads: int) -> Any:
    parameters.model.path = str(path)
    parameters.n_parallel, parameters.n_ctx = SLOTS, SLOTS * CONTEXT
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
    # Copies of earlier prompts would grow to gigabytes.
    parameters.cache_ram_mib = 0
    parameters.verbosity = _TALKING if _LOG.isEnabledFor(logging.DEBUG) else _SILENT
    # It listens on a port of this machine, whether it is wanted or not: nobody knows the key.
    parameters.api_keys = [secrets.token_hex()]
    parameters.ui = parameters.endpoint_slots = False
    return parameters


def _refusal(error: Mapping[str, Any]) -> ProviderError:
    if error.get("type") == "exceed_context_size_error":
        return ProviderError(
            f"The prompt has {error.get('n_prompt_tokens')} tokens, and the provider 'local' reads at most {CONTEXT}. "
            f"Shorten the phrase, or split it into several actions."
        )
    return ProviderError(f"llama.cpp refuses the request: {str(error.get('message'))[:300]}")
