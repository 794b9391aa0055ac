"""Published experiment folders for tests: the small ones that are kept with the parity data, and changes of copies."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor

from actiongpt_core.safe_pickle import load_checkpoint

# These are about the mechanics, so they always are those that are kept with the tests.
GOLDEN = Path(__file__).parents[1] / "golden"
TEXT_MODEL = GOLDEN / "distilbert_tiny"
NUM_FEATURES = 135
CONFIG = Path(".hydra") / "config.yaml"
WEIGHTS = Path("checkpoints") / "last.ckpt"

State = dict[str, Tensor]
Settings = dict[str, Any]


class Call:
    """What a hostile file holds: a call of a function."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch canary",)


def write_stats(file: Path, entry: str) -> Path:
    """An npz with made-up statistics of the features."""
    numbers = np.random.default_rng(0)
    save_stats(file, entry, numbers.normal(size=NUM_FEATURES), numbers.uniform(0.1, 1.0, NUM_FEATURES))
    return file


def save_stats(file: Path, entry: str, mean: Any, std: Any) -> None:
    """An npz with these statistics of the features."""
    np.savez(file, **{f"{entry}/rfeats_mean": mean, f"{entry}/rfeats_std": std})


def change_weights(experiment: Path, change: Callable[[State], Any]) -> None:
    """Write a copy's weights again, changed."""
    state = {key: value.clone() for key, value in load_checkpoint(experiment / WEIGHTS)["state_dict"].items()}
    change(state)
    torch.save({"state_dict": state}, experiment / WEIGHTS)


def change_config(experiment: Path, change: Callable[[Settings], Any]) -> None:
    """Write a copy's settings again, changed."""
    config = yaml.safe_load((experiment / CONFIG).read_text(encoding="utf-8"))
    change(config)
    (experiment / CONFIG).write_text(yaml.safe_dump(config), encoding="utf-8")
