"""Where the weights of a study's models are: shipped, in a folder, or trained here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from actiongpt_core.errors import MissingAssetError
from actiongpt_core.interfaces import DataSet
from actiongpt_core.registry import get_registry
from actiongpt_core.study.grid import Grid, Model, Train
from actiongpt_core.study.store import MODELS, Store, to_text

if TYPE_CHECKING:
    from actiongpt_core.training.keeping import Progress

_DEVICES = {"cpu": "cpu", "mps": "mps", "auto": "auto"}


class Weights:
    """The checkpoint folders of a study's models.

    Args:
        grid: The study.
        store: Its folder; models that it trains are in `models`.
        open_data: Opens the data set that is trained on.
        device: As of `Pipeline`.
        tell: Told what is being done.
    """

    def __init__(
        self, grid: Grid, store: Store, open_data: Callable[[], DataSet], device: str, tell: Callable[[str], None]
    ) -> None:
        self._grid, self._store, self._open_data, self._tell = grid, store, open_data, tell
        self._accelerator = _DEVICES.get(device, "cuda")
        self._failed: dict[str, Exception] = {}  #: what a training came to, so that not every cell tries again

    def folder(self, model: Model) -> Path | None:
        """The checkpoint folder of a model, which is trained if it is to be and is not; None for weights that ship.

        Raises:
            MissingAssetError: The folder is not there.
            As `train`, each time it is asked for.
        """
        if model.train is not None:
            return self._trained(model, model.train)
        if model.checkpoint is None:
            return None
        path = self._grid.path(model.checkpoint)
        if not path.is_dir():
            raise MissingAssetError(f"There is no checkpoint folder {model.checkpoint}.")
        return path

    def _trained(self, model: Model, how: Train) -> Path:
        grid = self._grid
        settings = [model.backbone, attrs.asdict(how), grid.data, grid.data_dir, grid.data_options]
        # Other settings are another model; an unfinished one goes on.
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:8]
        place = f"{MODELS}/{model.name}-{digest}"
        out, finished = self._store.folder / place, self._store.folder / f"{place}.json"
        if model.name in self._failed:
            raise self._failed[model.name]
        if not (finished.is_file() and (out / "config.json").is_file()):
            try:
                self._train(model, how, out)
            except Exception as error:
                self._failed[model.name] = error
                raise
            self._store.write(f"{place}.json", to_text(settings))
        return out

    def _train(self, model: Model, how: Train, out: Path) -> None:
        from actiongpt_core.training.trainer import train  # lightning, for studies that train

        def tell(progress: Progress) -> None:
            self._tell(f"training {model.name}, {progress.done} of {progress.total} {progress.phase}")

        assert model.backbone is not None, "the grid sees to it"
        train(
            model.backbone,
            self._open_data(),
            out,
            preset=how.preset,
            changes=_changes(how),
            llm=None if how.llm is None else get_registry().build_provider(how.llm),
            data_options=self._grid.data_options,
            accelerator=self._accelerator,
            report=tell,
        )


def _changes(how: Train) -> dict[str, Any]:
    if how.max_steps is None:
        return how.settings
    return how.settings | {"training": how.settings.get("training", {}) | {"max_steps": how.max_steps}}
