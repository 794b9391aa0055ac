"""A text model of two layers with random weights, and the embedded one, each loaded once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from llm_stub import StubServer, serve

from actiongpt_core.text.encoders import TransformersTextEncoder
from actiongpt_core.torchvision_shim import ensure_torchvision

WORDS = [
    "a",
    "the",
    "person",
    "walks",
    "runs",
    "forward",
    "slowly",
    "left",
    "right",
    "arm",
    "and",
    "then",
    "jumps",
    "sits",
    "down",
    "with",
    "both",
    "hands",
]


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    ensure_torchvision()
    from transformers import BertConfig, BertModel, BertTokenizer

    folder = tmp_path_factory.mktemp("tiny_bert")
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]), encoding="utf-8")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=5 + len(WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=24,
        initializer_range=0.3,
    )
    BertModel(config).save_pretrained(folder)
    BertTokenizer(vocab=str(vocabulary)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_encoder(tiny_folder: Path) -> TransformersTextEncoder:
    return TransformersTextEncoder(tiny_folder)


@pytest.fixture(scope="session")
def embedded_encoder() -> TransformersTextEncoder:
    return TransformersTextEncoder()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StubServer]:
    """A server that the provider `openai` asks by default, on the loopback interface."""
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.delenv("OPENAI_API_KEY_FILE", raising=False)
    with serve() as stub:
        monkeypatch.setenv("OPENAI_BASE_URL", stub.url)
        yield stub
