"""A server of our own on the loopback interface that speaks the protocol of OpenAI, and fails as it is told."""

from __future__ import annotations

import json
import socket
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import attrs

#: What a client sent: the JSON of its request, and "path".
Request = dict[str, Any]


@attrs.frozen
class Reply:
    """What the server does with a request."""

    status: int = 200
    body: Any = ""  #: a string goes out as it is, as a page; anything else as JSON
    headers: dict[str, str] = attrs.field(factory=dict)
    fault: str = ""  #: "cut" without an answer, "half" of the answer and then cut, "silent" until the server closes


CUT = Reply(fault="cut")
SILENT = Reply(fault="silent")


def chat(
    texts: Sequence[str | None],
    *,
    finish_reason: str = "stop",
    usage: tuple[int, int] | None = (10, 20),
    refusal: str | None = None,
) -> Reply:
    """Chat completions: one choice a text; `usage`: tokens of prompt and completion, None where none are counted."""
    messages = [{"role": "assistant", "content": text, "refusal": refusal} for text in texts]
    choices = [{"index": i, "finish_reason": finish_reason, "message": message} for i, message in enumerate(messages)]
    return Reply(body={"id": "1", "object": "chat.completion", "model": "stub", "choices": choices, **_usage(usage)})


def completion(texts: Sequence[str], *, finish_reason: str = "stop", usage: tuple[int, int] | None = (10, 20)) -> Reply:
    """Legacy completions: one choice a text."""
    choices = [{"index": i, "finish_reason": finish_reason, "text": text} for i, text in enumerate(texts)]
    return Reply(body={"id": "1", "object": "text_completion", "model": "stub", "choices": choices, **_usage(usage)})


def error(status: int, message: str = "no", *, headers: dict[str, str] | None = None, **details: Any) -> Reply:
    """An error in OpenAI's words; `details` are its `code`, `param` and `type`."""
    return Reply(status, {"error": {"message": message, **details}}, headers or {})


def answer(request: Request, texts: Sequence[str]) -> Reply:
    """An answer of the kind that was asked for."""
    num_words = sum(len(text.split()) for text in texts)
    usage = (len(question(request).split()), num_words)
    return chat(texts, usage=usage) if "messages" in request else completion(texts, usage=usage)


def question(request: Request) -> str:
    """What the client asked, as one text."""
    if "messages" in request:
        return "\n".join(message["content"] for message in request["messages"])
    return str(request["prompt"])


def describe(request: Request) -> Reply:
    """n descriptions: the same of the same question and seed, others of another."""
    times, seed = zlib.crc32(question(request).encode()) % 1000, request.get("seed", 0)
    ways = range(seed, seed + (request.get("n") or 1))
    return answer(
        request, [f"The person bends both knees {times} times and lifts the arms {way} times." for way in ways]
    )


def refuse_n(request: Request) -> Reply:
    """A server that gives one answer a request and says so."""
    if (request.get("n") or 1) > 1:
        return error(400, "Only n = 1 is supported.", param="n")
    return describe(request)


def ignore_n(request: Request) -> Reply:
    """A server that gives one answer a request whatever it is asked."""
    return describe({**request, "n": 1})


class StubServer:
    """Answers with `faults`, one a request while there are some, then with `reply`; it keeps what was asked.

    Attributes:
        url: Base URL, for OPENAI_BASE_URL.
        reply: What it does with a request; threads may call it at the same time.
        faults: What it does with the next requests instead.
        requests: What was asked, in order; requests that met a fault are among them.
        headers: Those of each request, names in lower case.
        most_busy: How many requests were at work at the same time, at most.
        num_connections: How many connections clients have opened.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.reply: Callable[[Request], Reply] = describe
        self.faults: list[Reply] = []
        self.requests: list[Request] = []
        self.headers: list[dict[str, str]] = []
        self.most_busy = 0
        self.num_connections = 0
        self.closing = threading.Event()
        self._busy = 0
        self._num_open = 0
        self._lock = threading.Condition()

    def take(self, request: Request, headers: dict[str, str]) -> Reply:
        """Note a request and say what to do with it."""
        with self._lock:
            self.requests.append(request)
            self.headers.append(headers)
            self._busy += 1
            self.most_busy = max(self.most_busy, self._busy)
            fault = self.faults.pop(0) if self.faults else None
        try:
            return self.reply(request) if fault is None else fault
        finally:
            with self._lock:
                self._busy -= 1

    def count_connections(self, opened: int = 0, closed: int = 0) -> None:
        """Note connections that begin or end."""
        with self._lock:
            self.num_connections += opened
            self._num_open += opened - closed
            self._lock.notify_all()

    def wait_until_closed(self) -> bool:
        """Wait for clients to close all their connections; whether they did."""
        with self._lock:
            return self._lock.wait_for(lambda: self._num_open == 0, timeout=30)


@contextmanager
def serve() -> Iterator[StubServer]:
    """A server while the block lasts."""
    http = _Http(("127.0.0.1", 0), _Handler)
    http.stub = StubServer(f"http://127.0.0.1:{http.server_address[1]}/v1")
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield http.stub
    finally:
        http.stub.closing.set()
        http.shutdown()
        http.hang_up()
        http.server_close()
        thread.join()


class _Http(ThreadingHTTPServer):
    daemon_threads = False  # so that closing waits for them: none outlives its test
    stub: StubServer

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._connections: list[socket.socket] = []

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.append(request)
        self.stub.count_connections(opened=1)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.stub.count_connections(closed=1)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that went away

    def hang_up(self) -> None:
        """End the connections that clients keep open."""
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections stay open, as those of real servers
    server: _Http

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._send(self.server.stub.take({"path": self.path, **request}, headers))

    def _send(self, reply: Reply) -> None:
        if reply.fault == "silent":
            self.server.stub.closing.wait()
        if reply.fault in ("silent", "cut"):
            self.close_connection = True
            return
        is_page = isinstance(reply.body, str)
        payload = (reply.body if is_page else json.dumps(reply.body)).encode()
        self.send_response(reply.status)
        headers = {"Content-Type": "text/html" if is_page else "application/json", **reply.headers}
        for name, value in {**headers, "Content-Length": str(len(payload))}.items():
            self.send_header(name, value)
        self.end_headers()
        if reply.fault == "half":
            self.close_connection = True
            payload = payload[: len(payload) // 2]
        self.wfile.write(payload)

    def log_message(self, *_: object) -> None:
        pass


def _usage(usage: tuple[int, int] | None) -> dict[str, Any]:
    if usage is None:
        return {}
    asked, written = usage
    return {"usage": {"prompt_tokens": asked, "completion_tokens": written, "total_tokens": asked + written}}
