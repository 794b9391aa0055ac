"""Measure motions that lie in a folder: those of `actiongpt sample`, and those that the originals' programs wrote."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from actiongpt_core.body.stick import StickBody
from actiongpt_core.errors import ConfigError, DataError, MissingAssetError
from actiongpt_core.evaluation.evaluate import Evaluation, Runs, collect, measure
from actiongpt_core.evaluation.generating import Made
from actiongpt_core.evaluation.items import Item, Selection, clip_items, pair_items
from actiongpt_core.evaluation.joints import BodyWithHeels
from actiongpt_core.evaluation.sample_files import GENERATED, JointFile, OurFiles, read_joint_file
from actiongpt_core.evaluation.sampling import Settings, read_settings, selected_again
from actiongpt_core.export.npz import load_npz
from actiongpt_core.interfaces import DataSet

_INDEXED = re.compile(r"(.+)_(\d+)")


def evaluate_samples(
    folder: Path, data: DataSet, *, split: str, body: BodyWithHeels | None = None, baseline: bool = True
) -> Evaluation:
    """Measure the motions of a folder against the clips that they were made for.

    A folder of `actiongpt sample` says what is in it. In another one each .npy holds joints as the originals write
    them, named by the key of its clip; clips without a file are left out and counted. Joints have no floor of their
    own there, so foot skate is left out. Files that name code are refused.

    Args:
        folder: Where the motions are.
        data: The set that they were made for.
        split: Of it.
        body: Whose joints and heels the real motions take; it must be that of the files. None for `StickBody`.
        baseline: As of `evaluate`.

    Raises:
        MissingAssetError: There is no such folder.
        ConfigError: Motions are missing, or are of other clips; or the files hold no way over the ground.
        DataError: A file is damaged, or names code.
    """
    if not folder.is_dir():
        raise MissingAssetError(f"There is no folder {folder}. Give one that `actiongpt sample` wrote.")
    found = read_settings(folder)
    if found is None:
        runs = _foreign(folder, data, split)
        seeds: dict[str, Any] = {"num_samples": len(runs.joints)}
        model: dict[str, Any] = {"backbone": None}
        max_seconds = math.inf
    else:
        settings, left_out = found
        if settings.split != split:
            raise ConfigError(f"{folder} holds samples of the split {settings.split!r}, not of {split!r}.")
        own = (body or StickBody()).body_id
        if settings.body not in (None, own):
            raise ConfigError(
                f"{folder} holds joints of the body {settings.body}, not of {own}. Name that body's file."
            )
        runs = _ours(folder, data, settings, left_out, body)
        seeds = {"seed": settings.seed, "num_samples": settings.num_samples}
        model, max_seconds = settings.model, settings.max_seconds
    return measure(runs, data, split, seeds=seeds, model=model, body=body, max_seconds=max_seconds, baseline=baseline)


def _ours(
    folder: Path, data: DataSet, settings: Settings, left_out: dict[str, str], body: BodyWithHeels | None
) -> Runs:
    wanted, count = selected_again(data, settings), settings.num_samples
    if (folder / GENERATED).is_dir():
        raise ConfigError(
            f"{folder} holds joints seen from the pelvis, without a way over the ground; APE and AVE need that. Sample "
            "with --layout ours."
        )
    if settings.layout == "ours":
        ours = OurFiles(num_samples=count)
        return collect(_motions(folder, wanted, ours, left_out), wanted, count, body)
    files = [path for path in folder.glob("samples*/*/*") if path.is_dir()]
    if len(files) != 1:
        raise ConfigError(f"{folder} holds {len(files)} folders of samples, one was expected.")
    joints = {item.key: _named(files[0], item.key, count) for item in wanted.items if item.key not in left_out}
    lost = [key for key, paths in joints.items() if not all(path.is_file() for path in paths)]
    _require_all(folder, len(lost))
    counts = {**wanted.counts, "cannot_be_made": len(left_out)}
    return _joint_runs(wanted, {key: [read_joint_file(p) for p in paths] for key, paths in joints.items()}, counts)


def _motions(folder: Path, wanted: Selection, files: OurFiles, left_out: dict[str, str]) -> Iterator[Made]:
    places = [(item, index) for item in wanted.items for index in range(files.num_samples) if item.key not in left_out]
    _require_all(folder, sum(not (folder / files.path(*place)).is_file() for place in places))
    for item, index in places:
        yield Made(item=item, index=index, motion=load_npz(folder / files.path(item, index)))
    for item in wanted.items:
        if item.key in left_out:
            yield Made(item=item, index=0, reason=left_out[item.key])


def _require_all(folder: Path, missing: int) -> None:
    if missing:
        raise ConfigError(f"{folder} lacks {missing} motions. Run `actiongpt sample` again to make the rest.")


def _foreign(folder: Path, data: DataSet, split: str) -> Runs:
    """Files of the originals' programs, whose clips are as long as they were made."""
    files = sorted(folder.glob("*.npy"))
    if not files:
        raise ConfigError(f"{folder} holds no samples: neither sample.json nor KEY.npy files.")
    is_pair = len(read_joint_file(files[0]).lengths) == 2
    wanted = pair_items(data, split, max_seconds=math.inf) if is_pair else clip_items(data, split, max_seconds=math.inf)
    count = _num_samples({path.stem for path in files}, wanted)
    paths = {item.key: _named(folder, item.key, count) for item in wanted.items}
    known = {key: found for key, found in paths.items() if all(path.is_file() for path in found)}
    if not known:
        raise ConfigError(f"No file in {folder} is named by the key of a clip, as {wanted.items[0].key}.npy would be.")
    counts = {
        **wanted.counts,
        "without_file": len(paths) - len(known),
        "files_of_other_clips": len(files) - len(known) * count,
    }
    return _joint_runs(wanted, {key: [read_joint_file(p) for p in found] for key, found in known.items()}, counts)


def _num_samples(names: set[str], wanted: Selection) -> int:
    keys = {item.key for item in wanted.items}
    if names & keys:
        return 1
    matches = (_INDEXED.fullmatch(name) for name in names)
    return max((int(match[2]) + 1 for match in matches if match and match[1] in keys), default=1)


def _named(folder: Path, key: str, count: int) -> list[Path]:
    return [folder / f"{key}.npy"] if count == 1 else [folder / f"{key}_{index}.npy" for index in range(count)]


def _joint_runs(wanted: Selection, files: dict[str, list[JointFile]], counts: dict[str, int]) -> Runs:
    items: list[Item] = [item for item in wanted.items if item.key in files]
    if not items:
        raise DataError("None of the clips has a motion.")
    first = [files[item.key][0] for item in items]
    if any(len(file.lengths) != len(item.actions) for file, item in zip(first, items, strict=True)):
        raise DataError("Files of clips and of pairs lie in one folder; they are measured one kind at a time.")
    num_runs = len(files[items[0].key])
    return Runs(
        items=items,
        joints=[[files[item.key][run].joints for item in items] for run in range(num_runs)],
        starts=[file.lengths[0] for file in first if len(file.lengths) == 2],
        counts=counts,
        has_floor=False,
    )
