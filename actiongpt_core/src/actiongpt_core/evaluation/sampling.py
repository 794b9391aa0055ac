"""Motions of a model for the clips of a split, a file each; a folder that can be gone on with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from actiongpt_core.body.stick import StickBody
from actiongpt_core.errors import ConfigError
from actiongpt_core.evaluation.evaluate import Progress
from actiongpt_core.evaluation.generating import (
    BATCH_SIZE,
    ClipGenerator,
    check_frame_rate,
    makes_sequences,
    model_facts,
)
from actiongpt_core.evaluation.items import MAX_SECONDS, Item, Selection, clip_items, items_digest, pair_items
from actiongpt_core.evaluation.joints import BodyWithHeels
from actiongpt_core.evaluation.sample_files import Files, Layout, choose_files, drop_unfinished, write_whole
from actiongpt_core.interfaces import DataSet
from actiongpt_core.pipeline import Pipeline

MANIFEST = "sample.json"
_FORMAT = 1


@attrs.frozen(kw_only=True)
class Settings:
    """All that decides about the files of a folder, as plain values."""

    layout: Layout = "ours"
    data: str
    split: str
    fps: float
    pairs: bool = False
    num_samples: int = 1
    seed: int = 0
    noise_scale: float | None = None
    max_seconds: float = MAX_SECONDS
    max_clips: int | None = None
    body: str | None = None  #: whose joints the published layout holds; None for ours, which holds rotations
    clips: str  #: which clips, with which texts and lengths
    model: dict[str, Any]  #: what the motions depend on
    format: int = _FORMAT


@attrs.define(kw_only=True)
class SampleReport:
    """What came of a run."""

    motions: int  #: that the folder is to hold
    before: int = 0  #: that were there already
    made: int = 0
    left_out: dict[str, str] = attrs.field(factory=dict)  #: clips that cannot be made, and why
    counts: dict[str, int] = attrs.field(factory=dict)  #: of the split; see `items.clip_items`


def sample(
    pipeline: Pipeline,
    data: DataSet,
    out: Path,
    *,
    split: str,
    num_samples: int = 1,
    seed: int = 0,
    pairs: bool = False,
    layout: Layout = "ours",
    noise_scale: float | None = None,
    max_seconds: float = MAX_SECONDS,
    max_clips: int | None = None,
    body: BodyWithHeels | None = None,
    batch_size: int = BATCH_SIZE,
    progress: Progress | None = None,
) -> SampleReport:
    """Make the motions of the clips of a split that are not in a folder yet.

    Each motion has a seed of its own (`items.clip_seed`), so that it is the same in any batch and in any run. A file is
    whole as soon as it is there.

    Args:
        pipeline: Describes the texts and makes the motions.
        data: The set.
        out: The folder; made if it is not there.
        split: Of the set.
        num_samples: Motions of each clip.
        seed: Of the whole folder.
        pairs: Pairs of consecutive clips instead of clips, for backbones that make sequences.
        layout: "ours", or "published": the files that the originals' evaluation reads.
        noise_scale: As of `Pipeline.generate`.
        max_seconds: Longest action; longer clips are cut.
        max_clips: At most so many, spread over the split.
        body: Whose joints the published layout holds; None for `StickBody`.
        batch_size: Motions that go through the network together.
        progress: Called after every motion.

    Raises:
        ConfigError: The folder holds samples of other settings or cannot be written; there is no such split; the
            backbone makes no sequences, and pairs are asked for; or a setting cannot work.
        ProviderError: The language model does not answer; what was made is kept.
    """
    check_frame_rate(pipeline, data)
    if num_samples < 1:
        raise ConfigError(f"num_samples must be at least 1, got {num_samples}.")
    if pairs and not makes_sequences(pipeline):
        raise ConfigError("This backbone makes one action at a time: leave pairs out.")
    wanted = _selected(data, split, pairs=pairs, max_clips=max_clips, max_seconds=max_seconds)
    settings = Settings(
        layout=layout,
        data=data.name,
        split=split,
        fps=data.fps,
        pairs=pairs,
        num_samples=num_samples,
        seed=seed,
        noise_scale=noise_scale,
        max_seconds=max_seconds,
        max_clips=max_clips,
        body=None if layout == "ours" else (body or StickBody()).body_id,
        clips=f"{len(wanted.items)}-{items_digest(wanted.items)}",
        model=model_facts(pipeline, noise_scale),
    )
    files = choose_files(
        layout,
        pipeline.model.skeleton,
        settings=attrs.asdict(settings),
        keys=[item.key for item in wanted.items],
        reference=lambda item: item.reference(data),
        body=body,
        has_transitions=bool(getattr(getattr(pipeline.model, "config", None), "transition_frames", 0)),
    )
    _begin(out, settings)
    generator = ClipGenerator(pipeline, seed=seed, noise_scale=noise_scale, batch_size=batch_size)
    return _fill(out, generator, files, wanted, settings, progress)


def selected_again(data: DataSet, settings: Settings) -> Selection:
    """The clips of a folder.

    Raises:
        ConfigError: The data set has changed, or is another.
    """
    found = _selected(
        data, settings.split, pairs=settings.pairs, max_clips=settings.max_clips, max_seconds=settings.max_seconds
    )
    clips = f"{len(found.items)}-{items_digest(found.items)}"
    if (data.name, data.fps, clips) != (settings.data, settings.fps, settings.clips):
        raise ConfigError(
            f"The samples are of the clips {settings.clips} of {settings.data!r} at {settings.fps:g} frames a second; "
            f"this is {data.name!r} at {data.fps:g} with {clips}. Name the data set that they were sampled for."
        )
    return found


def read_settings(folder: Path) -> tuple[Settings, dict[str, str]] | None:
    """The settings of a folder and the clips that cannot be made; None for a folder that `sample` did not write.

    Raises:
        ConfigError: The file that holds them is damaged.
    """
    file = folder / MANIFEST
    if not file.exists():
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        left_out = dict(content.pop("left_out", {}))
        return Settings(**content), left_out
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ConfigError(f"{file} is damaged ({error}). Sample into another folder.") from None


def _selected(data: DataSet, split: str, *, pairs: bool, max_clips: int | None, max_seconds: float) -> Selection:
    if pairs:
        return pair_items(data, split, max_pairs=max_clips, max_seconds=max_seconds)
    return clip_items(data, split, max_clips=max_clips, max_seconds=max_seconds)


def _begin(out: Path, settings: Settings) -> None:
    found = read_settings(out)
    if found is None:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise ConfigError(f"{out} is there and holds no samples. Give a folder that is not there, or empty.")
        _write_settings(out, settings, {})
        return
    ours, theirs = attrs.asdict(settings), attrs.asdict(found[0])
    others = [name for name in ours if ours[name] != theirs[name]]
    if others:
        shown = ", ".join(f"{name} {theirs[name]!r}, now {ours[name]!r}" for name in others)
        raise ConfigError(
            f"{out} holds samples of other settings: {shown}. Give the same ones to go on, or use another folder."
        )
    drop_unfinished(out)


def _fill(
    out: Path, generator: ClipGenerator, files: Files, wanted: Selection, settings: Settings, progress: Progress | None
) -> SampleReport:
    places = [(item, index) for item in wanted.items for index in range(settings.num_samples)]
    missing = [place for place in places if not (out / files.path(*place)).exists()]
    report = SampleReport(motions=len(places), before=len(places) - len(missing), counts=wanted.counts)
    for made in generator.make(_unless_left_out(missing, report.left_out)):
        if made.motion is None:
            report.left_out[made.item.key] = made.reason
        else:
            files.write(made.motion, made.item, made.index, out)
            report.made += 1
        if progress is not None:
            progress(report.before + report.made, report.motions)
    if report.left_out:
        _write_settings(out, settings, report.left_out)
    return report


def _unless_left_out(places: list[tuple[Item, int]], left_out: dict[str, str]) -> Iterator[tuple[Item, int]]:
    """The further motions of a clip that cannot be made are not tried."""
    return ((item, index) for item, index in places if item.key not in left_out)


def _write_settings(out: Path, settings: Settings, left_out: dict[str, str]) -> None:
    content = json.dumps({**attrs.asdict(settings), "left_out": left_out}, indent=2, ensure_ascii=False) + "\n"
    write_whole(out / MANIFEST, lambda path: _write_text(path, content))


def _write_text(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8")
