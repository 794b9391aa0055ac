"""Text states in a folder: the same numbers as the text model's, kept by group, gone on with after a cut."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from actiongpt_core.errors import ConfigError, DataError
from actiongpt_core.testing.fakes import FakeTextEncoder
from actiongpt_core.training.text_states import TextStates
from actiongpt_core.types.text import TextFeatures

GROUPS = [("walk",), ("walk forward", "a person goes on foot", "go"), ("run", "a person runs fast")]


class Counting(FakeTextEncoder):
    """Counts what it was asked."""

    def __init__(self, dim: int = 16) -> None:
        super().__init__(dim)
        self.asked: list[tuple[str, ...]] = []

    def encode(self, texts: Sequence[str]) -> TextFeatures:
        self.asked.append(tuple(texts))
        return super().encode(texts)


class NoPooled(FakeTextEncoder):
    """Has token states alone."""

    def encode(self, texts: Sequence[str]) -> TextFeatures:
        found = super().encode(texts)
        return TextFeatures(tokens=found.tokens, mask=found.mask)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 0.0), ("float16", 2e-3)])
def test_states_are_those_of_the_text_model(tmp_path: Path, dtype: str, tolerance: float) -> None:
    states = TextStates(tmp_path, FakeTextEncoder(), dtype)
    states.add(GROUPS)
    for group in GROUPS:
        wanted, found = FakeTextEncoder().encode(group), states.features(group)
        assert torch.equal(found.mask, wanted.mask)
        assert found.pooled is not None
        assert wanted.pooled is not None
        torch.testing.assert_close(found.tokens, wanted.tokens, atol=tolerance, rtol=tolerance)
        torch.testing.assert_close(found.pooled, wanted.pooled, atol=tolerance, rtol=tolerance)


def test_some_texts_of_a_group_are_padded_to_the_longest_of_them(tmp_path: Path) -> None:
    states = TextStates(tmp_path, FakeTextEncoder(), "float32")
    states.add(GROUPS)
    wanted, found = FakeTextEncoder().encode(["walk forward", "go"]), states.features(GROUPS[1], [0, 2])
    assert torch.equal(found.tokens, wanted.tokens)
    assert torch.equal(found.mask, wanted.mask)


def test_a_second_run_reads_and_encodes_nothing(tmp_path: Path) -> None:
    TextStates(tmp_path, FakeTextEncoder()).add(GROUPS)
    encoder = Counting()
    again = TextStates(tmp_path, encoder)
    assert again.add(GROUPS) == 0
    assert encoder.asked == []
    assert len(again) == len(GROUPS)


def test_only_what_is_missing_is_encoded(tmp_path: Path) -> None:
    TextStates(tmp_path, FakeTextEncoder()).add(GROUPS[:1])
    encoder = Counting()
    assert TextStates(tmp_path, encoder).add(GROUPS) == 2
    assert set(encoder.asked) == set(GROUPS[1:])


@pytest.mark.parametrize("cut", [1, 40])
def test_a_cut_line_and_numbers_without_a_line_are_made_again(tmp_path: Path, cut: int) -> None:
    states = TextStates(tmp_path, FakeTextEncoder(), "float32")
    states.add(GROUPS)
    wanted = {group: states.features(group).tokens.clone() for group in GROUPS}
    index = tmp_path / "index.jsonl"
    index.write_bytes(index.read_bytes()[:-cut])
    with (tmp_path / "states.bin").open("ab") as file:
        file.write(b"half a group")
    again = TextStates(tmp_path, FakeTextEncoder(), "float32")
    assert again.add(GROUPS) == 1
    assert all(torch.equal(again.features(group).tokens, tokens) for group, tokens in wanted.items())


def test_states_are_mapped_and_not_read_whole(tmp_path: Path) -> None:
    states = TextStates(tmp_path, FakeTextEncoder())
    states.add(GROUPS)
    assert isinstance(states._numbers, np.memmap)


def test_a_model_without_pooled_vectors_has_none_here(tmp_path: Path) -> None:
    states = TextStates(tmp_path, NoPooled())
    states.add(GROUPS)
    assert states.features(GROUPS[0]).pooled is None


@pytest.mark.parametrize("dim", [16, 8])
def test_states_of_another_text_model_are_not_taken(tmp_path: Path, dim: int) -> None:
    TextStates(tmp_path, FakeTextEncoder()).add(GROUPS)
    other = FakeTextEncoder(dim)
    other.name = "fake" if dim == 8 else "other"
    with pytest.raises(ConfigError, match="channels 16 and not 8" if dim == 8 else "encoder 'fake' and not 'other'"):
        TextStates(tmp_path, other)


def test_states_that_are_gone_are_told(tmp_path: Path) -> None:
    TextStates(tmp_path, FakeTextEncoder()).add(GROUPS)
    (tmp_path / "states.bin").write_bytes(b"")
    with pytest.raises(DataError, match="shorter than its index says"):
        TextStates(tmp_path, FakeTextEncoder())


def test_a_damaged_index_is_told(tmp_path: Path) -> None:
    TextStates(tmp_path, FakeTextEncoder()).add(GROUPS)
    lines = (tmp_path / "index.jsonl").read_text(encoding="utf-8").splitlines()
    (tmp_path / "index.jsonl").write_text("\n".join([lines[0], "{}", *lines[1:]]) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match="damaged"):
        TextStates(tmp_path, FakeTextEncoder())


def test_a_group_that_was_not_added_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="add the texts"):
        TextStates(tmp_path, FakeTextEncoder()).features(("fly",))


def test_progress_counts_the_new_groups(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    TextStates(tmp_path, FakeTextEncoder()).add([(f"text {n}",) for n in range(70)], lambda *it: seen.append(it))
    assert seen[-1] == (70, 70)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


def test_the_index_says_which_texts_lie_where(tmp_path: Path) -> None:
    TextStates(tmp_path, FakeTextEncoder()).add(GROUPS)
    header, *lines = map(json.loads, (tmp_path / "index.jsonl").read_text(encoding="utf-8").splitlines())
    assert header == {"format": 1, "encoder": "fake", "channels": 16, "dtype": "float16"}
    assert {tuple(line["texts"]) for line in lines} == set(GROUPS)
