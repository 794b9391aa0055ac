import pytest

from actiongpt_core.errors import ConfigError, PromptError
from actiongpt_studio.studio.pipelines import Choices, Pipelines
from actiongpt_studio.studio.session import Session

_PIPELINES = Pipelines()


@pytest.fixture
def session():
    return Session(_PIPELINES, Choices(llm="passthrough"))


def test_equal_choices_share_one_pipeline():
    assert _PIPELINES.get(Choices(llm="passthrough")) is _PIPELINES.get(Choices(llm="passthrough"))


def test_variations_differ_and_the_first_is_that_of_the_seed(session):
    session.describe("walk forward")
    first, second = session.generate(seed=3, variations=2).motions
    again = session.generate(seed=3).motions[0]
    assert first.rotations.allclose(again.rotations, atol=1e-4)
    assert not first.rotations.allclose(second.rotations, atol=1e-3)


def test_an_edited_description_is_what_the_motion_is_made_from(session):
    session.describe("walk forward")
    session.edit(0, 1, "The person sits down on a chair.")
    session.follow("walk forward")
    told = session.generate(seed=0).motions[0].descriptions[0]
    assert told.texts[1] == "The person sits down on a chair."


def test_another_text_is_described_anew(session):
    session.describe("walk forward")
    session.follow("jump")
    assert session.descriptions[0].phrase == "jump"


def test_sessions_do_not_share_history(session):
    other = Session(_PIPELINES, Choices(llm="passthrough"))
    session.describe("jump")
    session.generate(seed=0)
    assert not other.history
    assert not other.descriptions


def test_nothing_described_is_refused(session):
    with pytest.raises(ConfigError, match="nothing to generate"):
        session.generate(seed=0)


def test_a_blank_edit_is_refused_and_changes_nothing(session):
    session.describe("jump")
    before = list(session.descriptions)
    with pytest.raises(PromptError):
        session.edit(0, 0, " ")
    assert session.descriptions == before
