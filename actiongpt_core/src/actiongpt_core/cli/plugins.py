"""`actiongpt plugins list`: what is installed, what is broken, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs
import typer

from actiongpt_core.cli import options
from actiongpt_core.errors import PluginError

if TYPE_CHECKING:
    from actiongpt_core.plugins import Part, PluginInfo
    from actiongpt_core.registry import Registry

app = typer.Typer(help="What is installed, what is broken, and why.", rich_markup_mode=None)
_TITLES = {
    "backbone": "Backbones",
    "llm": "LLM providers",
    "aggregator": "Aggregators",
    "data": "Data sets",
    "command": "Commands of plugins",
}


@app.callback(invoke_without_command=True)
def _default(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_plugins()


@app.command("list")
def list_plugins(as_json: options.AsJson = False) -> None:
    """List the plugins and what they provide."""
    from actiongpt_core.registry import get_registry

    registry = get_registry()
    if as_json:
        parts = [_part(part, registry) for kind in _TITLES for part in registry.parts(kind)]
        content = {"plugins": [attrs.asdict(plugin) for plugin in registry.plugins], "parts": parts}
        typer.echo(json.dumps(content, indent=2))
        return
    typer.echo("\n".join([*_plugin_lines(registry.plugins), *_part_lines(registry)]))


def _part(part: Part, registry: Registry) -> dict[str, object]:
    from actiongpt_core.hookspecs import MotionModelSpec

    content = {
        "kind": part.kind,
        "name": part.spec.name,
        "distribution": part.plugin.distribution,
        "summary": part.spec.summary,
        "is_default": part is _default_part(registry, part.kind),
    }
    if isinstance(part.spec, MotionModelSpec):
        content["capabilities"] = sorted(part.spec.capabilities)
    return content


def _default_part(registry: Registry, kind: str) -> Part | None:
    if kind in ("command", "data"):  # always named
        return None
    try:
        return registry.default(kind)
    except PluginError:
        return None


def _plugin_lines(plugins: tuple[PluginInfo, ...]) -> Iterator[str]:
    widths = max(len(plugin.name) for plugin in plugins), max(len(plugin.label) for plugin in plugins)
    yield "Plugins"
    for plugin in plugins:
        line = f"  {plugin.name:{widths[0]}}  {plugin.label:{widths[1]}}  {plugin.status}"
        yield f"{line}: {plugin.reason}" if plugin.reason else line
        if plugin.cure:
            yield f"  {'':{widths[0]}}  {'':{widths[1]}}  try: {plugin.cure}"


def _part_lines(registry: Registry) -> Iterator[str]:
    for kind, title in _TITLES.items():
        labelled = registry.labels(kind)
        width = max((len(label) for label, _ in labelled), default=0)
        yield ""
        yield title if labelled else f"{title}: none is installed"
        for label, part in labelled:
            default = " (default)" if part is _default_part(registry, kind) else ""
            yield f"  {label:{width}}  {part.spec.summary}{default}"
