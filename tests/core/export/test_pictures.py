"""Contact sheet and GIF: the body is there, left and right have their colours, time runs at real speed."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import pytest
import torch
from PIL import Image, ImageFont, ImageSequence

from actiongpt_core.export import save
from actiongpt_core.export.captions import fitted
from actiongpt_core.export.raster import Camera, draw_mesh, mesh_mask
from actiongpt_core.export.render import at_one_scale, build_scene
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import Skeleton
from actiongpt_core.types.text import Action, Descriptions


def count_like(picture: np.ndarray, channel: int) -> int:
    """Pixels in which one colour channel outweighs its opposite (red against blue)."""
    pixels = picture.astype(int)
    return int((pixels[..., channel] - pixels[..., 2 - channel] > 60).sum())


def test_a_sheet_has_a_row_for_each_action_and_a_body_in_each_cell(motion: Motion, tmp_path: Path) -> None:
    with Image.open(save(motion, tmp_path / "one.png")) as image:
        two = np.asarray(image.convert("RGB"))
    with Image.open(save(attrs.evolve(motion, starts=(0,)), tmp_path / "two.png")) as image:
        one = np.asarray(image.convert("RGB"))
    assert one.shape[1] == two.shape[1] > 1200
    assert two.shape[0] > one.shape[0] + 200
    for cell in np.array_split(one[40:], 8, axis=1):
        assert count_like(cell, 0) > 300  # left limbs, orange
        assert count_like(cell, 2) > 300  # right limbs, blue


def test_hand_joints_of_smpl_are_drawn_in_the_colour_of_their_side(smpl_motion: Motion) -> None:
    scene = build_scene(smpl_motion, [0, 10], (200, 240))
    straight = attrs.evolve(smpl_motion, rotations=smpl_motion.rotations.index_fill(1, torch.tensor([22, 23]), 0.0))
    straight.rotations[:, 22:] = torch.eye(3)
    bent, flat = (np.asarray(s.draw(1)) for s in (scene, build_scene(straight, [0, 10], (200, 240))))
    changed = np.abs(bent.astype(int) - flat.astype(int)).max(-1) > 60
    assert 10 < changed.sum() < 2000  # the fingers moved, nothing else
    assert count_like(bent, 0) > 300
    assert count_like(bent, 2) > 300


def test_a_gif_loops_at_the_motions_own_speed(motion: Motion, tmp_path: Path) -> None:
    with Image.open(save(motion, tmp_path / "motion.gif")) as image:
        durations = [frame.info["duration"] for frame in ImageSequence.Iterator(image)]
        assert image.info["loop"] == 0
    assert len(durations) == 19  # 1.3 s in steps of 70 ms, the first frame included
    assert set(durations[:-1]) == {70}


def test_the_body_stays_in_the_picture_and_its_frames_differ(motion: Motion) -> None:
    scene = build_scene(motion, [0, 20, 39], (200, 240))
    pictures = [np.asarray(scene.draw(i)).astype(int) for i in range(3)]
    assert pictures[0].shape == (240, 200, 3)
    assert np.abs(pictures[0] - pictures[1]).max() > 100
    for i in range(3):
        camera = attrs.evolve(scene.camera, target=(float(scene.targets[i, 0]), float(scene.targets[i, 1]), 0.0))
        mask = mesh_mask(camera, scene.vertices[i], scene.faces)
        assert mask.any()
        assert mask[1:-1, 1:-1].sum() == mask.sum()


@pytest.mark.parametrize("num_frames", [1, 2, 3])
def test_the_shortest_motions_have_pictures(motion: Motion, tmp_path: Path, num_frames: int) -> None:
    short = motion[:num_frames]
    for suffix in ("png", "gif"):
        with Image.open(save(short, tmp_path / f"short.{suffix}")) as image:
            assert image.size[0] > 100


def told(motion: Motion, *phrases: str) -> Motion:
    texts = [Descriptions(action=Action(phrase), texts=(phrase,), source="phrase") for phrase in phrases]
    return attrs.evolve(motion, descriptions=tuple(texts))


def test_pictures_name_the_action_by_its_phrase(motion: Motion, tmp_path: Path) -> None:
    for suffix in ("png", "gif"):
        sheets = []
        for number, item in enumerate((motion, told(motion, "walk", "wave"), told(motion, "walk", "jump"))):
            with Image.open(save(item, tmp_path / f"{number}.{suffix}")) as image:
                image.seek(getattr(image, "n_frames", 1) - 1)
                sheets.append(np.asarray(image.convert("RGB")).astype(int))
        numbers, wave, jump = sheets
        assert 20 < (np.abs(numbers - wave).max(-1) > 60).sum() < 5000
        assert 20 < (np.abs(wave - jump).max(-1) > 60).sum() < 5000


def test_a_phrase_that_is_too_long_is_cut_to_its_room() -> None:
    font = ImageFont.load_default(14)
    line = fitted("walk forward and\nthen " * 20, font, 200)
    assert line.startswith("walk forward and then walk")
    assert line.endswith(" ...")
    assert 150 < font.getlength(line) <= 200
    assert fitted("walk", font, 200) == "walk"


def test_several_motions_are_side_by_side_in_a_gif(motion: Motion, tmp_path: Path) -> None:
    with Image.open(save([motion, motion[:10]], tmp_path / "two.gif")) as image:
        assert image.n_frames == 19  # as long as the longer
        assert image.size == (640, 380)
        image.seek(18)
        last = np.asarray(image.convert("RGB"))
    for half in np.array_split(last, 2, axis=1):
        assert count_like(half, 0) > 300  # who is done first stands still
        assert count_like(half, 2) > 300


def test_several_motions_are_below_each_other_in_a_sheet(motion: Motion, tmp_path: Path) -> None:
    heights = []
    for number in (1, 2):
        with Image.open(save([motion] * number, tmp_path / "sheet.png")) as image:
            heights.append(image.size[1])
    assert heights[1] == 2 * heights[0]


def test_scenes_at_one_scale_keep_every_body_in_the_picture(motion: Motion) -> None:
    low = attrs.evolve(motion, translation=motion.translation - torch.tensor([0.0, 0.0, 0.5]))
    high = attrs.evolve(motion, translation=motion.translation + torch.tensor([0.0, 0.0, 1.5]))
    scenes = at_one_scale([build_scene(item, [0, 20, 39], (200, 240)) for item in (motion, low, high)])
    assert len({scene.camera.scale for scene in scenes}) == 1
    for scene in scenes:
        for i in range(3):
            camera = attrs.evolve(scene.camera, target=(float(scene.targets[i, 0]), float(scene.targets[i, 1]), 0.0))
            mask = mesh_mask(camera, scene.vertices[i], scene.faces)
            assert mask[1:-1, 1:-1].sum() == mask.sum() > 0


def test_another_skeleton_has_a_picture(tmp_path: Path) -> None:
    pole = Skeleton(name="pole", joint_names=("a", "b"), parents=(-1, 0), rest_offsets=((0, 0, 0), (0, 1, 0)))
    motion = Motion(rotations=torch.eye(3).repeat(5, 2, 1, 1), translation=torch.zeros(5, 3), fps=10, skeleton=pole)
    assert save(motion, tmp_path / "pole.png").stat().st_size > 1000


# --- the rasteriser ----------------------------------------------------------------------------------------------


def front_camera() -> Camera:
    """Looks along -x at the y, z plane, 20 pixels a metre."""
    return Camera(azimuth=0.0, elevation=1e-6, scale=20.0, size=(60, 40), anchor=(30.0, 20.0))


def square(x: float, half: float) -> tuple[np.ndarray, np.ndarray]:
    corners = np.array([[x, -half, -half], [x, half, -half], [x, half, half], [x, -half, half]], dtype=np.float32)
    return corners, np.array([[0, 1, 2], [0, 2, 3]])


def test_a_square_covers_its_pixels_exactly() -> None:
    mask = mesh_mask(front_camera(), *square(0.0, 0.5))
    assert mask.sum() == 20 * 20
    assert mask[10:30, 20:40].all()


def test_faces_turned_away_are_not_drawn() -> None:
    vertices, faces = square(0.0, 0.5)
    assert not mesh_mask(front_camera(), vertices, faces[:, ::-1]).any()


def test_the_nearer_surface_hides_the_farther_one_in_either_order() -> None:
    near, far = square(1.0, 0.25), square(0.0, 0.5)
    red, blue = np.tile([1.0, 0.0, 0.0], (4, 1)), np.tile([0.0, 0.0, 1.0], (4, 1))
    for first, second, colours in ((near, far, [red, blue]), (far, near, [blue, red])):
        picture = np.zeros((40, 60, 3), dtype=np.uint8)
        vertices = np.concatenate([first[0], second[0]])
        faces = np.concatenate([first[1], second[1] + 4])
        draw_mesh(picture, front_camera(), vertices, faces, np.concatenate(colours).astype(np.float32))
        assert picture[20, 30, 0] > 50
        assert picture[20, 30, 2] == 0
        assert picture[20, 22, 2] > 50


def test_the_ground_under_a_pixel_projects_back_onto_it() -> None:
    camera = Camera(azimuth=0.8, elevation=0.3, scale=90.0, size=(64, 48), anchor=(30.0, 40.0), target=(1.0, -2.0, 0.0))
    x, y = camera.ground()
    pixels = camera.project(np.stack([x, y, np.zeros_like(x)], axis=-1))
    columns, rows = np.meshgrid(np.arange(64) + 0.5, np.arange(48) + 0.5)
    np.testing.assert_allclose(pixels[..., 0], columns, atol=1e-2)
    np.testing.assert_allclose(pixels[..., 1], rows, atol=1e-2)
