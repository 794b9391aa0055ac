import json
import math
from collections.abc import Sequence

import pytest
import torch

from actiongpt_core.evaluation.probe_table import COLUMNS, Cell, judge, mean, run_probes
from actiongpt_core.evaluation.probes import BY_NAME
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.testing.fakes import FakeMotionModel, FakePooledModel, FakeProvider, FakeTextEncoder
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL_BODY
from actiongpt_core.types.text import Action, Descriptions, TextFeatures

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


class _Known(FakeProvider):
    """Tells walks in one way, all else in as many ways as it is asked for."""

    def complete(self, action: Action, k: int) -> Descriptions:
        if "walk" not in action.phrase:
            return super().complete(action, k)
        return Descriptions(action=action, texts=("walk on",) * k, source="pack")


def test_a_deterministic_backbone_is_measured_over_phrasings_and_not_over_seeds(obedient: Pipeline) -> None:
    obedient.capabilities = frozenset({"deterministic"})
    probes = [BY_NAME[name] for name in NAMES]
    table = run_probes(obedient, range(8), probes=probes)
    rows = {row.name: row for row in table.rows}
    assert (table.is_deterministic, table.seeds) == (True, (0,))
    assert [rows["walk"].cells[column].of for column in COLUMNS] == [8, 8, 1, 1, 8]
    for name, word in (("walk", "walk"), ("sit", "sit"), ("raise left arm", "left")):
        understood = [text for text in BY_NAME[name].phrasings if word in text.split()]
        assert rows[name].cells["phrase"].passed == len(understood) > 0
    # Told "as the provider tells it": "go for a walk, told in way 1" holds no such word.
    assert rows["walk"].cells["descriptions"].passed == rows["walk"].cells["phrase"].passed - 1
    assert rows["raise left arm"].cells["wording 1"] == Cell(1, 1, rows["raise left arm"].cells["wording 1"].measure)


def test_the_row_of_a_deterministic_backbone_says_what_became_of_each_phrasing() -> None:
    pipeline = Pipeline(FakePooledModel(), llm=_Known(), device="cpu")
    pipeline.capabilities = frozenset({"deterministic"})
    table = run_probes(pipeline, seconds=1.0, probes=[BY_NAME["walk"]], columns=COLUMNS[:1])
    (row,) = table.rows
    assert tuple(item.text for item in row.phrasings) == BY_NAME["walk"].phrasings
    found = {item.text: (item.source, item.is_known) for item in row.phrasings}
    assert found["go for a walk"] == ("pack", True)  # the pack holds the texts of the CMU set
    assert found["take a few steps forward"] == ("llm", False)
    assert row.num_texts == 2
    assert row.variety is None
    written = json.loads(json.dumps(table.to_dict(), allow_nan=False))["rows"][0]["phrasings"]
    assert written[0] == {"text": "walk forward", "source": "pack", "is_known": True}


def test_a_phrasing_that_is_a_wording_of_the_training_mixture_is_known_whoever_describes_it() -> None:
    pipeline = Pipeline(FakePooledModel(), llm=FakeProvider(), device="cpu")
    pipeline.capabilities = frozenset({"deterministic"})
    (row,) = run_probes(pipeline, seconds=1.0, probes=[BY_NAME["run"]], columns=COLUMNS[:1]).rows
    found = {item.text: item.is_known for item in row.phrasings}
    assert found["a person runs forward"]
    assert found["someone is running"]  # but for the subject
    assert not found["go for a run"]


def test_a_backbone_that_draws_noise_has_seeds_and_no_phrasings(obedient: Pipeline) -> None:
    table = run_probes(obedient, range(2), probes=[BY_NAME["walk"]], columns=COLUMNS[:1])
    assert (table.is_deterministic, table.seeds) == (False, (0, 1))
    assert table.rows[0].phrasings == ()
    assert table.rows[0].num_texts is None


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
