"""The key reaches the server, and nothing else: no log, no message, no trace, no cache, no representation."""

from __future__ import annotations

import base64
import logging
import os
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from llm_stub import CUT, SILENT, Reply, StubServer, chat, error

from actiongpt_core.errors import ConfigError, ProviderError
from actiongpt_core.text.cache import DescriptionCache
from actiongpt_core.text.describe import describe as describe_actions
from actiongpt_core.text.describe import describe_action
from actiongpt_core.text.providers.openai import OpenAIProvider
from actiongpt_core.types.text import Action

KEY = "sk-secret-0123456789-abcdef"
PASSWORD = "p@ss/word-0123456789"

#: What a server does; most repeat the key, as some do.
FAULTS: dict[str, Callable[[Any], Reply]] = {
    "answer": lambda request: chat([f"The person says {KEY} and walks on."] * request.get("n", 1)),
    "empty": lambda request: chat([None]),
    "refusal": lambda request: chat([None], refusal=f"No, {KEY}."),
    "bad request": lambda request: error(400, f"bad {KEY}", param="temperature", code=KEY),
    "unauthorised": lambda request: error(401, f"Incorrect API key provided: {KEY}."),
    "forbidden": lambda request: error(403, f"not with {KEY}"),
    "no model": lambda request: error(404, f"no model for {KEY}"),
    "too many": lambda request: error(429, f"limit of {KEY}", headers={"Retry-After": "1"}),
    "no credit": lambda request: error(429, f"credit of {KEY}", code="insufficient_quota"),
    "broken": lambda request: error(500, KEY),
    "page of an error": lambda request: Reply(500, f"<html>{KEY}"),
    "login page": lambda request: Reply(200, f"<html>{KEY}"),
    "malformed": lambda request: Reply(200, f'{{"choices": "{KEY}'),
    "no choices": lambda request: Reply(200, {"key": KEY}),
    "cut": lambda request: CUT,
    "half": lambda request: Reply(200, {"choices": [KEY]}, fault="half"),
    "silent": lambda request: SILENT,
}


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_API_KEY_FILE", raising=False)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


def told(caught: BaseException) -> str:
    """An error as whoever shows most of it shows it: with its context, and the variables of all frames but a test's."""
    parts: list[str] = []
    link: BaseException | None = caught
    while link is not None:
        parts += [str(link), repr(link), repr(vars(link)), *traceback.format_exception_only(link)]
        frames = (frame for frame, _ in traceback.walk_tb(link.__traceback__))
        parts += [repr(frame.f_locals) for frame in frames if frame.f_code.co_filename != __file__]
        link = link.__cause__ or link.__context__
    return "\n".join(parts)


