"""What a tab of the studio keeps: descriptions, edits, seconds, takes."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("viser", reason="pip install ./plugins/actiongpt_studio")
pytest.importorskip("actiongpt_teach", reason="needs a backbone with a checkpoint")

from actiongpt_core import ActionGPTError, ConfigError
from actiongpt_studio.pipelines import Choices, Pipelines, named
from actiongpt_studio.studio.session import MAX_VARIATIONS, Session
from actiongpt_studio.studio.texts import timeline


@pytest.fixture(scope="module")
def pipelines() -> Pipelines:
    return Pipelines()


@pytest.fixture
def session(pipelines: Pipelines) -> Session:
    return Session(pipelines, named(Choices(backbone="teach")))


def test_nothing_described_is_nothing_to_generate(session: Session) -> None:
    with pytest.raises(ConfigError, match="type what the person does"):
        session.generate(seed=0)


def test_the_same_text_keeps_edits(session: Session) -> None:
    assert session.follow("jump")
    session.edit(0, 1, "The person leaps.")
    assert not session.follow("jump")
    assert session.descriptions[0].texts[1] == "The person leaps."


def test_another_text_is_described_anew(session: Session) -> None:
    session.follow("jump")
    session.edit(0, 1, "The person leaps.")
    assert session.follow("sit down")
    assert session.descriptions[0].phrase == "sit down"


def test_other_choices_are_described_anew(session: Session, pipelines: Pipelines) -> None:
    session.follow("jump")
    session.choices = named(Choices(backbone="teach", llm="passthrough"))
    assert session.follow("jump")
    assert set(session.descriptions[0].texts) == {"jump"}


def test_seconds_of_an_action_are_what_is_made(session: Session) -> None:
    session.describe("sit down")
    session.last(0, 2.5)
    (motion,) = session.generate(seed=0).motions
    assert motion.seconds == pytest.approx(2.5, abs=0.1)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), 1e9])
def test_seconds_that_cannot_be_are_refused_and_change_nothing(session: Session, seconds: float) -> None:
    session.describe("sit down")
    session.last(0, 2.5)
    with pytest.raises(ActionGPTError):
        session.last(0, seconds)
    assert session.descriptions[0].action.seconds == 2.5


def test_variations_have_seeds_that_follow(session: Session) -> None:
    session.describe("walk forward")
    both = session.generate(seed=3, variations=2).motions
    (second,) = session.generate(seed=4).motions
    torch.testing.assert_close(both[1].rotations, second.rotations, rtol=0, atol=1e-4)
    assert (both[0].rotations - both[1].rotations).abs().max() > 1e-3


def test_too_many_variations_are_refused(session: Session) -> None:
    session.describe("walk forward")
    with pytest.raises(ConfigError, match=f"1 to {MAX_VARIATIONS}"):
        session.generate(seed=0, variations=MAX_VARIATIONS + 1)


def test_takes_join_the_history_with_what_they_were_made_by(session: Session) -> None:
    session.describe("walk forward, then sit down")
    take = session.generate(seed=7, postprocess=["smooth"])
    assert session.history == [take]
    assert take.title == "walk forward, then sit down (teach, seed 7, smooth)"


def test_the_timeline_escapes_what_users_type(session: Session) -> None:
    session.choices = named(Choices(backbone="teach", llm="passthrough"))
    assert "<script>" not in timeline(session.describe("<script>alert(1)</script>"))


def test_the_timeline_says_which_phrase_was_taken_instead(session: Session) -> None:
    assert "described as <b>kick forward</b>" in timeline(session.describe("kick"))


def test_two_that_ask_for_the_same_pipeline_get_the_same(pipelines: Pipelines) -> None:
    choices = named(Choices(backbone="teach"))
    assert pipelines.get(choices) is pipelines.get(choices)
