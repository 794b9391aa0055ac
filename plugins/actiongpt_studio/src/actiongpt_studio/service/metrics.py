"""What the service counts, in the words of Prometheus."""

from __future__ import annotations

# Bought: 64 kB without requirements of its own, and histograms are easy to get subtly wrong.
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """Of one service. The process's memory and CPU time are among them where the system tells."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "actiongpt_requests", "Requests that were answered.", ["path", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "actiongpt_request_seconds",
            "From first byte to answer.",
            ["path"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.batch = Histogram("actiongpt_batch_size", "Motions of one pass.", buckets=_SIZES, registry=self.registry)
        self.in_flight = Gauge(
            "actiongpt_motions_in_flight", "Requests for motions that are not answered yet.", registry=self.registry
        )

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count one request; status 499 is a client that went away."""
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)