@pytest.mark.parametrize("fault", FAULTS)
def test_the_key_is_in_no_log_message_trace_cache_or_representation(
    fault: str, server: StubServer, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    server.reply = FAULTS[fault]
    provider = OpenAIProvider(timeout=0.2 if fault == "silent" else 20, max_retries=1, base_url=server.url)
    said = ""
    try:
        said = repr(describe_action(Action("walk"), provider, 2, DescriptionCache(tmp_path / "cache.sqlite")))
    except ProviderError as caught:
        said = told(caught)
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"
    assert "openai" in {record.name.partition(".")[0] for record in caplog.records}  # its log was listened to
    assert KEY not in caplog.text
    assert KEY not in said
    assert KEY not in repr(provider) + repr(vars(provider)) + repr(vars(provider.budget))
    assert KEY not in "".join(capfd.readouterr())
    assert not any(KEY.encode() in path.read_bytes() for path in tmp_path.iterdir())


def test_an_error_of_the_client_does_not_go_with_ours(server: StubServer) -> None:
    server.reply = lambda request: error(401)
    with pytest.raises(ProviderError) as caught:
        OpenAIProvider().complete(Action("walk"), 1)
    assert caught.value.__context__ is None


def test_the_client_does_not_hold_the_key_after_a_request(server: StubServer) -> None:
    provider = OpenAIProvider()
    provider.complete(Action("walk"), 1)
    assert provider._client is not None
    assert KEY not in repr(vars(provider._client)) + provider._client.api_key


def test_a_new_key_is_used_at_once(server: StubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = OpenAIProvider()
    for key in ("sk-first", "sk-second"):
        monkeypatch.setenv("OPENAI_API_KEY", key)
        provider.complete(Action("walk"), 1)
    assert [headers["authorization"] for headers in server.headers] == ["Bearer sk-first", "Bearer sk-second"]


# --- where it is from ------------------------------------------------------------------------------------------------


def authorization(server: StubServer, **options: Any) -> str:
    OpenAIProvider(**options).complete(Action("walk"), 1)
    return server.headers[-1]["authorization"]


def key_file(folder: Path, content: str | bytes, mode: int = 0o600) -> Path:
    path = folder / "key.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)
    return path


def test_a_key_file_goes_before_the_key_and_that_before_the_file_of_the_environment(
    server: StubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = key_file(tmp_path, "\ufeffsk-of-the-file\n")
    monkeypatch.setenv("OPENAI_API_KEY_FILE", str(path))
    assert authorization(server) == f"Bearer {KEY}"
    assert authorization(server, key_file=path) == "Bearer sk-of-the-file"
    monkeypatch.delenv("OPENAI_API_KEY")
    assert authorization(server) == "Bearer sk-of-the-file"


def test_a_server_of_ones_own_needs_no_key(server: StubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    assert authorization(server) == "Bearer no-key"


@pytest.mark.parametrize("key", [None, "", " \n"])
def test_without_a_key_openai_is_not_asked(key: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    if key is not None:
        monkeypatch.setenv("OPENAI_API_KEY", key)
    provider = OpenAIProvider()
    with pytest.raises(ProviderError, match=r"OPENAI_API_KEY, or name a file.*'pack' or 'passthrough'"):
        provider.complete(Action("walk"), 1)
    assert provider._client is None


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (f"{KEY}\nother\n", "has several lines"),
        (f"OPENAI_API_KEY = {KEY}", "holds spaces or characters"),
        (KEY.encode() + b"\xff\xfe", "holds spaces or characters"),
        (f"{KEY}\x00", "holds spaces or characters"),
        ("\n", "is empty"),
    ],
)
def test_a_key_file_that_holds_no_key_says_what_is_wrong_and_not_what_is_in_it(
    server: StubServer, tmp_path: Path, content: str | bytes, problem: str
) -> None:
    with pytest.raises(ProviderError, match=f"The API key file of the option key_file {problem}") as caught:
        OpenAIProvider(key_file=key_file(tmp_path, content)).complete(Action("walk"), 1)
    assert KEY not in told(caught.value)
    assert server.requests == []


def test_a_key_in_the_environment_that_could_not_be_sent_is_not_shown(
    server: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}\nX-Other: header")
    with pytest.raises(ProviderError, match="environment variable OPENAI_API_KEY has several lines") as caught:
        OpenAIProvider().complete(Action("walk"), 1)
    assert KEY not in told(caught.value)


def test_a_key_that_is_given_for_the_name_of_its_file_is_not_shown(server: StubServer) -> None:
    with pytest.raises(ProviderError, match=r"key_file cannot be read \(No such file or directory\)") as caught:
        OpenAIProvider(key_file=KEY).complete(Action("walk"), 1)
    assert KEY not in str(caught.value)


@pytest.mark.skipif(os.name != "posix", reason="Files have no modes of this kind.")
@pytest.mark.parametrize(("mode", "num_warnings"), [(0o600, 0), (0o400, 0), (0o640, 1), (0o604, 1)])
def test_a_key_file_that_others_can_read_is_used_with_one_warning(
    server: StubServer, tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int, num_warnings: int
) -> None:
    path = key_file(tmp_path, KEY, mode)
    for _ in range(2):
        assert authorization(server, key_file=str(path)) == f"Bearer {KEY}"
    warned = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert (
        warned == [f"Others can read the API key file {path}: it is used; shut it off with chmod 600."] * num_warnings
    )


# --- a password in the address ---------------------------------------------------------------------------------------


def with_login(url: str) -> str:
    return url.replace("://", "://user:p%40ss%2Fword-0123456789@")


@pytest.mark.parametrize("fault", ["answer", "unauthorised", "broken", "login page", "cut"])
def test_a_password_in_the_address_reaches_the_server_and_nothing_else(
    fault: str, server: StubServer, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    server.reply = lambda request: FAULTS[fault](request)
    provider = OpenAIProvider(base_url=with_login(server.url), max_retries=0)
    cache = DescriptionCache(tmp_path / "cache.sqlite")
    try:
        said = repr(describe_actions([Action("walk")], provider, 2, cache))
    except ProviderError as caught:
        said = told(caught)
    login = base64.b64encode(f"user:{PASSWORD}".encode()).decode()
    assert server.headers[0]["authorization"] == f"Basic {login}"
    assert provider.base_url == server.url
    written = "".join([said, caplog.text, repr(vars(provider)), *(str(p.read_bytes()) for p in tmp_path.iterdir())])
    assert [secret for secret in (PASSWORD, "p%40ss", login) if secret in written] == []


@pytest.mark.parametrize(
    "url",
    [
        "secret:8080/v1",
        "ftp://user:secret@example.org",
        "http://",
        "http://user:secret/word@example.org/v1",
        "http://user:secret@word@example.org/v1",
        "http://example.org/v1?key=secret",
        "http://example.org:secret/v1",
        "http://[secret/v1",
    ],
)
def test_an_address_that_cannot_be_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ConfigError, match="must look like http://localhost:8080/v1") as caught:
        OpenAIProvider(base_url=url)
    assert "secret" not in f"{caught.value} {caught.value!r}"
    assert caught.value.__context__ is None


def test_a_word_that_stands_for_a_key_is_left_in_the_answers(
    server: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "anything")
    server.reply = lambda request: chat(["The person steps forward without touching anything."])
    found = OpenAIProvider().complete(Action("walk"), 1)
    assert found.texts == ("The person steps forward without touching anything.",)
