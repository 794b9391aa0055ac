"""Films: FFmpeg, through PyAV, reads back what was written. Chromium plays one in tests/browser."""

from __future__ import annotations

import sys
from pathlib import Path

import attrs
import numpy as np
import pytest

from actiongpt_core.errors import MissingAssetError
from actiongpt_core.export import save
from actiongpt_core.types.motion import Motion


def frames(path: Path) -> tuple[list[np.ndarray], float, str]:
    """Pictures, rate, and codec with pixel format."""
    av = pytest.importorskip("av", reason="pip install av")
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        name = f"{stream.codec_context.name} {stream.codec_context.pix_fmt}"
        return [frame.to_ndarray(format="rgb24") for frame in film.decode(stream)], float(stream.average_rate), name


def orange(picture: np.ndarray) -> int:
    return int((picture[..., 0].astype(int) - picture[..., 2] > 60).sum())


def test_a_film_has_every_frame_at_the_motion_s_rate(motion: Motion, tmp_path: Path) -> None:
    pytest.importorskip("av", reason="pip install av")
    pictures, rate, name = frames(save(motion, tmp_path / "motion.mp4"))
    assert (len(pictures), rate, name) == (40, 30.0, "h264 yuv420p")
    assert pictures[0].shape == (560, 480, 3)
    assert orange(pictures[0]) > 1000
    assert np.abs(pictures[0].astype(int) - pictures[20]).max() > 100


def test_films_of_several_are_side_by_side_and_last_as_long_as_the_longest(motion: Motion, tmp_path: Path) -> None:
    pytest.importorskip("av", reason="pip install av")
    slow = attrs.evolve(motion[:20], fps=12.5)  # 1.6 s; the other 1.33 s
    pictures, rate, _ = frames(save([motion[:10], slow], tmp_path / "two.mp4"))
    assert rate == 30.0
    assert len(pictures) == 46
    for half in np.array_split(pictures[-1], 2, axis=1):
        assert orange(half) > 500


def test_without_pyav_the_error_says_what_to_install(
    motion: Motion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingAssetError, match=r"pip install 'actiongpt-core\[video\]'"):
        save(motion, tmp_path / "motion.mp4")
    assert list(tmp_path.iterdir()) == []
