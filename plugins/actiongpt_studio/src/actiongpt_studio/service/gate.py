"""What every request passes before it is read: the token, the limits on number, size and time."""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import MutableMapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from actiongpt_studio.service.metrics import Metrics
from actiongpt_studio.service.problems import Problem, problem_of
from actiongpt_studio.service.settings import Settings

_log = logging.getLogger(__name__)

#: What needs no token: it says nothing but that the service lives, and how it is asked.
OPEN_PATHS = ("/healthz", "/readyz", "/docs", "/openapi.json", "/assets/")
MOTIONS = "/v1/motions"
_COUNTED = {MOTIONS, "/v1/backbones", "/v1/providers", "/healthz", "/readyz", "/metrics", "/docs", "/openapi.json"}
_CLIENT_GONE = 499  # nginx's number
#: So many times the limit is read and thrown away: a client that is still sending would meet a closed connection
#: instead of the answer.
_DRAINED = 64


class Gate:
    """ASGI middleware, the only one: keeps the limits, ends what nobody waits for, and answers errors.

    Args:
        app: What is behind it.
        settings: The token and the limits.
        metrics: Told of every request.
    """

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app, self._settings, self._metrics = app, settings, metrics
        self._in_flight = 0
        self._pace = 0.1  # seconds between two answers when many wait; a running mean
        self._last = time.perf_counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), _CLIENT_GONE
        path = scope["path"] if scope["path"] in _COUNTED else "other"

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-content-type-options", b"nosniff")]
            await send(message)

        try:
            await self._serve(scope, receive, counted)
        except Exception as error:
            problem = problem_of(error)
            if problem.kind == "internal":
                _log.exception("A request failed.")
            if status == _CLIENT_GONE:  # no answer has begun
                await problem.response()(scope, receive, counted)
        finally:
            self._metrics.answered(path, status, time.perf_counter() - began)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        self._check_token(scope["path"], headers)
        is_motion = scope["path"] == MOTIONS and scope["method"] == "POST"
        if not is_motion:
            await self._within_limits(scope, receive, send, headers)
            return
        if self._in_flight >= self._settings.max_queue:
            raise Problem(
                "busy",
                f"{self._in_flight} requests are in the queue already. Come back later, or send fewer at a time.",
                expected=f"at most {self._settings.max_queue:g} requests at a time",
                retry_after=max(round(self._in_flight * self._pace), 1),
            )
        self._in_flight += 1
        self._metrics.in_flight.set(self._in_flight)
        try:
            await self._within_limits(scope, receive, send, headers)
        finally:
            self._in_flight -= 1
            self._metrics.in_flight.set(self._in_flight)
            self._note_pace()

    def _check_token(self, path: str, headers: MutableMapping[bytes, bytes]) -> None:
        token = self._settings.token
        if token is None or path.startswith(OPEN_PATHS):
            return
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer" or not hmac.compare_digest(given.strip(), token.encode()):
            raise Problem(
                "unauthorized", "This service needs a token.", expected="the header Authorization: Bearer TOKEN"
            )

    async def _within_limits(
        self, scope: Scope, receive: Receive, send: Send, headers: MutableMapping[bytes, bytes]
    ) -> None:
        """Read the body, then run the request until it is answered, its time is over, or the client has gone."""
        ends = time.perf_counter() + self._settings.timeout
        try:
            body = await asyncio.wait_for(self._body(receive), self._settings.timeout)
        except TimeoutError:
            raise Problem("slow", f"The request did not arrive within {self._settings.timeout:g} s.") from None
        if body is None:
            return
        gone = asyncio.ensure_future(_disconnect(receive))
        work = asyncio.ensure_future(self._app(scope, _replay(body, gone), send))
        try:
            await asyncio.wait({work, gone}, timeout=ends - time.perf_counter(), return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
            elif not gone.done():
                raise Problem(
                    "timeout",
                    f"The motion was not ready within {self._settings.timeout:g} s. Ask for a shorter one, or later.",
                )
        finally:
            work.cancel()
            gone.cancel()
            await asyncio.gather(work, gone, return_exceptions=True)

    async def _body(self, receive: Receive) -> bytes | None:
        """The whole body; None if the client went away before its end."""
        limit, body, read = self._settings.max_body, bytearray(), 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            chunk = message.get("body", b"")
            read += len(chunk)
            if read <= limit:
                body += chunk
            if not message.get("more_body", False) and read <= limit:
                return bytes(body)
            if read > limit and (not message.get("more_body", False) or read > limit * _DRAINED):
                raise Problem("too-large", "The body of the request is too large.", expected=f"at most {limit:g} bytes")

    def _note_pace(self) -> None:
        now = time.perf_counter()
        if self._in_flight:  # when nobody waits, the time between two answers says nothing
            self._pace += 0.1 * (now - self._last - self._pace)
        self._last = now


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _replay(body: bytes, gone: asyncio.Future[Any]) -> Receive:
    """A `receive` that gives a body which was read before, then waits for the client to go."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        await asyncio.shield(gone)
        return {"type": "http.disconnect"}

    return receive
