"""A real service on a free port of this machine, and pipelines that a test can hold up."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import attrs
import uvicorn

from actiongpt_core import Motion, Pipeline
from actiongpt_studio.pipelines import Choices, Pipelines
from actiongpt_studio.service.app import build_app
from actiongpt_studio.service.settings import Settings

#: Loaded once for all services of a run.
PIPELINES = Pipelines()


@attrs.frozen
class Live:
    """Where a service listens."""

    port: int
    app: Any

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> http.client.HTTPResponse:
        """One request; its answer is read already, as `answer.content`. Dicts are sent as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, dict):
            body, named = json.dumps(body), {"Content-Type": "application/json", **named}
        try:
            connection.request(method, path, body, named)
            answer: Any = connection.getresponse()
            answer.content = answer.read()
            return answer
        finally:
            connection.close()

    def post(self, body: Any, **headers: str) -> Any:
        """A request for a motion."""
        return self.ask("POST", "/v1/motions", body, **headers)

    def connect(self) -> socket.socket:
        """For what no client would send."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def metric(self, name: str) -> float:
        """The value of a line of /metrics; 0 where it is not there yet."""
        lines = self.ask("GET", "/metrics").content.decode().splitlines()  # type: ignore[attr-defined]
        return next((float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"{name} ")), 0.0)


@contextlib.contextmanager
def live(pipelines: Pipelines = PIPELINES, **settings: Any) -> Iterator[Live]:
    """A service that is ready, with the phrase itself as its description."""
    app = build_app(Settings(**{"llm": "passthrough", **settings}), pipelines)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            await_true(lambda: server.started and app.state.service.is_ready)
            yield Live(listener.getsockname()[1], app)
        finally:
            server.should_exit = True
            thread.join()


def await_true(claim: Any) -> None:
    """Wait until something becomes true; a minute is taken for never."""
    for _ in range(6000):
        if claim():
            return
        time.sleep(0.01)
    raise AssertionError("It did not come true within a minute.")


class HeldPipelines(Pipelines):
    """Real pipelines whose passes through the network wait while `go` is cleared."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.go.set()
        self.entered = threading.Semaphore(0)
        self._held: dict[Choices, Any] = {}

    def get(self, choices: Choices) -> Pipeline:
        pipeline = PIPELINES.get(choices)
        return self._held.setdefault(choices, _Held(pipeline, self))


class _Held:
    def __init__(self, pipeline: Pipeline, gate: HeldPipelines) -> None:
        self._pipeline, self._gate = pipeline, gate

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pipeline, name)

    def generate_batch(self, *arguments: Any, **options: Any) -> list[Motion]:
        self._gate.entered.release()
        self._gate.go.wait()
        return self._pipeline.generate_batch(*arguments, **options)
