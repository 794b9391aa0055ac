"""The small CLIP and the data bases of the parity data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from actiongpt_core.pipeline import Pipeline
from actiongpt_core.testing.fakes import FakeProvider, FakeTextEncoder
from actiongpt_motionclip import MotionClip, MotionClipConfig
from actiongpt_motionclip.clip import Clip, from_openai_state
from actiongpt_motionclip.clip_encoder import ClipTextEncoder

TINY_CLIP = "motionclip_tiny/clip_tiny_state_dict.npz"


@pytest.fixture(scope="session")
def tiny_clip(golden: Any) -> Clip:
    """Both towers, with random weights; its tokenizer is CLIP's own."""
    return from_openai_state({name: golden.feed(TINY_CLIP, name) for name in golden.load(TINY_CLIP)}, name="tiny CLIP")


@pytest.fixture(scope="session")
def tiny_text_encoder(tiny_clip: Clip) -> ClipTextEncoder:
    """Its text tower; it has given its one warning of long texts."""
    encoder = ClipTextEncoder(tiny_clip)
    with pytest.warns(UserWarning, match="reads at most"):
        encoder.tokenize(["walk " * 100])
    return encoder


# --- the originals' data bases -------------------------------------------------------------------------------------


def database_lists(arrays: Mapping[str, Any], image_name: str = "img{}_{}.png") -> dict[str, Any]:
    """What the originals keep in a data base: a list for each kind of content, one entry a sequence."""
    cuts, image_cuts = np.cumsum(arrays["lengths"])[:-1], np.cumsum(arrays["n_emb"])[:-1]
    counts = [int(count) for count in arrays["n_emb"]]
    labels, categories = (
        [part.astype(object) for part in np.split(arrays[key], cuts)] for key in ("text_raw_labels", "action_cat")
    )
    return {
        "vid_names": [f"sequence {number}" for number in range(len(counts))],
        "thetas": [part.astype(np.float64) for part in np.split(arrays["thetas"], cuts)],
        "joints3d": np.split(arrays["joints3d"], cuts),
        "clip_images": [None] * len(counts),
        "clip_images_emb": np.split(arrays["clip_images_emb"], image_cuts),
        "clip_pathes": [[image_name.format(n, window) for window in range(count)] for n, count in enumerate(counts)],
        "text_raw_labels": labels,
        "text_proc_labels": labels,
        "action_cat": categories,
    }


@pytest.fixture(scope="session")
def golden_database(golden: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The parity data's three splits as the originals' files; the path is what an experiment's settings name."""
    import joblib

    folder = tmp_path_factory.mktemp("database")
    for split in ("train", "vald", "test"):
        file = f"motionclip_tiny/db_{split}.npz"
        arrays = golden.load(file)
        golden.fed.update(f"{file}:{key}" for key in arrays)
        joblib.dump(database_lists(arrays), folder / f"tiny_30fps_{split}.pt")
    return folder / "tiny_30fps_db.pt"


@pytest.fixture
def lists() -> dict[str, Any]:
    """A small data base as the originals keep it: three sequences of 150, 100 and 205 frames."""
    rng = np.random.default_rng(0)
    lengths, num_windows = np.array([150, 100, 205]), np.array([1, 1, 2])
    frames = int(lengths.sum())
    labels = np.array(["walk"] * 180 + ["sit down"] * 160 + ["wave"] * (frames - 340))
    categories = np.array(["walk,turn"] * 180 + ["sit"] * 160 + ["wave"] * (frames - 340))
    return database_lists(
        {
            "lengths": lengths,
            "n_emb": num_windows,
            "thetas": rng.normal(0, 0.3, (frames, 72)).astype(np.float32),
            "joints3d": rng.normal(0, 0.5, (frames, 18, 3)).astype(np.float32),
            "clip_images_emb": rng.normal(size=(int(num_windows.sum()), 8)).astype(np.float32),
            "text_raw_labels": labels,
            "action_cat": categories,
        }
    )


@pytest.fixture
def write_database(tmp_path: Path) -> Callable[..., Path]:
    """Writes lists as the originals' parser does."""
    import joblib

    def write(content: Any, split: str = "train") -> Path:
        path = tmp_path / f"small_30fps_{split}.pt"
        joblib.dump(content, path)
        return path

    return write


# --- a small model ---------------------------------------------------------------------------------------------------


@pytest.fixture
def build_pipeline() -> Callable[..., Pipeline]:
    """A pipeline around a model with random weights; changes are of its settings."""

    def build(**changes: Any) -> Pipeline:
        torch.manual_seed(0)
        model = MotionClip(MotionClipConfig.tiny(**changes), text_encoder=FakeTextEncoder(16)).eval()
        return Pipeline(model, llm=FakeProvider(), device="cpu")

    return build
