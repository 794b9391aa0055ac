"""The one place that imports Ray (extra: ray): a cluster, and work that is spread over it."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import logging
import os
import re
import sys
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from actiongpt_core.errors import ConfigError, MissingAssetError, ProviderError

# Ray's own switches, read when it is imported or started.
_NO_STATISTICS = {"RAY_USAGE_STATS_ENABLED": "0"}
#: What Ray's compiled part complains about to itself is no message for users.
_QUIET = {"RAY_BACKEND_LOG_LEVEL": "fatal"}
#: On any system: a cluster of one machine listens on the loopback interface alone.
_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
#: The line of a traceback that tells what went wrong.
_REASON = re.compile(r"\s*[\w.]*(Error|Exception)\b.*: ")


@attrs.frozen
class Cluster:
    """A Ray that runs, and how many processes of ours it is to have."""

    ray: Any
    num_workers: int

    def send(self, rows: Iterable[Mapping[str, Any]], rows_per_task: int) -> list[Any]:
        """Lay rows into the cluster's memory; this process holds a few at a time.

        Args:
            rows: Equal keys, plain values.
            rows_per_task: Rows that a worker gets at a time.

        Returns:
            References for `results`.
        """
        table: Any = importlib.import_module("pyarrow").Table  # comes with Ray
        return [self.ray.put(table.from_pylist(part)) for part in _parts(rows, rows_per_task)]

    def results(
        self, sent: Sequence[Any], worker: type, arguments: tuple[Any, ...], *, num_gpus: int = 0
    ) -> Generator[dict[str, Any], None, None]:
        """What the workers make of rows, in the order of the rows, as it comes; few are held by this process.

        Args:
            sent: From `send`.
            worker: A class whose objects are called with a table of Arrow and return {key: values}. Ray makes one a
                process, and another where a process is lost.
            arguments: What it is built with.
            num_gpus: Of each process.

        Raises:
            ProviderError: The cluster failed.
        """
        if not sent:
            return
        with self._explained(), self._in_order():
            data = self.ray.data.from_arrow_refs(list(sent)).map_batches(
                worker,
                fn_constructor_args=arguments,
                compute=self.ray.data.ActorPoolStrategy(size=min(self.num_workers, len(sent))),
                batch_size=None,
                batch_format="pyarrow",
                num_cpus=1,
                num_gpus=num_gpus,
            )
            yield from data.iter_rows()

    @contextlib.contextmanager
    def _in_order(self) -> Iterator[None]:
        options = self.ray.data.DataContext.get_current().execution_options
        before, options.preserve_order = options.preserve_order, True
        try:
            yield
        finally:
            options.preserve_order = before

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except self.ray.exceptions.RayError as error:
            reasons = [line.strip() for line in str(error).splitlines() if _REASON.match(line)]
            raise ProviderError(
                f"The Ray cluster failed ({reasons[0] if reasons else type(error).__name__}). Is actiongpt-core of "
                f"this version installed on all of its machines? What was finished is kept; run the same command "
                f"again to go on."
            ) from error


def _parts(rows: Iterable[Mapping[str, Any]], size: int) -> Iterator[list[Mapping[str, Any]]]:
    iterator = iter(rows)
    while part := list(itertools.islice(iterator, size)):
        yield part


@contextlib.contextmanager
def cluster(address: str | None = None, workers: int | None = None, *, is_quiet: bool = True) -> Iterator[Cluster]:
    """A running cluster, or one on this machine that is stopped at the end.

    A process that has started one of its own cannot join that of other machines afterwards: Ray decides once, when it
    is imported, whether it listens on the loopback interface alone.

    Args:
        address: HOST:PORT, or "auto" for the one that this machine belongs to; None for the environment variable
            RAY_ADDRESS, else a new one of this machine. One that this process is connected to already is kept.
        workers: Processes of ours; None for one a CPU.
        is_quiet: Whether Ray is to say nothing.

    Raises:
        MissingAssetError: Ray is not installed.
        ConfigError: The cluster cannot be reached, or has fewer CPUs than workers are asked for.
    """
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    switches = _NO_STATISTICS | (_QUIET if is_quiet else {}) | (_LOOPBACK if address == "local" else {})
    for name, value in switches.items():
        os.environ.setdefault(name, value)
    ray = import_ray()
    is_ours = not ray.is_initialized()
    if is_ours:
        _start(ray, address, workers, is_quiet)
    try:
        if is_quiet:
            _silence(ray)
        yield Cluster(ray, _num_workers(ray, workers))
    finally:
        if is_ours:
            ray.shutdown()


def import_ray() -> Any:
    """The module `ray`, with `ray.data`.

    Raises:
        MissingAssetError: It is not installed.
    """
    try:
        ray = importlib.import_module("ray")
        importlib.import_module("ray.data")
    except ImportError as error:
        raise MissingAssetError("The engine 'ray' needs Ray: pip install 'actiongpt-core[ray]'.") from error
    return ray


def _start(ray: Any, address: str, workers: int | None, is_quiet: bool) -> None:
    settings: dict[str, Any] = {"log_to_driver": not is_quiet}
    if is_quiet:
        settings["logging_level"] = logging.CRITICAL
    if address == "local":
        settings |= {"num_cpus": workers, "include_dashboard": False}
    try:
        with _stderr_closed() if is_quiet else contextlib.nullcontext():
            ray.init(address=address, **settings)
    except Exception as error:  # of several families: connection, value, runtime
        reason = " ".join(str(error).split())[:300]
        raise ConfigError(
            f"Ray at {address!r} cannot be used ({type(error).__name__}: {reason}). Give the address of a running "
            f"cluster (`ray status` shows whether there is one), or leave it out for one on this machine."
        ) from error


@contextlib.contextmanager
def _stderr_closed() -> Iterator[None]:
    """Ray's compiled part tells there that it was told to say nothing."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _silence(ray: Any) -> None:
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # its errors reach us as exceptions
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False


def _num_workers(ray: Any, workers: int | None) -> int:
    cpus = int(ray.cluster_resources().get("CPU", 1))
    if workers is not None and workers > cpus:
        raise ConfigError(f"{workers} workers need as many CPUs, and the cluster has {cpus}. Ask for fewer workers.")
    return workers or max(cpus, 1)
