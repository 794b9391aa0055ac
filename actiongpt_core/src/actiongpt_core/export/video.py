"""A film of the body, H.264 in MP4, which browsers and slides play. Needs PyAV (the extra `video`)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from actiongpt_core.errors import ExportError, MissingAssetError
from actiongpt_core.export.film import film
from actiongpt_core.types.motion import Motion

#: Pixels of one motion, for up to so many of them; even, as H.264 with halved colours needs.
_CELLS = {1: (480, 560), 3: (360, 420)}
_SMALL_CELL = (320, 380)
_MAX_FPS = 60.0


def save_mp4(motions: Sequence[Motion], path: Path) -> None:
    """Write motions side by side as a film, at the frame rate of the fastest of them, 60 at most.

    Raises:
        MissingAssetError: PyAV is not installed.
        ExportError: This PyAV cannot encode H.264.
    """
    av = _av()
    rate = Fraction(min(max(motion.fps for motion in motions), _MAX_FPS)).limit_denominator(1001)
    cell = next((size for count, size in _CELLS.items() if len(motions) <= count), _SMALL_CELL)
    scenes = film(motions, float(rate), cell)
    try:
        with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
            stream = container.add_stream("libx264", rate=rate, options={"crf": "20", "preset": "veryfast"})
            stream.width, stream.height = scenes.size
            stream.pix_fmt = "yuv420p"
            for picture in scenes.pictures():
                frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
    except (av.error.FFmpegError, ValueError) as error:
        raise ExportError(f"PyAV {av.__version__} could not write the film: {error}. A .gif needs no PyAV.") from error


def _av() -> Any:
    try:
        import av
    except ImportError as error:
        raise MissingAssetError(
            "A film (.mp4) needs PyAV, which is not installed. Run: pip install 'actiongpt-core[video]' "
            "(or pip install av). A .gif or .html needs no further package."
        ) from error
    return av
