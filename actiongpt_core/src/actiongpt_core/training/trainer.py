"""A training run in a folder: begun, gone on with, finished."""

from __future__ import annotations

import contextlib
import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import torch

from actiongpt_core.errors import ConfigError
from actiongpt_core.interfaces import Aggregator, DataSet, LLMProvider
from actiongpt_core.registry import get_registry
from actiongpt_core.safe_pickle import load_checkpoint
from actiongpt_core.training.backend import lightning
from actiongpt_core.training.card import write_card
from actiongpt_core.training.curves import plot_curves
from actiongpt_core.training.ema import Ema
from actiongpt_core.training.keeping import LAST, Progress, Report, Saving, Validation, save_model
from actiongpt_core.training.loading import Batches, training_loader, validation_loader
from actiongpt_core.training.module import TrainingModule
from actiongpt_core.training.pictures import Pictured, Pictures, choose
from actiongpt_core.training.recipe import Preset, TrainingRecipe
from actiongpt_core.training.run_file import PART_FILE, RUN_FILE, RunFile, read_run
from actiongpt_core.training.samples import Sampler
from actiongpt_core.training.settings import Changes, change, find_preset
from actiongpt_core.training.telling import Telling, describe_phrases
from actiongpt_core.training.text_states import TextStates

_LOG = logging.getLogger(__name__)

STATE_FILE = "state.ckpt"
LOGS, TEXTS, PICTURES, CURVE = "logs", "texts", "pictures", "curve.png"
_NOT_OURS = (
    ".*does not have many workers",
    ".*isinstance.treespec, LeafSpec",
    ".*ended before the epoch ended",
    ".*Experiment logs directory .* exists",
    ".*GPU available but not used",
    ".*lr_scheduler.step",
)
SHIPPED = "shipped"  #: for `start`: the checkpoint that comes with the backbone


@attrs.frozen(kw_only=True)
class Trained:
    """What a call of `train` did."""

    out: Path  #: a checkpoint folder
    steps: int  #: of the run in all
    new_steps: int  #: of this call
    best_step: int | None  #: whose weights are in `out`; None without a validation split: then the last
    best_loss: float | None
    seconds: float  #: of this call
    rank: int = 0  #: which of several processes says this


def train(
    backbone: str,
    data: DataSet,
    out: Path,
    *,
    preset: str = "default",
    changes: Changes | None = None,
    start: str | Path | None = None,
    text_encoder: str | Path | None = None,
    stats: Path | None = None,
    llm: LLMProvider | None = None,
    strategy: str | None = None,
    aggregator: str | None = None,
    data_options: Mapping[str, Any] | None = None,
    devices: int = 1,
    accelerator: str = "auto",
    workers: int = 0,
    states: Path | None = None,
    report: Callable[[Progress], None] | None = None,
) -> Trained:
    """Train a backbone, or go on where the folder's run stopped; a run that is killed loses its last steps alone.

    Args:
        backbone: Name of a motion model whose plugin can train it.
        data: Motions with texts; has the split "train", and "val" if weights are to be chosen.
        out: Folder of the run. It is a checkpoint folder: the weights with the lowest loss on "val", else the last.
        preset: Name of the backbone's settings.
        changes: Other values for some of them, by section and name.
        start: Checkpoint folder, ours or published, to begin with, or "shipped"; it brings the model's settings.
        text_encoder: Folder or hub name of the text model, instead of the one that `start` names.
        stats: Feature statistics of `start`, which some published folders need.
        llm: Who describes the texts; None for the default provider.
        strategy: How a language model is asked; None for its own way.
        aggregator: How K descriptions become one; None for the paper's mean.
        data_options: What the set was opened with, for the record.
        devices: Processes, each with a device of its own; they share every batch.
        accelerator: "auto", "cpu", "cuda", "mps".
        workers: 1 to make batches in a process of their own.
        states: Folder of the text model's states, to share them between runs; None for one in `out`.
        report: Told how far it is.

    Raises:
        UnknownBackboneError: No installed plugin provides the backbone.
        ConfigError: The backbone cannot be trained, a setting or the data set cannot work, or the folder holds another
            run or other files.
        CheckpointError: `start` is no checkpoint of the backbone.
        ProviderError: The provider could not describe a text.
    """
    begun = time.monotonic()
    source = None if start is None else _Start(start, text_encoder, stats)
    if source is None and (text_encoder is not None or stats is not None):
        raise ConfigError(
            "text_encoder and stats belong to a checkpoint to begin with (--from). "
            "For a new model, set model.text_encoder; its statistics come from the data."
        )
    run = _Run(backbone, data, out, preset, changes or {}, source)
    run.describe(llm, strategy, aggregator, data_options or {}, states, report)
    done = run.steps_done
    if done < run.config.max_steps:
        run.fit(devices, accelerator, workers, report)
    if _is_first_process():
        run.finish()
    result = run.file.result
    return Trained(
        out=out,
        steps=result["steps"],
        new_steps=result["steps"] - done,
        best_step=result.get("best_step"),
        best_loss=result.get("best_loss"),
        seconds=time.monotonic() - begun,
        rank=_rank(),
    )


