"""A TEACH training step at released sizes: what stored text states and packed batches save; `nox -s "bench(training)"`.

Times are taken in turn, so that what else the machine does hits all alike. T_text is what the originals do in every
step, the frozen DistilBERT over four descriptions of each text (random weights here: they cost the same); T_motion is
all else of a step. `plain` has torch's own layers, with padding, under the same losses.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from actiongpt_core.nn.masks import lengths_to_mask
from actiongpt_core.nn.sequence import SequenceDecoder, SequenceTransformer
from actiongpt_core.text.aggregators import mean
from actiongpt_core.training.config import TrainingConfig
from actiongpt_core.training.losses import VaeLosses
from actiongpt_core.training.module import StepNoise
from actiongpt_core.training.samples import ActionSample, Sample
from actiongpt_core.training.telling import Telling
from actiongpt_core.training.text_states import TextStates
from actiongpt_core.types.text import TextFeatures
from actiongpt_teach import Teach, TeachConfig
from actiongpt_teach.objective import TeachObjective
from speed import machine

K, WORDS = 4, 30  #: descriptions of a text, tokens of a description: about those of the paper's
_CPU = torch.device("cpu")


class DistilBert:
    """The originals' text model, by its sizes; a text is a list of token numbers in words."""

    name, dim = "distilbert-sizes", 768

    def __init__(self, layers: int = 6) -> None:
        from transformers import DistilBertConfig, DistilBertModel

        self.model = DistilBertModel(DistilBertConfig(n_layers=layers)).eval()

    @torch.no_grad()
    def encode(self, texts: Sequence[str]) -> TextFeatures:
        """Texts of one length."""
        ids = torch.tensor([[int(word) for word in text.split()] for text in texts])
        mask = torch.ones_like(ids, dtype=torch.bool)
        return TextFeatures(tokens=self.model(input_ids=ids, attention_mask=mask.long()).last_hidden_state, mask=mask)


class PlainEncoder(nn.Module):
    """torch's encoder: every frame of the padded batch, masked."""

    def __init__(self, ours: SequenceTransformer) -> None:
        super().__init__()
        first: Any = ours.layers[0]
        attention, ff_size = first.self_attn, first.linear1.out_features
        layer = nn.TransformerEncoderLayer(
            attention.embed_dim, attention.num_heads, ff_size, first.dropout.p, activation="gelu", batch_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, len(ours.layers), enable_nested_tensor=False)
        self.encoder.load_state_dict(ours.state_dict())

    def forward(self, x: Tensor, padding: Tensor | None = None, first: int | None = None) -> Tensor:
        """As `SequenceTransformer`."""
        out: Tensor = self.encoder(x, src_key_padding_mask=padding)
        return out if first is None else out[:, :first]


class PlainDecoder(nn.Module):
    """torch's decoder: attention to the one memory token is computed, and every frame of the padded batch."""

    basis = None

    def __init__(self, ours: SequenceDecoder) -> None:
        super().__init__()
        layers: Any = ours.transformer["layers"]
        first = layers[0]
        attention, ff_size = first.self_attn, first.linear1.out_features
        layer = nn.TransformerDecoderLayer(
            attention.embed_dim, attention.num_heads, ff_size, first.dropout.p, activation="gelu", batch_first=True
        )
        self.decoder = nn.TransformerDecoder(layer, len(layers))
        self.decoder.load_state_dict(ours.transformer.state_dict())
        self.position, self.final_layer, self.dim = ours.position, ours.final_layer, ours.latent_dim

    def forward(self, latent: Tensor, lengths: Tensor) -> Tensor:
        """As `SequenceDecoder`."""
        mask = lengths_to_mask(lengths, int(lengths.max()))
        queries = self.position(latent.new_zeros(*mask.shape, self.dim))
        out: Tensor = self.decoder(queries, latent[:, None], tgt_key_padding_mask=~mask)
        features: Tensor = self.final_layer(out)
        return features * mask[..., None]


