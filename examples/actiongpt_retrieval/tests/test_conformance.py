"""What actiongpt-core asks of every backbone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from actiongpt_core import MotionModel
from actiongpt_core.testing.motion_model import MotionModelSuite

from actiongpt_retrieval.model import Retrieval


class TestRetrieval(MotionModelSuite):
    backbone = "retrieval"

    @pytest.fixture(autouse=True)
    def _built(self, index: Path) -> None:
        self.index = index

    def build_model(self) -> MotionModel:
        return Retrieval.from_checkpoint(self.index)

    def save_model(self, model: MotionModel, folder: Path) -> bool:
        shutil.copytree(self.index, folder, dirs_exist_ok=True)
        return True
