"""Motions of many prompts by the processes of a Ray cluster."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import attrs

from actiongpt_core.bulk.cluster import Cluster
from actiongpt_core.bulk.generate import Maker
from actiongpt_core.bulk.job import Job, Made, Prompt
from actiongpt_core.errors import ActionGPTError, ConfigError


@attrs.frozen(kw_only=True)
class RayEngine:
    """Makes motions in the processes of a cluster, each with a pipeline of its own and one thread.

    The files come to this process, which writes them: the machines need no common folder. Checkpoints and text models
    that are given as folders have to be on all of them.

    Args:
        cluster: Where the processes are.
        batch_size: Prompts that go through the network together.
        device: As of `Pipeline`; with "cuda" every process gets a GPU of its own.
    """

    cluster: Cluster
    batch_size: int = 32
    device: str = "auto"

    def made(self, job: Job, prompts: Iterable[Prompt]) -> Iterator[Made]:
        """What comes of prompts, in order."""
        sent = self.cluster.send((attrs.asdict(prompt) for prompt in prompts), self.batch_size)
        num_gpus = int(self.device.startswith("cuda"))
        for row in self.cluster.results(sent, RayMaker, (job, self.device), num_gpus=num_gpus):
            if row["cannot"]:
                raise ConfigError(f"A process of the cluster cannot make motions: {row['cannot']}")
            record = json.loads(row["record"])
            content = None if "error" in record else row["content"]
            yield Made(record=record, content=content, is_unanswered=row["is_unanswered"])


class RayMaker:
    """A process of the cluster that makes motions.

    Args:
        job: What is made.
        device: As of `Pipeline`.
    """

    def __init__(self, job: Job, device: str) -> None:
        self._job = job
        self._device = device
        self._maker: Maker | None = None

    def __call__(self, table: Any) -> dict[str, list[Any]]:
        """What comes of some prompts: records as JSON, and the content of the files."""
        prompts = [Prompt(**row) for row in table.to_pylist()]
        try:
            # Here and not when it is built: an error there would reach the user in words of Ray.
            maker = self._maker = self._maker or self._build()
        except ActionGPTError as error:
            return {"cannot": [str(error)], "record": [""], "content": [b""], "is_unanswered": [False]}
        made = maker.make(prompts)
        return {
            "cannot": [""] * len(made),
            "record": [json.dumps(item.record) for item in made],
            "content": [item.content or b"" for item in made],
            "is_unanswered": [item.is_unanswered for item in made],
        }

    def _build(self) -> Maker:
        import torch

        torch.set_num_threads(1)
        return Maker(self._job, self._device)
