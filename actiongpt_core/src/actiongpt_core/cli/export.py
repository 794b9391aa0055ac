"""`actiongpt export`: motion files to files of other formats, cleaned up and edited on the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import attrs
import typer

from actiongpt_core.cli import options
from actiongpt_core.errors import ConfigError

if TYPE_CHECKING:
    from actiongpt_core.types.motion import Motion

_READER_OPTIONS = ("metres_per_unit", "retarget")  # of the files that are read; all others are of the one written


@attrs.frozen(kw_only=True)
class Edits:
    """What is done with each motion, in this order."""

    trim: tuple[float, float | None] | None
    fps: float | None
    postprocess: tuple[str, ...]
    mirror: bool
    heading: float | None
    loop: bool

    def apply(self, motion: Motion) -> Motion:
        """The edited motion."""
        from actiongpt_core.postprocess import edits, postprocess

        if self.trim is not None:
            motion = edits.trim(motion, *self.trim)
        if self.fps is not None:
            motion = edits.resample(motion, self.fps)
        motion = postprocess(motion, self.postprocess)
        if self.mirror:
            motion = edits.mirror(motion)
        if self.heading is not None:
            motion = edits.face(motion, self.heading)
        return edits.loop(motion) if self.loop else motion


def export(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="IN... OUT", help="Files to read (.bvh, .npz), and the one to write; its suffix chooses."
        ),
    ],
    output_options: Annotated[
        list[str] | None,
        typer.Option("-O", "--option", help="A setting of a format, as order=XYZ or names=mixamo. Repeatable."),
    ] = None,
    join: Annotated[bool, typer.Option(help="Join several INs, one after the other, instead of side by side.")] = False,
    trim: Annotated[str | None, typer.Option(metavar="START:END", help="Only this part, seconds.")] = None,
    fps: Annotated[float | None, typer.Option(help="Frames a second of the result.")] = None,
    postprocess: options.Postprocess = None,
    mirror: Annotated[bool, typer.Option("--mirror", help="Swap left and right.")] = False,
    heading: Annotated[
        float | None, typer.Option(help="Direction that the first frame faces, degrees from +x; models make -90.")
    ] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Add frames that lead back to the first pose.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Write motion files in another format: BVH, GLB, npz, joints, OBJ, page, film, pictures."""
    from actiongpt_core.export import check_path, load, save

    if len(paths) < 2:
        raise typer.BadParameter("Give one or more files to read, and the file to write.")
    *sources, target = paths
    given = options.read_pairs(output_options, "A setting of a format is written -O name=value, such as -O order=XYZ")
    reading = {name: value for name, value in given.items() if name in _READER_OPTIONS}
    writing = {name: value for name, value in given.items() if name not in _READER_OPTIONS}
    check_path(target, writing, 1 if join else len(sources))
    plan = Edits(
        trim=None if trim is None else _times(trim),
        fps=fps,
        postprocess=options.read_postprocess(postprocess),
        mirror=mirror,
        heading=heading,
        loop=loop,
    )
    motions = [load(path, **reading) for path in sources]
    if join:
        from actiongpt_core.postprocess.edits import concatenate

        motions = [concatenate(motions)]
    motions = [plan.apply(motion) for motion in motions]
    report = _report(motions, save(motions, target, **writing))
    typer.echo(json.dumps(report, indent=2) if as_json else _as_text(report))


def _times(text: str) -> tuple[float, float | None]:
    start, colon, end = text.partition(":")
    try:
        if not colon:
            raise ValueError
        return float(start or 0), float(end) if end else None
    except ValueError:
        raise ConfigError(f"--trim takes START:END in seconds, such as 0.5:2, got {text!r}.") from None


def _report(motions: list[Motion], path: Path) -> dict[str, Any]:
    return {
        "file": str(path.resolve()),
        "bytes": path.stat().st_size,
        "motions": [
            {
                "frames": motion.num_frames,
                "fps": motion.fps,
                "seconds": motion.seconds,
                "actions": len(motion.starts),
                "skeleton": motion.skeleton.name,
            }
            for motion in motions
        ],
    }


def _as_text(report: dict[str, Any]) -> str:
    lines = [
        f"{item['seconds']:.1f} s, {item['frames']} frames at {item['fps']:g} fps, skeleton {item['skeleton']}"
        for item in report["motions"]
    ]
    return "\n".join([*lines, f"wrote {report['file']} ({report['bytes'] / 1e6:.2f} MB)"])
