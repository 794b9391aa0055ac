"""The service under load: requests a second, p50 and p99 with 1 and with 50 clients, memory: `nox -s bench`.

The service is `actiongpt serve` in a process of its own; the clients share its machine, so it has what they leave.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
from rich.console import Console
from rich.table import Table

_CLIENTS = 50
#: In the description pack, so that no language model is timed; every request has a seed of its own.
_TEXTS = ("walk forward", "jump", "sit down", "wave", "turn around", "walk forward, then sit down", "kick", "run")
_SECONDS = 4.0


def main() -> None:
    """Read the arguments, time, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", help="name of the motion model (default: the library's)")
    parser.add_argument("--format", default="json", help="of the answers")
    parser.add_argument("--requests", type=int, default=1000, help="of each case")
    parser.add_argument("--long", type=int, default=5000, help="requests over which memory is watched; 0 leaves it out")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    arguments = parser.parse_args()
    result = measure(arguments.backbone, arguments.format, arguments.requests, arguments.long)
    _print(result)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def measure(backbone: str | None, media: str, requests: int, long: int) -> dict[str, Any]:
    """All cases, with one service."""
    with _service(backbone) as port:
        run(port, media, 1, 50)  # what the first requests cost is another benchmark's
        cases = {}
        for clients in (1, _CLIENTS):
            before = [_metric(port, f"actiongpt_batch_size_{what}") for what in ("sum", "count")]
            figures = attrs.asdict(run(port, media, clients, requests))
            after = [_metric(port, f"actiongpt_batch_size_{what}") for what in ("sum", "count")]
            figures["motions_a_pass"] = (after[0] - before[0]) / (after[1] - before[1])
            cases[f"{clients} client{'s' if clients > 1 else ''}"] = figures
        memory = watch(port, media, long) if long else None
    machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()}
    return {"machine": machine, "format": media, "cases": cases, "memory": memory}


@attrs.frozen
class Figures:
    """Of one case."""

    requests: int
    lost: int
    requests_a_second: float
    p50_ms: float
    p99_ms: float


def run(port: int, media: str, clients: int, requests: int) -> Figures:
    """Requests from clients that each keep a connection and ask for the next motion as soon as they have one."""
    numbers = iter(range(requests))
    lock = threading.Lock()

    def client(_: int) -> list[float | None]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        took: list[float | None] = []
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                connection.close()
                return took
            took.append(_ask(connection, media, number))

    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        times = [it for part in pool.map(client, range(clients)) for it in part]
    elapsed = time.perf_counter() - began
    answered = sorted(it for it in times if it is not None)
    return Figures(
        requests=len(times),
        lost=len(times) - len(answered),
        requests_a_second=len(answered) / elapsed,
        p50_ms=statistics.median(answered) * 1000,
        p99_ms=answered[min(int(len(answered) * 0.99), len(answered) - 1)] * 1000,
    )


def _ask(connection: http.client.HTTPConnection, media: str, number: int) -> float | None:
    """Seconds of one request; None if it brought no motion."""
    body = {"text": _TEXTS[number % len(_TEXTS)], "seconds": _SECONDS, "seed": number, "format": media}
    began = time.perf_counter()
    try:
        connection.request("POST", "/v1/motions", json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        return None
    return time.perf_counter() - began if answer.status == 200 and len(content) > 1000 else None


def watch(port: int, media: str, requests: int, parts: int = 10) -> dict[str, Any]:
    """The service's memory while 50 clients ask for many motions."""
    series, lost = [_memory(port)], 0
    for _ in range(parts):
        lost += run(port, media, _CLIENTS, requests // parts).lost
        series.append(_memory(port))
    return {"requests": requests // parts * parts, "lost": lost, "rss_mb": series}


def _memory(port: int) -> float:
    return round(_metric(port, "process_resident_memory_bytes") / 1e6, 1)


def _metric(port: int, name: str) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


@contextmanager
def _service(backbone: str | None) -> Iterator[int]:
    """The port of a service that is ready."""
    options = ["--backbone", backbone] if backbone else []
    command = [sys.executable, "-m", "actiongpt_core.cli.main", "serve", "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        said = process.stdout.readline() if process.stdout else ""
        port = int(said.partition("127.0.0.1:")[2].partition(",")[0])
        while not _is_ready(port):
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.communicate()


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/readyz")
    status = connection.getresponse().status
    connection.close()
    return status == 200


def _print(result: dict[str, Any]) -> None:
    table = Table(title=f"Service, {_SECONDS:g} s motions as {result['format']}, clients on the same machine")
    for column in ("case", "requests", "lost", "requests/s", "p50 ms", "p99 ms", "motions a pass"):
        table.add_column(column, justify="left" if column == "case" else "right")
    for name, it in result["cases"].items():
        cells = (
            f"{it['requests_a_second']:.1f}",
            f"{it['p50_ms']:.0f}",
            f"{it['p99_ms']:.0f}",
            f"{it['motions_a_pass']:.1f}",
        )
        table.add_row(name, str(it["requests"]), str(it["lost"]), *cells)
    console = Console()
    console.print(table)
    if result["memory"]:
        memory = result["memory"]
        console.print(f"Memory over {memory['requests']} requests (MB; {memory['lost']} lost): {memory['rss_mb']}")


if __name__ == "__main__":
    main()