def plain(model: nn.Module) -> nn.Module:
    """A model's stacks replaced by torch's, with the same weights."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, SequenceTransformer):
                setattr(parent, name, PlainEncoder(child))
            elif isinstance(child, SequenceDecoder):
                setattr(parent, name, PlainDecoder(child))
    return model


@attrs.frozen(kw_only=True)
class Sizes:
    """What is timed; the defaults are the released sizes."""

    frames: int
    batch: int = 16
    shortest: float = 1.0  #: shortest action, as a part of `frames`; the others lie between
    config: TeachConfig = attrs.field(factory=TeachConfig)
    text_layers: int = 6


def measure(sizes: Sizes, repeats: int) -> dict[str, float]:
    """Seconds of the parts of a step, medians, and their ratios."""
    torch.manual_seed(0)
    encoder = DistilBert(sizes.text_layers)
    ours, theirs = (_trainee(sizes, is_plain) for is_plain in (False, True))
    with tempfile.TemporaryDirectory() as folder:
        samples, groups, tell = _data(sizes, encoder, Path(folder))
        batch = ours.objective.collate(samples, tell)

        def original_text() -> None:
            flat = [text for group in groups for text in group]
            encoder.encode(flat)

        times = _in_turn(
            {
                "T_text": original_text,
                "T_motion": lambda: ours.step(batch),
                "T_motion_plain": lambda: theirs.step(batch),
                "T_states": lambda: ours.objective.collate(samples, tell),
            },
            repeats,
        )
    bound = 1 + times["T_text"] / times["T_motion"]
    gain = (times["T_text"] + times["T_motion"]) / (times["T_states"] + times["T_motion"])
    return times | {
        "bound": bound,
        "gain_of_stored_states": gain,
        "share_of_bound": gain / bound,
        "gain_of_packed_batches": times["T_motion_plain"] / times["T_motion"],
    }


def largest_difference(sizes: Sizes) -> float:
    """Of a generated feature, between ours and torch's layers, in evaluation."""
    torch.manual_seed(0)
    model = Teach(sizes.config).eval()
    latent, lengths = torch.randn(sizes.batch, sizes.config.latent_dim), torch.tensor(_lengths(sizes, sizes.batch))
    with torch.no_grad():
        found = model.decode(latent, lengths)
        encoded = model.encode_motion(found, lengths).mu
        plain(model).eval()
        wanted = model.decode(latent, lengths)
        again = model.encode_motion(found, lengths).mu
        return max(float((found - wanted).abs().max()), float((encoded - again).abs().max()))


@attrs.frozen(eq=False)
class _Trainee:
    objective: TeachObjective
    optimiser: torch.optim.Optimizer

    def step(self, batch: Any) -> None:
        """Forward, backward, AdamW."""
        terms = self.objective.terms(batch, StepNoise(0, _CPU), 0)
        loss = torch.stack([term.weight * term.value for term in terms if term.weight]).sum()
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()


def _trainee(sizes: Sizes, is_plain: bool) -> _Trainee:
    torch.manual_seed(0)
    model = Teach(sizes.config)
    if is_plain:
        plain(model)
    model.train()
    return _Trainee(TeachObjective(model, VaeLosses()), torch.optim.AdamW(model.parameters(), lr=1e-5))


def _data(sizes: Sizes, encoder: DistilBert, folder: Path) -> tuple[list[Sample], list[tuple[str, ...]], Telling]:
    """Pairs of actions, each with a text of its own and four descriptions, and their stored states."""
    numbers = np.random.default_rng(0)
    lengths = iter(_lengths(sizes, 2 * sizes.batch))
    samples, descriptions = [], {}
    for index in range(sizes.batch):
        actions = []
        for _ in range(2):
            phrase = " ".join(map(str, numbers.integers(1000, 20_000, 4)))
            descriptions[phrase] = tuple(" ".join(map(str, numbers.integers(1000, 20_000, WORDS))) for _ in range(K))
            features = torch.randn(next(lengths), 135)
            actions.append(ActionSample(features=features, texts=(phrase,)))
        samples.append(Sample(index=index, actions=tuple(actions)))
    tell = Telling(TextStates(folder, encoder), descriptions, mean, TrainingConfig(), 0)
    tell.prepare([(phrase,) for phrase in descriptions])
    return samples, list(descriptions.values()), tell


def _lengths(sizes: Sizes, count: int) -> list[int]:
    spread = np.linspace(sizes.shortest, 1, count) * sizes.frames
    return [int(length) for length in np.random.default_rng(0).permutation(spread)]


def _in_turn(works: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(repeats + 1):
        for name, work in works.items():
            begun = time.perf_counter()
            work()
            if turn:  # the first one warms up
                times[name].append(time.perf_counter() - begun)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    """Read the arguments, time, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7, help="the median of so many is shown")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    arguments = parser.parse_args()
    cases = {
        f"{'' if shortest == 1 else f'{round(shortest * frames)} to '}{frames} frames": Sizes(
            frames=frames, shortest=shortest
        )
        for frames in (60, 120)
        for shortest in (1.0, 0.25)
    }
    result: dict[str, Any] = {
        "machine": machine(),
        "cases": {name: measure(sizes, arguments.repeats) for name, sizes in cases.items()},
        "largest_difference": max(map(largest_difference, cases.values())),
    }
    _print(result)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _print(result: dict[str, Any]) -> None:
    table = Table("16 pairs of actions", *result["cases"])
    for name in next(iter(result["cases"].values())):
        unit = " s" if name.startswith("T_") else ""
        table.add_row(name, *(f"{case[name]:.3f}{unit}" for case in result["cases"].values()))
    console = Console(width=None if Console().is_terminal else 160)
    console.print(table, f"largest difference to torch's layers: {result['largest_difference']:.1e}", result["machine"])


if __name__ == "__main__":
    main()
