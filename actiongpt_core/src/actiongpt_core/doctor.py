"""What of an installation works, what does not, and what to do about it: `actiongpt plugins doctor`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from importlib import metadata
from typing import Literal

import attrs
from packaging.requirements import InvalidRequirement, Requirement

from actiongpt_core.errors import ActionGPTError
from actiongpt_core.pipeline import Pipeline
from actiongpt_core.plugin_lists import BLOCK
from actiongpt_core.plugins import canonical, installed_version
from actiongpt_core.registry import Registry, guard

_SLOW = 0.1  #: seconds; more than that, every command is late for one plugin
_DEVELOPMENT = frozenset({"testing"})  #: extras that users do not miss

Level = Literal["ok", "note", "problem"]


@attrs.frozen(kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        level: "problem" for what is installed and cannot work, "note" for what is not there or not set up, "ok".
        about: What was looked at, such as "backbone demo".
        found: What was found, in a line.
        cure: The command, or the step, that mends it; empty if there is nothing to do, or nothing is known.
    """

    level: Level
    about: str
    found: str
    cure: str = ""


def diagnose(registry: Registry) -> Iterator[Finding]:
    """Look at everything, one after the other; loads every backbone, so it takes seconds.

    Args:
        registry: What is installed.

    Yields:
        A finding for each plugin, name claimed twice, requirement, extra, backbone, provider, aggregator and data set.
    """
    yield from _plugins(registry)
    yield from _claimed_twice(registry)
    yield from _requirements(registry)
    yield from _backbones(registry)
    yield from _providers(registry)
    for kind, speaking in (("aggregator", "aggregator"), ("data", "data set")):
        yield from _loadable(registry, kind, speaking)


def _plugins(registry: Registry) -> Iterator[Finding]:
    for plugin in registry.plugins:
        about = f"plugin {plugin.name}"
        if plugin.status == "failed":
            yield Finding(level="problem", about=about, found=f"{plugin.label}: {plugin.reason}", cure=plugin.cure)
        elif plugin.status == "blocked":
            yield Finding(level="note", about=about, found=f"{plugin.label}: {plugin.reason}", cure="change the list")
        elif plugin.seconds > _SLOW:
            yield Finding(
                level="note",
                about=about,
                found=f"{plugin.label} takes {1000 * plugin.seconds:.0f} ms to import, at every start",
                cure="ask its authors to import inside `load`, or block it: "
                f"{BLOCK}={plugin.name} (a first start is slower than the others: look twice)",
            )
        else:
            yield Finding(level="ok", about=about, found=plugin.label)


def _claimed_twice(registry: Registry) -> Iterator[Finding]:
    for kind in ("backbone", "llm", "aggregator", "data", "command"):
        labels = [label for label, _ in registry.labels(kind) if ":" in label]
        for name in sorted({label.partition(":")[2] for label in labels}):
            ways = [label for label in labels if label.endswith(f":{name}")]
            yield Finding(
                level="problem",
                about=f"{kind} {name}",
                found=f"claimed by {len(ways)} packages",
                cure=f"write {' or '.join(ways)}, or set {BLOCK} to the plugin that is not wanted",
            )


def _requirements(registry: Registry) -> Iterator[Finding]:
    distributions = {canonical(plugin.distribution): plugin.distribution for plugin in registry.plugins}
    for name in distributions.values():
        with contextlib.suppress(metadata.PackageNotFoundError):
            yield from _requirements_of(name, metadata.distribution(name))


def _requirements_of(name: str, distribution: metadata.Distribution) -> Iterator[Finding]:
    needed: dict[str, list[Requirement]] = {"": []}
    for line in distribution.requires or ():
        with contextlib.suppress(InvalidRequirement):  # said where its plugin is set aside
            requirement = Requirement(line)
            for extra in ("", *(distribution.metadata.get_all("Provides-Extra") or ())):
                if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                    needed.setdefault(extra, []).append(requirement)
                    break
    unmet = _unmet(needed.pop(""))
    for wanted, found in unmet.items():
        cure = f"pip install '{wanted}'"
        yield Finding(level="problem", about=f"package {name}", found=f"needs {wanted}, {found}", cure=cure)
    if not unmet:
        yield Finding(level="ok", about=f"package {name}", found="everything that it requires is installed")
    for extra, requirements in sorted(needed.items()):
        if extra not in _DEVELOPMENT and (unmet := _unmet(requirements)):
            missing = "; ".join(f"{wanted}, {found}" for wanted, found in unmet.items())
            cure = f"pip install '{name}[{extra}]'"
            yield Finding(level="note", about=f"extra {name}[{extra}]", found=f"needs {missing}", cure=cure)


def _unmet(requirements: Sequence[Requirement]) -> dict[str, str]:
    """The requirements that are not met -> what is there instead."""
    unmet = {}
    for requirement in requirements:
        found = installed_version(requirement.name)
        if found is None:
            unmet[f"{requirement.name}{requirement.specifier}"] = "which is not installed"
        elif not requirement.specifier.contains(found, prereleases=True):
            unmet[f"{requirement.name}{requirement.specifier}"] = f"found {found}"
    return unmet


def _backbones(registry: Registry) -> Iterator[Finding]:
    """Each is loaded with the checkpoint that it has at hand: weights, text encoder and all."""
    for label, _ in registry.labels("backbone"):
        about = f"backbone {label}"
        try:
            pipeline = Pipeline(backbone=label)
        except ActionGPTError as error:
            cure = "give a checkpoint: --checkpoint FOLDER (or checkpoint=... of Pipeline)"
            yield Finding(level="note", about=about, found=_line(error), cure=cure)
        else:
            yield Finding(level="ok", about=about, found=f"loads, {pipeline.model.fps:g} frames a second")


def _providers(registry: Registry) -> Iterator[Finding]:
    for label, _ in registry.labels("llm"):
        about = f"LLM provider {label}"
        try:
            provider = registry.build_provider(label)
            if hasattr(provider, "check"):
                with guard(registry.part("llm", label), "checked"):
                    provider.check()
        except ActionGPTError as error:
            yield Finding(level="note", about=about, found=_line(error))
        else:
            yield Finding(level="ok", about=about, found="can be asked")


def _loadable(registry: Registry, kind: str, speaking: str) -> Iterator[Finding]:
    for label, part in registry.labels(kind):
        try:
            part.spec.load()
        except ActionGPTError as error:
            yield Finding(level="problem", about=f"{speaking} {label}", found=_line(error))
        else:
            yield Finding(level="ok", about=f"{speaking} {label}", found="loads")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
