"""CLIP's tokenizer and towers against the original code's numbers (golden/clip_tokens.json, clip_text.*)."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from actiongpt_core.errors import PromptError
from actiongpt_core.text.aggregators import mean
from actiongpt_motionclip.clip import Clip
from actiongpt_motionclip.clip_encoder import ClipImageEncoder, ClipTextEncoder
from actiongpt_motionclip.clip_tokens import tokenise

pytestmark = pytest.mark.golden

TOKENS = "clip_tokens.json"
FILE, INFO = "motionclip_tiny/clip_text.npz", "motionclip_tiny/clip_text.json"
NETWORK: dict[str, Any] = {"atol": 2e-5, "rtol": 1e-4}


def is_too_long(encoder: ClipTextEncoder, text: str) -> bool:
    try:
        encoder.tokenize([text])
    except PromptError:
        return True
    return False


def test_golden_every_text_has_the_same_token_ids(
    golden: Any, tiny_clip: Clip, tiny_text_encoder: ClipTextEncoder
) -> None:
    stored = golden.load(TOKENS)
    strict = ClipTextEncoder(tiny_clip, truncate=False)
    cases = [
        {
            "text": case["text"],
            "ids": tiny_text_encoder.tokenize([case["text"]])[0],
            "n_bpe": len(tokenise(case["text"])) - 2,
            "needs_truncation": is_too_long(strict, case["text"]),
        }
        for case in stored["cases"]
    ]
    vocab_size, _ = tiny_clip.model.token_embedding.weight.shape
    start, end = tokenise("")
    found = {
        "context_length": len(tiny_clip.model.positional_embedding),
        "start": start,
        "end": end,
        "pad": 0,
        "vocab_size": vocab_size,
        "cases": cases,
    }
    expected = {key: value for key, value in stored.items() if key != "note"}
    golden.compare_json(TOKENS, "", found, expected)


@pytest.mark.parametrize("name", ["", "k4_"])
def test_golden_texts_have_the_same_ids_and_vectors(golden: Any, tiny_text_encoder: ClipTextEncoder, name: str) -> None:
    texts = golden.load(INFO)[f"{name}texts"]
    features = tiny_text_encoder.encode(texts)
    assert features.pooled is not None
    ids = torch.zeros(len(texts), len(tiny_text_encoder.clip.model.positional_embedding), dtype=torch.int32)
    for row, tokens in zip(ids, tiny_text_encoder.tokenize(texts), strict=True):
        row[: len(tokens)] = torch.tensor(tokens)
    golden.compare(FILE, f"{name}token_ids", ids, 0)
    golden.compare(FILE, f"{name or 'text_'}features", features.pooled, **NETWORK)


def test_golden_a_label_has_the_mean_of_its_descriptions(golden: Any, tiny_text_encoder: ClipTextEncoder) -> None:
    info, stored = golden.load(INFO), torch.from_numpy(golden.load(FILE)["k4_features"])
    k = len(info["k4_texts"]) // len(info["labels"])
    groups = [info["annotations"].get(label, [label] * k) for label in info["labels"]]
    golden.compare_json(INFO, "", [text for group in groups for text in group], info["k4_texts"])
    for features, rows in zip(tiny_text_encoder.encode_batch(groups), stored.split(k), strict=True):
        torch.testing.assert_close(mean(features).pooled, sum(rows) / k, **NETWORK)


def test_golden_images_have_the_same_vectors(golden: Any, tiny_clip: Clip) -> None:
    vectors = ClipImageEncoder(tiny_clip).encode_pixels(golden.feed(FILE, "image"))
    golden.compare(FILE, "image_features", vectors, **NETWORK)


def test_golden_the_towers_have_the_sizes_that_the_file_says(golden: Any, tiny_clip: Clip) -> None:
    file = "motionclip_tiny/clip_tiny_state_dict.npz"
    sizes = {
        "input_resolution": ClipImageEncoder(tiny_clip).size,
        "context_length": len(tiny_clip.model.positional_embedding),
        "vocab_size": len(tiny_clip.model.token_embedding.weight),
    }
    for name, size in sizes.items():
        golden.compare(file, name, torch.tensor(size), 0)
