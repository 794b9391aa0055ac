import json
import math
from collections.abc import Sequence

import pytest
import torch

from actiongpt_core.evaluation.probe_table import COLUMNS, Cell, judge, mean, run_probes
from actiongpt_core.evaluation.probes import BY_NAME
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.testing.fakes import FakeMotionModel, FakeProvider, FakeTextEncoder
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL_BODY
from actiongpt_core.types.text import TextFeatures

NAMES = ("walk", "raise left arm", "raise right arm", "sit")


class _Obedient:
    """Plays the hand-made motion whose key word is among the encoded words: the text as the encoder tells it."""

    fps = 30.0
    skeleton = SMPL_BODY

    def __init__(self, motions: dict[str, Motion], standing: Motion) -> None:
        self.text_encoder = FakeTextEncoder()
        self._motions, self._standing = motions, standing

    def generate(
        self,
        features: Sequence[TextFeatures],
        lengths: Sequence[int],
        *,
        generator: torch.Generator | None = None,
        noise_scale: float | None = None,
    ) -> Motion:
        words = features[0].tokens
        for word, motion in self._motions.items():
            if torch.isclose(words, self.text_encoder._vector(word)).all(-1).any():
                return motion
        return self._standing


@pytest.fixture
def obedient(walking: Motion, raising_left: Motion, sitting: Motion, standing: Motion) -> Pipeline:
    motions = {"walk": walking, "sit": sitting, "left": raising_left}
    return Pipeline(_Obedient(motions, standing), llm=FakeProvider(), device="cpu")


def test_a_model_that_follows_its_text_passes_and_one_that_does_not_know_it_fails(obedient: Pipeline) -> None:
    probes = [BY_NAME[name] for name in NAMES]
    rows = {row.name: row for row in run_probes(obedient, range(3), probes=probes).rows}
    assert rows["walk"].cells["descriptions"] == Cell(3, 3, 1.2)
    assert rows["raise left arm"].cells["phrase"].passed == 3
    assert rows["raise right arm"].cells["descriptions"].passed == 0
    assert rows["raise left arm"].cells["wording 1"].passed == 3  # "bring the left hand ..."
    assert rows["walk"].cells["wording 1"].passed == 0  # "stroll ...": not a word that the model knows
    assert rows["walk"].reached
    assert not rows["raise right arm"].reached


def test_with_the_descriptions_of_another_phrase_the_motion_must_do_what_that_one_asks(obedient: Pipeline) -> None:
    probes = [BY_NAME[name] for name in NAMES]
    rows = {row.name: row for row in run_probes(obedient, range(2), probes=probes).rows}
    substituted = COLUMNS[-1]
    assert rows["walk"].other == "sit"
    assert rows["walk"].cells[substituted].passed == 2  # told as "sit", it sits
    assert rows["raise left arm"].cells[substituted].passed == 0  # told as the right arm, which the model does not know
    assert rows["raise right arm"].cells[substituted].passed == 2


def test_a_table_is_the_same_for_the_same_seeds_and_can_be_written_as_json() -> None:
    pipeline = Pipeline(FakeMotionModel(), llm=FakeProvider(), device="cpu")
    probes = [BY_NAME["walk"], BY_NAME["run"]]
    tables = [run_probes(pipeline, range(2), 2.0, probes=probes, columns=COLUMNS[:2]).to_dict() for _ in range(2)]
    assert json.dumps(tables[0], allow_nan=False) == json.dumps(tables[1], allow_nan=False)
    assert list(tables[0]["rows"][0]["cells"]) == list(COLUMNS[:2])
    assert tables[0]["rows"][0]["variety"] > 0


def test_one_seed_has_no_variety() -> None:
    pipeline = Pipeline(FakeMotionModel(), llm=FakeProvider(), device="cpu")
    (row,) = run_probes(pipeline, [5], 2.0, probes=[BY_NAME["walk"]], columns=COLUMNS[:1]).rows
    assert row.variety is None


def test_a_comparing_probe_is_judged_seed_by_seed(walking: Motion) -> None:
    def at(factor: float) -> Motion:
        path = walking.translation * torch.tensor([1, factor, 1])
        return Motion(rotations=walking.rotations, translation=path, fps=30.0)

    cell = judge(BY_NAME["run"], [at(2.0), at(2.0)], [at(1.0), at(3.0)])
    assert (cell.passed, cell.of) == (1, 2)


def test_a_mean_leaves_out_what_is_no_number() -> None:
    assert mean([1.0, math.nan, 3.0]) == 2.0
    assert mean([math.nan]) is None
