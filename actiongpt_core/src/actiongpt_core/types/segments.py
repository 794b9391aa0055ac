"""What a data set says of its recordings: segments with texts, and pairs of consecutive segments."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal

import attrs

from actiongpt_core.errors import ConfigError

#: How far a text may be trusted: of the whole recording ("clip"), of frames that a person marked ("segment"), or of a
#: longer stretch that these frames are a part of ("window").
Scope = Literal["clip", "segment", "window"]
SCOPES: tuple[Scope, ...] = ("clip", "segment", "window")

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def _to_texts(value: Iterable[str]) -> tuple[str, ...]:
    if isinstance(value, str):
        raise ConfigError(f"Texts are a tuple of strings, got the string {value!r}; write ({value!r},).")
    return tuple(value)


def _to_durations(value: Iterable[int]) -> tuple[int, int, int]:
    first, between, second = value
    return first, between, second


def _check_key(_: Any, attribute: attrs.Attribute[Any], value: str) -> None:
    if not isinstance(value, str) or not _KEY.fullmatch(value):
        raise ConfigError(
            f"A {attribute.name} becomes a file name: letters, digits, '.', '_' and '-' are allowed; got {value!r}."
        )


def _check_end(segment: Any, _: Any, value: int) -> None:
    if not 0 <= segment.start < value:
        raise ConfigError(f"{segment.key}: frames [{segment.start}, {value}) are none.")


@attrs.frozen(kw_only=True)
class Segment:
    """Frames [start, end) of a recording, and the texts that describe them."""

    key: str = attrs.field(validator=_check_key)  #: its name in the set: files, seeds and reports go by it
    recording: str
    start: int
    end: int = attrs.field(validator=_check_end)
    texts: tuple[str, ...] = attrs.field(converter=_to_texts, validator=attrs.validators.min_len(1))
    scope: Scope = attrs.field(default="segment", validator=attrs.validators.in_(SCOPES))
    suspect: bool = False  #: the data set doubts these frames or this text
    categories: tuple[str, ...] = attrs.field(
        default=(), converter=_to_texts
    )  #: action classes, where the set has them

    @property
    def num_frames(self) -> int:
        """T."""
        return self.end - self.start


@attrs.frozen(kw_only=True)
class Pair:
    """Two consecutive actions of a recording: its frames from `start` on are action 1, transition, action 2."""

    key: str = attrs.field(validator=_check_key)
    recording: str
    start: int
    #: frames of action 1, of the transition (0 if there is none), of action 2
    durations: tuple[int, int, int] = attrs.field(converter=_to_durations)
    texts: tuple[tuple[str, ...], tuple[str, ...]]  #: of action 1 and of action 2

    @property
    def end(self) -> int:
        """The frame after the last one."""
        return self.start + sum(self.durations)
