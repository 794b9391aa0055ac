"""Parity of the metrics with the original code; all cases, sizes and names are read from the files."""

from __future__ import annotations

import re
from typing import Any

import attrs
import pytest
import torch
from torch import Tensor

from actiongpt_core.evaluation.metrics import (
    ApeAve,
    ape_ave,
    average_means,
    best_of,
    compared_parts,
    errors_of_parts,
    transition_distance,
)
from actiongpt_core.nn.masks import pad

pytestmark = pytest.mark.golden

ARRAYS, CASES = "metrics/metrics.npz", "metrics/metrics.json"
#: Relative to the size of the numbers: the originals summed float32.
TOLERANCE = 2e-5


@pytest.fixture
def sequences(golden: Any) -> tuple[list[Tensor], list[Tensor]]:
    numbers = golden.keys(ARRAYS, r"gt(\d+)")
    return tuple([golden.feed(ARRAYS, f"{kind}{n}") for n in numbers] for kind in ("pred", "gt"))  # type: ignore[return-value]


@pytest.fixture
def trials(golden: Any) -> tuple[list[list[Tensor]], list[Tensor]]:
    """For each trial the predictions; the references."""
    found = [re.fullmatch(r"trial(\d+)_(\d+)", key) for key in golden.load(ARRAYS)]
    pairs = [(int(match[1]), int(match[2])) for match in found if match]
    clips, runs = sorted({clip for clip, _ in pairs}), sorted({run for _, run in pairs})
    predictions = [[golden.feed(ARRAYS, f"trial{clip}_{run}") for clip in clips] for run in runs]
    return predictions, [golden.feed(ARRAYS, f"gt{clip}") for clip in clips]


def named(golden: Any, pattern: str) -> str:
    """The one case of this name."""
    (case,) = [key for key in golden.load(CASES) if re.fullmatch(pattern, key)]
    return str(case)


def check(golden: Any, key: str, found: ApeAve, expected: dict[str, Any], ape: float = 1.0, ave: float = 1.0) -> None:
    """Compare all numbers; `ape` and `ave` take what the original printed to metres."""
    ours = {
        f"{kind}_{part}": getattr(found, f"{kind.lower()}_{part}")
        for kind in ("APE", "AVE")
        for part in ("root", "traj", "pose", "joints")
    } | found.means
    close = {
        name: torch.allclose(
            torch.as_tensor(ours[name], dtype=torch.float64),
            torch.as_tensor(value, dtype=torch.float64) * (ape if name.startswith("APE") else ave),
            rtol=TOLERANCE,
            atol=1e-7,
        )
        for name, value in expected.items()
    }
    golden.compare_json(CASES, key, close, dict.fromkeys(expected, True))


def test_golden_single_sequences(golden: Any, sequences: tuple[list[Tensor], list[Tensor]]) -> None:
    for number, (prediction, reference) in enumerate(zip(*sequences, strict=True)):
        found, stored = ape_ave([prediction], [reference]), golden.load(CASES)
        check(golden, f"single_seq{number}", found, stored[f"single_seq{number}"])
        both = stored[f"single_seq{number}_update_return_root_traj"]
        assert [found.ape_root, found.ape_traj] == pytest.approx(both, rel=TOLERANCE)
        golden.compared.add(f"{CASES}:single_seq{number}_update_return_root_traj")


def test_golden_all_sequences_together_are_as_one_by_one(
    golden: Any, sequences: tuple[list[Tensor], list[Tensor]]
) -> None:
    check(golden, "all_seqs_one_by_one", ape_ave(*sequences), golden.load(CASES)["all_seqs_one_by_one"])
    lengths = [len(reference) for reference in sequences[1]]
    golden.compare_json(CASES, "lengths", lengths, golden.load(CASES)["lengths"])


@pytest.mark.parametrize(("case", "unit"), [("all_seqs_padded_batch", 1.0), ("mm_inputs_divided_by_1000_batch", 1e3)])
def test_golden_zero_padding_enters_the_floor_of_the_original(
    golden: Any, sequences: tuple[list[Tensor], list[Tensor]], case: str, unit: float
) -> None:
    ours, theirs = (compared_parts(pad([unit * clip for clip in clips]).double()) for clips in sequences)
    errors = errors_of_parts(ours, theirs, torch.tensor([len(clip) for clip in sequences[0]]))
    check(golden, case, errors.total(), golden.load(CASES)[case], ape=unit, ave=unit**2)
    if unit == 1:  # and not into that of ours
        assert abs(errors.total().ape_root - ape_ave(*sequences).ape_root) > 1e-3


def test_golden_each_trial_and_their_average(golden: Any, trials: tuple[list[list[Tensor]], list[Tensor]]) -> None:
    predictions, references = trials
    runs = [ape_ave(run, references) for run in predictions]
    for found, expected in zip(runs, golden.load(CASES)["per_trial"], strict=True):
        check(golden, "per_trial", found, expected)
    case = named(golden, r"avg_of_\d+")
    fields = [field.name for field in attrs.fields(ApeAve)]
    average = ApeAve(**{name: sum(getattr(run, name) for run in runs) / len(runs) for name in fields})
    check(golden, case, average, golden.load(CASES)[case])
    assert average_means(predictions, references) == pytest.approx(average.means)


def test_golden_the_best_of_n_is_the_originals_in_metres(
    golden: Any, trials: tuple[list[list[Tensor]], list[Tensor]]
) -> None:
    case = named(golden, r"best_of_\d+_original_divides_by_1000")
    check(golden, case, best_of(*trials), golden.load(CASES)[case], ape=1e3, ave=1e6)


def test_golden_the_transition_distance(golden: Any) -> None:
    for key, expected in golden.load(CASES).items():
        if match := re.fullmatch(r"transition_distance_m_pred(\d+)_at_l1=(\d+)", key):
            joints = golden.feed(ARRAYS, f"pred{match[1]}")
            assert transition_distance(joints, int(match[2])) == pytest.approx(expected, rel=TOLERANCE)
            golden.compared.add(f"{CASES}:{key}")
