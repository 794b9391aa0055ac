from __future__ import annotations

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from live_service import HeldPipelines, Live, await_true, live

WALK = {"text": "walk", "seconds": 1, "seed": 0}
HEAD = b"POST /v1/motions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def error_of(answer: Any) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(answer.content)["error"]
    return told


# --- the token -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded() -> Any:
    with live(token="s3cret") as service:
        yield service


@pytest.mark.parametrize("path", ["/v1/backbones", "/v1/providers", "/metrics", "/v1/other"])
@pytest.mark.parametrize(
    "given", [None, "Bearer wrong", "Bearer s3cre", "s3cret", "Basic s3cret", "Bearer", "Bearer é"]
)
def test_without_the_token_nothing_is_answered(guarded: Live, path: str, given: str | None) -> None:
    headers = {} if given is None else {"Authorization": given}
    answer: Any = guarded.ask("GET", path, **headers)
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_a_motion_needs_the_token(guarded: Live) -> None:
    assert guarded.post(WALK).status == 401
    assert guarded.post(WALK, Authorization="Bearer s3cret").status == 200


def test_the_scheme_is_read_in_any_case(guarded: Live) -> None:
    assert guarded.ask("GET", "/v1/backbones", Authorization="bearer s3cret").status == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/docs", "/openapi.json"])
def test_health_and_the_page_are_open(guarded: Live, path: str) -> None:
    assert guarded.ask("GET", path).status == 200


# --- size ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [65537, 1_000_000])
def test_a_body_that_is_too_large_is_refused(service: Live, size: int) -> None:
    answer = service.post(b"x" * size)
    assert answer.status == 413
    assert "65536" in error_of(answer)["expected"]


def test_a_flood_is_cut_off(service: Live) -> None:
    with service.connect() as connection, pytest.raises(OSError, match=r"(?i)broken pipe|reset"):
        _flood(connection)
    assert service.ask("GET", "/healthz").status == 200


def _flood(connection: socket.socket) -> None:
    connection.sendall(HEAD + b"Content-Length: 1000000000\r\n\r\n")
    for _ in range(1000):
        connection.sendall(b"x" * 1_000_000)


def test_a_body_in_chunks_is_measured_too(service: Live) -> None:
    with service.connect() as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(80):
            connection.sendall(b"400\r\n" + b"x" * 1024 + b"\r\n")
        connection.sendall(b"0\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_the_largest_body_is_read(service: Live) -> None:
    body = json.dumps(WALK).encode()
    assert service.post(body + b" " * (65536 - len(body)), Content_Type="application/json").status == 200


# --- number ----------------------------------------------------------------------------------------------------------


def test_more_requests_than_the_queue_holds_are_told_when_to_come_back(held: HeldPipelines) -> None:
    with live(held, max_queue=2) as service, ThreadPoolExecutor(2) as clients:
        held.go.clear()
        waiting = [clients.submit(service.post, WALK) for _ in range(2)]
        await_true(lambda: service.metric("actiongpt_motions_in_flight") == 2)
        refused = service.post(WALK)
        assert (refused.status, error_of(refused)["kind"]) == (429, "busy")
        assert int(refused.headers["Retry-After"]) >= 1
        assert service.ask("GET", "/healthz").status == 200
        held.go.set()
        assert [item.result().status for item in waiting] == [200, 200]
        assert service.post(WALK).status == 200


# --- time ------------------------------------------------------------------------------------------------------------


def test_a_motion_that_takes_too_long_is_given_up(held: HeldPipelines) -> None:
    with live(held, timeout=0.3) as service:
        held.go.clear()
        answer = service.post(WALK)
        assert (answer.status, error_of(answer)["kind"]) == (504, "timeout")
        held.go.set()
        assert service.metric("actiongpt_motions_in_flight") == 0


def test_a_request_that_does_not_arrive_is_given_up() -> None:
    with live(timeout=0.3) as service, service.connect() as connection:
        connection.sendall(HEAD + b"Content-Length: 100\r\n\r\n{")
        assert connection.recv(100).startswith(b"HTTP/1.1 408 ")


# --- requests that are cut -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", [b"", b"POST", HEAD, HEAD + b"Content-Length: 100\r\n\r\n{"])
def test_a_cut_request_leaves_the_service_well(service: Live, sent: bytes) -> None:
    with service.connect() as connection:
        connection.sendall(sent)
    assert service.post(WALK).status == 200
    assert service.metric("actiongpt_motions_in_flight") == 0


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"\x00" * 100 + b"\r\n\r\n"]
)
def test_what_is_no_http_is_refused(service: Live, sent: bytes) -> None:
    with service.connect() as connection:
        connection.sendall(sent)
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
    assert service.ask("GET", "/healthz").status == 200


def test_a_client_that_goes_away_frees_its_place(held: HeldPipelines) -> None:
    with live(held) as service:
        held.go.clear()
        first = threading.Thread(target=service.post, args=(WALK,))
        first.start()
        held.entered.acquire()  # of the first motion, which is made at the start
        body = json.dumps(WALK).encode()
        with service.connect() as connection:
            connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            await_true(lambda: service.metric("actiongpt_motions_in_flight") == 2)
        await_true(lambda: service.metric("actiongpt_motions_in_flight") == 1)
        held.go.set()
        first.join()
        assert service.metric('actiongpt_requests_total{path="/v1/motions",status="499"}') == 1
