"""The grid of a study: what is varied, on which data, compared with what."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from actiongpt_core.errors import MissingAssetError, did_you_mean
from actiongpt_core.study.checks import GridError, a_name, a_table, a_text, at_least, each, listed, one_of, or_none
from actiongpt_core.text.prompts import STRATEGIES

#: Published names of the measures that clips are compared by; lower is better.
MEASURES = tuple(f"{kind}_{part}" for kind in ("APE", "AVE") for part in ("root", "traj", "mean_pose", "mean_joints"))
#: The measure of the probes, texts whose motion shows whether it does what they say; higher is better.
PROBES = "probes"
PHRASE_ALONE = "phrase-alone"  #: who describes in the baseline: nobody


@attrs.frozen(kw_only=True)
class Train:
    """How a model is trained before it is measured; as of `actiongpt train`."""

    preset: str = attrs.field(default="default", validator=a_text)
    max_steps: int | None = attrs.field(default=None, validator=or_none(at_least(1)))
    settings: dict[str, Any] = attrs.field(factory=dict, validator=a_table)  #: {section: {setting: value}}
    llm: str | None = attrs.field(default=None, validator=or_none(a_text))  #: who describes the training texts


@attrs.frozen(kw_only=True)
class Model:
    """A backbone with weights: those that ship, those of a folder, or those that the study trains."""

    name: str = attrs.field(validator=a_name)
    backbone: str | None = attrs.field(default=None, validator=or_none(a_text))
    checkpoint: str | None = attrs.field(default=None, validator=or_none(a_text))
    text_encoder: str | None = attrs.field(default=None, validator=or_none(a_text))
    train: Train | None = None
    versus: str | None = attrs.field(default=None, validator=or_none(a_text))  #: another model, told the phrase alone
    about: str = ""  #: how it was trained, for the page

    def __attrs_post_init__(self) -> None:
        if self.backbone is None and self.checkpoint is None:
            raise GridError(f"model {self.name}", "a backbone or a checkpoint is needed.", self.name)
        if self.train is not None and (self.backbone is None or self.checkpoint is not None):
            what = "what is trained here needs a backbone, and has no checkpoint yet."
            raise GridError(f"model {self.name}", what, self.name)


@attrs.frozen(kw_only=True)
class Provider:
    """Who describes."""

    name: str = attrs.field(validator=a_name)
    llm: str = attrs.field(validator=a_text)
    options: dict[str, Any] = attrs.field(factory=dict, validator=a_table)
    #: of a language model; none for a provider that asks in its own way
    strategies: tuple[str, ...] | None = attrs.field(
        default=None, converter=listed, validator=or_none(each(one_of(tuple(STRATEGIES))))
    )
    about: str = ""  #: whose descriptions these are, for the page


@attrs.frozen(kw_only=True)
class Baseline:
    """What all cells of a model are compared with: the phrase alone."""

    llm: str = attrs.field(default="passthrough", validator=a_text)
    aggregator: str = attrs.field(default="mean", validator=a_text)
    k: int = attrs.field(default=1, validator=at_least(1))


@attrs.frozen(kw_only=True)
class Grid:
    """A whole study. The first k, aggregator and strategy are those that answer; the others stand beside them.

    So do the models that others are set against by `versus`.
    """

    data: str = attrs.field(validator=a_text)
    models: tuple[Model, ...] = attrs.field(validator=attrs.validators.min_len(1))
    providers: tuple[Provider, ...] = attrs.field(validator=attrs.validators.min_len(1))
    data_dir: str | None = attrs.field(default=None, validator=or_none(a_text))
    data_options: dict[str, Any] = attrs.field(factory=dict, validator=a_table)
    split: str = attrs.field(default="test", validator=a_text)
    max_clips: int | None = attrs.field(default=None, validator=or_none(at_least(1)))
    num_samples: int = attrs.field(default=3, validator=at_least(1))
    seed: int = attrs.field(default=0, validator=at_least(0))
    probe_seeds: int = attrs.field(default=8, validator=at_least(0))  #: motions of each probe text; 0 for no probes
    examples: int = attrs.field(default=6, validator=at_least(0))  #: clips that the page plays
    #: real clips beside them; false for data that may not be passed on
    play_real: bool = attrs.field(default=True, validator=attrs.validators.instance_of(bool))
    k: tuple[int, ...] = attrs.field(default=(4,), converter=listed, validator=each(at_least(1)))
    aggregators: tuple[str, ...] = attrs.field(default=("mean",), converter=listed, validator=each(a_text))
    #: that decide; all others are told
    measures: tuple[str, ...] = attrs.field(
        default=("APE_root", "APE_mean_pose"), converter=listed, validator=each(one_of(MEASURES))
    )
    baseline: Baseline = attrs.field(factory=Baseline)
    title: str = attrs.field(default="Do descriptions help?", validator=a_text)
    folder: Path = attrs.field(factory=Path.cwd)  #: of the grid file, from which paths in it start
    places: Mapping[str, str] = attrs.field(factory=dict)  #: what ${NAME} in a path stands for, before the environment

    def __attrs_post_init__(self) -> None:
        for kind, parts in (("models", self.models), ("providers", self.providers)):
            names = [part.name for part in parts]
            if len({name.lower() for name in names}) < len(names):
                raise GridError(kind, f"each needs a name of its own, got {', '.join(names)}.")
            if PHRASE_ALONE in names:
                raise GridError(kind, f"{PHRASE_ALONE!r} is the name of the baseline.", PHRASE_ALONE)
        for model in self.models:
            others = [other.name for other in self.models if other is not model]
            if model.versus is not None and model.versus not in others:
                what = f"versus names no other model, {model.versus!r}.{did_you_mean(model.versus, others)}"
                raise GridError(f"model {model.name}", what, model.versus)

    def path(self, text: str) -> Path:
        """A path of the grid: ${NAME} stands for one of `places`, or for the environment's; it starts at the grid file.

        Raises:
            MissingAssetError: A name in it stands for nothing.
        """

        def place(found: re.Match[str]) -> str:
            value = self.places.get(found[1], os.environ.get(found[1]))
            if value is None:
                raise MissingAssetError(f"{text}: it is not said what {found[1]} is; give -P {found[1]}=FOLDER.")
            return value

        return self.folder / re.sub(r"\$\{(\w+)\}", place, text)

    def named(self, value: Any) -> Any:
        """A value as it is used: a text that starts with "./", "../" or "${" is a path of the grid.

        Raises:
            MissingAssetError: As `path`.
        """
        is_path = isinstance(value, str) and value.startswith(("./", "../", "${"))
        return str(self.path(value)) if is_path else value

    def options(self, provider: Provider) -> dict[str, Any]:
        """What a provider is built with.

        Raises:
            MissingAssetError: As `path`.
        """
        return {name: self.named(value) for name, value in provider.options.items()}
