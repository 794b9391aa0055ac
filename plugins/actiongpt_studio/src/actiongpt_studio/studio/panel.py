"""The widgets of one browser tab."""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import viser

from actiongpt_core.errors import ActionGPTError, ConfigError
from actiongpt_core.export import FORMATS, READERS, load, save
from actiongpt_studio.studio.pipelines import names
from actiongpt_studio.studio.session import MAX_VARIATIONS, Session, Take
from actiongpt_studio.studio.stage import Stage, frame_after, pause

_log = logging.getLogger(__name__)
_IDLE = 0.05  #: seconds between looks at a motion that does not play
_ERROR_SECONDS = 15


class Panel:
    """The studio of one tab.

    Args:
        client: The tab.
        session: Its state.
    """

    def __init__(self, client: viser.ClientHandle, session: Session) -> None:
        self._client, self._session, self._stage = client, session, Stage(client)
        self._take: Take | None = None
        self._gone = threading.Event()
        gui = client.gui
        self._text = gui.add_text("Text", "walk forward")
        self._describe = gui.add_button("Describe")
        self._said = gui.add_folder("Descriptions")
        self._fields: list[viser.GuiInputHandle[Any]] = []
        self._backbone = self._choice("Backbone", "backbone")
        self._llm = self._choice("LLM", "llm")
        self._aggregator = self._choice("Aggregator", "aggregator")
        self._seed = gui.add_number("Seed", 0, min=0, max=2**31, step=1)
        self._variations = gui.add_number("Variations", 1, min=1, max=MAX_VARIATIONS, step=1)
        self._generate = gui.add_button("Generate")
        self._playing = gui.add_checkbox("Play", True)
        self._speed = gui.add_slider("Speed", 0.25, 2.0, 0.25, 1.0)
        self._frame = gui.add_slider("Frame", 0, 1, 1, 0)
        self._format = gui.add_dropdown("Format", tuple(FORMATS))
        self._download = gui.add_button("Download")
        self._upload = gui.add_upload_button("Load a file", mime_type=",".join(READERS))
        self._history = gui.add_folder("History")
        self._describe.on_click(self._guarded(self._on_describe))
        self._generate.on_click(self._guarded(self._on_generate))
        self._download.on_click(self._guarded(self._on_download))
        self._upload.on_upload(self._guarded(self._on_upload))
        self._frame.on_update(lambda event: self._stage.seek(int(self._frame.value)) if event.client else None)
        threading.Thread(target=self._play, daemon=True).start()

    def close(self) -> None:
        """Stop the clock of a tab that is gone."""
        self._gone.set()

    def _choice(self, label: str, kind: str) -> viser.GuiDropdownHandle[str]:
        listed = names(kind)
        chosen = getattr(self._session.choices, kind)
        return self._client.gui.add_dropdown(label, listed, initial_value=chosen or listed[0])

    def _guarded(self, action: Callable[[], None]) -> Callable[[Any], None]:
        """What a click does: an error becomes a message, and the studio goes on."""

        def run(_: Any) -> None:
            try:
                action()
            except (ActionGPTError, IndexError) as error:
                self._client.add_notification(
                    "That did not work", str(error), auto_close_seconds=_ERROR_SECONDS, color="red"
                )

        return run

    def _choose(self) -> None:
        self._session.choices = attrs.evolve(
            self._session.choices,
            backbone=self._backbone.value,
            llm=self._llm.value,
            aggregator=self._aggregator.value,
        )

    def _on_describe(self) -> None:
        self._choose()
        told = self._session.describe(self._text.value)
        for field in self._fields:
            field.remove()
        self._fields = []
        with self._said:
            for action, item in enumerate(told):
                for index, text in enumerate(item.texts):
                    field = self._client.gui.add_text(f"{item.phrase} {index + 1}", text, multiline=True)
                    field.on_update(self._guarded(self._editor(action, index, field)))
                    self._fields.append(field)

    def _editor(self, action: int, index: int, field: viser.GuiInputHandle[Any]) -> Callable[[], None]:
        return lambda: self._session.edit(action, index, field.value)

    def _on_generate(self) -> None:
        self._choose()
        self._session.follow(self._text.value)
        take = self._session.generate(int(self._seed.value), int(self._variations.value))
        self._keep(take)

    def _on_upload(self) -> None:
        given = self._upload.value
        with tempfile.TemporaryDirectory() as folder:
            # Only the suffix is the user's: a name of theirs could point out of the folder.
            path = Path(folder) / f"upload{Path(given.name).suffix.lower()}"
            path.write_bytes(given.content)
            take = Take(title=Path(given.name).name, motions=(load(path),))
        self._session.history.append(take)
        self._keep(take)

    def _on_download(self) -> None:
        if self._take is None:
            raise ConfigError("There is no motion to save yet: generate one first.")
        suffix = self._format.value
        motions = self._take.motions
        with tempfile.TemporaryDirectory() as folder:
            many = FORMATS[suffix].holds_many
            content = save(motions if many else motions[0], Path(folder) / f"motion{suffix}").read_bytes()
        self._client.send_file_download(f"motion{suffix}", content, save_immediately=True)

    def _keep(self, take: Take) -> None:
        self._show(take)
        with self._history:
            button = self._client.gui.add_button(take.title)
        button.on_click(lambda _: self._show(take))

    def _show(self, take: Take) -> None:
        self._take = take
        self._stage.show(take.motions)
        self._frame.value = 0  # type: ignore[misc]  # viser declares the setter away
        self._frame.max = max(self._stage.num_frames - 1, 1)

    def _play(self) -> None:
        while not self._gone.is_set():
            started = time.perf_counter()
            if not self._playing.value or not self._stage.num_frames:
                time.sleep(_IDLE)
                continue
            frame = frame_after(self._stage.frame, self._stage.num_frames)
            self._stage.seek(frame)
            self._frame.value = frame  # type: ignore[misc]
            pause(started, self._stage.fps, self._speed.value)
