"""Name -> spec: what is installed, what is broken, and why."""

from __future__ import annotations

import contextlib
import functools
import inspect
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import attrs

from actiongpt_core.errors import (
    ActionGPTError,
    ConfigError,
    PluginError,
    UnknownBackboneError,
    UnknownPluginError,
    did_you_mean,
)
from actiongpt_core.hookspecs import AggregatorSpec, DataSetSpec, LLMProviderSpec, MotionModelSpec, PartSpec
from actiongpt_core.plugin_lists import BLOCK
from actiongpt_core.plugins import Part, PluginInfo, canonical, load_plugins, one_line

if TYPE_CHECKING:
    from actiongpt_core.interfaces import DataSet, DataSource, LLMProvider

_log = logging.getLogger(__name__)
_SPEAKING = {
    "backbone": "backbone",
    "llm": "LLM provider",
    "aggregator": "aggregator",
    "data": "data set",
    "command": "command",
}


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
        return cast(MotionModelSpec, self.part("backbone", name).spec)

    def llm_provider(self, name: str | None = None) -> LLMProviderSpec:
        """An LLM provider; None for the one with the highest `default_rank`.

        Raises:
            UnknownPluginError: No working plugin provides it.
            PluginError: Two plugins do.
        """
        return cast(LLMProviderSpec, self.part("llm", name).spec)

    def build_provider(self, name: str | None = None, **options: Any) -> LLMProvider:
        """An LLM provider itself, as it is used.

        Args:
            name: Its name; None for the default one.
            options: What it is built with, such as `model="gpt-4o"`; each provider says which it takes.

        Raises:
            UnknownPluginError: No working plugin provides it.
            ConfigError: It does not take an option, or not this value.
            PluginError: Two plugins provide it, or it cannot be built.
            ProviderError: It needs something of the user's, such as a key.
        """
        part = self.part("llm", name)
        return cast("LLMProvider", _built(part, part.spec.load(), options))

    def aggregator(self, name: str | None = None) -> AggregatorSpec:
        """An aggregator; None for the one with the highest `default_rank`.

        Raises:
            UnknownPluginError: No working plugin provides it.
            PluginError: Two plugins do.
        """
        return cast(AggregatorSpec, self.part("aggregator", name).spec)

    def open_data_set(self, name: str, folder: str | Path | None = None, **options: Any) -> DataSet:
        """A data set, ready to be read.

        Args:
            name: Its name.
            folder: Of the prepared set; None for sets that need none, or know their own.
            options: What it is opened with; each set says which it takes.

        Raises:
            UnknownPluginError: No working plugin provides it.
            ConfigError: It does not take an option, or not this value.
            MissingAssetError: Its files are not there.
            PluginError: Two plugins provide it, or it cannot be opened.
        """
        part = self.part("data", name)
        return cast("DataSet", _built(part, part.spec.load(), options, None if folder is None else Path(folder)))

    def open_data_source(self, name: str, folder: str | Path | None = None, **options: Any) -> DataSource:
        """The files of a data set as users have them, to be prepared.

        Args:
            name: Of the data set.
            folder: Where they are; None for sets that are made and not read.
            options: What they are opened with.

        Raises:
            ActionGPTError: As for `open_data_set`; ConfigError also for a set that needs no preparation.
        """
        part = self.part("data", name)
        source = cast(DataSetSpec, part.spec).source
        if source is None:
            raise ConfigError(f"The data set {name!r} needs no preparation: its files are read as they are.")
        build = source()
        if folder is None and _needs_first(build):
            raise ConfigError(f"The data set {name!r} is made of files: give their folder (--source DIR).")
        return cast("DataSource", _built(part, build, options, None if folder is None else Path(folder)))

    def parts(self, kind: str) -> tuple[Part, ...]:
        """All working parts of one kind ("backbone", "llm", "aggregator", "data" or "command"), by name."""
        return tuple(sorted((part for part in self._parts if part.kind == kind), key=_by_name))

    def part(self, kind: str, name: str | None) -> Part:
        """One part and the plugin that provides it; None for the default of its kind.

        Raises:
            UnknownPluginError: No working plugin provides it; for a backbone `UnknownBackboneError`.
            PluginError: Two plugins do.
        """
        if name is None:
            return self.default(kind)
        parts = self.parts(kind)
        distribution, _, short = name.rpartition(":")
        found = [part for part in parts if part.spec.name == short]
        if distribution:
            found = [part for part in found if canonical(part.plugin.distribution) == canonical(distribution)]
        if not found:
            raise self._unknown(kind, name, parts)
        if len(found) > 1:
            raise _claimed_twice(kind, name, found)
        return found[0]

    def labels(self, kind: str) -> list[tuple[str, Part]]:
        """What users write for each working part of a kind: its name, with the distribution where two claim it."""
        parts = self.parts(kind)
        names = [part.spec.name for part in parts]
        return [
            (
                part.spec.name if names.count(part.spec.name) == 1 else f"{part.plugin.distribution}:{part.spec.name}",
                part,
            )
            for part in parts
        ]

    def left_out(self) -> list[str]:
        """Plugins that are installed and cannot be used, and why: a line for the broken, one for the blocked."""
        lines = []
        for word, status in (("broken", "failed"), ("blocked", "blocked")):
            listed = ", ".join(f"{item.label} ({item.reason})" for item in self.plugins if item.status == status)
            if listed:
                lines.append(f"Installed but {word}: {listed}; see `actiongpt plugins`.")
        return lines

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
        error = UnknownBackboneError if kind == "backbone" else UnknownPluginError
        return error("\n".join([*lines, *self.left_out()]))


