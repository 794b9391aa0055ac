"""The descriptions in the panel: what each action is called, how long it lasts, and the texts, all open to edits."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

import viser

from actiongpt_core import Descriptions
from actiongpt_studio.studio.session import Session

_SHORTEST, _LONGEST = 0.5, 10.0  #: seconds of an action
_USUAL = 4.0  #: seconds shown where nobody has said how long
_NEAREST = "nearest:"  #: a source that is the name of another phrase
_COLOURS = ("#568cdc", "#e2864a", "#62aa6e", "#aa6ebe")


class Texts:
    """The widgets of the descriptions, in one tab of the panel.

    Args:
        gui: Of the browser tab.
        tab: Where the widgets go.
        session: What they edit.
        guarded: Makes an edit's errors messages.
    """

    def __init__(
        self,
        gui: viser.GuiApi,
        tab: viser.GuiTabHandle,
        session: Session,
        guarded: Callable[[Callable[[], None]], Callable[[Any], None]],
    ) -> None:
        self._gui, self._session, self._guarded = gui, session, guarded
        with tab:
            self._timeline = gui.add_html(_HINT)
            self._place = gui.add_folder("Actions")
        self._fields: list[viser.GuiInputHandle[Any]] = []

    def refresh(self) -> None:
        """Show what the session's descriptions are now."""
        for field in self._fields:
            field.remove()
        self._fields = []
        with self._place:
            for action, told in enumerate(self._session.descriptions):
                length = self._gui.add_slider(
                    f"{told.phrase}, seconds", _SHORTEST, _LONGEST, 0.1, min(told.action.seconds or _USUAL, _LONGEST)
                )
                length.on_update(self._guarded(self._timer(action, length)))
                self._fields.append(length)
                for index, text in enumerate(told.texts):
                    field = self._gui.add_text(f"{told.phrase} {index + 1}", text, multiline=True)
                    field.on_update(self._guarded(self._editor(action, index, field)))
                    self._fields.append(field)
        self._draw_timeline()

    def _draw_timeline(self) -> None:
        self._timeline.content = timeline(self._session.descriptions)

    def _editor(self, action: int, index: int, field: viser.GuiInputHandle[Any]) -> Callable[[], None]:
        return lambda: self._session.edit(action, index, field.value)

    def _timer(self, action: int, field: viser.GuiInputHandle[Any]) -> Callable[[], None]:
        def run() -> None:
            self._session.last(action, float(field.value))
            self._draw_timeline()

        return run


_HINT = '<p style="font-size:0.8em;margin:0.4em 0.8em;opacity:0.7">Several actions: "walk forward, then sit down".</p>'


def timeline(descriptions: Sequence[Descriptions]) -> str:
    """A bar as HTML, each action as wide as it is long; below it, which phrases took another's descriptions."""
    if not descriptions:
        return _HINT
    parts, notes = "", ""
    for index, told in enumerate(descriptions):
        phrase, seconds = html.escape(told.phrase), told.action.seconds or _USUAL
        parts += (
            f'<div title="{phrase}" style="flex:{seconds:g} 1 0;min-width:0;background:{_colour(index)};color:#fff;'
            'padding:0.2em 0.4em;overflow:hidden;white-space:nowrap;text-overflow:ellipsis">'
            f"{phrase} {seconds:g} s</div>"
        )
        if told.source.startswith(_NEAREST):
            taken = html.escape(told.source.removeprefix(_NEAREST))
            notes += f"<div>{phrase}: not in the pack, described as <b>{taken}</b></div>"
    return (
        f'<div style="margin:0.4em 0.8em;font-size:0.75em"><div style="display:flex;gap:2px">{parts}</div>{notes}</div>'
    )


def _colour(index: int) -> str:
    return _COLOURS[index % len(_COLOURS)]
