import attrs
import pytest
import torch

from actiongpt_core.errors import ConfigError, PromptError, ShapeError
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL_BODY, Skeleton
from actiongpt_core.types.text import Action, Descriptions, TextFeatures


def _motion(num_frames: int = 60, starts: tuple[int, ...] = (0, 30)) -> Motion:
    translation = torch.arange(num_frames * 3.0).reshape(-1, 3)
    return Motion(rotations=torch.eye(3).expand(num_frames, 22, 3, 3), translation=translation, fps=30, starts=starts)


def test_seconds_are_frames_over_rate() -> None:
    assert _motion().seconds == 2.0


def test_a_slice_is_a_motion_of_its_frames() -> None:
    part = _motion()[10:40]
    assert part.num_frames == 30
    assert torch.equal(part.translation, _motion().translation[10:40])
    assert part.starts == (0, 20)


def test_rotations_of_another_skeleton_are_an_error() -> None:
    with pytest.raises(ShapeError, match=r"rotations \(T, 22, 3, 3\)"):
        Motion(rotations=torch.eye(3).expand(5, 21, 3, 3), translation=torch.zeros(5, 3), fps=30)


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf")])
def test_an_impossible_frame_rate_is_an_error(fps: float) -> None:
    with pytest.raises(ConfigError, match="fps"):
        Motion(rotations=torch.eye(3).expand(5, 22, 3, 3), translation=torch.zeros(5, 3), fps=fps)


def test_a_motion_with_nan_is_an_error() -> None:
    with pytest.raises(ConfigError, match="finite"):
        Motion(rotations=torch.eye(3).expand(5, 22, 3, 3), translation=torch.full((5, 3), torch.nan), fps=30)


def test_mirroring_joints_twice_gives_the_same_joints() -> None:
    mirror = SMPL_BODY.mirror
    assert [mirror[joint] for joint in mirror] == list(range(22))
    assert SMPL_BODY.joint_names[mirror[SMPL_BODY.index("left_knee")]] == "right_knee"


def test_a_skeleton_whose_child_stands_before_its_parent_is_an_error() -> None:
    with pytest.raises(ValueError, match="parents must stand before children"):
        Skeleton(name="x", joint_names=("a", "b", "c"), parents=(-1, 2, 0), rest_offsets=((0, 0, 0),) * 3)


@pytest.mark.parametrize("seconds", [0, -2, float("nan"), float("inf"), 1e6, True, "4"])
def test_impossible_seconds_are_an_error(seconds: object) -> None:
    with pytest.raises(ConfigError, match="seconds"):
        Action("walk", seconds=seconds)  # type: ignore[arg-type]


def test_a_phrase_without_letters_is_an_error() -> None:
    with pytest.raises(PromptError, match="letters"):
        Action("123 !")


def test_an_edited_description_says_so_and_leaves_the_original_alone() -> None:
    original = Descriptions(action=Action("walk"), texts=("a", "b"), source="pack")
    edited = original.with_text(1, "c")
    assert (edited.texts, edited.source) == (("a", "c"), "edited")
    assert original.texts == ("a", "b")


def test_a_mask_of_another_shape_is_an_error() -> None:
    with pytest.raises(ShapeError, match="mask"):
        TextFeatures(tokens=torch.zeros(2, 3, 4), mask=torch.ones(2, 4, dtype=torch.bool))


def _described(phrases: tuple[str, ...]) -> tuple[Descriptions, ...]:
    return tuple(Descriptions(action=Action(phrase), texts=(phrase,), source="phrase") for phrase in phrases)


def test_a_slice_keeps_the_descriptions_of_its_actions() -> None:
    motion = attrs.evolve(_motion(), descriptions=_described(("walk", "jump")))
    assert [item.phrase for item in motion[10:40].descriptions] == ["walk", "jump"]
    assert [item.phrase for item in motion[:20].descriptions] == ["walk"]
    assert [item.phrase for item in motion[35:].descriptions] == ["jump"]


def test_descriptions_that_do_not_fit_the_actions_are_an_error() -> None:
    with pytest.raises(ShapeError, match="2 actions needs as many descriptions"):
        attrs.evolve(_motion(), descriptions=_described(("walk",)))
