"""A test set as the paper's evaluation wants it: for every clip its joints, and those generated from its label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
import torch
from torch import Tensor

from actiongpt_core.body.stick import StickBody
from actiongpt_core.geometry.rotations import axis_angle_to_matrix
from actiongpt_core.interfaces import BodyModel
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL
from actiongpt_motionclip.dataset import Window, load_item
from actiongpt_motionclip.latents import item_settings, latents_of_texts, require_motionclip

_BATCH = 16


@attrs.frozen(eq=False, kw_only=True)
class Sample:
    """The joints of a clip and those generated from its label; Z up, metres, the pelvis at the origin in each frame."""

    text: str
    ground_truth: Tensor  #: (T, 24, 3)
    generated: Tensor  #: (T, 24, 3)


def sample(pipeline: Pipeline, clips: Sequence[Window], body: BodyModel | None = None) -> Iterator[Sample]:
    """One sample for each window that has a label, from the beginning of the window.

    # Differs from the original: both kinds of joints have Z up (there the generated ones have Y up), the label is kept,
    # and every file holds its own sample (there all of a batch hold the same one).

    Args:
        pipeline: With the backbone MotionCLIP and a published checkpoint.
        clips: The windows of the test split.
        body: Gives joints of motions with SMPL's 24 joints; None for the stick figure's proportions.

    Raises:
        ConfigError: The pipeline is of another backbone, or its checkpoint cannot read items of a data base.
        ProviderError: The provider could not describe a label.
    """
    model = require_motionclip(pipeline)
    settings = item_settings(model)
    labelled = []
    for window in clips:
        item = load_item(window, settings)
        if item is not None and any(character.isalpha() for character in item.text):
            labelled.append((item.text, window_motion(window, item.frames, model.fps)))
    joints = StickBody(SMPL) if body is None else body
    for first in range(0, len(labelled), _BATCH):
        texts, truths = zip(*labelled[first : first + _BATCH], strict=True)
        motions = model.motions(latents_of_texts(pipeline, texts), [len(truth) for truth in truths])
        for text, truth, motion in zip(texts, truths, motions, strict=True):
            yield Sample(text=text, ground_truth=_from_pelvis(joints, truth), generated=_from_pelvis(joints, motion))


def window_motion(window: Window, frames: Sequence[int], fps: float) -> Motion:
    """Some frames of a window as a motion; a data base has no path of the body, so the pelvis stays at the origin.

    Args:
        window: The window.
        frames: Counted in the window.
        fps: Frames a second of the data base.
    """
    taken = [window.start + frame for frame in frames]
    axis_angle = torch.from_numpy(window.recording.thetas[taken]).unflatten(1, (-1, 3))
    return Motion(
        rotations=axis_angle_to_matrix(axis_angle).float(),
        translation=torch.zeros(len(taken), 3),
        fps=fps,
        skeleton=SMPL,
    )


def _from_pelvis(body: BodyModel, motion: Motion) -> Tensor:
    joints = body.joints(motion).cpu().float()
    return joints - joints[:, :1]
