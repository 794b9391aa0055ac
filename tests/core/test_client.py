from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from actiongpt_core import (
    Action,
    Client,
    ConfigError,
    ExportError,
    PromptError,
    ServiceError,
    UnknownBackboneError,
)


class Stub(ThreadingHTTPServer):
    """Gives the answers that a test lays out, the last one again and again, and remembers what it was asked."""

    answers: list[tuple[int, dict[str, str], bytes]]
    asked: list[tuple[str, dict[str, str], Any]]


class _Handler(BaseHTTPRequestHandler):
    def _answer(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        server.asked.append((self.path, dict(self.headers), json.loads(body) if body else None))
        status, headers, content = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _answer  # noqa: N815

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        """Nothing."""


@pytest.fixture
def stub() -> Iterator[Stub]:
    server = Stub(("127.0.0.1", 0), _Handler)
    server.answers, server.asked = [(200, {}, b"bytes")], []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def url(server: Stub) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}"


def refusal(status: int, kind: str, expected: Any = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    error = {"version": 1, "kind": kind, "message": f"It is {kind}.", "expected": expected}
    return status, headers, json.dumps({"error": error}).encode()


def test_a_request_says_what_was_asked_for(stub: Stub) -> None:
    Client(url(stub)).fetch("walk", "bvh", seconds=2.5, seed=7, backbone="b", postprocess=("smooth",))
    path, _, body = stub.asked[0]
    assert path == "/v1/motions"
    assert body == {
        "text": "walk", "format": "bvh", "seconds": 2.5, "seed": 7, "backbone": "b", "postprocess": ["smooth"],
    }  # fmt: skip


@pytest.mark.parametrize("prompt", [Action("walk", 2), [Action("walk", 2)]])
def test_actions_are_sent_as_actions(stub: Stub, prompt: Any) -> None:
    Client(url(stub)).fetch(prompt, "bvh")
    assert stub.asked[0][2]["actions"] == [{"phrase": "walk", "seconds": 2}]


def test_the_token_is_sent(stub: Stub) -> None:
    Client(url(stub), token="s3cret").fetch("walk", "bvh")
    assert stub.asked[0][1]["Authorization"] == "Bearer s3cret"


def test_the_suffix_of_a_file_chooses_the_format(stub: Stub, tmp_path: Path) -> None:
    path = Client(url(stub)).save("walk", tmp_path / "walk.GLB")
    assert (path.read_bytes(), stub.asked[0][2]["format"]) == (b"bytes", "glb")


def test_a_file_that_cannot_be_written_is_an_export_error(stub: Stub, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="Cannot write"):
        Client(url(stub)).save("walk", tmp_path / "no folder" / "walk.bvh")


def test_a_busy_service_is_asked_again(stub: Stub) -> None:
    stub.answers = [refusal(429, "busy", Retry_After="0"), refusal(429, "busy", Retry_After="0"), (200, {}, b"made")]
    stub.answers = [
        (status, {name.replace("_", "-"): it for name, it in h.items()}, c) for status, h, c in stub.answers
    ]
    assert Client(url(stub)).fetch("walk", "bvh") == b"made"
    assert len(stub.asked) == 3


def test_a_service_that_stays_busy_is_given_up(stub: Stub) -> None:
    stub.answers = [(429, {"Retry-After": "0"}, refusal(429, "busy")[2])]
    with pytest.raises(ServiceError, match="It is busy") as caught:
        Client(url(stub), retries=2).fetch("walk", "bvh")
    assert (caught.value.status, caught.value.kind) == (429, "busy")
    assert len(stub.asked) == 3


def test_nobody_waits_for_minutes(stub: Stub) -> None:
    stub.answers = [(429, {"Retry-After": "3600"}, refusal(429, "busy")[2])]
    with pytest.raises(ServiceError):
        Client(url(stub)).fetch("walk", "bvh")
    assert len(stub.asked) == 1


def test_an_error_is_not_asked_again(stub: Stub) -> None:
    stub.answers = [refusal(500, "internal")]
    with pytest.raises(ServiceError):
        Client(url(stub)).fetch("walk", "bvh")
    assert len(stub.asked) == 1


@pytest.mark.parametrize(
    ("kind", "family"),
    [
        ("prompt", PromptError),
        ("limit", PromptError),
        ("config", ConfigError),
        ("invalid", ConfigError),
        ("backbone", UnknownBackboneError),
        ("format", ExportError),
        ("unauthorized", ServiceError),
        ("of a later version", ServiceError),
    ],
)
def test_a_refusal_is_the_librarys_own_error(stub: Stub, kind: str, family: type[Exception]) -> None:
    stub.answers = [refusal(422, kind, expected=["this", "that"])]
    with pytest.raises(family, match="Expected: this; that"):
        Client(url(stub)).fetch("walk", "bvh")


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b'{"error": 3}', b'{"error": {}}', b"\xff"])
def test_an_error_of_another_server_is_told_by_its_status(stub: Stub, content: bytes) -> None:
    stub.answers = [(502, {}, content)]
    with pytest.raises(ServiceError, match="502"):
        Client(url(stub)).fetch("walk", "bvh")


@pytest.mark.parametrize("content", [b"", b"<html>", b"{}", b"[]", b'{"skeleton": {"name": 1}}', b'{"backbones": 1'])
def test_an_answer_that_is_no_motion_is_an_error(stub: Stub, content: bytes) -> None:
    stub.answers = [(200, {}, content)]
    with pytest.raises(ServiceError, match="something else"):
        Client(url(stub)).generate("walk")
    with pytest.raises(ServiceError, match="something else"):
        Client(url(stub)).backbones()


def test_an_answer_that_is_cut_is_an_error(stub: Stub) -> None:
    stub.answers = [(200, {"Content-Length": "100"}, b"half")]
    with pytest.raises(ServiceError, match="cannot be reached"):
        Client(url(stub)).fetch("walk", "bvh")


def test_a_service_that_is_not_there_is_said(stub: Stub) -> None:
    with pytest.raises(ServiceError, match=r"(?s)cannot be reached.*actiongpt serve"):
        Client("http://127.0.0.1:9").fetch("walk", "bvh")


def test_a_service_that_does_not_answer_in_time_is_said(stub: Stub) -> None:
    with __import__("socket").socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(ServiceError, match=r"did not answer within 0\.1 s"):
            Client(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.1).fetch("walk", "bvh")


@pytest.mark.parametrize("address", ["127.0.0.1:8000", "file:///etc/passwd", "ftp://x", "", "http://"])
def test_what_is_no_address_of_a_service_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="address"):
        Client(address)


@pytest.mark.parametrize("options", [{"timeout": 0}, {"retries": -1}, {"token": ""}, {"token": "a\nb"}])
def test_settings_that_cannot_work_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Client(**options)


@pytest.mark.parametrize("prompt", [["walk"], [3], [Action("walk"), None]])
def test_what_is_no_prompt_is_refused(prompt: Any) -> None:
    with pytest.raises(PromptError, match="text or Actions"):
        Client().fetch(prompt, "bvh")


def test_what_cannot_be_sent_is_refused() -> None:
    with pytest.raises(ConfigError, match="JSON"):
        Client().fetch("walk", "bvh", seconds=float("nan"))


def test_fetching_a_file_imports_no_torch(stub: Stub) -> None:
    code = (
        "import sys; from actiongpt_core import Client; "
        f"assert Client({url(stub)!r}).fetch('walk', 'bvh') == b'bytes'; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
