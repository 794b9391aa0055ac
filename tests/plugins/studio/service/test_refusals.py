from __future__ import annotations

import json
from typing import Any

import pytest
from live_service import Live, live

from actiongpt_studio.service.problems import KINDS


def kind(answer: Any) -> str:
    """The kind of an error, whose form and status are checked on the way."""
    error = json.loads(answer.content)["error"]
    assert set(error) == {"version", "kind", "message", "expected"}
    assert answer.status == KINDS[error["kind"]][0]
    return str(error["kind"])


@pytest.mark.parametrize("body", [b"", b"{", b"walk", b"\xff\xfe", b'{"text": "walk"', b"[" * 10000])
def test_what_is_no_json_is_malformed_or_invalid(service: Live, body: bytes) -> None:
    assert kind(service.post(body, Content_Type="application/json")) in ("malformed", "invalid")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": None},
        {"text": "walk", "actions": [{"phrase": "walk"}]},
        {"actions": []},
        {"actions": [{"phrase": "walk", "speed": 2}]},
        {"text": 3},
        {"text": "walk", "seconds": "4"},
        {"text": "walk", "seconds": -1},
        {"text": "walk", "seconds": 61},
        {"text": "walk", "seconds": True},
        {"text": "walk", "seed": -1},
        {"text": "walk", "seed": 0.5},
        {"text": "walk", "seed": 2**63},
        {"text": "walk", "format": "exe"},
        {"text": "walk", "format": "../../etc/passwd"},
        {"text": "walk", "postprocess": ["polish"]},
        {"text": "walk", "colour": "red"},
        {"text": "w" * 1001},
        {"text": "walk \ud800"},
    ],
)
def test_a_field_that_cannot_be_read_is_invalid(service: Live, body: dict[str, Any]) -> None:
    assert kind(service.post(body)) == "invalid"


def test_the_message_names_the_field_and_not_its_value(service: Live) -> None:
    content = service.post({"text": "walk", "seed": "SECRET"}).content
    assert b"body.seed" in content
    assert b"SECRET" not in content


@pytest.mark.parametrize("text", ["123", " ", "walk \x00", "..."])
def test_a_text_without_an_action_is_a_prompt_error(service: Live, text: str) -> None:
    assert kind(service.post({"text": text})) == "prompt"


def test_a_control_character_in_an_action_is_a_prompt_error(service: Live) -> None:
    assert kind(service.post({"actions": [{"phrase": "walk\x07"}]})) == "prompt"


def test_an_unknown_backbone_is_named_with_those_that_there_are(service: Live) -> None:
    answer = service.post({"text": "walk", "backbone": "tech"})
    assert kind(answer) == "backbone"
    assert b"Installed:" in answer.content


def test_a_length_that_the_checkpoint_cannot_make_is_a_config_error(service: Live) -> None:
    assert kind(service.post({"text": "walk", "seconds": 0.001})) == "config"


@pytest.mark.parametrize(
    ("limits", "body"),
    [
        ({"max_characters": 5}, {"text": "walk on"}),
        ({"max_characters": 5}, {"actions": [{"phrase": "walk"}, {"phrase": "jump"}]}),
        ({"max_actions": 2}, {"text": "walk, then jump, then sit down"}),
        ({"max_actions": 2}, {"actions": [{"phrase": "walk"}] * 3}),
        ({"max_seconds": 3.0}, {"actions": [{"phrase": "walk", "seconds": 2}, {"phrase": "jump", "seconds": 2}]}),
    ],
)
def test_more_than_a_limit_is_refused_and_the_limit_said(limits: dict[str, Any], body: dict[str, Any]) -> None:
    with live(**limits) as service:
        answer = service.post(body)
        assert kind(answer) == "limit"
        assert json.loads(answer.content)["error"]["expected"].startswith(f"at most {next(iter(limits.values())):g}")


def test_a_format_that_is_not_offered_is_not_acceptable(service: Live) -> None:
    assert kind(service.post({"text": "walk"}, Accept="text/plain")) == "accept"


def test_an_unknown_address_is_not_found(service: Live) -> None:
    assert kind(service.ask("GET", "/v2/motions")) == "not-found"


def test_a_wrong_method_is_told_the_right_one(service: Live) -> None:
    answer = service.ask("GET", "/v1/motions")
    assert kind(answer) == "method"
    assert answer.headers["Allow"] == "POST"


def test_an_error_of_the_service_itself_is_not_told(monkeypatch: pytest.MonkeyPatch, service: Live) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a path of the server")

    monkeypatch.setattr(service.app.state.service, "_described", fail)
    answer = service.post({"text": "walk"})
    assert kind(answer) == "internal"
    assert b"a path" not in answer.content


def test_answers_may_not_be_taken_for_another_type(service: Live) -> None:
    assert service.post({"text": "123"}).headers["X-Content-Type-Options"] == "nosniff"
