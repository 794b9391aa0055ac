"""Every fault of a server, and the message that a user sees."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest
from llm_stub import CUT, SILENT, Reply, StubServer, chat, describe, error, ignore_n, refuse_n

from actiongpt_core.errors import ProviderError
from actiongpt_core.text.providers.openai import OpenAIProvider
from actiongpt_core.types.text import Action


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """For how long the client would have waited before it tried again; here it waits for nothing."""
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    return waited


def message(provider: OpenAIProvider | None = None, k: int = 1) -> str:
    with pytest.raises(ProviderError) as caught:
        (provider or OpenAIProvider("some-model")).complete(Action("walk"), k)
    return str(caught.value)


# --- busy and broken servers -----------------------------------------------------------------------------------------


def test_a_busy_server_is_asked_again_after_the_time_that_it_names(server: StubServer, waits: list[float]) -> None:
    server.faults = [error(429, headers={"Retry-After": "7"}), error(503, headers={"Retry-After": "3"})]
    assert OpenAIProvider().complete(Action("walk"), 2).k == 2
    assert waits == [7.0, 3.0]
    assert len(server.requests) == 3


def test_without_a_time_the_waits_grow(server: StubServer, waits: list[float]) -> None:
    server.faults = [error(429)] * 3
    assert OpenAIProvider(max_retries=3).complete(Action("walk"), 1).k == 1
    assert len(waits) == 3
    assert 0 < waits[0] < waits[1] < waits[2]


def test_too_many_requests_name_what_to_turn(server: StubServer) -> None:
    server.reply = lambda request: error(429, "Rate limit reached for gpt-4o", headers={"Retry-After": "20"})
    assert message() == (
        f"{server.url} gets too many requests (429: Rate limit reached for gpt-4o), in 3 attempts. It asks to wait "
        f"20 s. Wait, lower the option concurrency, or raise max_retries: what is answered is kept in the description "
        f"cache."
    )


def test_a_wait_that_is_too_long_is_told_at_once(server: StubServer, waits: list[float]) -> None:
    server.reply = lambda request: error(429, headers={"Retry-After": "3600"})
    assert "It asks to wait 3600 s" in message()
    assert waits == []


def test_spent_credit_is_told_apart_from_too_many_requests(server: StubServer) -> None:
    server.reply = lambda request: error(429, "You exceeded your current quota.", code="insufficient_quota")
    assert message().startswith(f"The account at {server.url} has no credit left (429: You exceeded your current quota")


@pytest.mark.parametrize("status", [500, 502, 503])
def test_an_error_of_the_server_says_whose_it_is_and_how_often_it_came(server: StubServer, status: int) -> None:
    server.reply = lambda request: error(status, "out of memory")
    said = message(OpenAIProvider(max_retries=1))
    assert f"{server.url} has an error of its own ({status}: out of memory), in 2 attempts. Try again later" in said
    assert len(server.requests) == 2


def test_one_error_of_the_server_is_not_noticed(server: StubServer) -> None:
    server.faults = [error(500)]
    assert OpenAIProvider().complete(Action("walk"), 2).k == 2


# --- connections -----------------------------------------------------------------------------------------------------


def test_a_server_that_does_not_answer_in_time_names_the_limit(server: StubServer) -> None:
    server.faults = [SILENT]
    said = message(OpenAIProvider(timeout=0.1, max_retries=0))
    assert said.startswith(f"{server.url} did not answer within 0.1 s, in 1 attempt. Raise the limit (option timeout)")


def test_a_server_that_is_not_there_names_the_address() -> None:
    with socket.socket() as held:  # bound, and not listening
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}/v1"
        said = message(OpenAIProvider(base_url=url, max_retries=1))
    assert said.startswith(f"{url} cannot be reached (ConnectError, in 2 attempts): see whether the server runs")
    assert "base_url or OPENAI_BASE_URL" in said


@pytest.mark.parametrize("fault", [CUT, Reply(200, chat(["text"]).body, fault="half")])
def test_a_connection_that_is_cut_is_told_apart_from_one_that_is_not_made(server: StubServer, fault: Reply) -> None:
    server.reply = lambda request: fault
    said = message(OpenAIProvider(max_retries=1))
    assert (
        f"{server.url} cut the connection before its answer was complete (RemoteProtocolError, in 2 attempts)" in said
    )


def test_one_connection_that_is_cut_is_not_noticed(server: StubServer) -> None:
    server.faults = [CUT]
    assert OpenAIProvider().complete(Action("walk"), 2).k == 2


# --- refusals --------------------------------------------------------------------------------------------------------


def test_a_key_that_is_not_accepted_names_where_it_is_from(server: StubServer) -> None:
    server.reply = lambda request: error(401, "Incorrect API key provided: sk-***789.")
    said = message()
    assert said.startswith(f"{server.url} does not accept the API key (401). Check OPENAI_API_KEY or the key file")
    assert "789" not in said


def test_a_server_that_wants_a_key_where_there_is_none_says_how_to_give_it(
    server: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    server.reply = lambda request: error(401)
    assert message().startswith(f"{server.url} wants an API key (401): put it into OPENAI_API_KEY")


def test_a_model_that_the_key_may_not_use_is_named(server: StubServer) -> None:
    server.reply = lambda request: error(403, "Project has no access.")
    said = message()
    assert "does not allow this key to use the model 'some-model' (403: Project has no access.)" in said


def test_a_model_that_is_not_there_is_named(server: StubServer) -> None:
    server.reply = lambda request: error(404, "The model 'some-model' does not exist")
    said = message()
    assert "knows no model 'some-model', or not this address (404: The model 'some-model' does not exist)" in said
    assert "ends in /v1" in said


def test_a_request_that_cannot_be_is_told_in_the_servers_words(server: StubServer) -> None:
    server.reply = lambda request: error(400, "max_tokens is too large: 999.", param="max_tokens")
    said = message()
    assert "does not take the request for the model 'some-model' (400: max_tokens is too large: 999.)" in said


def test_the_words_of_other_frameworks_are_found(server: StubServer) -> None:
    server.reply = lambda request: Reply(422, {"detail": [{"loc": ["body", "top_p"], "msg": "too high"}]})
    assert "too high" in message()


def test_a_page_as_an_error_is_not_printed(server: StubServer) -> None:
    server.reply = lambda request: Reply(502, "<html><body>" + "Bad Gateway " * 100)
    assert "(502: a web page instead of a reason)" in message(OpenAIProvider(max_retries=0))


@pytest.mark.parametrize("reply", [refuse_n, ignore_n])
def test_a_server_that_gives_one_answer_a_request_is_not_noticed(server: StubServer, reply: Any) -> None:
    server.reply = reply
    assert OpenAIProvider().complete(Action("walk"), 4).k == 4


def test_a_refusal_of_something_else_than_the_number_is_told_as_it_is(server: StubServer) -> None:
    server.reply = lambda request: error(400, "the context is too long")
    assert "(400: the context is too long)" in message(k=3)


# --- answers that are none -------------------------------------------------------------------------------------------


def test_malformed_json_is_shown_from_its_start(server: StubServer) -> None:
    server.reply = lambda request: Reply(200, '{"choices": [{"mess', {"Content-Type": "application/json"})
    said = message()
    assert said.startswith(f'{server.url} answered with malformed JSON: \'{{"choices": [{{"mess\'. Try again')


def test_nothing_at_all_is_called_so(server: StubServer) -> None:
    server.reply = lambda request: Reply(200, "")
    assert f"{server.url} answered with malformed JSON: nothing at all" in message()


def test_a_login_page_is_called_so(server: StubServer) -> None:
    server.reply = lambda request: Reply(200, "<!doctype html><title>Log in</title>")
    said = message()
    assert said.startswith(f"{server.url} answered with a web page, not with a completion: it may be the login page")
    assert "Log in" not in said


@pytest.mark.parametrize("body", [{"unexpected": True}, {"choices": []}, {"choices": None}, {"choices": ["a"]}, [1]])
def test_json_that_is_no_completion_is_called_so(server: StubServer, body: Any) -> None:
    server.reply = lambda request: Reply(200, body)
    assert f"{server.url} answered with JSON that holds no choices: " in message(k=2)


@pytest.mark.parametrize("choice", [{"index": 0}, {"message": None}, {"message": {"content": [1]}}, {"text": None}])
def test_a_choice_without_text_is_an_empty_answer(server: StubServer, choice: dict[str, Any]) -> None:
    server.reply = lambda request: Reply(200, {"choices": [choice]})
    assert "some-model) gave 0 of 1 descriptions of 'walk'" in message()


def test_empty_answers_are_asked_again_and_then_reported(server: StubServer) -> None:
    server.reply = lambda request: chat([None, " \n"])
    said = message(k=2)
    assert said.startswith("openai (some-model) gave 0 of 2 descriptions of 'walk' after 3 attempts; 6 answers could")
    assert len(server.requests) == 3


def test_one_empty_answer_is_not_noticed(server: StubServer) -> None:
    server.faults = [chat(["The person walks with long steps.", None])]
    found = OpenAIProvider().complete(Action("walk"), 2)
    assert found.k == 2
    assert found.texts[0] == "The person walks with long steps."


def test_a_refusal_of_the_model_is_told_in_its_words(server: StubServer) -> None:
    server.reply = lambda request: chat([None] * request.get("n", 1), refusal="I can't help with that.")
    said = message(k=2)
    assert said.startswith(f'{server.url} (some-model) refused to answer: "I can\'t help with that.". Write the phrase')
    assert len(server.requests) == 1


@pytest.mark.parametrize("text", [None, "The person walks and"])
def test_an_answer_that_the_content_filter_stopped_is_no_description(server: StubServer, text: str | None) -> None:
    server.reply = lambda request: chat([text], finish_reason="content_filter")
    assert f"{server.url} (some-model) was stopped by its content filter. Write the phrase in other words" in message()


def test_one_refusal_among_answers_is_asked_again(server: StubServer) -> None:
    refused, written = chat([None], refusal="No.").body["choices"], chat(["The person walks forward."]).body["choices"]
    server.faults = [Reply(200, {"choices": [*written, *refused]})]
    assert OpenAIProvider().complete(Action("walk"), 2).k == 2


def test_a_question_that_the_content_filter_stops_is_told(server: StubServer) -> None:
    server.reply = lambda request: error(400, "The prompt triggered the policy.", code="content_filter")
    said = message()
    assert said.startswith(
        f"The content filter of {server.url} stopped the question (The prompt triggered the policy.)"
    )


def test_a_model_that_thinks_until_the_limit_is_told_apart_from_an_empty_one(server: StubServer) -> None:
    server.reply = lambda request: chat([""], finish_reason="length")
    assert "(some-model) used up max_tokens before it wrote a word" in message()


def test_a_fault_in_one_request_leaves_the_others(server: StubServer) -> None:
    server.reply = lambda request: describe(request) if "n" not in request else refuse_n(request)
    server.faults = [error(400, "n"), error(500), CUT]
    assert OpenAIProvider().complete(Action("walk"), 4).k == 4
