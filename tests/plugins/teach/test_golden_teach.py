"""The whole of TEACH against the numbers of the original code (golden/teach_tiny): text to motion, step by step."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from torch import Tensor

from actiongpt_core.body.joint_sets import convert_joints, shift_to_start
from actiongpt_core.body.smpl import SmplBody
from actiongpt_core.evaluation.metrics import transition_distance
from actiongpt_core.published_vae import read_published_vae
from actiongpt_core.safe_pickle import load_checkpoint
from actiongpt_core.text.aggregators import mean
from actiongpt_core.text.encoders import TransformersTextEncoder
from actiongpt_core.text.providers.pack import PackProvider
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL_REST_PELVIS
from actiongpt_core.types.text import Action, TextFeatures
from actiongpt_teach.convert import load_published
from actiongpt_teach.model import Teach

pytestmark = pytest.mark.golden

FOLDER = "teach_tiny"
FILE = f"{FOLDER}/cases.npz"
INFO = f"{FOLDER}/cases.json"
ANNOTATIONS = f"{FOLDER}/gpt3_annotations.json"
NETWORK = 2e-5  # activations, features, metres of the root
ALIGNED = 5e-4  # after alignment and slerp: float32 square roots in the originals' matrix -> quaternion
JOINTS = 1e-4  # metres
JOINTS_ALIGNED = 1e-3
MILLIMETRES = 0.05  # the joint set mmm is in about millimetres


# --- the model -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(golden: Any, tmp_path_factory: pytest.TempPathFactory) -> Teach:
    experiment, stats = golden.folder / FOLDER, golden.folder / "stats" / "stats.npz"
    if not stats.is_file():
        stats = recovered_stats(
            golden, read_published_vae(experiment, "teach").stats_entry, tmp_path_factory.mktemp("stats")
        )
    return load_published(experiment, text_encoder=golden.folder / "distilbert_tiny", stats=stats)


def recovered_stats(golden: Any, entry: str, folder: Path) -> Path:
    cases = golden.keys(FILE, r"(text\d+)/features_unnorm")
    raw, normalised = ([f"{case}/{name}" for case in cases] for name in ("features_unnorm", "features"))
    values = golden.recover_stats(FILE, raw, normalised, NETWORK)
    names = [f"{entry}/rfeats_{name}" for name in ("mean", "std")]
    np.savez(folder / "stats.npz", **{name: value.numpy() for name, value in zip(names, values, strict=True)})
    return folder / "stats.npz"


@pytest.fixture(scope="module")
def body(golden: Any) -> SmplBody:
    return SmplBody(golden.folder / "smplh_synthetic" / "synthetic_smplh.npz")


def with_settings(model: Teach, **changes: Any) -> Teach:
    """The same weights with other settings."""
    other = Teach(attrs.evolve(model.config, **changes), text_encoder=model.text_encoder)
    other.load_state_dict(model.state_dict())
    return other.eval()


@contextmanager
def recorded(module: torch.nn.Module) -> Iterator[list[tuple[Any, Any, Any]]]:
    """The arguments, keywords and result of each call of a module."""
    calls: list[tuple[Any, Any, Any]] = []
    hook = module.register_forward_hook(
        lambda _, args, kwargs, out: calls.append((args, kwargs, out)), with_kwargs=True
    )
    try:
        yield calls
    finally:
        hook.remove()


# --- the steps -----------------------------------------------------------------------------------------------------


def padded_ids(golden: Any, encoder: TransformersTextEncoder, texts: Sequence[str], size: int) -> Tensor:
    vocabulary = (golden.folder / "distilbert_tiny" / "vocab.txt").read_text(encoding="utf-8").split("\n")
    fill = vocabulary.index("[PAD]")
    return torch.tensor([[*ids, *[fill] * (size - len(ids))] for ids in encoder.tokenize(texts)])


@torch.no_grad()
def encode(
    golden: Any, model: Teach, groups: Sequence[Sequence[str]], history: Tensor | None = None
) -> dict[str, Tensor]:
    """All that happens between the descriptions of B actions, encoded as one batch, and the Gaussian."""
    texts, k = [text for group in groups for text in group], len(groups[0])
    encoder = model.text_encoder
    assert isinstance(encoder, TransformersTextEncoder)
    features = encoder.encode(texts)
    rows = [slice(start, start + k) for start in range(0, len(texts), k)]
    merged = [mean(TextFeatures(tokens=features.tokens[row], mask=features.mask[row])) for row in rows]
    tokens, mask = (torch.stack([getattr(one, name) for one in merged]) for name in ("tokens", "mask"))
    with recorded(model.text_history_encoder.transformer) as calls:
        gaussian = model.encode_text(tokens, mask, history)
    args, keywords, _ = calls[-1]
    padding = keywords["src_key_padding_mask"]
    if padding.dtype == torch.bool:
        padding = torch.where(padding, -1, -2)  # the integers that the originals invert to
    found = {
        "input_ids": padded_ids(golden, encoder, texts, features.mask.shape[1]),
        "attention_mask": features.mask.long(),
        "token_embeddings": features.tokens,
        "aggregated": tokens,
        "encoder_input": args[0].transpose(0, 1),
        "key_padding_raw_int": padding.int(),
        "mu": gaussian.mu,
        "logvar": gaussian.logvar,
        "std": gaussian.std,
    }
    if history is not None:
        found["hframes_encoded"] = args[0][:, 2 : 2 + history.shape[1]].transpose(0, 1)
    return found


def compare_all(golden: Any, prefix: str, found: dict[str, Tensor], expected: Sequence[str]) -> None:
    """Every stored array of a case must have a counterpart."""
    for name in expected:
        golden.compare(FILE, f"{prefix}/{name}", found[name], NETWORK if found[name].is_floating_point() else 0)


# --- one text ------------------------------------------------------------------------------------------------------


@pytest.mark.golden(FILE, r"(text\d+)/mu")
def test_golden_a_text_becomes_the_same_motion(golden: Any, model: Teach, case: str) -> None:
    info = golden.load(INFO)["texts"][case]
    found = encode(golden, model, [info["descriptions"]])
    eps = golden.feed(FILE, f"{case}/eps")
    with torch.no_grad():
        latent = found["mu"] + eps * found["std"]
        features = model.decode(latent, torch.tensor([info["length"]]))[0]
        raw = model.normalizer.denormalise(features)
        rotations, translation = model.features.decode(raw)
    found |= {"z": latent, "features": features, "features_unnorm": raw, "rots": rotations, "trans": translation}
    stored = golden.keys(FILE, rf"{case}/((?!eps$|joints_|vertices_).*)")
    compare_all(golden, case, found, stored)
    golden.compare_json(INFO, f"texts/{case}", set(info), {"label", "descriptions", "length"})


@pytest.mark.golden(FILE, r"(text\d+/(?:joints|vertices)_\w+)")
def test_golden_a_text_becomes_the_same_joints(golden: Any, body: SmplBody, case: str) -> None:
    text, kind = case.split("/")
    translation = golden.feed(FILE, f"{text}/trans")
    motion = Motion(rotations=golden.feed(FILE, f"{text}/rots"), translation=translation + body.rest_pelvis, fps=30)
    every = re.fullmatch(r"vertices_every(\d+)", kind)
    if every:
        found = body.mesh(motion)[0][:, :: int(every[1])]
    else:
        found = shift_to_start(convert_joints(body.all_joints(motion), kind.removeprefix("joints_")), translation)
    golden.compare(FILE, case, found, MILLIMETRES if kind == "joints_mmm" else JOINTS)


def test_golden_labels_are_found_in_the_annotations(golden: Any) -> None:
    provider, used = PackProvider(golden.folder / ANNOTATIONS), golden.load(INFO)["texts"].values()
    for label, texts in golden.load(ANNOTATIONS).items():
        found = list(provider.complete(Action(label), len(texts)).texts)
        golden.compare_json(ANNOTATIONS, label, found, texts)
        assert all(found == info["descriptions"] for info in used if info["label"] == label)


@pytest.mark.golden(FILE, r"(text\d+)/token_embeddings")
def test_golden_the_text_model_in_the_folder_is_the_one_in_the_checkpoint(golden: Any, case: str) -> None:
    encoder = TransformersTextEncoder(golden.folder / "distilbert_tiny")
    found = encoder.encode(golden.load(INFO)["texts"][case]["descriptions"]).tokens
    golden.compare(FILE, f"{case}/token_embeddings", found, NETWORK)


# --- many texts ----------------------------------------------------------------------------------------------------


@pytest.mark.golden(FILE, r"(batch\d+/\w+)/mu")
def test_golden_a_batch_agrees_with_either_mask(golden: Any, model: Teach, case: str) -> None:
    batch, mode = case.split("/")
    info, annotations = golden.load(INFO)["batches"][batch], golden.load(ANNOTATIONS)
    history = golden.feed(FILE, f"{batch}/hframes") if mode.endswith("_hist") else None
    masked = with_settings(model, padding={"torch111": "additive", "bool": "bool"}[mode.removesuffix("_hist")])
    found = encode(golden, masked, [annotations[label] for label in info["labels"]], history)
    with torch.no_grad():
        found["z"] = found["mu"] + golden.feed(FILE, f"{batch}/eps") * found["std"]
        found["features"] = masked.decode(found["z"], torch.tensor(info["lengths"]))
    compare_all(golden, case, found, golden.keys(FILE, rf"{case}/(.*)"))
    golden.compare_json(INFO, f"batches/{batch}", set(info), {"labels", "lengths"})


@pytest.mark.golden(FILE, r"(extra)/hframes")
def test_golden_history_and_previous_latent_agree(golden: Any, model: Teach, case: str) -> None:
    history, previous = golden.feed(FILE, f"{case}/hframes"), golden.feed(FILE, f"{case}/z_prev")
    given = {"hist": (history, None), "zprev": (None, previous), "hist_zprev": (history, previous)}
    # The files do not say which text it was: it is the one whose mu agrees first, and with it all must agree.
    texts = [
        TextFeatures(tokens=found["aggregated"][0], mask=found["key_padding_raw_int"][0, 3:] == -2)
        for found in (encode(golden, model, [info["descriptions"]]) for info in golden.load(INFO)["texts"].values())
    ]
    first = golden.keys(FILE, rf"{case}/(\w+)/mu")[0]
    stored = torch.from_numpy(golden.load(FILE)[f"{case}/{first}/mu"])

    @torch.no_grad()
    def gaussian(text: TextFeatures, name: str) -> Any:
        return model.text_history_encoder(text.tokens[None], text.mask[None], *given[name])

    text = min(texts, key=lambda text: float((gaussian(text, first).mu - stored).abs().max()))
    for name in golden.keys(FILE, rf"{case}/(\w+)/mu"):
        golden.compare(FILE, f"{case}/{name}/mu", gaussian(text, name).mu, NETWORK)
        golden.compare(FILE, f"{case}/{name}/std", gaussian(text, name).std, NETWORK)


@pytest.mark.golden(FILE, r"(motionenc_T\d+)/x")
def test_golden_the_motion_encoder_agrees_with_and_without_lengths(golden: Any, model: Teach, case: str) -> None:
    x, lengths = golden.feed(FILE, f"{case}/x"), golden.feed(FILE, f"{case}/lengths")
    for name, is_told in (("with_lengths", True), ("no_lengths", False)):
        with torch.no_grad():
            gaussian = with_settings(model, motion_lengths=is_told).encode_motion(x, lengths)
        golden.compare(FILE, f"{case}/mu_{name}", gaussian.mu, NETWORK)
        golden.compare(FILE, f"{case}/std_{name}", gaussian.std, NETWORK)


@pytest.mark.golden(FILE, r"(rng/seed\d+)_draws")
def test_golden_a_seed_draws_the_same_noise(
    golden: Any, model: Teach, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = len(golden.load(FILE)[f"{case}_draws"])
    generator = torch.Generator().manual_seed(int(re.sub(r"\D", "", case)))
    text = encode(golden, model, [next(iter(golden.load(INFO)["texts"].values()))["descriptions"]])
    draws: list[Tensor] = []
    decode = model.decode

    def spy(latent: Tensor, lengths: Tensor) -> Tensor:
        draws.append(latent)
        return decode(latent, lengths)

    class UnitNormal:
        def sample(self, *, noise: Tensor, noise_scale: float) -> Tensor:
            return noise_scale * noise

    other = copy.copy(model)
    monkeypatch.setattr(other, "decode", spy)
    monkeypatch.setattr(other, "encode_text", lambda tokens, mask, history: UnitNormal())
    action = TextFeatures(tokens=text["aggregated"][0], mask=text["key_padding_raw_int"][0, 3:] == -2)
    other.generate([action] * count, [max(other.min_frames, 30)] * count, generator=generator)
    golden.compare(FILE, f"{case}_draws", torch.stack(draws), 0)


# --- sequences -----------------------------------------------------------------------------------------------------


def sequence_model(model: Teach, info: dict[str, Any]) -> Teach:
    align = "full" if info["align_full_bodies"] else "translation" if info.get("align_only_trans") else "none"
    window = info["slerp_window_size"] or 0
    return with_settings(model, align=align, transition_frames=window, min_frames=1, max_frames=max(info["lengths"]))


@pytest.mark.golden(FILE, r"(seq\d+)/rots")
def test_golden_a_sequence_becomes_the_same_motion(
    golden: Any, model: Teach, body: SmplBody, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    info, annotations = golden.load(INFO)["sequences"][case], golden.load(ANNOTATIONS)
    chosen = sequence_model(model, info)
    actions = [mean(chosen.text_encoder.encode(annotations[label])) for label in info["labels"]]
    noise = iter([golden.feed(FILE, f"{case}/a{index}/eps") for index in range(len(actions))])
    monkeypatch.setattr(torch, "randn", lambda *size, **options: next(noise))
    with recorded(chosen.text_history_encoder) as texts, recorded(chosen.motion_decoder) as decoded:
        motion = chosen.generate(actions, info["lengths"])

    for index, (text, decoding) in enumerate(zip(texts, decoded, strict=True)):
        found = {"mu": text[2].mu, "std": text[2].std, "z": decoding[0][0], "features": decoding[2][0]}
        if text[0][2] is not None:
            found["hframes"] = text[0][2]
        stored = golden.keys(FILE, rf"{case}/a{index}/((?!eps$).*)")
        compare_all(golden, f"{case}/a{index}", found, stored)

    translation = motion.translation - torch.tensor(SMPL_REST_PELVIS)
    golden.compare(FILE, f"{case}/rots", motion.rotations, ALIGNED)
    golden.compare(FILE, f"{case}/trans", translation, ALIGNED)
    on_body = attrs.evolve(motion, translation=translation + body.rest_pelvis)
    joints = shift_to_start(convert_joints(body.all_joints(on_body), "mmmns"), translation)
    golden.compare(FILE, f"{case}/joints_mmmns", joints, JOINTS_ALIGNED)
    distance = transition_distance(joints, info["lengths"][0])
    golden.compare(FILE, f"{case}/transition_distance_m", torch.tensor(distance), JOINTS_ALIGNED)
    known = {"labels", "lengths", "align_full_bodies", "align_only_trans", "slerp_window_size"}
    golden.compare_json(INFO, f"sequences/{case}", set(info) | known, known)


# --- the files -----------------------------------------------------------------------------------------------------


def test_golden_the_checkpoint_holds_what_its_list_says(golden: Any) -> None:
    content = load_checkpoint(golden.folder / FOLDER / "checkpoints" / "last.ckpt")
    shapes = {key: list(value.shape) for key, value in content["state_dict"].items()}
    stored = golden.load(f"{FOLDER}/state_dict_shapes.json")
    golden.compare_json(f"{FOLDER}/state_dict_shapes.json", "", shapes, stored)
    golden.compare_json(INFO, "hparams_keys", sorted(content["hyper_parameters"]), golden.load(INFO)["hparams_keys"])