@attrs.frozen
class _Start:
    """The checkpoint that a run begins with."""

    path: str | Path
    text_encoder: str | Path | None
    stats: Path | None

    def read(self, model_class: Any) -> Any:
        path = None if self.path == SHIPPED else Path(self.path)
        return model_class.from_checkpoint(path, text_encoder=self.text_encoder, stats=self.stats)


class _Run:
    """A run between its steps."""

    def __init__(
        self, backbone: str, data: DataSet, out: Path, preset: str, changes: Changes, start: _Start | None
    ) -> None:
        self.backbone, self.data, self.out, self.start = backbone, data, out, start
        spec = get_registry().motion_model(backbone)
        if spec.training is None:
            able = [part.spec.name for part in get_registry().parts("backbone") if getattr(part.spec, "training", None)]
            raise ConfigError(
                f"The plugin of {backbone!r} brings no training. These can be trained: {', '.join(able) or 'none'}."
            )
        self.recipe: TrainingRecipe = spec.training()
        self.preset_name = preset
        self.preset, self.model = _build(spec.load(), self.recipe, preset, changes, start)
        self.config = self.preset.training
        _require_split(data, "train")
        self.sampler = self._sampler("train")
        self.val_sampler = self._sampler("val") if "val" in data.splits else None
        self.objective = self.recipe.objective(self.preset, self.model)
        self.telling: Telling
        self.file: RunFile

    @property
    def steps_done(self) -> int:
        """Optimiser steps so far."""
        file = self.out / STATE_FILE
        return int(load_checkpoint(file)["global_step"]) if file.is_file() else 0

    def describe(
        self,
        llm: LLMProvider | None,
        strategy: str | None,
        aggregator: str | None,
        data_options: Mapping[str, Any],
        states: Path | None,
        report: Callable[[Progress], None] | None,
    ) -> None:
        """Ask for descriptions, encode all texts, and see to it that the folder's run is this one."""
        registry = get_registry()
        provider = llm if llm is not None else registry.build_provider()
        function: Aggregator = registry.aggregator(aggregator).load()
        told_by = {
            "provider": getattr(provider, "name", type(provider).__name__),
            "model": getattr(provider, "model", None),
            "strategy": strategy,
            "aggregator": registry.aggregator(aggregator).name,
        }
        self.file = RunFile(
            backbone=self.backbone,
            preset=self.preset_name,
            settings=_settings(self.preset),
            data={"name": self.data.name, "fps": self.data.fps, "options": dict(data_options)},
            told_by=told_by,
            start=None if self.start is None else str(self.start.path),
        )
        self._continue_or_begin()
        samplers = [self.sampler, *([self.val_sampler] if self.val_sampler else [])]
        texts = {group for sampler in samplers for group in sampler.texts()}
        described = describe_phrases(
            sorted({text for group in texts for text in group}), provider, self.config.k, strategy
        )
        kept = TextStates(states or self.out / TEXTS, self.model.text_encoder, self.config.states)
        self.telling = Telling(kept, described.texts, function, self.config, self.config.seed)
        if _is_first_process():
            if alone := described.asked - len(described.texts):
                _LOG.warning(
                    "%s of %s phrases have no descriptions and are told by themselves alone.",
                    f"{alone:,}",
                    f"{described.asked:,}",
                )
            self.telling.prepare(texts, _encoding(report))
        counts = {
            "phrases": described.asked,
            "phrases_with_descriptions": len(described.texts),
            "clips": len(list(self.sampler.texts())),
            "parameters": sum(weight.numel() for weight in self.model.parameters()),
        }
        self.file = attrs.evolve(self.file, counts=counts)

    def fit(self, devices: int, accelerator: str, workers: int, report: Callable[[Progress], None] | None) -> None:
        """All steps that are left."""
        done = self.steps_done
        if self.config.batch_size % devices:
            raise ConfigError(f"A batch of {self.config.batch_size} cannot be shared by {devices} devices alike.")
        if _is_first_process():
            self.file.write(self.out)  # first, so that the folder of a run that is killed here is known as its own
            if not done:
                self._prepare_model()
        module = TrainingModule(self.model, self.objective, self.config, is_new=self.start is None)
        steps = range(done, self.config.max_steps)
        loader = training_loader(self._batches(self.sampler), steps, _rank(), devices, workers)
        validation = self._validation_loader()
        with _quiet():
            trainer = self._trainer(devices, accelerator, report, done)
            trainer.fit(
                module, loader, validation, ckpt_path=str(self.out / STATE_FILE) if done else None, weights_only=True
            )
            if validation is not None and self.config.max_steps % self._validate_every:
                trainer.validate(module, validation, verbose=False)
        if trainer.interrupted:
            raise KeyboardInterrupt
        self.file = attrs.evolve(self.file, result={**self.file.result, "steps": trainer.global_step})

    def finish(self) -> None:
        """The record, the curve and the card."""
        self.file = attrs.evolve(self.file, result={**self.file.result, "steps": self.steps_done})
        self.file.write(self.out)
        plot_curves(self.out / LOGS, self.out / CURVE, f"Training of {self.backbone}, {self.data.name}")
        write_card(self.file, self.out / "card.md")

    # --- parts -------------------------------------------------------------------------------------------------------

    def _sampler(self, split: str) -> Sampler:
        return self.recipe.sampler(self.preset, self.model, self.data, split, self.config.seed)

    def _batches(self, sampler: Sampler) -> Batches:
        return Batches(sampler=sampler, objective=self.objective, tell=self.telling, batch_size=self.config.batch_size)

    def _continue_or_begin(self) -> None:
        old = read_run(self.out)
        if old is not None:
            self.file.require_same(old, self.out)
            self.file = attrs.evolve(self.file, result=old.result)
        elif self.out.is_dir() and any(item.name not in (TEXTS, PART_FILE) for item in self.out.iterdir()):
            raise ConfigError(f"{self.out} holds files and no {RUN_FILE}: name a new folder for the run.")
        elif self.out.exists() and not self.out.is_dir():
            raise ConfigError(f"{self.out} is a file; --out is the folder of the run.")

    def _prepare_model(self) -> None:
        """What is fitted before the first step; from here on the folder can be loaded."""
        if self.start is None:
            self.recipe.fit_statistics(self.preset, self.model, self.sampler, self.telling)
        for folder in (self.out, self.out / LAST):
            save_model(self.model, folder)

    @property
    def _validate_every(self) -> int:
        return min(self.config.validate_every, self.config.max_steps)

    def _validation_loader(self) -> Any:
        if self.val_sampler is None:
            return None
        samples = self.val_sampler.num_samples
        if samples is None:
            raise ConfigError(
                f"The sampler of {self.backbone!r} for the split 'val' has no epoch: num_samples is None."
            )
        return validation_loader(self._batches(self.val_sampler), samples)

    def _trainer(
        self, devices: int, accelerator: str, report: Callable[[Progress], None] | None, done: int
    ) -> lightning.Trainer:
        config, out, ema = self.config, self.out, Ema(self.config.ema)
        pictures = [Pictured(texts[0], self.telling.in_full(texts)) for texts in choose(self._pictured())]
        saving = Saving(
            out / STATE_FILE,
            [out / LAST] if self.val_sampler else [out / LAST, out],
            ema,
            every=config.save_every,
            pictures=Pictures(out / PICTURES, pictures, config.seed),
            pictures_every=config.pictures_every,
        )
        callbacks: list[Any] = [ema, saving, *([Report(report)] if report is not None else [])]
        if self.val_sampler is not None:
            callbacks.append(Validation(out, ema, self.file.result.get("best_loss"), self._kept))
        loggers = lightning.pytorch.loggers
        return lightning.Trainer(
            default_root_dir=out,
            max_steps=config.max_steps,
            accelerator=accelerator,
            devices=devices,
            # A step need not use all weights: the first ones may teach a part of the model alone.
            strategy="ddp_find_unused_parameters_true" if devices > 1 else "auto",
            precision=config.precision,
            gradient_clip_val=config.gradient_clip,
            callbacks=callbacks,
            logger=[
                loggers.CSVLogger(out, LOGS, f"from_step_{done}", flush_logs_every_n_steps=1),
                loggers.TensorBoardLogger(out, LOGS, "tensorboard"),
            ],
            log_every_n_steps=min(config.log_every, config.max_steps),
            val_check_interval=self._validate_every,
            check_val_every_n_epoch=None,
            num_sanity_val_steps=0,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )

    def _pictured(self) -> Any:
        return (self.val_sampler or self.sampler).texts()

    def _kept(self, step: int, loss: float) -> None:
        result = {**self.file.result, "steps": step, "best_step": step, "best_loss": loss}
        self.file = attrs.evolve(self.file, result=result)
        self.file.write(self.out)


