"""OpenAI, and any server that speaks its protocol (set OPENAI_BASE_URL)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from actiongpt_core.errors import ProviderError
from actiongpt_core.text.prompts import DEFAULT_STRATEGY, build_prompt
from actiongpt_core.types.text import Action, Descriptions

if TYPE_CHECKING:
    from openai import OpenAI

KEY_VARIABLE = "OPENAI_API_KEY"
DEFAULT_MODEL = "gpt-4o-mini"


class OpenAIProvider:
    """Asks a chat model for K descriptions. The key is read from OPENAI_API_KEY when it is needed, and kept nowhere.

    Args:
        model: The model's name; None for the environment variable ACTIONGPT_OPENAI_MODEL, else gpt-4o-mini.
        base_url: The server; None for the environment variable OPENAI_BASE_URL, else OpenAI's.
        strategy: The prompt strategy.
        temperature: Randomness of the answer.
        top_p: Share of the probability that is sampled from.
        max_tokens: Length of an answer. The defaults of these three are the paper's.
        timeout: Seconds to wait for an answer.
        max_retries: How often a request is repeated when the server is busy or the connection breaks.
    """

    name = "openai"
    cacheable = True

    def __init__(
        self,
        model: str | None = None,
        *,
        base_url: str | None = None,
        strategy: str = DEFAULT_STRATEGY,
        temperature: float = 0.5,
        top_p: float = 1.0,
        max_tokens: int = 128,
        timeout: float = 60.0,
        max_retries: int = 2,
    ) -> None:
        self.model = model or os.environ.get("ACTIONGPT_OPENAI_MODEL") or DEFAULT_MODEL
        self.base_url = base_url or os.environ.get("OPENAI_BASE_URL") or None
        self.strategy = strategy
        self.sampling: dict[str, Any] = {"temperature": temperature, "top_p": top_p, "max_tokens": max_tokens}
        self.timeout = timeout
        self.max_retries = max_retries

    def complete(self, action: Action, k: int) -> Descriptions:
        """Ask for K descriptions; a server that gives fewer answers at once is asked again.

        Raises:
            ProviderError: There is no key, the server cannot be reached or refuses, or its answers are empty.
        """
        prompt = build_prompt(action.phrase, self.strategy)
        texts: list[str] = []
        with self._client() as client:
            # Twice K requests fill up K texts even where every second answer is empty.
            for _ in range(2 * k):
                if len(texts) >= k:
                    break
                texts += self._ask(client, prompt, k - len(texts))
        if len(texts) < k:
            raise ProviderError(
                f"Model {self.model!r} gave {len(texts)} of {k} descriptions of {action.phrase!r}; its other answers "
                f"were empty. Try another model, or the provider 'pack' or 'passthrough'."
            )
        return Descriptions(
            action=action,
            texts=tuple(texts[:k]),
            source="llm",
            provider=self.name,
            model=self.model,
            prompt=prompt,
            sampling=dict(self.sampling),
        )

    def _client(self) -> OpenAI:
        key = os.environ.get(KEY_VARIABLE)
        if not key:
            raise ProviderError(
                f"The provider 'openai' needs an API key in the environment variable {KEY_VARIABLE} (any value for a "
                f"local server at OPENAI_BASE_URL). Without a key use the provider 'pack' or 'passthrough'."
            )
        from openai import OpenAI  # half a second that only its users pay

        return OpenAI(api_key=key, base_url=self.base_url, timeout=self.timeout, max_retries=self.max_retries)

    def _ask(self, client: OpenAI, prompt: str, n: int) -> list[str]:
        """Up to n answers, empty ones left out."""
        import openai

        try:
            answer = client.chat.completions.create(
                model=self.model, messages=[{"role": "user", "content": prompt}], n=n, **self.sampling
            )
        except openai.BadRequestError as error:
            if n > 1:  # some servers give one answer at a time
                return self._ask(client, prompt, 1)
            raise self._failure(error) from None
        except openai.OpenAIError as error:
            # From None: the cause holds the request with the key in its headers.
            raise self._failure(error) from None
        # A proxy's login page is no completion: what is not there counts as no answer.
        messages = [getattr(choice, "message", None) for choice in getattr(answer, "choices", None) or []]
        # Differs from the original, which deletes newlines and so glues two words together.
        texts = [" ".join((getattr(message, "content", None) or "").split()) for message in messages]
        return [text for text in texts if text]

    def _failure(self, error: Exception) -> ProviderError:
        reason = " ".join(str(error).split()) or type(error).__name__
        key = os.environ.get(KEY_VARIABLE)
        if key:
            reason = reason.replace(key, "***")
        where = self.base_url or "OpenAI"
        return ProviderError(
            f"{where} did not answer ({type(error).__name__}: {reason[:300]}). Check {KEY_VARIABLE}, the model name "
            f"{self.model!r} and the network, or use the provider 'pack' or 'passthrough'."
        )
