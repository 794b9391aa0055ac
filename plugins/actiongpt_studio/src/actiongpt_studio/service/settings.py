"""What a service is started with."""

from __future__ import annotations

from typing import Any

import attrs

from actiongpt_core.errors import ConfigError
from actiongpt_core.text.actions import MAX_ACTIONS, MAX_CHARACTERS


def _at_least(least: float) -> Any:
    def check(_: Any, attribute: attrs.Attribute[Any], value: float) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value < float("inf"):
            raise ConfigError(f"{attribute.name} must be a number of at least {least:g}, got {value!r}.")

    return check


def _check_token(_: Any, __: Any, value: str | None) -> None:
    if value is None:
        return
    # Header values: what else is in a token, no client could send.
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise ConfigError(
            "The token must be one or more visible ASCII characters without spaces; leave it out for none."
        )


@attrs.frozen(kw_only=True)
class Settings:
    """What a service is started with: whose motions it gives, who may ask, and how much.

    Raises:
        ConfigError: A limit or the token cannot work.
    """

    backbone: str | None = None  #: where a request names none; None for the library's default
    checkpoint: str | None = None  #: of that backbone; None for the one that ships
    llm: str | None = None  #: who describes; None for the library's default
    token: str | None = attrs.field(default=None, validator=_check_token, repr=False)  #: None: everybody may ask
    max_characters: int = attrs.field(default=MAX_CHARACTERS, validator=_at_least(1))  #: of all words of a request
    max_actions: int = attrs.field(default=MAX_ACTIONS, validator=_at_least(1))
    max_seconds: float = attrs.field(default=60.0, validator=_at_least(0.1))  #: of a whole motion
    max_body: int = attrs.field(default=65536, validator=_at_least(1))  #: bytes of a request
    max_queue: int = attrs.field(default=64, validator=_at_least(1))  #: requests at a time, waiting ones included
    timeout: float = attrs.field(default=60.0, validator=_at_least(0.01))  #: seconds from first byte to answer
    batch_size: int = attrs.field(default=32, validator=_at_least(1))  #: requests in one pass through the network
    batch_wait: float = attrs.field(default=5.0, validator=_at_least(0))  #: milliseconds that a pass waits for others
