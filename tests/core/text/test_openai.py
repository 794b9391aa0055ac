"""The real client against a server of our own on the loopback interface."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from actiongpt_core.errors import ConfigError, ProviderError
from actiongpt_core.interfaces import LLMProvider
from actiongpt_core.text.providers.openai import OpenAIProvider
from actiongpt_core.types.text import Action

KEY = "sk-secret-0123456789"
Reply = tuple[int, dict[str, Any] | str]


class StubServer:
    """Answers chat completions with `reply(request)` and keeps the requests."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.reply: Callable[[dict[str, Any]], Reply] = lambda request: chat(["text"] * request["n"])


def chat(texts: list[str | None]) -> Reply:
    choices = [
        {"index": i, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        for i, text in enumerate(texts)
    ]
    return 200, {"id": "1", "object": "chat.completion", "created": 0, "model": "stub", "choices": choices}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StubServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            stub.requests.append({"path": self.path, **request})
            stub.headers.append({name.lower(): value for name, value in self.headers.items()})
            status, body = stub.reply(request)
            payload = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if isinstance(body, str) else "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        stub = StubServer(f"http://127.0.0.1:{http.server_address[1]}/v1")
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", stub.url)
        for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.delenv(variable, raising=False)
        yield stub
        http.shutdown()
        thread.join()


def test_provider_asks_the_papers_prompt_with_the_papers_sampling(server: StubServer) -> None:
    provider = OpenAIProvider("some-model")
    found = provider.complete(Action("walk"), 4)
    assert isinstance(provider, LLMProvider)
    (request,) = server.requests
    assert request["path"] == "/v1/chat/completions"
    assert request["messages"] == [
        {
            "role": "user",
            "content": "Describe a person's body movements who is performing the action walk in details",
        }
    ]
    asked = {name: request[name] for name in ("model", "n", "temperature", "top_p", "max_tokens")}
    assert asked == {"model": "some-model", "n": 4, "temperature": 0.5, "top_p": 1.0, "max_tokens": 128}
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"
    assert (found.source, found.provider, found.model, found.k) == ("llm", "openai", "some-model", 4)
    assert found.prompt == request["messages"][0]["content"]
    assert found.sampling == {"temperature": 0.5, "top_p": 1.0, "max_tokens": 128}


def test_newlines_become_spaces(server: StubServer) -> None:
    server.reply = lambda request: chat(["\n\nThe left arm\nrises.  It stops. "])
    assert OpenAIProvider().complete(Action("walk"), 1).texts == ("The left arm rises. It stops.",)


def test_server_that_gives_one_answer_at_a_time_is_asked_again(server: StubServer) -> None:
    server.reply = lambda request: chat([f"text {len(server.requests)}"])
    assert OpenAIProvider().complete(Action("walk"), 3).texts == ("text 1", "text 2", "text 3")
    assert [request["n"] for request in server.requests] == [3, 2, 1]


def test_server_that_refuses_several_answers_is_asked_for_one(server: StubServer) -> None:
    server.reply = lambda request: (400, {"error": {"message": "n"}}) if request["n"] > 1 else chat(["text"])
    assert OpenAIProvider().complete(Action("walk"), 2).texts == ("text", "text")


def test_more_answers_than_asked_for_are_cut(server: StubServer) -> None:
    server.reply = lambda request: chat(["a", "b", "c"])
    assert OpenAIProvider().complete(Action("walk"), 2).texts == ("a", "b")


def test_empty_answers_are_left_out_and_never_become_a_description(server: StubServer) -> None:
    server.reply = lambda request: chat([None, " \n"])
    with pytest.raises(ProviderError, match="0 of 2 descriptions of 'walk'"):
        OpenAIProvider().complete(Action("walk"), 2)
    assert len(server.requests) <= 4


def test_model_is_taken_from_the_environment(server: StubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert OpenAIProvider().model == "gpt-4o-mini"
    monkeypatch.setenv("ACTIONGPT_OPENAI_MODEL", "other")
    assert OpenAIProvider().model == "other"
    assert OpenAIProvider("given").model == "given"


@pytest.mark.parametrize("key", [None, ""])
def test_missing_key_names_the_variable_and_the_ways_without(key: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if key is None:
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    else:
        monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(ProviderError, match=r"OPENAI_API_KEY.*'pack' or 'passthrough'"):
        OpenAIProvider().complete(Action("walk"), 4)


@pytest.mark.parametrize("status", [401, 403, 404, 400])
def test_refusal_is_a_provider_error_without_the_key(server: StubServer, status: int) -> None:
    server.reply = lambda request: (status, {"error": {"message": f"Incorrect API key provided: {KEY}."}})
    with pytest.raises(ProviderError, match=r"did not answer.*\*\*\*") as caught:
        OpenAIProvider().complete(Action("walk"), 1)
    assert KEY not in f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"
    assert caught.value.__suppress_context__
    assert KEY not in repr(vars(OpenAIProvider()))


@pytest.mark.parametrize("body", [{"unexpected": True}, {"choices": [{"index": 0}]}, "<html>a login page</html>"])
def test_answer_that_is_no_chat_completion_is_a_provider_error(server: StubServer, body: dict[str, Any] | str) -> None:
    server.reply = lambda request: (200, body)
    with pytest.raises(ProviderError):
        OpenAIProvider().complete(Action("walk"), 1)


def test_server_that_is_not_there_is_a_provider_error(monkeypatch: pytest.MonkeyPatch, server: StubServer) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    with pytest.raises(ProviderError, match="APIConnectionError"):
        OpenAIProvider(timeout=0.5, max_retries=0).complete(Action("walk"), 1)


def test_unknown_strategy_stops_before_the_server_is_asked(server: StubServer) -> None:
    with pytest.raises(ConfigError, match="strategy"):
        OpenAIProvider(strategy="nonsense").complete(Action("walk"), 1)
    assert server.requests == []
