"""A client of the service that `actiongpt serve` runs; the standard library is all that it needs."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from actiongpt_core.errors import (
    ActionGPTError,
    ConfigError,
    ExportError,
    PromptError,
    ServiceError,
    UnknownBackboneError,
)
from actiongpt_core.types.text import Action, Descriptions

if TYPE_CHECKING:  # files can be fetched without paying for torch
    from actiongpt_core.types.motion import Motion

_MAX_WAIT = 30.0  # seconds; a service that wants us to wait longer is as good as gone
#: What the service says of a request, as the library says it here.
_ERRORS: dict[str, type[ActionGPTError]] = {
    "prompt": PromptError,
    "config": ConfigError,
    "limit": PromptError,
    "invalid": ConfigError,
    "backbone": UnknownBackboneError,
    "format": ExportError,
}


class Client:
    """Motions from a service.

    Args:
        url: Where it listens, such as "http://127.0.0.1:8000".
        token: What it asks for, if it does.
        timeout: Seconds to wait for an answer.
        retries: So often a request is sent again where the service is too busy, after the time that it names.

    Raises:
        ConfigError: The address, the token or a number cannot work.
    """

    def __init__(
        self, url: str = "http://127.0.0.1:8000", *, token: str | None = None, timeout: float = 60.0, retries: int = 5
    ) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ConfigError(f"url must be the address of a service, such as http://127.0.0.1:8000; got {url!r}.")
        if token is not None and not (token.isascii() and token.isprintable() and token.strip()):
            raise ConfigError("token must be visible ASCII characters.")
        if not timeout > 0 or retries < 0:
            raise ConfigError(f"timeout must be above 0 and retries at least 0, got {timeout!r} and {retries!r}.")
        self.url = url.rstrip("/")
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._timeout, self._retries = timeout, retries

    def generate(
        self,
        prompt: str | Action | Sequence[Action],
        *,
        seconds: float | Literal["auto"] = "auto",
        seed: int | None = None,
        backbone: str | None = None,
        postprocess: Iterable[str] = (),
    ) -> Motion:
        """One motion, as `Pipeline.generate` gives it.

        Args:
            prompt: A text ("walk forward, then jump"), or actions.
            seconds: Length of each action that does not say its own; "auto" estimates each from its words.
            seed: The same seed gives the same motion; the service draws one if not given.
            backbone: Name of a motion model; the service's own if not given.
            postprocess: Names of clean-up steps.

        Raises:
            PromptError: The text cannot be turned into actions, or asks for more than the service gives.
            ConfigError: A value cannot work.
            UnknownBackboneError: The service has no such backbone.
            ServiceError: The service cannot be reached, is too busy, refuses the token, or failed.
        """
        answer = self._motion(prompt, "json", seconds, seed, backbone, postprocess)
        try:
            return _read_motion(json.loads(answer))
        except (ValueError, KeyError, TypeError) as error:
            raise ServiceError(f"{self.url} answered something else than a motion. Is it this service?") from error

    def fetch(
        self,
        prompt: str | Action | Sequence[Action],
        format: str,  # noqa: A002
        *,
        seconds: float | Literal["auto"] = "auto",
        seed: int | None = None,
        backbone: str | None = None,
        postprocess: Iterable[str] = (),
    ) -> bytes:
        """One motion as the bytes of a file, which the service writes; torch is not needed here.

        Args:
            prompt: As for `generate`.
            format: Such as "bvh", "glb", "npz".
            seconds: As for `generate`.
            seed: As for `generate`.
            backbone: As for `generate`.
            postprocess: As for `generate`.

        Raises:
            ServiceError: As for `generate`.
            ExportError: If the format cannot hold the motion.
        """
        return self._motion(prompt, format, seconds, seed, backbone, postprocess)

    def save(self, prompt: str | Action | Sequence[Action], path: str | Path, **settings: Any) -> Path:
        """One motion as a file, whose suffix chooses the format.

        Args:
            prompt: As for `generate`.
            path: The file.
            settings: seconds, seed, backbone, postprocess of `generate`.

        Raises:
            ServiceError: As for `fetch`.
            ExportError: If the path is not writable.
        """
        path = Path(path)
        content = self.fetch(prompt, path.suffix.lower().removeprefix("."), **settings)
        try:
            path.write_bytes(content)
        except OSError as error:
            raise ExportError(f"Cannot write {str(path)!r}: {error.strerror or error}.") from error
        return path

    def backbones(self) -> list[dict[str, Any]]:
        """The motion models of the service: name, summary, default, capabilities.

        Raises:
            ServiceError: As for `generate`.
        """
        return self._listed("backbones")

    def providers(self) -> list[dict[str, Any]]:
        """The LLM providers of the service: name, summary, default.

        Raises:
            ServiceError: As for `generate`.
        """
        return self._listed("providers")

    # --- the way there and back --------------------------------------------------------------------------------------

    def _motion(self, prompt: Any, media: str, seconds: Any, seed: Any, backbone: Any, postprocess: Any) -> bytes:
        asked: dict[str, Any] = {"format": media, "seconds": seconds, "postprocess": list(postprocess)}
        asked |= {name: value for name, value in (("seed", seed), ("backbone", backbone)) if value is not None}
        return self._send("/v1/motions", asked | _spoken(prompt))

    def _listed(self, name: str) -> list[dict[str, Any]]:
        try:
            listed: list[dict[str, Any]] = json.loads(self._send(f"/v1/{name}"))[name]
        except (ValueError, KeyError, TypeError) as error:
            raise ServiceError(f"{self.url} answered something else than {name}. Is it this service?") from error
        return listed

    def _send(self, path: str, asked: dict[str, Any] | None = None) -> bytes:
        """Ask, and ask again while the service is too busy."""
        try:
            body = None if asked is None else json.dumps(asked, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise ConfigError(f"The request cannot be written as JSON: {error}.") from None
        request = urllib.request.Request(
            self.url + path, data=body, headers=self._headers | {"Content-Type": "application/json"}
        )
        for left in range(self._retries, -1, -1):
            try:
                with urllib.request.urlopen(request, timeout=self._timeout) as answer:
                    content: bytes = answer.read()
                    return content
            except urllib.error.HTTPError as error:
                with error:
                    wait = _retry_after(error)
                    if wait is None or wait > _MAX_WAIT or not left:
                        raise self._refusal(error) from None
                time.sleep(wait)
            except (OSError, http.client.HTTPException) as error:
                reason = getattr(error, "reason", error)
                if isinstance(reason, TimeoutError):
                    raise ServiceError(f"{self.url} did not answer within {self._timeout:g} s.") from error
                raise ServiceError(
                    f"{self.url} cannot be reached: {reason}. Is the service running (`actiongpt serve`)?"
                ) from error
        raise AssertionError("unreachable")

    def _refusal(self, error: urllib.error.HTTPError) -> ActionGPTError:
        """The error that the service names, as one of ours."""
        try:
            told = json.loads(error.read())["error"]
            kind, message, expected = str(told["kind"]), str(told["message"]), told.get("expected")
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError):
            return ServiceError(f"{self.url} answered {error.code} {error.reason}.", status=error.code)
        if expected:
            message += f" Expected: {'; '.join(expected) if isinstance(expected, list) else expected}."
        if kind in _ERRORS:
            return _ERRORS[kind](message)
        return ServiceError(f"{self.url} says: {message}", status=error.code, kind=kind)


def _retry_after(error: urllib.error.HTTPError) -> float | None:
    """Seconds after which it is worth asking again; None if it is not."""
    if error.code not in (429, 503):
        return None
    try:
        return max(float(error.headers["Retry-After"]), 0.0)
    except (TypeError, ValueError):
        return None


def _spoken(prompt: str | Action | Sequence[Action]) -> dict[str, Any]:
    """A prompt as the service reads it."""
    if isinstance(prompt, str):
        return {"text": prompt}
    actions = [prompt] if isinstance(prompt, Action) else list(prompt)
    for wrong in (item for item in actions if not isinstance(item, Action)):
        raise PromptError(f"A prompt is a text or Actions; got {type(wrong).__name__} {wrong!r:.60}.")
    return {"actions": [{"phrase": item.phrase, "seconds": item.seconds} for item in actions]}


def _read_motion(told: dict[str, Any]) -> Motion:
    """The motion in the service's JSON."""
    import torch

    from actiongpt_core.geometry.rotations import quaternion_to_matrix
    from actiongpt_core.types.motion import Motion
    from actiongpt_core.types.skeleton import SMPL, SMPL_BODY, Skeleton

    bones = told["skeleton"]
    skeleton = Skeleton(
        name=bones["name"],
        joint_names=tuple(bones["joints"]),
        parents=tuple(bones["parents"]),
        rest_offsets=tuple((x, y, z) for x, y, z in bones["offsets"]),
    )
    actions = told["actions"]
    return Motion(
        rotations=quaternion_to_matrix(torch.tensor(told["quaternions"], dtype=torch.float64)).float(),
        translation=torch.tensor(told["translation"], dtype=torch.float32),
        fps=told["fps"],
        skeleton=next((known for known in (SMPL, SMPL_BODY) if known == skeleton), skeleton),
        starts=tuple(action["start"] for action in actions),
        descriptions=tuple(map(_read_descriptions, actions)) if all("texts" in action for action in actions) else (),
    )


def _read_descriptions(action: dict[str, Any]) -> Descriptions:
    spoken = Action(action["phrase"], action["seconds"])
    return Descriptions(action=spoken, texts=tuple(action["texts"]), source=action["source"])
