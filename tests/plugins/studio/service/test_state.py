from __future__ import annotations

import json
from typing import Any

from fastapi.testclient import TestClient
from live_service import HeldPipelines, Live, await_true

from actiongpt_studio.service.app import build_app
from actiongpt_studio.service.settings import Settings


def test_a_service_lives_before_it_is_ready(held: HeldPipelines) -> None:
    held.go.clear()
    with TestClient(build_app(Settings(llm="passthrough"), held)) as client:
        assert client.get("/healthz").status_code == 200
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["error"]["kind"]) == (503, "loading")
        held.go.set()
        await_true(lambda: client.get("/readyz").status_code == 200)


def test_requests_and_batches_are_counted(service: Live) -> None:
    made = 'actiongpt_requests_total{path="/v1/motions",status="200"}'
    before = service.metric(made), service.metric("actiongpt_batch_size_sum")
    service.post({"text": "walk", "seconds": 1})
    assert (service.metric(made), service.metric("actiongpt_batch_size_sum")) == (before[0] + 1, before[1] + 1)


def test_the_memory_of_the_process_is_told(service: Live) -> None:
    assert service.metric("process_resident_memory_bytes") > 10_000_000


def test_addresses_that_are_made_up_do_not_become_counters(service: Live) -> None:
    service.ask("GET", "/a-made-up-address")
    text = service.ask("GET", "/metrics").content.decode()  # type: ignore[attr-defined]
    assert "made-up" not in text
    assert 'path="other"' in text


def test_what_is_installed_is_listed(service: Live) -> None:
    told: Any = json.loads(service.ask("GET", "/v1/backbones").content)  # type: ignore[attr-defined]
    assert all(item["summary"] and isinstance(item["capabilities"], list) for item in told["backbones"])
