"""What a service answers where it gives no motion: a kind, a message, and what was expected."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse

from actiongpt_core.errors import (
    ActionGPTError,
    ConfigError,
    ExportError,
    MissingAssetError,
    PromptError,
    ProviderError,
    ShapeError,
    UnknownBackboneError,
)

#: Of the form of these answers; a kind never changes its meaning within one.
VERSION = 1

#: kind -> HTTP status, what it means. Clients decide by the kind; messages are for people.
KINDS: dict[str, tuple[int, str]] = {
    "malformed": (400, "The request is not HTTP with a JSON body."),
    "unauthorized": (401, "The token is missing or wrong."),
    "not-found": (404, "There is no such address."),
    "method": (405, "The address does not take this method."),
    "accept": (406, "None of the formats in the header Accept is offered."),
    "slow": (408, "The request did not arrive in time."),
    "too-large": (413, "The body is larger than the service reads."),
    "invalid": (422, "A field is missing, unknown, or of the wrong type."),
    "limit": (422, "Too many characters, actions or seconds."),
    "prompt": (422, "The text cannot be turned into actions."),
    "config": (422, "A value cannot work, such as a length that the checkpoint cannot make."),
    "backbone": (422, "No backbone has this name."),
    "format": (422, "The format cannot hold this motion."),
    "busy": (429, "Too many requests at a time; the header Retry-After says when to come back."),
    "internal": (500, "The service failed; its log says why."),
    "not-installed": (501, "A package or a file that this needs is not installed where the service runs."),
    "loading": (503, "The service is not ready yet."),
    "provider": (503, "The language model did not answer."),
    "timeout": (504, "The motion was not ready in time."),
}

#: The first that fits an error of the library. What is not here is the service's own fault, not the request's.
_KIND_OF: tuple[tuple[type[ActionGPTError], str], ...] = (
    (UnknownBackboneError, "backbone"),
    (PromptError, "prompt"),
    (ConfigError, "config"),
    (ShapeError, "config"),
    (ProviderError, "provider"),
    (MissingAssetError, "not-installed"),
    (ExportError, "format"),
)


class Problem(Exception):  # noqa: N818
    """A request that gets no motion.

    Args:
        kind: One of `KINDS`.
        message: What was wrong and what to do.
        expected: What would have been right, where that can be said.
        retry_after: Seconds, where it is worth coming back.
    """

    def __init__(self, kind: str, message: str, expected: Any = None, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.kind, self.message, self.expected, self.retry_after = kind, message, expected, retry_after

    @property
    def status(self) -> int:
        """Of the HTTP answer."""
        return KINDS[self.kind][0]

    def response(self) -> JSONResponse:
        """The answer."""
        headers = {}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        if self.kind == "unauthorized":
            headers["WWW-Authenticate"] = "Bearer"
        if self.kind in ("slow", "too-large"):  # what is still on its way is not waited for
            headers["Connection"] = "close"
        error = {"version": VERSION, "kind": self.kind, "message": self.message, "expected": self.expected}
        return JSONResponse({"error": error}, status_code=self.status, headers=headers)


def problem_of(error: Exception) -> Problem:
    """The answer to an error; those that are not the request's fault are told to the log, not to the client."""
    if isinstance(error, Problem):
        return error
    for family, kind in _KIND_OF:
        if isinstance(error, family):
            return Problem(kind, str(error))
    return Problem("internal", "The service failed at this request. Its log says why.")
