"""Name -> spec: what is installed, what is broken, and why."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence
from typing import Any, cast

import attrs

from actiongpt_core.errors import ActionGPTError, PluginError, UnknownBackboneError, UnknownPluginError, did_you_mean
from actiongpt_core.hookspecs import AggregatorSpec, LLMProviderSpec, MotionModelSpec, PartSpec
from actiongpt_core.plugins import BLOCK, Part, PluginInfo, canonical, load_plugins, one_line

_log = logging.getLogger(__name__)
_SPEAKING = {"backbone": "backbone", "llm": "LLM provider", "aggregator": "aggregator"}


class Registry:
    """The parts of all plugins by name.

    A name that two plugins claim is an error when it is used, and only then; `distribution:name` always works.

    Args:
        plugins: All plugins that were found, the broken and the blocked ones too.
        parts: What the working ones provide.
    """

    def __init__(self, plugins: Sequence[PluginInfo], parts: Sequence[Part]) -> None:
        self.plugins = tuple(plugins)
        self._parts = tuple(attrs.evolve(part, spec=_guarded(part)) for part in parts)

    def motion_model(self, name: str | None = None) -> MotionModelSpec:
        """A backbone; None for the one with the highest `default_rank`.

        Raises:
            UnknownBackboneError: No working plugin provides it.
            PluginError: Two plugins do.
        """
        return cast(MotionModelSpec, self._find("backbone", name))

    def llm_provider(self, name: str | None = None) -> LLMProviderSpec:
        """An LLM provider; None for the one with the highest `default_rank`.

        Raises:
            UnknownPluginError: No working plugin provides it.
            PluginError: Two plugins do.
        """
        return cast(LLMProviderSpec, self._find("llm", name))

    def aggregator(self, name: str | None = None) -> AggregatorSpec:
        """An aggregator; None for the one with the highest `default_rank`.

        Raises:
            UnknownPluginError: No working plugin provides it.
            PluginError: Two plugins do.
        """
        return cast(AggregatorSpec, self._find("aggregator", name))

    def parts(self, kind: str) -> tuple[Part, ...]:
        """All working parts of one kind ("backbone", "llm" or "aggregator"), by name."""
        return tuple(sorted((part for part in self._parts if part.kind == kind), key=_by_name))

    def _find(self, kind: str, name: str | None) -> PartSpec:
        parts = self.parts(kind)
        if name is None:
            return self.default(kind).spec
        distribution, _, short = name.rpartition(":")
        found = [part for part in parts if part.spec.name == short]
        if distribution:
            found = [part for part in found if canonical(part.plugin.distribution) == canonical(distribution)]
        if not found:
            raise self._unknown(kind, name, parts)
        if len(found) > 1:
            raise _claimed_twice(kind, name, found)
        return found[0].spec

    def default(self, kind: str) -> Part:
        """The part that is taken when the user names none: the highest `default_rank`, of equals the first by name.

        Raises:
            UnknownPluginError: There is none.
            PluginError: Two plugins claim its name.
        """
        parts = self.parts(kind)
        if not parts:
            raise self._unknown(kind, None, parts)
        rank = max(part.spec.default_rank for part in parts)
        first, *others = [part for part in parts if part.spec.default_rank == rank]
        twins = [part for part in others if part.spec.name == first.spec.name]
        if twins:
            raise _claimed_twice(kind, first.spec.name, [first, *twins])
        if others:
            names = ", ".join(part.spec.name for part in others)
            _log.info("%s has the same default rank as %s; %r is taken.", names, first.spec.name, first.spec.name)
        return first

    def _unknown(self, kind: str, name: str | None, parts: Sequence[Part]) -> UnknownPluginError:
        names = sorted({part.spec.name for part in parts})
        what = _SPEAKING[kind]
        if name is None or not names:
            wanted = "" if name is None else f" named {name!r}"
            lines = [f"No {what}{wanted}: none is installed. Install a package that provides one."]
        else:
            known = [*names, *(f"{part.plugin.distribution}:{part.spec.name}" for part in parts if ":" in name)]
            lines = [f"No {what} named {name!r}. Installed: {', '.join(names)}.{did_you_mean(name, known)}"]
        for status in ("broken", "blocked"):
            plugins = [p for p in self.plugins if p.status == {"broken": "failed"}.get(status, status)]
            if plugins:
                listed = ", ".join(f"{plugin.label} ({plugin.reason})" for plugin in plugins)
                lines.append(f"Installed but {status}: {listed}; see `actiongpt plugins`.")
        return (UnknownBackboneError if kind == "backbone" else UnknownPluginError)("\n".join(lines))


@functools.cache
def get_registry() -> Registry:
    """The registry of this process: plugins are found and loaded once."""
    return Registry(*load_plugins())


def reset_registry() -> None:
    """Forget the registry, so that the next use finds plugins again."""
    get_registry.cache_clear()


def _by_name(part: Part) -> tuple[str, str]:
    return part.spec.name, part.plugin.distribution


def _claimed_twice(kind: str, name: str, parts: Sequence[Part]) -> PluginError:
    owners = " and ".join(part.plugin.label for part in parts)
    ways = " or ".join(repr(f"{part.plugin.distribution}:{part.spec.name}") for part in parts)
    return PluginError(
        f"The {_SPEAKING[kind]} {name!r} is provided by {owners}. Write {ways}, or set {BLOCK} to the one not wanted."
    )


def _guarded(part: Part) -> PartSpec:
    """The spec with loaders that raise our error: a dependency missing at use is reported like one at import."""

    def guard(load: Callable[[], Any]) -> Callable[[], Any]:
        @functools.wraps(load)
        def guarded() -> Any:
            try:
                return load()
            except ActionGPTError:
                raise
            except (Exception, SystemExit) as error:
                raise PluginError(
                    f"The {_SPEAKING[part.kind]} {part.spec.name!r} of {part.plugin.label} cannot be loaded: "
                    f"{one_line(error)}. Look at its installation with `pip check`, or tell its authors."
                ) from error

        return guarded

    changes: dict[str, Any] = {"load": guard(part.spec.load)}
    if isinstance(part.spec, MotionModelSpec) and part.spec.checkpoint_converter:
        changes["checkpoint_converter"] = guard(part.spec.checkpoint_converter)
    return attrs.evolve(part.spec, **changes)
