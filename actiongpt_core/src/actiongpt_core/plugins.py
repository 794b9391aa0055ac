"""Find, load and isolate plugins.

A plugin is an entry point of the group `actiongpt`; `core` is the library's own. Each is loaded by itself: whatever
goes wrong in one sets that one aside, with its reason, and the others never notice.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import logging
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from typing import Any, Literal

import attrs
import pluggy

from actiongpt_core import builtins, hookspecs
from actiongpt_core.errors import did_you_mean
from actiongpt_core.hookspecs import HOOKS, PROJECT, PartSpec
from actiongpt_core.plugin_lists import ALLOW, BLOCK, read_lists

CORE = "actiongpt-core"  #: the distribution of the core, as plugins require it

_log = logging.getLogger(__name__)
_LONGEST_REASON = 300  # a reason is one line of a list, and some libraries answer with a page


@attrs.frozen(kw_only=True)
class PluginInfo:
    """One plugin, for people to read."""

    name: str  #: of the entry point
    distribution: str
    version: str
    status: Literal["ok", "failed", "blocked"]
    reason: str = ""  #: one line, if it is not ok
    cure: str = ""  #: what to do about it, as far as known
    provides: tuple[str, ...] = ()  #: such as "backbone:teach"
    core_range: str = ""  #: versions of the core that it asks for, such as ">=0.1,<0.2"
    seconds: float = attrs.field(default=0.0, eq=False)  #: that finding out took, its import the most of it

    @property
    def label(self) -> str:
        """Distribution and version."""
        return f"{self.distribution} {self.version}".strip()


@attrs.frozen(kw_only=True)
class Part:
    """One thing that a plugin provides."""

    kind: str  #: "backbone", "llm", "aggregator", "data" or "command"
    spec: PartSpec
    plugin: PluginInfo


class _SetAsideError(Exception):
    """A plugin cannot be used; carries what the reader can do about it."""

    def __init__(self, reason: str, cure: str = "") -> None:
        super().__init__(reason)
        self.cure = cure


@attrs.frozen(kw_only=True)
class _Candidate:
    """A plugin that was found and is not loaded yet."""

    info: PluginInfo
    load: Callable[[], object]
    module: str = ""
    requires: tuple[str, ...] = ()


def canonical(distribution: str) -> str:
    """The form of a distribution's name in which two spellings are equal."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def load_plugins() -> tuple[list[PluginInfo], list[Part]]:
    """Load the core's own parts and every installed plugin that is not blocked.

    Returns:
        All plugins that were found, the core first, then by name; and the parts of those that work.
    """
    loader = _Loader()
    candidates = sorted(_find(), key=lambda candidate: (candidate.info.name, candidate.info.distribution))
    with contextlib.redirect_stdout(sys.stderr):  # what a plugin prints at import must not end up in somebody's JSON
        for candidate in [_core(), *candidates]:
            loader.load(candidate)
    return loader.plugins, loader.parts


