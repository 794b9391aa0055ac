from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from actiongpt_core.body.stick import StickBody
from actiongpt_core.errors import ShapeError
from actiongpt_core.evaluation.joints import metric_joints, protocol_id
from actiongpt_core.evaluation.metrics import ApeAve, ape_ave, average_means, best_of, transition_distance
from actiongpt_core.types.motion import Motion


@pytest.fixture
def walk(walking: Motion) -> Tensor:
    return metric_joints(walking)


def _numbers(result: ApeAve) -> list[float]:
    return list(result.means.values())


def test_a_motion_has_no_error_against_itself_wherever_it_stands_and_faces(
    walking: Motion, walk: Tensor, turned: Callable[[Motion, float], Motion]
) -> None:
    assert _numbers(ape_ave([walk], [walk])) == [0.0] * 8
    elsewhere = metric_joints(turned(walking, 1.9))
    assert _numbers(ape_ave([elsewhere], [walk])) == pytest.approx([0.0] * 8, abs=1e-4)


def test_the_joints_of_the_metrics_are_those_of_the_mmm_order_with_y_up_and_the_heels(standing: Motion) -> None:
    joints, body = metric_joints(standing), StickBody()
    assert joints.shape == (120, 21, 3)
    assert float(joints[0, 0, 1]) == pytest.approx(0.94)  # the root's height
    heels = body.heels(standing)[0]
    torch.testing.assert_close(joints[0, [14, 19], 1], heels[:, 2])


def test_a_root_that_runs_ahead_is_wrong_by_the_mean_of_its_lead(standing: Motion, seconds: Tensor) -> None:
    zero = torch.zeros_like(seconds)
    moved = Motion(
        rotations=standing.rotations,
        translation=standing.translation + torch.stack([zero, -0.5 * seconds, zero], -1),
        fps=30.0,
    )
    result = ape_ave([metric_joints(moved)], [metric_joints(standing)])
    lead = 0.5 * seconds
    assert result.ape_root == pytest.approx(float(lead.mean()), abs=1e-4)
    assert result.ape_traj == pytest.approx(result.ape_root, abs=1e-5)
    assert result.ave_root == pytest.approx(float(lead.var()), rel=1e-3)  # divided by T - 1
    assert result.means["APE_mean_joints"] == pytest.approx(result.ape_root, abs=1e-4)
    assert result.means["APE_mean_pose"] == pytest.approx(0, abs=1e-4)  # the pose is the same


def test_position_errors_weigh_frames_and_variance_errors_weigh_motions(walk: Tensor, standing: Motion) -> None:
    still = metric_joints(standing)
    long, short = ape_ave([walk], [still]), ape_ave([walk[:30]], [still[:30]])
    both = ape_ave([walk, walk[:30]], [still, still[:30]])
    assert both.ape_root == pytest.approx((120 * long.ape_root + 30 * short.ape_root) / 150, rel=1e-5)
    assert both.ave_root == pytest.approx((long.ave_root + short.ave_root) / 2, rel=1e-5)


def test_a_pair_is_cut_to_its_common_length(walk: Tensor, standing: Motion) -> None:
    still = metric_joints(standing)
    assert _numbers(ape_ave([walk], [still[:50]])) == _numbers(ape_ave([walk[:50]], [still[:50]]))


def test_the_best_trial_is_chosen_motion_by_motion_and_metres_stay_metres(walk: Tensor, standing: Motion) -> None:
    still = metric_joints(standing)
    trials = [[walk, still], [still, walk]]
    assert _numbers(best_of(trials, [walk, walk])) == [0.0] * 8
    worst = best_of([[still, still]], [walk, walk])
    assert worst.ape_root == ape_ave([still, still], [walk, walk]).ape_root


def test_the_average_is_that_of_separate_runs(walk: Tensor, standing: Motion) -> None:
    still = metric_joints(standing)
    average = average_means([[walk], [still]], [walk])
    assert average["APE_root"] == pytest.approx(ape_ave([still], [walk]).ape_root / 2)


def test_the_protocol_names_the_body() -> None:
    assert protocol_id() == "ape-ave/stick-smpl_body-v1"


def test_a_transition_is_as_far_as_the_joints_jump(walk: Tensor) -> None:
    jumped = walk.clone()
    jumped[60:] += torch.tensor([0.3, 0.0, 0.4])
    jumped[60] = jumped[59] + torch.tensor([0.3, 0.0, 0.4])
    assert transition_distance(jumped, 60) == pytest.approx(0.5)
    with pytest.raises(ShapeError, match="frame 0"):
        transition_distance(walk, 0)


@pytest.mark.parametrize(
    ("predictions", "references", "message"),
    [
        ([], [], "got 0 and 0"),
        ([torch.zeros(5, 21, 3)], [], "got 1 and 0"),
        ([torch.zeros(5, 22, 3)], [torch.zeros(5, 21, 3)], "MMM order"),
        ([torch.zeros(1, 21, 3)], [torch.zeros(5, 21, 3)], "2 common frames"),
    ],
)
def test_what_cannot_be_compared_is_an_error(predictions: list[Tensor], references: list[Tensor], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        ape_ave(predictions, references)
