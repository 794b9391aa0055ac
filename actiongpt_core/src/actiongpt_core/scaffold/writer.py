"""Writing a plugin package that installs, passes its conformance suite, and is ready to be filled and published."""

from __future__ import annotations

import datetime
import importlib.util
import keyword
import re
import sys
from importlib import resources
from pathlib import Path
from string import Template

from actiongpt_core.errors import ConfigError, did_you_mean
from actiongpt_core.plugins import CORE, installed_version
from actiongpt_core.registry import get_registry
from actiongpt_core.scaffold.kinds import FILES, KINDS

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def write_package(name: str, kind: str, parent: str | Path = ".") -> list[Path]:
    """Write the folder `parent/name`: a complete package with one part of this kind.

    Args:
        name: Of the distribution, of its entry point, and of the part; a-z, 0-9 and '-'.
        kind: One of `KINDS`.
        parent: Where the folder goes.

    Returns:
        The files, in the order in which they were written.

    Raises:
        ConfigError: The name or the kind cannot be, the name is taken, or the folder is there already.
    """
    if kind not in KINDS:
        raise ConfigError(f"There is no kind {kind!r}. Kinds: {', '.join(KINDS)}.{did_you_mean(kind, KINDS)}")
    package = _package_of(name, kind)
    folder = Path(parent) / name
    if folder.exists():
        raise ConfigError(f"{folder} is there already. Choose another name, or move it away.")
    values = _values(name, package, kind)
    written = []
    for path, template in FILES.items():
        target = folder / Template(path).substitute(values)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_rendered(Template(template).substitute(values), values), encoding="utf-8")
        written.append(target)
    return written


def next_commands(name: str, kind: str) -> list[str]:
    """What to type after `write_package`, in this order."""
    use = Template(KINDS[kind].use).substitute(name=name)
    return [f"pip install -e {name}", f"pytest {name}", f"actiongpt {use}"]


def _package_of(name: str, kind: str) -> str:
    """The importable name."""
    package = name.replace("-", "_")
    if not _NAME.fullmatch(name) or keyword.iskeyword(package):
        rule = "is made of a-z, 0-9 and '-', begins with a letter, and is no word of Python"
        raise ConfigError(f"A plugin's name {rule}; got {name!r}.")
    part = KINDS[kind].part
    if name in {taken.spec.name for taken in get_registry().parts(part)}:
        raise ConfigError(f"There is the {part} {name!r} already: see `actiongpt plugins list`. Choose another name.")
    if installed_version(name) is not None or package in sys.stdlib_module_names or importlib.util.find_spec(package):
        raise ConfigError(f"A package or module {package!r} is installed already. Choose another name.")
    return package


def _values(name: str, package: str, kind: str) -> dict[str, str]:
    core = installed_version(CORE) or "0.1.0"
    major, minor = (int(part) for part in core.split(".")[:2])
    chosen = KINDS[kind]
    wanted = f">={major}.{minor},<{major}.{minor + 1}"
    return {
        "name": name,
        "package": package,
        "title": "".join(word.capitalize() for word in name.split("-")),
        "kind": kind,
        "part": chosen.part,
        "module": chosen.module,
        "summary": chosen.summary,
        "use": Template(chosen.use).substitute(name=name),
        "core_range": wanted,
        "dependencies": ", ".join(f'"{item}"' for item in (f"{CORE}{chosen.extra}{wanted}", *chosen.requires)),
        "year": str(datetime.date.today().year),
    }


def _rendered(template: str, values: dict[str, str]) -> str:
    if not template:
        return ""
    text = resources.files(__package__).joinpath("templates", template).read_text(encoding="utf-8")
    return Template(text).substitute(values)