@functools.cache
def get_registry() -> Registry:
    """The registry of this process: plugins are found and loaded once."""
    return Registry(*load_plugins())


def reset_registry() -> None:
    """Forget the registry, so that the next use finds plugins again."""
    get_registry.cache_clear()


def _built(part: Part, build: Callable[..., Any], options: Mapping[str, Any], *arguments: Any) -> Any:
    with guard(part, "built"):
        _check_options(part, build, options, len(arguments))
        return build(*arguments, **options)


def _check_options(part: Part, build: Callable[..., Any], options: Mapping[str, Any], given: int) -> None:
    """An option that is not taken is an error with the list of those that are; the first `given` are not options."""
    if not options:
        return
    parameters = list(inspect.signature(build).parameters.values())[given:]
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    known = [parameter.name for parameter in parameters if parameter.kind is not parameter.POSITIONAL_ONLY]
    for option in options:
        if option not in known:
            takes = f"It takes {', '.join(known)}." if known else "It takes none."
            raise ConfigError(
                f"The {_SPEAKING[part.kind]} {part.spec.name!r} has no option {option!r}. "
                f"{takes}{did_you_mean(option, known)}"
            )


def _needs_first(build: Callable[..., Any]) -> bool:
    """Whether it cannot be called without its first argument."""
    first = next(iter(inspect.signature(build).parameters.values()), None)
    return first is not None and first.kind is first.POSITIONAL_OR_KEYWORD and first.default is first.empty


def _by_name(part: Part) -> tuple[str, str]:
    return part.spec.name, part.plugin.distribution


def _claimed_twice(kind: str, name: str, parts: Sequence[Part]) -> PluginError:
    owners = " and ".join(part.plugin.label for part in parts)
    ways = " or ".join(repr(f"{part.plugin.distribution}:{part.spec.name}") for part in parts)
    return PluginError(
        f"The {_SPEAKING[kind]} {name!r} is provided by {owners}. Write {ways}, or set {BLOCK} to the one not wanted."
    )


@contextlib.contextmanager
def guard(part: Part, done: str) -> Iterator[None]:
    """Around what a plugin's own code does: an error of another family becomes ours and names the plugin.

    Args:
        part: Whose code runs.
        done: What is tried, such as "loaded".

    Raises:
        PluginError: The code raised something that is no `ActionGPTError`; that is its cause.
    """
    try:
        yield
    except ActionGPTError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"The {_SPEAKING[part.kind]} {part.spec.name!r} of {part.plugin.label} cannot be {done}: "
            f"{one_line(error)}. Look at its installation with `pip check`, or tell its authors."
        ) from error


def _guarded(part: Part) -> PartSpec:
    """The spec with loaders that raise our error: a dependency missing at use is reported like one at import."""

    def guarded(load: Callable[[], Any]) -> Callable[[], Any]:
        @functools.wraps(load)
        def guarded_load() -> Any:
            with guard(part, "loaded"):
                return load()

        return guarded_load

    changes: dict[str, Any] = {"load": guarded(part.spec.load)}
    for name in ("checkpoint_converter", "training", "source"):
        if (load := getattr(part.spec, name, None)) is not None:
            changes[name] = guarded(load)
    return attrs.evolve(part.spec, **changes)
