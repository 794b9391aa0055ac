"""Where CLIP's weights are found, and which files are read and refused. No network."""

from __future__ import annotations

import hashlib
import json
import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import huggingface_hub
import open_clip
import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.torch import save_file
from torch import Tensor, nn

from actiongpt_core.errors import CheckpointError, ConfigError, MissingAssetError
from actiongpt_motionclip import clip_sources
from actiongpt_motionclip.clip import Clip, load_clip
from actiongpt_motionclip.clip_encoder import ClipImageEncoder, ClipTextEncoder
from actiongpt_motionclip.clip_sources import read_clip
from actiongpt_motionclip.text_spaces import require_space

TEXTS = ["a person walks forward", "wave"]
CONFIG, WEIGHTS = "open_clip_config.json", "open_clip_model.safetensors"


@pytest.fixture(scope="module")
def state(tiny_clip: Clip) -> dict[str, Tensor]:
    return {name: tensor.contiguous() for name, tensor in tiny_clip.model.state_dict().items()}


@pytest.fixture(scope="module")
def vectors(tiny_clip: Clip) -> Tensor:
    return vectors_of(ClipTextEncoder(tiny_clip))


@pytest.fixture(scope="module")
def safetensors(state: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "tiny.safetensors"
    save_file(state, path)
    return path


@pytest.fixture(scope="module")
def script(state: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive as OpenAI's: TorchScript, half precision, with the sizes beside the weights."""
    path = tmp_path_factory.mktemp("clip") / "tiny.pt"
    sizes = {name: torch.tensor(number) for name, number in (("input_resolution", 32), ("context_length", 77))}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        module = torch.jit.trace(tree_of(state | sizes).half(), torch.zeros(1))
        torch.jit.save(module, path)
    return path


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*args: Any, **options: Any) -> Any:
        raise ConnectionError("no network")

    def not_cached(*args: Any, **options: Any) -> Any:
        raise LocalEntryNotFoundError("not there")

    monkeypatch.setattr(huggingface_hub, "file_exists", refuse)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", not_cached)
    monkeypatch.setattr(open_clip, "download_pretrained_from_url", refuse)
    monkeypatch.setattr(clip_sources, "_CACHE", tmp_path / "cache")


def vectors_of(encoder: ClipTextEncoder) -> Tensor:
    pooled = encoder.encode(TEXTS).pooled
    assert pooled is not None
    return pooled


class Branch(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x


def tree_of(state: Mapping[str, Tensor]) -> Branch:
    """Modules that hold the tensors by their dotted names."""
    root = Branch()
    for name, tensor in state.items():
        *path, leaf = name.split(".")
        branch: nn.Module = root
        for part in path:
            if part not in dict(branch.named_children()):
                branch.add_module(part, Branch())
            branch = branch.get_submodule(part)
        branch.register_buffer(leaf, tensor.clone())
    return root


def write_folder(
    folder: Path, tiny_clip: Clip, weights: Path, preprocess: dict[str, Any] | None = None, **changes: Any
) -> Path:
    model = tiny_clip.model
    config = {
        "embed_dim": tiny_clip.dim,
        "quick_gelu": True,
        "vision_cfg": {"image_size": 32, "patch_size": 16, "width": 64, "layers": 1},
        "text_cfg": {
            "context_length": 77,
            "vocab_size": len(model.token_embedding.weight),
            "width": 64,
            "heads": 1,
            "layers": model.transformer.layers,
        },
    }
    folder.mkdir()
    (folder / WEIGHTS).symlink_to(weights)
    content = {"model_cfg": config | changes, "preprocess_cfg": preprocess or {}}
    (folder / CONFIG).write_text(json.dumps(content), encoding="utf-8")
    return folder


# --- files ---------------------------------------------------------------------------------------------------------


def test_a_safetensors_file_is_the_same_clip(safetensors: Path, tiny_clip: Clip, vectors: Tensor) -> None:
    for source in (safetensors, str(safetensors), f"clip:{safetensors}"):
        encoder = ClipTextEncoder(source)
        assert torch.equal(vectors_of(encoder), vectors)
        assert (encoder.space, encoder.name) == (tiny_clip.space, str(source))


def test_a_file_of_torch_save_is_the_same_clip(
    state: dict[str, Tensor], tiny_clip: Clip, vectors: Tensor, tmp_path: Path
) -> None:
    torch.save(
        {"epoch": 1, "state_dict": {f"module.{name}": tensor for name, tensor in state.items()}}, tmp_path / "a.pt"
    )
    encoder = ClipTextEncoder(tmp_path / "a.pt")
    assert torch.equal(vectors_of(encoder), vectors)
    assert encoder.space == tiny_clip.space


def test_openais_own_kind_of_archive_is_read_without_its_code(
    script: Path, tiny_clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **options: Any) -> Any:
        raise AssertionError("a file's code was loaded")

    monkeypatch.setattr(torch.jit, "load", refuse)
    monkeypatch.setattr(torch, "load", refuse)
    clip = load_clip(script)
    assert clip.space == tiny_clip.space
    for name, tensor in tiny_clip.model.state_dict().items():
        assert torch.equal(clip.model.state_dict()[name], tensor.half().float())


def test_a_file_that_openai_published_is_known_by_its_sum(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hashlib.sha256(script.read_bytes()).hexdigest()
    urls = {"ViT-B-32": f"https://host/clip/models/{digest}/ViT-B-32.pt"}
    monkeypatch.setattr(open_clip, "get_pretrained_url", lambda model, tag: urls.get(model, "https://host/other"))
    clip_sources._published_as.cache_clear()
    assert read_clip(script).space == "clip:ViT-B-32"
    clip_sources._published_as.cache_clear()


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[Any, ...]:
            return (exec, ("raise SystemExit('ran')",))

    torch.save({"text_projection": Hostile()}, tmp_path / "hostile.pt")
    with pytest.raises(CheckpointError, match=r"refused: \w+\.exec"):
        read_clip(tmp_path / "hostile.pt")


def test_a_plain_pickle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plain.pt").write_bytes(pickle.dumps({"text_projection": [1.0]}))
    with pytest.raises(CheckpointError, match=r"not a file of torch\.save"):
        read_clip(tmp_path / "plain.pt")


def test_the_layout_of_transformers_is_named(tmp_path: Path) -> None:
    save_file({"text_model.final_layer_norm.weight": torch.ones(2)}, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match="layout of the transformers library"):
        read_clip(tmp_path / "model.safetensors")


def test_a_damaged_file_is_refused(safetensors: Path, tmp_path: Path) -> None:
    (tmp_path / "half.safetensors").write_bytes(safetensors.read_bytes()[:100_000])
    with pytest.raises(CheckpointError, match="damaged"):
        read_clip(tmp_path / "half.safetensors")


def test_a_file_may_be_said_to_hold_known_weights(safetensors: Path, tiny_clip: Clip, tmp_path: Path) -> None:
    weights = read_clip(f"clip:ViT-B-32/openai@{safetensors}")
    assert (weights.space, weights.origin) == ("clip:ViT-B-32", str(safetensors))
    assert weights.config == open_clip.get_model_config("ViT-B-32") | {"quick_gelu": True}
    folder = write_folder(tmp_path / "folder", tiny_clip, safetensors)
    assert read_clip(f"clip:ViT-B-32/laion2b_e16@{folder}").space == "clip:ViT-B-32/laion2b_e16"


def test_a_file_of_another_size_than_it_is_said_to_have_is_refused(safetensors: Path) -> None:
    with pytest.raises(CheckpointError, match="does not fit"):
        load_clip(f"clip:ViT-B-32/openai@{safetensors}")


def test_a_checkpoint_refuses_unnamed_weights_and_says_how_to_name_them(safetensors: Path) -> None:
    with pytest.raises(ConfigError, match=r"made for the text space 'clip:ViT-B-32'.*clip:MODEL/WEIGHTS@PATH"):
        require_space(ClipTextEncoder(safetensors), "clip:ViT-B-32")


@pytest.mark.parametrize(
    "source",
    ["/nowhere/ViT-B-32.pt", "clip:nowhere.safetensors", Path("nowhere"), "clip:ViT-B-32/openai@/nowhere/x.pt"],
)
def test_a_missing_file_says_where_to_get_it(source: str | Path) -> None:
    with pytest.raises(MissingAssetError, match=r"(?s)nowhere.*https://.*ViT-B-32\.pt.*text_encoder="):
        read_clip(source)


# --- folders -------------------------------------------------------------------------------------------------------


def test_a_folder_in_the_hubs_layout_is_the_same_clip(
    safetensors: Path, tiny_clip: Clip, vectors: Tensor, tmp_path: Path
) -> None:
    encoder = ClipTextEncoder(write_folder(tmp_path / "folder", tiny_clip, safetensors))
    assert torch.equal(vectors_of(encoder), vectors)
    assert encoder.space == tiny_clip.space
    assert not hasattr(encoder.clip.model, "visual")


def test_a_folders_config_decides_the_activation(
    safetensors: Path, tiny_clip: Clip, vectors: Tensor, tmp_path: Path
) -> None:
    encoder = ClipTextEncoder(write_folder(tmp_path / "folder", tiny_clip, safetensors, quick_gelu=False))
    assert (vectors_of(encoder) - vectors).abs().max() > 1e-3


def test_a_folders_config_decides_the_scale_of_images(safetensors: Path, tiny_clip: Clip, tmp_path: Path) -> None:
    half = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
    images = ClipImageEncoder(write_folder(tmp_path / "folder", tiny_clip, safetensors, preprocess=half))
    white = torch.full((1, 8, 8, 3), 255, dtype=torch.uint8)
    assert torch.equal(images.prepare(white), torch.ones(1, 3, images.size, images.size))


def test_an_image_encoder_on_a_clip_for_texts_alone_is_refused(
    safetensors: Path, tiny_clip: Clip, tmp_path: Path
) -> None:
    texts = ClipTextEncoder(safetensors)
    with pytest.raises(ConfigError, match="texts alone"):
        ClipImageEncoder(texts.clip)


def test_a_folder_without_its_files_says_which(tmp_path: Path) -> None:
    with pytest.raises(MissingAssetError, match=rf"{CONFIG}.*{WEIGHTS}"):
        read_clip(tmp_path)


def test_another_kind_of_text_tower_is_refused(safetensors: Path, tiny_clip: Clip, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "folder", tiny_clip, safetensors, text_cfg={"hf_model_name": "roberta-base"})
    with pytest.raises(ConfigError, match=r"no CLIP of the original kind \(hf_model_name"):
        load_clip(folder)


# --- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("offline")
def test_without_network_a_name_says_what_to_do() -> None:
    with pytest.raises(MissingAssetError, match=r"(?s)ViT-B-32/openai.*https://.*ViT-B-32\.pt.*text_encoder="):
        read_clip("clip:ViT-B-32/openai")


@pytest.mark.usefixtures("offline")
def test_without_network_a_hub_name_says_what_to_do() -> None:
    with pytest.raises(MissingAssetError, match=r"'owner/name'.*huggingface\.co/owner/name.*text_encoder="):
        read_clip("hf-hub:owner/name")


def test_a_name_is_found_in_the_hubs_cache_without_network(
    offline: None, state: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_file(state, tmp_path / WEIGHTS)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", cache_of(tmp_path, "timm/vit_base_patch32_clip_224.openai"))
    weights = read_clip("clip:ViT-B-32/openai")
    assert weights.space == "clip:ViT-B-32"
    assert weights.origin == str(tmp_path / WEIGHTS)
    # open_clip's own config of this name has the other activation.
    assert weights.config["quick_gelu"] is True
    assert weights.preprocess["mean"] == pytest.approx((0.48145466, 0.4578275, 0.40821073))


def test_a_name_is_found_in_openais_cache_without_network(
    offline: None, script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "ViT-B-32.pt").symlink_to(script)
    monkeypatch.setattr(open_clip, "download_pretrained_from_url", lambda url: str(tmp_path / "cache" / Path(url).name))
    assert read_clip("clip:ViT-B-32/openai").origin.endswith("cache/ViT-B-32.pt")


def test_a_hub_name_is_a_folder(
    offline: None, safetensors: Path, tiny_clip: Clip, vectors: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_folder(tmp_path / "folder", tiny_clip, safetensors)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", cache_of(folder, "owner/name"))
    encoder = ClipTextEncoder("hf-hub:owner/name")
    assert torch.equal(vectors_of(encoder), vectors)
    assert encoder.space == "clip:hf-hub:owner/name"


def cache_of(folder: Path, owner: str) -> Any:
    """The hub's cache with one model in it."""

    def look(name: str, file: str, *, local_files_only: bool) -> str:
        if name != owner or not (folder / file).is_file() or not local_files_only:
            raise LocalEntryNotFoundError(f"{name}: {file}")
        return str(folder / file)

    return look


def test_weights_of_one_architecture_are_spaces_of_their_own() -> None:
    names = [("ViT-B-32", "openai"), ("ViT-B-32", "laion2b_s34b_b79k"), ("ViT-B-16", "openai")]
    assert len({clip_sources._space(*name) for name in names}) == 3
    assert clip_sources._space("ViT-B-32-quickgelu", "openai") == clip_sources._space("ViT-B-32", "openai")
    assert clip_sources._hub_space("timm/vit_base_patch32_clip_224.openai") == "clip:ViT-B-32"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("clip:ViT-B-32/opnai", "Did you mean 'openai'"),
        ("clip:ViT-B-33/openai", "Did you mean 'ViT-B-32'"),
        ("clip:ViT-B-32", "Expected 'clip:ViT-B-32/openai'"),
        ("ViT-B-32/openai", "Expected 'clip:ViT-B-32/openai'"),
        ("clip:ViT-B-32@model.pt", "Expected 'clip:ViT-B-32/openai'"),
        ("distilbert-base-uncased", "Expected 'clip:ViT-B-32/openai'"),
    ],
)
def test_an_unknown_name_is_refused(source: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_clip(source)
