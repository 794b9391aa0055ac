"""Which plugins may be used: the allow and block lists of the environment and of the user's configuration file."""

from __future__ import annotations

import os
from pathlib import Path

from actiongpt_core.errors import ConfigError

#: Environment variables: names of entry points, or `distribution:name`, comma separated. One that is set goes before
#: the list of the configuration file.
ALLOW, BLOCK = "ACTIONGPT_PLUGINS", "ACTIONGPT_BLOCK"
_KEYS = {ALLOW: "allow", BLOCK: "block"}  #: of the table [plugins] in the configuration file


def configuration_file() -> Path:
    """Where the user's configuration is: $XDG_CONFIG_HOME/actiongpt/config.toml (default ~/.config/actiongpt)."""
    base = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".config") / "actiongpt" / "config.toml"


def read_lists() -> dict[str, tuple[frozenset[str], str]]:
    """The allow and the block list, each with the place where it stands.

    Returns:
        `ALLOW` and `BLOCK` -> names, and where they were found, in words.

    Raises:
        ConfigError: The configuration file is not TOML, or a list in it is no list of strings.
    """
    path = configuration_file()
    table = _read_table(path)
    lists = {}
    for variable, key in _KEYS.items():
        if variable in os.environ:
            names = {name.strip() for name in os.environ[variable].split(",")} - {""}
            lists[variable] = frozenset(names), variable
        else:
            lists[variable] = frozenset(_names(table, key, path)), f"{key!r} in {path}"
    return lists


def _read_table(path: Path) -> dict[str, object]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The configuration {path} cannot be read: {error}.") from error
    import tomllib  # for those who have a configuration

    try:
        table = tomllib.loads(text).get("plugins", {})
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"The configuration {path} is not TOML: {error}.") from error
    if not isinstance(table, dict) or (unknown := table.keys() - set(_KEYS.values())):
        found = ", ".join(sorted(unknown)) if isinstance(table, dict) else repr(table)
        raise ConfigError(f"[plugins] in {path} is a table of 'allow' and 'block', got {found}.")
    return table


def _names(table: dict[str, object], key: str, path: Path) -> list[str]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ConfigError(f'{key!r} in {path} is a list of plugins\' names, such as ["demo"], got {value!r}.')
    return value
