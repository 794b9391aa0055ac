"""The card of a trained checkpoint: what it was made from, how, and what was not looked at."""

from __future__ import annotations

import json
from pathlib import Path

from actiongpt_core.training.run_file import RunFile


def write_card(run: RunFile, file: Path) -> Path:
    """Write `card.md` from the record of a run."""
    file.write_text("\n".join(_lines(run)) + "\n", encoding="utf-8")
    return file


def _lines(run: RunFile) -> list[str]:
    counts, result, training = run.counts, run.result, run.settings["training"]
    best = (
        f"The weights are those of step {result['best_step']:,}, which had the lowest loss on the split `val`, "
        f"{result['best_loss']:.4g}. The last ones are in `last/`."
        if "best_step" in result
        else "The weights are the last ones: the data set has no split `val` to choose others by."
    )
    averaged = f" Averaged with a decay of {training['ema']:g}." if training["ema"] else ""
    told = run.told_by
    described = f"{counts['phrases_with_descriptions']:,} of {counts['phrases']:,} phrases have descriptions"
    model = f" ({told['model']})" if told["model"] else ""
    return [
        f"# {run.backbone}, trained on {run.data['name']}",
        "",
        "Written by `actiongpt train`. Complete it before you publish the weights: what the data may be used for, "
        "what the model does well, and where it fails.",
        "",
        "## Data",
        "",
        f"- {run.data['name']}, {run.data['fps']:g} frames a second, {counts['clips']:,} training clips. Options: "
        f"`{json.dumps(run.data['options'])}`. The terms of the data apply to the weights.",
        f"- Texts: {described}, by the provider `{told['provider']}`{model}, aggregated by `{told['aggregator']}`; "
        "the others are told by themselves alone.",
        "",
        "## Training",
        "",
        f"- {counts['parameters']:,} parameters; began with {f'`{run.start}`' if run.start else 'random weights'}.",
        f"- Preset `{run.preset}`, {result['steps']:,} steps of {training['batch_size']} samples, seed "
        f"{training['seed']}. All settings: `run.json`.",
        f"- {best}{averaged}",
        f"- Versions: {', '.join(f'{name} {version}' for name, version in run.versions.items())}.",
        "",
        "![Training curve](curve.png)",
        "",
        "## Measures",
        "",
        "None yet. `actiongpt evaluate --checkpoint FOLDER --data NAME --split test` makes them.",
    ]
