"""Training curves as a picture, from the CSV files that Lightning's logger writes (extra: train)."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from pathlib import Path

_TOTALS = ("loss", "val_loss")
#: value by step, for every name that was logged
Curves = dict[str, list[tuple[int, float]]]


def read_curves(folder: Path) -> Curves:
    """All values in `folder/*/metrics.csv`, in the order of steps; a run that was resumed has several files."""
    files = [file.read_text(encoding="utf-8").splitlines() for file in folder.glob("*/metrics.csv")]
    rows = [row for lines in files for row in csv.DictReader(lines)]
    curves: Curves = defaultdict(list)
    for row in sorted(rows, key=lambda row: int(row["step"])):
        for name, value in row.items():
            # Lightning repeats the last value of a name that is no longer logged.
            if name not in ("step", "epoch") and value and float(value) != (curves[name] or [(0, math.nan)])[-1][1]:
                curves[name].append((int(row["step"]), float(value)))
    return dict(curves)


def plot_curves(folder: Path, target: Path, title: str) -> Path:
    """Draw all curves of positive values, each smoothed over nine logged values, on a logarithmic axis.

    Returns:
        The picture, `target`.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4.5))
    curves = read_curves(folder)
    for name in sorted(curves, key=lambda name: (name not in _TOTALS, name)):
        steps, values = zip(*curves[name], strict=True)
        if min(values) > 0:
            axes.plot(steps, _smoothed(list(values)), label=name, linewidth=2.2 if name in _TOTALS else 1.0)
    axes.set(xlabel="optimiser step", ylabel="loss (terms unweighted)", yscale="log", title=title)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, ncols=2)
    figure.tight_layout()
    figure.savefig(target, dpi=110)
    plt.close(figure)
    return target


def _smoothed(values: list[float], width: int = 9) -> list[float]:
    half = width // 2
    windows = [values[max(i - half, 0) : i + half + 1] for i in range(len(values))]
    return [sum(window) / len(window) for window in windows]
