"""What went wrong between the client and a server, in words that a user can act on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actiongpt_core.errors import ProviderError
from actiongpt_core.text.providers.openai_access import KEY_VARIABLE, URL_VARIABLE, Access

if TYPE_CHECKING:
    import openai

_WITHOUT = "Without it use the provider 'pack' or 'passthrough'."


class RefusedError(ProviderError):
    """The server does not take the request as it is; another form of it may do."""

    def __init__(self, message: str, reason: str = "", parameter: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason  #: the server's words
        self.parameter = parameter  #: the setting that it does not take, as far as it says


def failure(error: openai.APIError, access: Access, model: str, timeout: float, max_retries: int) -> ProviderError:
    """The client's error as one of ours, without anything secret.

    The caller raises it outside of its `except`: as context the client's error would go with it, and that holds the
    request with the key.
    """
    import openai

    attempts = f"{max_retries + 1} attempts" if max_retries else "1 attempt"
    if isinstance(error, openai.APITimeoutError):
        return ProviderError(
            f"{access.server} did not answer within {timeout:g} s, in {attempts}. Raise the limit (option timeout), "
            f"ask for shorter answers (max_tokens), or see whether the server is overloaded."
        )
    if isinstance(error, openai.APIConnectionError):
        return ProviderError(_unreachable(error, access, attempts))
    if not isinstance(error, openai.APIStatusError):
        return ProviderError(f"{access.server} could not be asked ({type(error).__name__}).")
    reason = access.hide(_reason(error))[:300]
    if error.status_code in (400, 422):
        return _refused(error, access, model, reason)
    return ProviderError(_status(error, access, model, reason, attempts))


def _unreachable(error: Exception, access: Access, attempts: str) -> str:
    cause = type(error.__cause__).__name__
    if cause in ("ConnectError", "ConnectTimeout", "UnsupportedProtocol", "ProxyError"):
        return (
            f"{access.server} cannot be reached ({cause}, in {attempts}): see whether the server runs, whether its "
            f"address is right (base_url or {URL_VARIABLE}), and whether a network or a proxy is in the way. {_WITHOUT}"
        )
    return (
        f"{access.server} cut the connection before its answer was complete ({cause}, in {attempts}). See whether the "
        f"server still runs: one that lacks memory may have ended. Otherwise try again."
    )


def _refused(error: openai.APIStatusError, access: Access, model: str, reason: str) -> ProviderError:
    if "content_filter" in str(error.code) or "content_policy" in str(error.code):
        return ProviderError(
            f"The content filter of {access.server} stopped the question ({reason}). Write the phrase in other words, "
            f"or describe it by hand in a pack (provider 'pack')."
        )
    parameter = _parameter(error, reason)
    message = f"{access.server} does not take the request for the model {model!r} ({error.status_code}: {reason})."
    if parameter in ("temperature", "top_p"):
        message += f" Set {parameter} to 1 (-O {parameter}=1): the model then samples in its own way."
    else:
        message += " Check the model, the endpoint (option endpoint) and the sampling settings."
    return RefusedError(message, reason, parameter)


def _status(error: openai.APIStatusError, access: Access, model: str, reason: str, attempts: str) -> str:
    server, status = access.server, error.status_code
    said = f"({status}: {reason})"
    if status == 401:
        # The reason is left out: OpenAI repeats parts of the key in it.
        if access.key() is None:
            return f"{server} wants an API key (401): put it into {KEY_VARIABLE}, or name a file (option key_file)."
        return f"{server} does not accept the API key (401). Check {KEY_VARIABLE} or the key file; it may be revoked."
    if status == 403:
        return (
            f"{server} does not allow this key to use the model {model!r} {said}. Choose another model, or ask for it."
        )
    if status == 404:
        return (
            f"{server} knows no model {model!r}, or not this address {said}. Check the model's name; a base URL ends "
            f"in /v1 with most servers."
        )
    if status == 429:
        return _too_many(error, access, said, attempts)
    if status >= 500:
        return (
            f"{server} has an error of its own {said}, in {attempts}. Try again later; of a server of your own read "
            f"the log."
        )
    return f"{server} does not answer {said}."


def _too_many(error: openai.APIStatusError, access: Access, said: str, attempts: str) -> str:
    if "insufficient_quota" in (error.code, error.type):
        return f"The account at {access.server} has no credit left {said}. Add some, or use another key or server."
    wait = error.response.headers.get("retry-after", "")[:40]
    wanted = f" It asks to wait {wait}{' s' if wait.isdigit() else ''}." if wait else ""
    return (
        f"{access.server} gets too many requests {said}, in {attempts}.{wanted} Wait, lower the option concurrency, or "
        f"raise max_retries: what is answered is kept in the description cache."
    )


def _parameter(error: openai.APIStatusError, reason: str) -> str | None:
    """The setting that a server does not support, as OpenAI says it; None for a wrong value of one that it does."""
    if "support" not in reason:
        return None
    names = ("temperature", "top_p", "max_tokens", "seed", "n")
    return next((name for name in names if error.param == name or f"'{name}'" in reason), None)


def _reason(error: openai.APIStatusError) -> str:
    body: Any = error.body
    if isinstance(body, dict):
        body = body.get("message") or body.get("detail") or body  # OpenAI's, and that of FastAPI
    text = " ".join(str(body or "no reason given").split())
    return "a web page instead of a reason" if text.startswith("<") else text
