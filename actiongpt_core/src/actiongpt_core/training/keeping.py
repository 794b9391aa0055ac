"""What a run writes while it goes on: its state, the best and the last weights, pictures, and how far it is."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import attrs

from actiongpt_core.training.backend import lightning
from actiongpt_core.training.ema import Ema
from actiongpt_core.training.pictures import Pictures

Callback = lightning.pytorch.callbacks.Callback
LAST = "last"  #: folder of the last weights, in that of the run


@attrs.frozen(kw_only=True)
class Progress:
    """How far a run is."""

    phase: Literal["texts", "steps"] = "steps"  #: texts are encoded before the first step
    done: int  #: of the phase, in all
    total: int
    begun_at: int = 0  #: what was done before this process began
    seconds: float  #: since this process began with the phase
    losses: Mapping[str, float] = attrs.field(factory=dict)  #: of the last step that was logged, and "val_loss"


class Validation(Callback):
    """Validates with the averaged weights, and keeps them as the run's checkpoint if none were better.

    Args:
        out: The run's folder.
        ema: The average.
        best: The lowest loss so far; None if there was no validation.
        kept: Called with step and loss when weights were kept.
    """

    def __init__(self, out: Path, ema: Ema, best: float | None, kept: Callable[[int, float], None]) -> None:
        self._out, self._ema, self._best, self._kept = out, ema, best, kept
        self._applied = contextlib.ExitStack()

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        """Put the averaged weights in."""
        self._applied.enter_context(self._ema.applied(pl_module.model))

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Keep the best; put the weights back that are trained."""
        loss = pl_module.last_losses["val_loss"]
        if self._best is None or loss < self._best:
            self._best = loss
            if trainer.is_global_zero:
                save_model(pl_module.model, self._out)
                self._kept(trainer.global_step, loss)
        self._applied.close()


class Saving(Callback):
    """Saves state and weights and draws pictures now and then, and after the last step.

    Args:
        state: File of the state.
        folders: Where the last weights go.
        ema: The average.
        every: Steps.
        pictures: What is drawn; None for nothing.
        pictures_every: Steps; 0 for no pictures.
    """

    def __init__(
        self,
        state: Path,
        folders: Sequence[Path],
        ema: Ema,
        *,
        every: int,
        pictures: Pictures | None,
        pictures_every: int,
    ) -> None:
        self._state, self._folders, self._ema, self._every = state, folders, ema, every
        self._pictures, self._pictures_every = pictures, pictures_every

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        """Save and draw, if it is time."""
        step, is_last = trainer.global_step, trainer.global_step == trainer.max_steps
        if step % self._every == 0 or is_last:
            # By all processes, which Lightning waits for; beside its place, since Lightning writes by way of the
            # system's temporary folder, and what comes from another file system is not there at once.
            part = self._state.with_name(f".{self._state.name}")
            trainer.save_checkpoint(part)
            if trainer.is_global_zero:
                part.replace(self._state)
                with self._ema.applied(pl_module.model):
                    for folder in self._folders:
                        save_model(pl_module.model, folder)
        is_due = self._pictures_every and (step % self._pictures_every == 0 or is_last)
        if self._pictures is not None and is_due and trainer.is_global_zero:
            with self._ema.applied(pl_module.model):
                self._pictures.draw(pl_module.model, step)


class Report(Callback):
    """Says how far the run is, after every step.

    Args:
        tell: Is told.
    """

    def __init__(self, tell: Callable[[Progress], None]) -> None:
        self._tell = tell
        self._begun, self._begun_at = 0.0, 0

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """The clock."""
        self._begun, self._begun_at = time.monotonic(), trainer.global_step

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        """Tell."""
        if trainer.is_global_zero:
            self._tell(
                Progress(
                    done=trainer.global_step,
                    total=trainer.max_steps,
                    begun_at=self._begun_at,
                    seconds=time.monotonic() - self._begun,
                    losses=pl_module.last_losses,
                )
            )


def save_model(model: Any, folder: Path) -> None:
    """Save a checkpoint into a folder that may hold one and other files; what is there is whole at every moment.

    The settings do not change in a run, so weights of one moment always fit them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".saving-", dir=folder) as workshop:
        model.save(Path(workshop))
        for file in sorted(Path(workshop).iterdir()):
            file.replace(folder / file.name)
