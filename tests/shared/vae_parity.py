"""What the parity tests of the text and motion VAEs share: the stored cases of one backbone, and how each is compared.

A backbone's test module says which cases there are and adds what only its model does.
"""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
import yaml
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

NETWORK = 2e-5  # activations, features, metres of the root
ALIGNED = 5e-4  # after alignment and slerp: float32 square roots in the originals' matrix -> quaternion
JOINTS = 1e-4  # metres
JOINTS_ALIGNED = 1e-3
MILLIMETRES = 0.05  # the joint set mmm is in about millimetres
_SEQUENCE_OPTIONS = {"labels", "lengths", "align_full_bodies", "align_only_trans", "slerp_window_size"}


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


class VaeCases:
    """The stored cases of a backbone's folder, and the model that its checkpoint holds.

    Args:
        golden: The fixture.
        folder: The folder's name.
        backbone: Name of the backbone.
        load: Its reader of published experiment folders.
        text_part: Name of the model's module that encodes text; its `transformer` reads the whole sequence.
        scratch: An empty folder.
    """

    def __init__(
        self, golden: Any, folder: str, *, backbone: str, load: Callable[..., Any], text_part: str, scratch: Path
    ) -> None:
        self.golden, self.text_part = golden, text_part
        self.experiment = golden.folder / folder
        self.file, self.info_file = f"{folder}/cases.npz", f"{folder}/cases.json"
        self.shapes_file, self.annotations_file = f"{folder}/state_dict_shapes.json", f"{folder}/gpt3_annotations.json"
        self.text_model = golden.folder / "distilbert_tiny"
        stats = golden.folder / "stats" / "stats.npz"
        if not stats.is_file():
            stats = self._recovered_stats(backbone, scratch)
        self.model = load(self.experiment, text_encoder=self.text_model, stats=stats)
        self.info, self.annotations = golden.load(self.info_file), golden.load(self.annotations_file)

    def _recovered_stats(self, backbone: str, folder: Path) -> Path:
        cases = self.golden.keys(self.file, r"(text\d+)/features_unnorm")
        raw, normalised = ([f"{case}/{name}" for case in cases] for name in ("features_unnorm", "features"))
        values = self.golden.recover_stats(self.file, raw, normalised, NETWORK)
        entry = read_published_vae(self.experiment, backbone).stats_entry
        names = [f"{entry}/rfeats_{name}" for name in ("mean", "std")]
        np.savez(folder / "stats.npz", **{name: value.numpy() for name, value in zip(names, values, strict=True)})
        return folder / "stats.npz"

    @functools.cached_property
    def body(self) -> SmplBody:
        """The synthetic body."""
        return SmplBody(self.golden.folder / "smplh_synthetic" / "synthetic_smplh.npz")

    def with_settings(self, **changes: Any) -> Any:
        """The same weights with other settings."""
        other = type(self.model)(attrs.evolve(self.model.config, **changes), text_encoder=self.model.text_encoder)
        other.load_state_dict(self.model.state_dict())
        return other.eval()

    def compare_all(self, prefix: str, found: dict[str, Tensor], expected: Sequence[str]) -> None:
        """Every stored array of a case must have a counterpart."""
        for name in expected:
            tolerance = NETWORK if found[name].is_floating_point() else 0
            self.golden.compare(self.file, f"{prefix}/{name}", found[name], tolerance)

    # --- from descriptions to a Gaussian ----------------------------------------------------------------------------

    @torch.no_grad()
    def encode(
        self, groups: Sequence[Sequence[str]], model: Any = None, history: Tensor | None = None
    ) -> dict[str, Tensor]:
        """All that happens between the descriptions of B actions, encoded as one batch, and the Gaussian.

        Args:
            groups: For each action its K descriptions.
            model: With other settings; None for the checkpoint's own.
            history: Frames of the previous actions, (B, H, F), for a model that reads them.

        Returns:
            The arrays under their stored names, and "mask" (B, L).
        """
        model = self.model if model is None else model
        texts, k = [text for group in groups for text in group], len(groups[0])
        features = model.text_encoder.encode(texts)
        rows = [slice(start, start + k) for start in range(0, len(texts), k)]
        merged = [mean(TextFeatures(tokens=features.tokens[row], mask=features.mask[row])) for row in rows]
        tokens, mask = (torch.stack([getattr(one, name) for one in merged]) for name in ("tokens", "mask"))
        with recorded(getattr(model, self.text_part).transformer) as calls:
            gaussian = model.encode_text(tokens, mask, *([] if history is None else [history]))
        args, _, _ = calls[-1]
        padding = args[1]
        if padding.dtype == torch.bool:
            padding = torch.where(padding, -1, -2)  # the integers that the originals invert to
        found = {
            "input_ids": self._padded_ids(model.text_encoder, texts, features.mask.shape[1]),
            "attention_mask": features.mask.long(),
            "token_embeddings": features.tokens,
            "aggregated": tokens,
            "mask": mask,
            "encoder_input": args[0].transpose(0, 1),
            "key_padding_raw_int": padding.int(),
            "mu": gaussian.mu,
            "logvar": gaussian.logvar,
            "std": gaussian.std,
        }
        if history is not None:
            found["hframes_encoded"] = args[0][:, 2 : 2 + history.shape[1]].transpose(0, 1)
        return found

    def _padded_ids(self, encoder: TransformersTextEncoder, texts: Sequence[str], size: int) -> Tensor:
        fill = (self.text_model / "vocab.txt").read_text(encoding="utf-8").split("\n").index("[PAD]")
        return torch.tensor([[*ids, *[fill] * (size - len(ids))] for ids in encoder.tokenize(texts)])

    # --- one text ---------------------------------------------------------------------------------------------------

    def compare_text(self, case: str) -> None:
        """Descriptions to a motion, every step."""
        info, model = self.info["texts"][case], self.model
        found = self.encode([info["descriptions"]])
        eps = self.golden.feed(self.file, f"{case}/eps")
        with torch.no_grad():
            latent = found["mu"] + eps * found["std"]
            features = model.decode(latent, torch.tensor([info["length"]]))[0]
            raw = model.normalizer.denormalise(features)
            rotations, translation = model.features.decode(raw)
        found |= {"z": latent, "features": features, "features_unnorm": raw, "rots": rotations, "trans": translation}
        stored = self.golden.keys(self.file, rf"{case}/((?!eps$|joints_|vertices_).*)")
        self.compare_all(case, found, stored)
        self.golden.compare_json(self.info_file, f"texts/{case}", set(info), {"label", "descriptions", "length"})

    def compare_joints(self, case: str) -> None:
        """A stored motion to joints of one kind, or to vertices."""
        text, kind = case.split("/")
        translation = self.golden.feed(self.file, f"{text}/trans")
        rotations = self.golden.feed(self.file, f"{text}/rots")
        motion = Motion(rotations=rotations, translation=translation + self.body.rest_pelvis, fps=self.model.fps)
        every = re.fullmatch(r"vertices_every(\d+)", kind)
        if every:
            found = self.body.mesh(motion)[0][:, :: int(every[1])]
        else:
            found = self._published_joints(motion, translation, kind.removeprefix("joints_"))
        self.golden.compare(self.file, case, found, MILLIMETRES if kind == "joints_mmm" else JOINTS)

    def _published_joints(self, motion: Motion, translation: Tensor, kind: str) -> Tensor:
        return shift_to_start(convert_joints(self.body.all_joints(motion), kind), translation)

    def compare_annotations(self) -> None:
        """Labels to their descriptions, and the cases' own texts."""
        provider = PackProvider(self.golden.folder / self.annotations_file)
        for label, texts in self.annotations.items():
            found = list(provider.complete(Action(label), len(texts)).texts)
            self.golden.compare_json(self.annotations_file, label, found, texts)
            used = [info["descriptions"] for info in self.info["texts"].values() if info["label"] == label]
            assert all(found == descriptions for descriptions in used), label

    def compare_text_model(self, case: str) -> None:
        """The text model in its own folder, instead of the checkpoint's."""
        encoder = TransformersTextEncoder(self.text_model)
        found = encoder.encode(self.info["texts"][case]["descriptions"]).tokens
        self.golden.compare(self.file, f"{case}/token_embeddings", found, NETWORK)

    # --- many texts -------------------------------------------------------------------------------------------------

    def compare_batch(self, case: str) -> None:
        """Several texts at once under the original's mask or the intended one, with history where there is some."""
        batch, mode = case.split("/")
        info = self.info["batches"][batch]
        history = self.golden.feed(self.file, f"{batch}/hframes") if mode.endswith("_hist") else None
        padding = {"torch111": "additive", "bool": "bool"}[mode.removesuffix("_hist")]
        model = self.with_settings(padding=padding)
        found = self.encode([self.annotations[label] for label in info["labels"]], model, history)
        with torch.no_grad():
            found["z"] = found["mu"] + self.golden.feed(self.file, f"{batch}/eps") * found["std"]
            found["features"] = model.decode(found["z"], torch.tensor(info["lengths"]))
        self.compare_all(case, found, self.golden.keys(self.file, rf"{case}/(.*)"))
        self.golden.compare_json(self.info_file, f"batches/{batch}", set(info), {"labels", "lengths"})

    def compare_motion_encoder(self, case: str, encode: Callable[[Tensor, Tensor | None], Any]) -> None:
        """Motions of a padded batch; `encode` takes features (B, T, F) and lengths, or None for none."""
        x, lengths = self.golden.feed(self.file, f"{case}/x"), self.golden.feed(self.file, f"{case}/lengths")
        for name, given in (("with_lengths", lengths), ("no_lengths", None)):
            with torch.no_grad():
                gaussian = encode(x, given)
            self.golden.compare(self.file, f"{case}/mu_{name}", gaussian.mu, NETWORK)
            self.golden.compare(self.file, f"{case}/std_{name}", gaussian.std, NETWORK)

    def compare_draws(self, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """The noise of a sequence's actions, by a seed: latents, where each action's Gaussian is the unit normal."""
        count = len(self.golden.load(self.file)[f"{case}_draws"])
        generator = torch.Generator().manual_seed(int(re.sub(r"\D", "", case)))
        other, draws = copy.copy(self.model), []

        def decode(latent: Tensor, lengths: Tensor) -> Tensor:
            draws.append(latent)
            return self.model.decode(latent, lengths)

        class UnitNormal:
            def sample(self, *, noise: Tensor, noise_scale: float) -> Tensor:
                return noise_scale * noise

        monkeypatch.setattr(other, "decode", decode)
        monkeypatch.setattr(other, "encode_text", lambda *text: UnitNormal())
        text = self.encode([next(iter(self.annotations.values()))])
        action = TextFeatures(tokens=text["aggregated"][0], mask=text["mask"][0])
        other.generate([action] * count, [max(other.min_frames, 30)] * count, generator=generator)
        self.golden.compare(self.file, f"{case}_draws", torch.cat(draws)[:, None], 0)

    # --- sequences --------------------------------------------------------------------------------------------------

    def sequence_model(self, case: str) -> Any:
        """The model with a sequence's own settings."""
        info = self.info["sequences"][case]
        align = "full" if info["align_full_bodies"] else "translation" if info.get("align_only_trans") else "none"
        window = info.get("slerp_window_size") or 0
        return self.with_settings(align=align, transition_frames=window, min_frames=1, max_frames=max(info["lengths"]))

    def generate(self, case: str, model: Any, monkeypatch: pytest.MonkeyPatch) -> Motion:
        """A sequence's motion, with the stored noise."""
        info = self.info["sequences"][case]
        actions = [mean(model.text_encoder.encode(self.annotations[label])) for label in info["labels"]]
        noise = iter([self.golden.feed(self.file, f"{case}/a{index}/eps") for index in range(len(actions))])
        monkeypatch.setattr(torch, "randn", lambda *size, **options: next(noise))
        motion: Motion = model.generate(actions, info["lengths"])
        return motion

    def compare_sequence(self, case: str, motion: Motion) -> None:
        """What a sequence's motion became: rotations and translation where they are stored, joints, and the jump."""
        info, stored = self.info["sequences"][case], self.golden.keys(self.file, rf"{case}/(\w+)")
        translation = motion.translation - torch.tensor(SMPL_REST_PELVIS)
        joints = self._published_joints(
            attrs.evolve(motion, translation=translation + self.body.rest_pelvis), translation, "mmmns"
        )
        found = {"rots": (motion.rotations, ALIGNED), "trans": (translation, ALIGNED)}
        found["joints_mmmns"] = (joints, JOINTS_ALIGNED)
        if "transition_distance_m" in stored:
            distance = transition_distance(joints, info["lengths"][0])
            found["transition_distance_m"] = (torch.tensor(distance), JOINTS_ALIGNED)
        for name in stored:
            self.golden.compare(self.file, f"{case}/{name}", *found[name])
        known = _SEQUENCE_OPTIONS
        self.golden.compare_json(self.info_file, f"sequences/{case}", set(info) | known, known)

    # --- the files --------------------------------------------------------------------------------------------------

    def compare_checkpoint(self) -> None:
        """The weights' names and shapes, and the names of the settings, as the safe reader finds them."""
        content = load_checkpoint(self.experiment / "checkpoints" / "last.ckpt")
        shapes = {key: list(value.shape) for key, value in content["state_dict"].items()}
        self.golden.compare_json(self.shapes_file, "", shapes, self.golden.load(self.shapes_file))
        settings = sorted(content["hyper_parameters"])
        self.golden.compare_json(self.info_file, "hparams_keys", settings, self.info["hparams_keys"])

    def check_settings(self, data: str) -> Any:
        """The settings in the experiment's config, and those that its classes have whatever it says.

        Args:
            data: Part of the path of the feature statistics below the data set's name.

        Returns:
            The config as it is written.
        """
        written = yaml.safe_load((self.experiment / ".hydra" / "config.yaml").read_text(encoding="utf-8"))
        model, config = written["model"], self.model.config
        assert (config.latent_dim, config.ff_size) == (model["latent_dim"], model["ff_size"])
        assert {config.text_layers, config.motion_layers, config.decoder_layers} == {model["num_layers"]}
        assert (config.min_frames, config.max_frames) == (written["sampler"]["min_len"], written["sampler"]["max_len"])
        assert config.fps == written["data"]["framerate"]
        assert (config.num_heads, config.dropout) == (4, 0.1)
        entry = read_published_vae(self.experiment, model["modelname"]).stats_entry
        assert entry == f"rots2rfeats/globalvelandy/rot6d/{written['data']['dataname']}{data}"
        return written
