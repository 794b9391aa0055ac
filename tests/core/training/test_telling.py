"""How an action is told: by the settings' shares, and by nothing but the run's seed and the sample's number."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from actiongpt_core.testing.fakes import FakeProvider, FakeTextEncoder
from actiongpt_core.text.aggregators import mean
from actiongpt_core.text.providers.pack import PackProvider
from actiongpt_core.text.providers.passthrough import PassthroughProvider
from actiongpt_core.training.config import TrainingConfig
from actiongpt_core.training.samples import ActionSample
from actiongpt_core.training.telling import Telling, describe_phrases
from actiongpt_core.training.text_states import TextStates
from actiongpt_core.types.text import TextFeatures

DESCRIPTIONS = {"walk": ("a b", "c d", "e f", "g h"), "run": ("i", "j", "k", "l")}
WALK = ActionSample(features=torch.zeros(3, 2), texts=("walk", "stroll"))


class Recorded:
    """An aggregator that remembers how many texts it was given."""

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()

    def __call__(self, features: TextFeatures) -> TextFeatures:
        self.counts[len(features.tokens)] += 1
        return mean(features)


def _telling(folder: Path, aggregator: Any = mean, **settings: Any) -> Telling:
    states = TextStates(folder, FakeTextEncoder(), "float32")
    telling = Telling(states, DESCRIPTIONS, aggregator, TrainingConfig(**settings), seed=3)
    telling.prepare([("walk", "stroll"), ("run",)])
    return telling


def _draws(telling: Telling, count: int = 400) -> list[torch.Tensor]:
    return [found.tokens for found in telling([WALK] * count, range(count))]


def test_a_telling_depends_on_the_seed_and_the_sample_alone(tmp_path: Path) -> None:
    telling = _telling(tmp_path, description_share=0.5, min_k=1, all_k_share=0.3)
    together = telling([WALK, WALK, WALK], [7, 8, 9])
    alone = [telling([WALK], [index])[0] for index in (7, 8, 9)]
    assert all(torch.equal(one.tokens, other.tokens) for one, other in zip(together, alone, strict=True))


def test_two_actions_of_one_sample_are_told_by_numbers_of_their_own(tmp_path: Path) -> None:
    telling = _telling(tmp_path, description_share=0.5)
    pairs = [telling([WALK, WALK], [index, index]) for index in range(40)]
    assert any(first.tokens.shape != second.tokens.shape for first, second in pairs)


@pytest.mark.parametrize("share", [0.0, 0.65, 1.0])
def test_descriptions_are_taken_as_often_as_the_settings_say(tmp_path: Path, share: float) -> None:
    recorded = Recorded()
    telling = _telling(tmp_path, recorded, description_share=share)
    _draws(telling)
    assert recorded.counts[4] / 400 == pytest.approx(share, abs=0.08)


def test_subsets_have_from_the_least_k_to_all(tmp_path: Path) -> None:
    recorded = Recorded()
    _draws(_telling(tmp_path, recorded, min_k=2, all_k_share=0.5))
    assert set(recorded.counts) == {2, 3, 4}
    assert recorded.counts[4] / 400 == pytest.approx(0.5, abs=0.08)


def test_without_a_least_k_all_descriptions_are_taken(tmp_path: Path) -> None:
    recorded = Recorded()
    _draws(_telling(tmp_path, recorded))
    assert set(recorded.counts) == {4}


def test_the_first_wording_is_preferred_as_the_settings_say(tmp_path: Path) -> None:
    drawn = _draws(_telling(tmp_path, description_share=0.0, first_text_share=1.0), 50)
    walk = FakeTextEncoder().encode(["walk"]).tokens[0]
    assert all(torch.equal(tokens, walk) for tokens in drawn)


def test_all_descriptions_tell_in_full(tmp_path: Path) -> None:
    wanted = mean(FakeTextEncoder().encode(DESCRIPTIONS["walk"])).tokens
    torch.testing.assert_close(_telling(tmp_path).in_full(("stroll", "walk")).tokens, wanted)


def test_an_aggregator_that_reads_the_phrase_gets_it(tmp_path: Path) -> None:
    class Phrased:
        needs_phrase = True
        seen: list[int]

        def __init__(self) -> None:
            self.seen = []

        def __call__(self, features: TextFeatures, *, phrase: TextFeatures) -> TextFeatures:
            self.seen.append(phrase.tokens.ndim)
            return mean(features)

    aggregator = Phrased()
    _telling(tmp_path, aggregator)([WALK], [0])
    assert aggregator.seen == [2]


def test_a_provider_that_repeats_the_phrase_describes_nothing() -> None:
    found = describe_phrases(["walk", "run"], PassthroughProvider(), 4, None)
    assert found.texts == {}
    assert found.asked == 2


def test_every_phrase_is_described_by_a_language_model() -> None:
    found = describe_phrases(["walk", "juggle"], FakeProvider(), 4, None)
    assert {phrase: len(texts) for phrase, texts in found.texts.items()} == {"walk": 4, "juggle": 4}


def test_a_neighbours_descriptions_are_not_learned(text_pack: PackProvider) -> None:
    found = describe_phrases(["kick with the left leg", "saunter"], text_pack, 2, None)
    assert "saunter" not in found.texts


def test_a_phrase_with_a_side_takes_its_twins_descriptions(text_pack: PackProvider) -> None:
    found = describe_phrases(["kick with the left leg"], text_pack, 2, None)
    assert found.texts == {"kick with the left leg": ("The left leg kicks.", "Out goes the left leg.")}


@pytest.fixture
def text_pack(tmp_path: Path) -> PackProvider:
    file = tmp_path / "pack.json"
    texts: Mapping[str, list[str]] = {
        "kick with the right leg": ["The right leg kicks.", "Out goes the right leg."],
        "stroll": ["A slow walk.", "Steps, slowly."],
    }
    file.write_text(json.dumps(texts), encoding="utf-8")
    return PackProvider(file, FakeTextEncoder())
