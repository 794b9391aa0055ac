"""Every data set of the core passes the suite that a user's own set is tested by."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from babel_files import label, sequence, write_amass, write_babel

from actiongpt_core.data.cmu import CmuSet
from actiongpt_core.data.prepare import prepare
from actiongpt_core.data.prepared import PreparedSet
from actiongpt_core.data.procedural_set import ProceduralSet, ProceduralSource
from actiongpt_core.interfaces import DataSet
from actiongpt_core.registry import get_registry
from actiongpt_core.testing.data_set import DataSetSuite


def _prepare(name: str, source: Path, **options: object) -> DataSet:
    prepare(get_registry().open_data_source(name, source, **options), source / "set")
    return get_registry().open_data_set(name, source / "set")


class TestProcedural(DataSetSuite):
    def build_data_set(self, folder: Path) -> DataSet:
        return ProceduralSet(variants=1, seconds=2)


class TestProceduralAsPrepared(DataSetSuite):
    def build_data_set(self, folder: Path) -> DataSet:
        prepare(ProceduralSource(variants=1, seconds=2 / 3, fps=12), folder)
        return PreparedSet(folder)


class TestFolder(DataSetSuite):
    def build_data_set(self, folder: Path) -> DataSet:
        write_amass(folder / "a.npz", 600)
        write_amass(folder / "b c.npz", 300, seed=1)
        made = ProceduralSet(variants=1, seconds=3)
        for item, name in zip(made.segments("val"), ("d.bvh", "e.bvh"), strict=False):
            made.motion(item.recording, item.start, item.end).save(folder / name)
        lines = (
            "a.npz,walk,0,2,train",
            "a.npz,sit,2,4.5,train",
            "b c.npz,run,,,val",
            "d.bvh,raise,,,",
            "e.bvh,lift,,,",
        )
        (folder / "texts.csv").write_text("\n".join(["file,text,start,end,split", *lines]))
        return _prepare("folder", folder)


class TestBabel(DataSetSuite):
    def build_data_set(self, folder: Path) -> DataSet:
        paths = ["CMU/CMU/01/01_01_poses.npz", "ACCAD/ACCAD/Female1_c3d/B1_poses.npz"]
        for seed, path in enumerate(paths):
            write_amass(folder / "amass" / path, 480, seed=seed)
        labels = [label("walk", 0, 2.0), label("transition", 1.9, 2.5), label("sit down", 2.4, 4.0)]
        train, val = (sequence(number, path, 4.0, labels) for number, path in enumerate(paths))
        write_babel(folder, train=[train], val=[val])
        return _prepare("babel", folder)


@pytest.mark.cmu
class TestCmu(DataSetSuite):
    def build_data_set(self, folder: Path) -> DataSet:
        if not os.environ.get("ACTIONGPT_CMU"):
            pytest.skip("the prepared CMU set is not here: set ACTIONGPT_CMU to its folder")
        return CmuSet()


def test_a_procedural_set_is_the_same_prepared_and_made_while_it_is_read(tmp_path: Path) -> None:
    prepare(ProceduralSource(variants=1, seconds=2), tmp_path)
    made, stored = ProceduralSet(variants=1, seconds=2), PreparedSet(tmp_path)
    for split in made.splits:
        assert list(stored.segments(split)) == list(made.segments(split))
        for item in made.segments(split)[::20]:
            one, other = (data.motion(item.recording, item.start, item.end) for data in (made, stored))
            torch.testing.assert_close(one.rotations, other.rotations)
            torch.testing.assert_close(one.translation, other.translation)
