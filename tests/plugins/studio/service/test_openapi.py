from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from live_service import Live, live

schemathesis = pytest.importorskip("schemathesis", reason="needs schemathesis: pip install schemathesis")

from schemathesis.specs.openapi.checks import positive_data_acceptance  # noqa: E402

#: Of each address; each motion that is asked for in earnest is made in earnest.
_CASES = 40
_ADDRESSES = [
    ("POST", "/v1/motions"),
    ("GET", "/v1/backbones"),
    ("GET", "/v1/providers"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
]


@pytest.fixture(scope="module")
def schema(service: Live) -> Any:
    return schemathesis.openapi.from_url(f"{service.url}/openapi.json")


def _promised(case: Any) -> None:
    """Ask; the answer must be one that the page promises."""
    # What the schema cannot say is refused too: a text without letters, a length that the checkpoint cannot make.
    case.call_and_validate(excluded_checks=[positive_data_acceptance])


def _cases(**what: Any) -> Any:
    options = settings(
        max_examples=_CASES, deadline=None, database=None, derandomize=True, suppress_health_check=[*HealthCheck]
    )
    return lambda test: options(given(**what)(test))


@pytest.mark.parametrize(("method", "path"), _ADDRESSES)
def test_every_answer_is_one_that_the_page_promises(schema: Any, method: str, path: str) -> None:
    @_cases(case=schema[path][method].as_strategy())
    def ask(case: Any) -> None:
        if isinstance(case.body, dict):
            _make_likely(case.body)
        _promised(case)

    ask()


def _make_likely(body: dict[str, Any]) -> None:
    """Turn most random requests into some that get a motion, of a format that is quickly written."""
    body.pop("backbone", None)
    if body.get("format") in ("gif", "mp4", "png", "zip"):
        body["format"] = "bvh"
    if isinstance(body.get("text"), str):
        body["text"] = f"walk {body['text']}"[:1000]
    for action in body.get("actions") or []:
        action["phrase"] = f"walk {action['phrase']}"[:1000]


def test_what_the_page_forbids_is_refused(schema: Any) -> None:
    @_cases(case=schema["/v1/motions"]["POST"].as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE))
    def ask(case: Any) -> None:
        assert case.call().status_code in (400, 406, 413, 422)
        _promised(case)

    ask()


def test_the_tests_know_every_address(schema: Any) -> None:
    found = {(item.ok().method.upper(), item.ok().path) for item in schema.get_all_operations()}
    assert found == set(_ADDRESSES)


def test_the_page_names_no_other_host(service: Live) -> None:
    page = service.ask("GET", "/docs").content.decode()  # type: ignore[attr-defined]
    assert re.findall(r"(?:https?:)?//[a-z0-9.]+\.[a-z]+", page) == []


def test_what_the_page_loads_comes_from_the_service(service: Live) -> None:
    page = service.ask("GET", "/docs").content.decode()  # type: ignore[attr-defined]
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(loaded) >= 3
    assert [path for path in loaded if service.ask("GET", path).status != 200] == []


def test_the_page_sends_the_schema_to_nobody(service: Live) -> None:
    assert '"validatorUrl": null' in service.ask("GET", "/docs").content.decode()  # type: ignore[attr-defined]


def test_a_service_with_a_token_says_so_on_its_page() -> None:
    with live(token="s3cret") as service:
        schema = json.loads(service.ask("GET", "/openapi.json").content)  # type: ignore[attr-defined]
    assert schema["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    assert schema["paths"]["/v1/motions"]["post"]["security"] == [{"HTTPBearer": []}]
    assert "security" not in schema["paths"]["/healthz"]["get"]
