"""Motions of a model for the texts of clips, each with a seed of its own."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import torch

from actiongpt_core.errors import ConfigError, PromptError
from actiongpt_core.evaluation.items import Item, clip_seed
from actiongpt_core.interfaces import DataSet
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.text.actions import MAX_ACTIONS
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.text import Action, Descriptions

#: Motions that go through the network together.
BATCH_SIZE = 32


@attrs.frozen(kw_only=True)
class Made:
    """What came of one motion that was asked for."""

    item: Item
    index: int  #: among the motions of the item
    motion: Motion | None = None
    reason: str = ""  #: why there is no motion


class ClipGenerator:
    """Makes motions as long as real clips; the metrics cut to the common length where the model cannot.

    Args:
        pipeline: Its own provider describes the texts.
        seed: Of the whole run; see `clip_seed`.
        noise_scale: As of `Pipeline.generate`.
        batch_size: Motions that go through the network together; changes none of them.
    """

    def __init__(
        self, pipeline: Pipeline, *, seed: int = 0, noise_scale: float | None = None, batch_size: int = BATCH_SIZE
    ) -> None:
        self._pipeline, self._seed, self._noise_scale = pipeline, seed, noise_scale
        self._batch_size = batch_size
        self._described: dict[str, Descriptions] = {}

    def make(self, wanted: Iterable[tuple[Item, int]]) -> Iterator[Made]:
        """The motions of items, by their index, in order.

        A text that cannot be an action has no motion, and harms no other.

        Raises:
            ProviderError: The language model does not answer.
        """
        remaining = iter(wanted)
        while batch := list(itertools.islice(remaining, self._batch_size)):
            try:
                yield from self._together(batch)
            except PromptError:
                for one in batch:
                    yield self._alone(one)

    def _alone(self, one: tuple[Item, int]) -> Made:
        try:
            return self._together([one])[0]
        except PromptError as error:
            return Made(item=one[0], index=one[1], reason=str(error))

    def _together(self, batch: Sequence[tuple[Item, int]]) -> list[Made]:
        planned = [[Action(text, self._seconds(frames)) for text, frames in item.actions] for item, _ in batch]
        self._describe(action.phrase for actions in planned for action in actions)
        told = [[attrs.evolve(self._described[it.phrase], action=it) for it in actions] for actions in planned]
        seeds = [clip_seed(self._seed, item.key, index) for item, index in batch]
        motions = self._pipeline.generate_batch(told, seed=seeds, noise_scale=self._noise_scale)
        return [
            Made(item=item, index=index, motion=motion) for (item, index), motion in zip(batch, motions, strict=True)
        ]

    def _describe(self, phrases: Iterable[str]) -> None:
        """Each phrase once, as many at the same time as one prompt may have actions."""
        new = [Action(phrase) for phrase in dict.fromkeys(phrases) if phrase not in self._described]
        for start in range(0, len(new), MAX_ACTIONS):
            found = self._pipeline.describe(new[start : start + MAX_ACTIONS])
            self._described |= {item.phrase: item for item in found}

    def _seconds(self, frames: int) -> float:
        model = self._pipeline.model
        shortest, longest = getattr(model, "min_frames", 1), getattr(model, "max_frames", frames)
        return min(max(frames, shortest), longest) / model.fps


def check_frame_rate(pipeline: Pipeline, data: DataSet) -> None:
    """Stop if the motions of a model cannot be compared with those of a set frame by frame.

    Raises:
        ConfigError: The frame rates differ.
    """
    if pipeline.model.fps != data.fps:
        raise ConfigError(
            f"The metrics compare frame by frame: the model makes {pipeline.model.fps:g} frames a second, the data set "
            f"{data.name} has {data.fps:g}. Prepare the set at the model's frame rate."
        )


def makes_sequences(pipeline: Pipeline) -> bool:
    """Whether the pipeline's backbone makes several actions in one motion, as far as is declared."""
    return pipeline.capabilities is None or "sequence" in pipeline.capabilities


def model_facts(pipeline: Pipeline, noise_scale: float | None = None) -> dict[str, Any]:
    """What the motions of a pipeline depend on, as plain values: for reports, and for comparing two of them."""
    llm, aggregator = pipeline.llm, pipeline.aggregator
    strategy, file = pipeline.strategy, getattr(llm, "path", None)
    return {
        "backbone": pipeline.backbone or type(pipeline.model).__name__,
        "weights": weights_digest(pipeline.model),
        "llm": str(getattr(llm, "name", type(llm).__name__)),
        "llm_model": getattr(llm, "model", None),
        "descriptions": None if file is None else Path(file).name,
        "sampling": dict(getattr(llm, "sampling", {})),
        "strategy": getattr(strategy, "name", strategy),
        "aggregator": str(getattr(aggregator, "__name__", type(aggregator).__name__)),
        "k": pipeline.k,
        "noise_scale": noise_scale,
    }


def weights_digest(model: Any) -> str | None:
    """Names the weights of a model, wherever its checkpoint lies; None for a model without."""
    if not isinstance(model, torch.nn.Module):
        return None
    digest = hashlib.blake2b(digest_size=6)
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
