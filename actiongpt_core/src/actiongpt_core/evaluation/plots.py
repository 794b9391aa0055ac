"""An evaluation as pictures (matplotlib, extra: train)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from actiongpt_core.errors import MissingAssetError
from actiongpt_core.evaluation.evaluation import Evaluation
from actiongpt_core.evaluation.table import unit


def draw(result: Evaluation, folder: Path) -> list[Path]:
    """Draw the metrics with their intervals (`metrics.png`) and how they are spread over the clips (`clips.png`).

    Raises:
        MissingAssetError: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
    except ModuleNotFoundError:
        raise MissingAssetError("Plots need matplotlib: pip install 'actiongpt-core[train]'.") from None
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, make in (("metrics.png", _metrics), ("clips.png", _clips)):
        figure = make(plt, result)
        figure.savefig(folder / name, dpi=110)
        plt.close(figure)
        files.append(folder / name)
    return files


def _metrics(plt: Any, result: Evaluation) -> Any:
    """A panel a metric: the model, and beside it the real clips and the nearest-text clips where they are known."""
    names = list(result.metrics)
    columns = 4
    rows = -(-len(names) // columns)
    figure, panels = plt.subplots(rows, columns, figsize=(3.2 * columns, 2.3 * rows), squeeze=False)
    for panel in panels.flat[len(names) :]:
        panel.axis("off")
    for panel, name in zip(panels.flat, names, strict=False):
        tables = (("model", result.metrics), ("real", result.real), ("nearest", result.nearest_text))
        shown = [(label, numbers[name]) for label, numbers in tables if name in numbers]
        for place, (_, it) in enumerate(shown):
            panel.errorbar(
                place, it.value, yerr=[[max(it.value - it.low, 0)], [max(it.high - it.value, 0)]], fmt="o", capsize=4
            )
        panel.set_xticks(range(len(shown)), [label for label, _ in shown], fontsize=8)
        panel.set_xlim(-0.6, len(shown) - 0.4)
        panel.set_ylim(bottom=0)
        panel.set_title(f"{name} ({unit(name)})", fontsize=9)
        panel.tick_params(labelsize=8)
    figure.tight_layout()
    return figure


def _clips(plt: Any, result: Evaluation) -> Any:
    """Position errors of the clips, each sorted: how many clips are how bad."""
    figure, axes = plt.subplots(figsize=(7, 4))
    for name in (name for name in result.per_clip if name.startswith("APE_")):
        values = np.sort(result.per_clip[name])
        axes.plot(values, np.arange(1, len(values) + 1) / len(values), label=name)
    axes.set(xlabel="m", ylabel="share of clips with at most this error", xlim=(0, None), ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    return figure
