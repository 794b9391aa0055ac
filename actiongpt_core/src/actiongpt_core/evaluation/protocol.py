"""What two results must have in common before their numbers are compared."""

from __future__ import annotations

from urllib.parse import quote

import attrs

from actiongpt_core.errors import ConfigError

#: Another number where a definition changes.
VERSION = "ape-ave-2"


@attrs.frozen(kw_only=True)
class Protocol:
    """How numbers were measured, part by part; `id` is all of it in one line."""

    metrics: str = VERSION
    joints: str = "mmm21"  #: the joints that are compared, heels among them
    body: str  #: whose joints and heels
    fps: float
    cut: str  #: shortest and longest clip, seconds
    data: str
    split: str
    clips: str  #: how many, and which
    unit: str = "clip"  #: "clip", or "pair" where each motion is two actions
    samples: int = 1  #: motions of each clip

    @property
    def id(self) -> str:
        """All parts, "metrics=ape-ave-2/joints=mmm21/..."."""
        parts = attrs.asdict(self) | {"fps": f"{self.fps:g}"}
        return "/".join(f"{name}={quote(str(value), safe='')}" for name, value in parts.items())


def require_same(first: str, second: str) -> None:
    """Stop unless two protocol ids are the same.

    Raises:
        ConfigError: They differ; the message names what differs.
    """
    parts = [dict(part.partition("=")[::2] for part in protocol.split("/")) for protocol in (first, second)]
    names = dict.fromkeys([*parts[0], *parts[1]])
    others = [name for name in names if parts[0].get(name) != parts[1].get(name)]
    if others:
        shown = "; ".join(f"{name}: {parts[0].get(name, 'none')} and {parts[1].get(name, 'none')}" for name in others)
        raise ConfigError(
            f"These results cannot be compared, their protocols differ in {shown}. Evaluate both in the same way."
        )
