from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from actiongpt_core.data import mixture
from actiongpt_core.data.procedural import ACTIONS, sample
from actiongpt_core.evaluation.probes import BY_NAME, PROBES, Probe
from actiongpt_core.geometry.rotations import axis_angle_to_matrix
from actiongpt_core.text.actions import parse_actions
from actiongpt_core.text.folding import fold, normalise
from actiongpt_core.text.providers.pack import PackProvider
from actiongpt_core.text.sides import mirror_text
from actiongpt_core.types.motion import Motion

FOLLOWED = {
    "walking": "walk",
    "raising_left": "raise left arm",
    "sitting": "sit",
    "squatting": "squat",
    "jumping": "jump",
    "waving_right": "wave right",
    "clapping": "clap",
    "punching_right": "punch right",
    "kicking_right": "kick right",
    "standing": None,
}


@pytest.fixture(scope="module")
def pack() -> PackProvider:
    return PackProvider()


@pytest.fixture(scope="module")
def training_texts(pack: PackProvider) -> set[str]:
    """All that the shipped checkpoints are told in training; the pack holds every text of the CMU set."""
    texts = {*pack.descriptions, *(text for group in pack.descriptions.values() for text in group)}
    return texts | {mirror_text(text) for text in texts} | mixture.wordings()


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_the_wordings_of_a_probe_stand_in_no_training_text(
    probe: Probe, training_texts: set[str], pack: PackProvider
) -> None:
    folded, normal = {fold(text) for text in training_texts}, [normalise(text) for text in training_texts]
    for wording in probe.wordings:
        assert fold(wording) not in folded
        assert not [text for text in normal if normalise(wording) in text]
        assert pack.find(wording) is None


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_a_probe_has_eight_phrasings_of_one_action_with_its_phrase_first(probe: Probe, pack: PackProvider) -> None:
    assert len(set(probe.phrasings)) == 8
    assert probe.phrasings[0] == probe.phrase
    assert not set(probe.phrasings) & set(probe.wordings)
    for text in probe.phrasings:
        assert [action.phrase for action in parse_actions(text, known=pack.knows)] == [text]


def test_the_phrasings_are_not_all_known_from_training(training_texts: set[str]) -> None:
    folded = {fold(text) for text in training_texts}
    new = [text for probe in PROBES for text in probe.phrasings if fold(text) not in folded]
    assert len(new) >= len(PROBES)


def test_the_phrase_of_every_probe_is_described_by_the_pack_that_ships(pack: PackProvider) -> None:
    assert [probe.name for probe in PROBES if not pack.knows(probe.phrase)] == []


def test_sides_are_probed_in_pairs_that_mirror_each_other() -> None:
    for left in (probe for probe in PROBES if "left" in probe.name):
        right = BY_NAME[mirror_text(left.name)]
        assert left.other == right.name
        assert right.other == left.name
        assert tuple(map(mirror_text, left.wordings)) == right.wordings
        assert tuple(map(mirror_text, left.phrasings)) == right.phrasings
        assert mirror_text(left.phrase) == right.phrase


def test_the_criterion_of_another_probe_needs_no_comparison() -> None:
    assert all(BY_NAME[probe.other].faster_than is None for probe in PROBES)


@pytest.mark.parametrize("name", FOLLOWED)
def test_a_hand_made_motion_follows_its_own_probe_and_no_other(name: str, request: pytest.FixtureRequest) -> None:
    motion: Motion = request.getfixturevalue(name)
    followed = [probe.name for probe in PROBES if probe.follows(motion)]
    # An arm that waves is raised as well.
    expected = {"wave right": ["raise right arm", "wave right"]}.get(FOLLOWED[name] or "", [FOLLOWED[name]])
    assert followed == [found for found in expected if found]


@pytest.mark.parametrize("name", ["raising_left", "waving_right"])
def test_in_the_mirror_an_arm_raises_on_the_other_side(
    name: str, request: pytest.FixtureRequest, mirrored: Callable[[Motion], Motion]
) -> None:
    motion: Motion = request.getfixturevalue(name)
    side = "left" if name == "raising_left" else "right"
    assert BY_NAME[f"raise {side} arm"].follows(motion)
    assert not BY_NAME[f"raise {side} arm"].follows(mirrored(motion))
    assert BY_NAME[mirror_text(f"raise {side} arm")].follows(mirrored(motion))


@pytest.mark.parametrize(("angle", "followed"), [(1.5, "turn left"), (-1.5, "turn right"), (0.5, None)])
def test_a_quarter_turn_goes_to_one_side_and_a_small_one_to_none(
    build: Callable[..., Motion], ramp: Tensor, angle: float, followed: str | None
) -> None:
    motion = build(turn=angle * ramp)
    assert [probe.name for probe in PROBES if probe.follows(motion)] == ([followed] if followed else [])


def test_a_run_is_compared_with_the_walk(walking: Motion) -> None:
    fast = Motion(rotations=walking.rotations, translation=walking.translation * torch.tensor([1, 2.0, 1]), fps=30.0)
    faster = Motion(rotations=walking.rotations, translation=walking.translation * torch.tensor([1, 3.0, 1]), fps=30.0)
    run = BY_NAME["run"]
    assert run.follows(fast, reference=walking)
    assert not run.follows(fast, reference=faster)
    assert not run.follows(walking, reference=walking)


def test_a_body_that_glides_does_not_walk(walking: Motion, standing: Motion) -> None:
    glide = Motion(rotations=standing.rotations, translation=walking.translation, fps=30.0)
    assert not BY_NAME["walk"].follows(glide)


def test_who_walks_backward_does_not_walk_forward(walking: Motion) -> None:
    backward = Motion(rotations=walking.rotations.flip(0), translation=walking.translation.flip(0), fps=30.0)
    assert BY_NAME["walk backward"].follows(backward)
    assert not BY_NAME["walk"].follows(backward)


@pytest.mark.parametrize("probe", [probe for probe in PROBES if probe.phrase in ACTIONS], ids=lambda probe: probe.name)
def test_parametric_clips_of_a_phrase_follow_it(probe: Probe) -> None:
    rng = np.random.default_rng(3)
    for _ in range(3):
        clip = sample(probe.phrase, rng, seconds=4.0)
        motion = Motion(
            rotations=axis_angle_to_matrix(torch.from_numpy(clip.poses)),
            translation=torch.from_numpy(clip.trans),
            fps=clip.fps,
        )
        assert probe.follows(motion)
