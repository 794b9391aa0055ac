from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from live_service import Live, await_true, live

from actiongpt_core import Client, ServiceError

_CLIENTS = 50


def test_of_fifty_clients_at_a_time_none_is_lost_and_each_gets_its_own(service: Live) -> None:
    def ask(seed: int) -> Any:
        return service.post({"text": "walk", "seconds": 1, "seed": seed})

    passes = service.metric("actiongpt_batch_size_count")
    with ThreadPoolExecutor(_CLIENTS) as clients:
        answers = list(clients.map(ask, range(_CLIENTS)))
    assert [answer.status for answer in answers] == [200] * _CLIENTS
    assert [int(answer.headers["X-ActionGPT-Seed"]) for answer in answers] == list(range(_CLIENTS))
    assert service.metric("actiongpt_batch_size_count") - passes < _CLIENTS


def test_clients_that_come_back_as_told_are_all_served() -> None:
    with live(max_queue=4) as service, ThreadPoolExecutor(16) as clients:
        client = Client(service.url, retries=60)
        made = list(clients.map(lambda seed: client.fetch("walk", "bvh", seconds=1, seed=seed), range(16)))
    assert len(made) == 16


# --- the command itself ----------------------------------------------------------------------------------------------


class _Process:
    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-m", "actiongpt_core.cli.main", "serve", "--port", "0", "--llm", "passthrough"]
        self.process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        said = self.process.stdout.readline() if self.process.stdout else ""
        self.live = Live(int(said.partition("127.0.0.1:")[2].partition(",")[0]), None)
        await_true(lambda: self.live.ask("GET", "/readyz").status == 200)


@pytest.fixture
def process() -> Iterator[_Process]:
    started = _Process("--batch-wait", "1000")
    yield started
    started.process.kill()
    started.process.communicate()


def test_a_service_that_is_told_to_end_answers_what_it_has_accepted(process: _Process) -> None:
    with ThreadPoolExecutor(8) as clients:
        # They wait a second for others, which is time enough to be told.
        waiting = [clients.submit(process.live.post, {"text": "walk", "seconds": 1}) for _ in range(8)]
        await_true(lambda: process.live.metric("actiongpt_motions_in_flight") == 8)
        process.process.send_signal(signal.SIGTERM)
        assert [item.result().status for item in waiting] == [200] * 8
    _, log = process.process.communicate(timeout=30)
    assert "Application shutdown complete" in log
    assert "Traceback" not in log
    with pytest.raises(ServiceError, match="cannot be reached"):
        Client(process.live.url).backbones()
