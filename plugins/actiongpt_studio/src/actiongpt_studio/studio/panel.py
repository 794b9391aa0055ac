"""The widgets of one browser tab."""

from __future__ import annotations

import logging
import re
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
from actiongpt_core.postprocess import POSTPROCESSES
from actiongpt_core.text.prompts import STRATEGIES
from actiongpt_studio.pipelines import names
from actiongpt_studio.studio.session import MAX_VARIATIONS, Session, Take
from actiongpt_studio.studio.stage import Stage, frame_after, pause
from actiongpt_studio.studio.texts import Texts

_log = logging.getLogger(__name__)
_IDLE = 0.05  #: seconds between looks at a motion that does not play
_ERROR_SECONDS = 15
_SLOW_SECONDS = 0.4  #: after which a click says that it is at work
_OWN = "the checkpoint's own"  #: a strategy is not chosen
_MAX_K = 8  #: descriptions of an action


class Panel:
    """The studio of one tab.

    Args:
        client: The tab.
        session: Its state.
    """

    def __init__(self, client: viser.ClientHandle, session: Session) -> None:
        self._client, self._session, self._stage = client, session, Stage(client)
        self._take: Take | None = None
        self._working: viser.NotificationHandle | None = None
        self._gone = threading.Event()
        gui = client.gui
        self._text = gui.add_text("Text", "walk forward")
        self._generate = gui.add_button("Generate", hint="Ctrl+Enter")
        self._playing = gui.add_checkbox("Play", True, hint="Space")
        self._speed = gui.add_slider("Speed", 0.25, 2.0, 0.25, 1.0)
        self._frame = gui.add_slider("Frame", 0, 1, 1, 0)
        tabs = gui.add_tab_group()
        descriptions = tabs.add_tab("Texts")
        with descriptions:
            self._describe = gui.add_button("Describe", hint="Show the descriptions, to edit them before you generate.")
        self._texts = Texts(gui, descriptions, session, self._guarded)
        with tabs.add_tab("Choices"):
            self._add_choices()
        with tabs.add_tab("Files"):
            self._format = gui.add_dropdown("Format", tuple(FORMATS))
            self._download = gui.add_button("Download")
            self._upload = gui.add_upload_button("Load a file", mime_type=",".join(READERS))
        self._history = tabs.add_tab("History")
        self._connect()
        threading.Thread(target=self._play, daemon=True).start()

    def _add_choices(self) -> None:
        gui, session = self._client.gui, self._session
        self._backbone = self._choice("Backbone", "backbone")
        self._llm = self._choice("LLM", "llm")
        self._aggregator = self._choice("Aggregator", "aggregator")
        self._strategy = gui.add_dropdown("Strategy", (_OWN, *STRATEGIES), hint="How a language model is asked.")
        self._k = gui.add_number("Descriptions", session.choices.k, min=1, max=_MAX_K, step=1)
        self._seed = gui.add_number("Seed", 0, min=0, max=2**31, step=1)
        self._variations = gui.add_number("Variations", 1, min=1, max=MAX_VARIATIONS, step=1)
        with gui.add_folder("Clean-up", expand_by_default=False):
            self._clean = {name: gui.add_checkbox(name, False) for name in POSTPROCESSES}

    def _connect(self) -> None:
        gui = self._client.gui
        self._describe.on_click(self._guarded(self._on_describe))
        self._generate.on_click(self._guarded(self._on_generate))
        self._download.on_click(self._guarded(self._on_download))
        self._upload.on_upload(self._guarded(self._on_upload))
        self._frame.on_update(lambda event: self._stage.seek(int(self._frame.value)) if event.client else None)
        generate = gui.add_command("Generate", hotkey="enter", modifier="cmd/ctrl")
        generate.on_trigger(self._guarded(self._on_generate))
        gui.add_command("Play or pause", hotkey="space").on_trigger(self._guarded(self._on_pause))

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
            working = threading.Timer(_SLOW_SECONDS, self._say_working)
            working.start()
            try:
                action()
            except ActionGPTError as error:
                self._say("That did not work", str(error))
            except Exception as error:  # a plugin's own: one tab's click must not end the studio
                _log.exception("a click failed")
                self._say("That failed", f"{type(error).__name__}: {error}. The terminal says more.")
            finally:
                working.cancel()
                if self._working is not None:
                    self._working.remove()
                    self._working = None

        return run

    def _say(self, title: str, body: str) -> None:
        self._client.add_notification(title, body, auto_close_seconds=_ERROR_SECONDS, color="red")

    def _say_working(self) -> None:
        self._working = self._client.add_notification("Working", "Loading, or asking a language model.", loading=True)

    def _on_pause(self) -> None:
        self._playing.value = not self._playing.value  # type: ignore[misc]  # viser declares the setter away

    def _choose(self) -> None:
        self._session.choices = attrs.evolve(
            self._session.choices,
            backbone=self._backbone.value,
            llm=self._llm.value,
            aggregator=self._aggregator.value,
            strategy=None if self._strategy.value == _OWN else self._strategy.value,
            k=int(self._k.value),
        )

    def _on_describe(self) -> None:
        self._choose()
        self._session.describe(self._text.value)
        self._texts.refresh()

    def _on_generate(self) -> None:
        self._choose()
        others = self._session.follow(self._text.value)
        clean = [name for name, field in self._clean.items() if field.value]
        self._keep(self._session.generate(int(self._seed.value), int(self._variations.value), clean))
        if others:  # after the motion, which comes first for who waits
            self._texts.refresh()

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
        self._client.send_file_download(f"{_file_name(self._take.title)}{suffix}", content, save_immediately=True)

    def _keep(self, take: Take) -> None:
        self._show(take)
        with self._history:
            button = self._client.gui.add_button(take.title, hint=take.title)
        button.on_click(lambda _: self._show(take))

    def _show(self, take: Take) -> None:
        self._take = take
        self._stage.show(take.motions)
        self._frame.value = 0  # type: ignore[misc]
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


def _file_name(title: str) -> str:
    """What a download of a take is called, without the suffix."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60] or "motion"