def _build(
    model_class: Any, recipe: TrainingRecipe, preset: str, changes: Changes, start: _Start | None
) -> tuple[Preset, Any]:
    """The settings and the model: with random weights, or those of a checkpoint."""
    changed = change(find_preset(recipe, preset), changes)
    torch.manual_seed(changed.training.seed)
    if start is None:
        return changed, recipe.build_model(changed.model)
    if changes.get("model"):
        names = ", ".join(f"model.{name}" for name in changes["model"])
        raise ConfigError(f"The model's settings are the checkpoint's: leave out {names}.")
    model = start.read(model_class)
    return attrs.evolve(changed, model=model.config), model.train()


def _settings(preset: Preset) -> dict[str, Any]:
    parts = {name: getattr(preset, name) for name in ("model", "training", "sampling", "objective")}
    return {name: attrs.asdict(part) for name, part in parts.items()}


def _require_split(data: DataSet, split: str) -> None:
    if split not in data.splits:
        raise ConfigError(f"The data set {data.name!r} has no split {split!r}; it has {', '.join(data.splits)}.")


def _encoding(report: Callable[[Progress], None] | None) -> Callable[[int, int], None] | None:
    if report is None:
        return None
    begun = time.monotonic()

    def tell(done: int, total: int) -> None:
        report(Progress(phase="texts", done=done, total=total, seconds=time.monotonic() - begun))

    return tell


def _rank() -> int:
    """Which of the run's processes this is; Lightning starts the others with the same command."""
    rank: int = getattr(lightning.pytorch.utilities.rank_zero_only, "rank", 0)
    return rank


def _is_first_process() -> bool:
    return _rank() == 0


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without Lightning's advice that does not apply here: batches are made by step, logs go on where they stopped."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for message in _NOT_OURS:
                warnings.filterwarnings("ignore", message)
            yield
    finally:
        logger.setLevel(level)