def installed_version(distribution: str) -> str | None:
    """The version of an installed distribution; None if it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _core() -> _Candidate:
    info = PluginInfo(name="core", distribution=CORE, version=installed_version(CORE) or "", status="ok")
    return _Candidate(info=info, load=lambda: builtins)


def _find() -> Iterator[_Candidate]:
    """Every entry point of our group; reads metadata and imports nothing."""
    seen: set[str] = set()
    for distribution in metadata.distributions():
        # `metadata.entry_points` reads all distributions at once, so that one damaged file would hide every plugin.
        try:
            points = [point for point in distribution.entry_points if point.group == PROJECT]
            if not points or canonical(distribution.name) in seen:
                continue
            seen.add(canonical(distribution.name))
            requires, version = tuple(distribution.requires or ()), distribution.version or ""
        except Exception as error:
            yield from _damaged(distribution, error)
            continue
        for point in points:
            info = PluginInfo(name=point.name, distribution=distribution.name, version=version, status="ok")
            yield _Candidate(info=info, load=point.load, module=point.value.partition(":")[0], requires=requires)


def _damaged(distribution: metadata.Distribution, error: Exception) -> Iterator[_Candidate]:
    """A plugin whose metadata cannot be read; nothing if the damaged distribution is not known to be a plugin."""
    name, version = "unknown", ""
    with contextlib.suppress(Exception):  # the same damage may sit here
        name = distribution.name or name
        version = distribution.version or version
    with contextlib.suppress(Exception):
        if f"[{PROJECT}]" in (distribution.read_text("entry_points.txt") or ""):
            info = PluginInfo(name=name, distribution=name, version=version, status="ok")
            yield _Candidate(info=info, load=functools.partial(_raise_damage, one_line(error), name))


def _raise_damage(reason: str, distribution: str) -> object:
    raise _SetAsideError(f"its metadata cannot be read ({reason})", f"pip install --force-reinstall {distribution}")


class _Loader:
    """Registers candidates one by one, each in isolation."""

    def __init__(self) -> None:
        self.plugins: list[PluginInfo] = []
        self.parts: list[Part] = []
        self._lists = read_lists()
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(hookspecs)

    def load(self, candidate: _Candidate) -> None:
        started = time.perf_counter()
        info, parts = self._tried(candidate)
        info = attrs.evolve(info, seconds=time.perf_counter() - started)
        self.plugins.append(info)
        self.parts += [Part(kind=kind, spec=spec, plugin=info) for kind, spec in parts]

    def _tried(self, candidate: _Candidate) -> tuple[PluginInfo, list[tuple[str, PartSpec]]]:
        """What became of a plugin, and what it provides."""
        info = candidate.info
        if blocked := self._blocked(info):
            return attrs.evolve(info, status="blocked", reason=blocked), []
        try:
            info = attrs.evolve(info, core_range=_core_range(candidate.requires))
            _check_requirements(candidate)
            parts = self._register(candidate.load(), info)
        except (Exception, SystemExit) as error:  # a plugin may do anything; only the user's Ctrl-C goes through
            _log.debug("Plugin %s (%s) is set aside.", info.name, info.label, exc_info=error)
            reason, cure = _explain(error, candidate)
            return attrs.evolve(info, status="failed", reason=reason, cure=cure), []
        return attrs.evolve(info, provides=tuple(f"{kind}:{spec.name}" for kind, spec in parts)), parts

    def _blocked(self, info: PluginInfo) -> str:
        if info.distribution == CORE:
            return ""
        names = {info.name, f"{info.distribution}:{info.name}"}
        blocked, place = self._lists[BLOCK]
        if names & blocked:
            return f"blocked by {place}"
        allowed, place = self._lists[ALLOW]
        return f"not in {place}" if allowed and not names & allowed else ""

    def _register(self, plugin: object, info: PluginInfo) -> list[tuple[str, PartSpec]]:
        key = f"{info.distribution}:{info.name}"
        _check_hook_names(plugin)
        try:
            self._manager.register(plugin, name=key)
            parts = self._collect(plugin)
            self._check_new(parts, info)
        except BaseException:
            if self._manager.has_plugin(key):
                self._manager.unregister(name=key)
            raise
        return parts

    def _collect(self, plugin: object) -> list[tuple[str, PartSpec]]:
        """Call the hooks of one plugin. pluggy's own call would let one plugin's failure hide the answers of all."""
        parts: list[tuple[str, PartSpec]] = []
        for caller in self._manager.get_hookcallers(plugin) or ():
            if caller.name not in HOOKS:
                raise _SetAsideError(_unknown_hook(caller.name))
            kind, spec_type = HOOKS[caller.name]
            for implementation in caller.get_hookimpls():
                if implementation.plugin is plugin:
                    specs: Any = implementation.function()
                    if not isinstance(specs, list | tuple) or not all(isinstance(spec, spec_type) for spec in specs):
                        raise _SetAsideError(f"{caller.name} must return a list of {spec_type.__name__}, got {specs!r}")
                    parts += [(kind, spec) for spec in specs]
        return parts

    def _check_new(self, parts: list[tuple[str, PartSpec]], info: PluginInfo) -> None:
        """Within one distribution a name is claimed once, so that `distribution:name` always means one part."""
        same = [part for part in self.parts if canonical(part.plugin.distribution) == canonical(info.distribution)]
        taken = {(part.kind, part.spec.name) for part in same}
        for kind, spec in parts:
            if (kind, spec.name) in taken:
                raise _SetAsideError(f"{info.distribution} provides the {kind} {spec.name!r} twice")
            taken.add((kind, spec.name))


def _core_range(requires: Sequence[str]) -> str:
    """The versions of the core that a plugin asks for; empty where it does not say."""
    from packaging.requirements import Requirement  # 40 ms, for those who have plugins

    asked = [Requirement(line) for line in requires if canonical(line).startswith(CORE)]
    bounds = {str(bound) for item in asked if canonical(item.name) == CORE for bound in item.specifier}
    return ",".join(sorted(bounds, reverse=True))


def _check_requirements(candidate: _Candidate) -> None:
    """Every requirement is installed, and the core has a version that the plugin accepts.

    Versions of other packages are pip's business: an override there is the user's decision.
    """
    if not candidate.requires:
        return
    from packaging.requirements import Requirement

    for requirement in map(Requirement, candidate.requires):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        found = installed_version(requirement.name)
        if canonical(requirement.name) != CORE:
            if found is None:
                wanted = f"{requirement.name}{requirement.specifier}"
                raise _SetAsideError(f"needs {wanted}, which is not installed", f"pip install '{wanted}'")
        elif found is not None:  # None: the core runs from its source, without metadata
            unmet = sorted(str(part) for part in requirement.specifier if not part.contains(found, prereleases=True))
            if unmet:
                cure = f"pip install --upgrade {CORE} {candidate.info.distribution}"
                raise _SetAsideError(f"needs {CORE} {','.join(unmet)}, found {found}", cure)


def _check_hook_names(plugin: object) -> None:
    """Refuse a misspelt or unmarked hook: pluggy ignores both, and the plugin would silently give nothing."""
    for name in dir(plugin):
        function = getattr(plugin, name, None) if name.startswith(f"{PROJECT}_") else None
        if not inspect.isroutine(function) or hasattr(function, f"{PROJECT}_impl"):
            continue
        if name not in HOOKS:
            raise _SetAsideError(_unknown_hook(name))
        raise _SetAsideError(f"{name} is not marked with @hookimpl")


def _unknown_hook(name: str) -> str:
    return f"unknown hook {name!r}.{did_you_mean(name, HOOKS)}"


def _explain(error: BaseException, candidate: _Candidate) -> tuple[str, str]:
    """What went wrong, in one line, and what to do about it (empty if unknown)."""
    if isinstance(error, _SetAsideError):
        return _shorten(str(error)), error.cure
    if isinstance(error, ModuleNotFoundError) and error.name:
        if f"{candidate.module}.".startswith(f"{error.name}."):
            name = candidate.info.distribution
            return f"its module {error.name!r} is not there", f"pip install --force-reinstall {name}"
        return one_line(error), f"install the package that provides the module {error.name.partition('.')[0]!r}"
    return one_line(error), ""


def one_line(error: BaseException) -> str:
    """An exception as one line of bounded length."""
    return _shorten(f"{type(error).__name__}: {error}")


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]} ..."
