"""Skeletons: joint names, parents and rest offsets."""

from __future__ import annotations

import attrs

#: Rest position of the pelvis joint in SMPL's own model space, metres (x left, y up, z forward): the mean male SMPL-H
#: body. SMPL's translation plus this vector is the world position of the pelvis. Published checkpoints, AMASS npz and
#: SMPL bodies speak of SMPL's translation, `Motion.translation` of the pelvis; this is the one home of the difference.
#: Source: J_regressor @ v_template of SMPL-H with betas 0, rounded as in the data notes of the CMU set.
SMPL_REST_PELVIS: tuple[float, float, float] = (-0.002, -0.223, 0.028)

_SMPL_NAMES = (
    *("pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle"),
    *("spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head"),
    *("left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist"),
)
_SMPL_PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)
_SMPL_OFFSETS = (
    (0.0, 0.0, 0.0),
    (0.069, -0.091, -0.006),
    (-0.069, -0.091, -0.006),
    (0.0, 0.109, -0.027),
    (0.036, -0.379, -0.007),
    (-0.036, -0.379, -0.007),
    (0.0, 0.135, 0.001),
    (-0.015, -0.398, -0.043),
    (0.015, -0.398, -0.043),
    (0.0, 0.053, 0.025),
    (0.026, -0.052, 0.121),
    (-0.026, -0.052, 0.121),
    (0.0, 0.214, -0.043),
    (0.08, 0.12, -0.036),
    (-0.08, 0.12, -0.036),
    (0.0, 0.065, 0.051),
    (0.094, 0.032, -0.009),
    (-0.094, 0.032, -0.009),
    (0.257, -0.013, -0.024),
    (-0.257, -0.013, -0.024),
    (0.252, 0.008, -0.003),
    (-0.252, 0.008, -0.003),
)


@attrs.frozen(kw_only=True)
class Skeleton:
    """A tree of joints with its rest pose. Rest axes as in SMPL: x to the body's left, y up, z forward; metres."""

    name: str
    joint_names: tuple[str, ...]
    parents: tuple[int, ...]  #: parent index of each joint, -1 for the root; a parent stands before its children
    rest_offsets: tuple[tuple[float, float, float], ...]  #: joint minus parent in the rest pose, metres

    def __attrs_post_init__(self) -> None:
        """Check that the tree is one tree, in order.

        Raises:
            ValueError: The three tuples differ in length, or a parent does not stand before its child.
        """
        if not len(self.joint_names) == len(self.parents) == len(self.rest_offsets):
            raise ValueError(f"Skeleton {self.name!r}: joint_names, parents and rest_offsets differ in length.")
        if self.parents[0] != -1 or any(not 0 <= p < j for j, p in enumerate(self.parents) if j):
            raise ValueError(f"Skeleton {self.name!r}: the root must be first and parents must stand before children.")

    @property
    def num_joints(self) -> int:
        """J."""
        return len(self.joint_names)

    def index(self, joint: str) -> int:
        """The index of a joint by its name.

        Raises:
            KeyError: No joint has this name.
        """
        try:
            return self.joint_names.index(joint)
        except ValueError:
            raise KeyError(f"No joint {joint!r} in skeleton {self.name!r}: {', '.join(self.joint_names)}.") from None

    @property
    def mirror(self) -> tuple[int, ...]:
        """For each joint the index of its twin on the other side (itself on the middle line)."""
        swap = {"left": "right", "right": "left"}
        twins = []
        for joint in self.joint_names:
            side, _, rest = joint.partition("_")
            twins.append(self.index(f"{swap[side]}_{rest}") if side in swap else self.index(joint))
        return tuple(twins)


#: The 22 body joints of SMPL and SMPL-H (no hands), with mean neutral adult proportions, left and right averaged and
#: rounded to 1 mm. Source: proportions published for SMPL-based humanoids (see NOTICE); not taken from a model file.
SMPL_BODY = Skeleton(name="smpl_body", joint_names=_SMPL_NAMES, parents=_SMPL_PARENTS, rest_offsets=_SMPL_OFFSETS)

#: The 24 joints of SMPL: the body and the middle of each hand, which hangs on its wrist. Offsets as for the body.
SMPL = Skeleton(
    name="smpl",
    joint_names=(*_SMPL_NAMES, "left_hand", "right_hand"),
    parents=(*_SMPL_PARENTS, 20, 21),
    rest_offsets=(*_SMPL_OFFSETS, (0.084, -0.007, -0.012), (-0.084, -0.007, -0.012)),
)

#: The named skeletons, for files that name theirs.
SKELETONS: dict[str, Skeleton] = {skeleton.name: skeleton for skeleton in (SMPL_BODY, SMPL)}
