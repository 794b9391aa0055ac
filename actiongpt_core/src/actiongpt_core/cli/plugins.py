"""`actiongpt plugins`: what is installed, what is broken, why, and what to do about it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import attrs
import typer

from actiongpt_core.cli import options, plugins_new
from actiongpt_core.errors import PluginError

if TYPE_CHECKING:
    from actiongpt_core.doctor import Finding
    from actiongpt_core.plugins import Part, PluginInfo
    from actiongpt_core.registry import Registry

app = typer.Typer(help="What is installed, what is broken, and why.", rich_markup_mode=None)
app.command()(plugins_new.new)
_MARKS = {"ok": "ok", "note": "note", "problem": "PROBLEM"}
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
def list_plugins(
    as_json: options.AsJson = False,
    timing: Annotated[bool, typer.Option("--timing", help="Say how long each plugin took to import.")] = False,
) -> None:
    """List the plugins and what they provide."""
    from actiongpt_core.registry import get_registry

    registry = get_registry()
    if as_json:
        parts = [_part(part, registry) for kind in _TITLES for part in registry.parts(kind)]
        content = {"plugins": [attrs.asdict(plugin) for plugin in registry.plugins], "parts": parts}
        typer.echo(json.dumps(content, indent=2))
        return
    typer.echo("\n".join([*_plugin_lines(registry.plugins, timing), *_part_lines(registry)]))


@app.command()
def doctor(as_json: options.AsJson = False) -> None:
    """Say what of this installation works, what does not, and the command that mends it."""
    from actiongpt_core.doctor import diagnose
    from actiongpt_core.registry import get_registry

    found = []
    for finding in diagnose(get_registry()):
        found.append(finding)
        if not as_json:  # as each is found: loading backbones takes seconds
            typer.echo("\n".join(_finding_lines(finding)))
    if as_json:
        typer.echo(json.dumps([attrs.asdict(finding) for finding in found], indent=2))
    if any(finding.level == "problem" for finding in found):
        raise typer.Exit(1)


def _finding_lines(finding: Finding) -> Iterator[str]:
    yield f"{_MARKS[finding.level]:8} {finding.about}: {finding.found}"
    if finding.cure:
        yield f"{'':8} try: {finding.cure}"


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


def _plugin_lines(plugins: tuple[PluginInfo, ...], timing: bool) -> Iterator[str]:
    rows = [_plugin_row(plugin, timing) for plugin in plugins]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    yield "Plugins"
    for plugin, row in zip(plugins, rows, strict=True):
        line = "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        yield f"  {line}  {plugin.status}: {plugin.reason}" if plugin.reason else f"  {line}  {plugin.status}"
        if plugin.cure:
            yield f"  {'':{len(line)}}  try: {plugin.cure}"


def _plugin_row(plugin: PluginInfo, timing: bool) -> list[str]:
    asks = f"core {plugin.core_range}" if plugin.core_range else ""
    return [plugin.name, plugin.label, asks, *([f"{1000 * plugin.seconds:.0f} ms"] if timing else [])]


def _part_lines(registry: Registry) -> Iterator[str]:
    for kind, title in _TITLES.items():
        labelled = registry.labels(kind)
        width = max((len(label) for label, _ in labelled), default=0)
        yield ""
        yield title if labelled else f"{title}: none is installed"
        for label, part in labelled:
            can = sorted(getattr(part.spec, "capabilities", ()))
            told = f" [{', '.join(can)}]" if can else ""
            default = " (default)" if part is _default_part(registry, kind) else ""
            yield f"  {label:{width}}  {part.spec.summary}{told}{default}"
