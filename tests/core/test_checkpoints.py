"""Settings of a checkpoint: what JSON may say of a settings class."""

from __future__ import annotations

import attrs
import pytest

from actiongpt_core.checkpoints import config_from_dict
from actiongpt_core.errors import ConfigError


@attrs.frozen(kw_only=True)
class Settings:
    name: str  # must be given
    size: int = 4
    stops: tuple[int, ...] = attrs.field(default=(1, 2), converter=tuple)


def test_a_setting_without_a_default_is_read() -> None:
    assert config_from_dict(Settings, {"name": "index"}) == Settings(name="index")


def test_a_list_of_json_fits_a_tuple() -> None:
    assert config_from_dict(Settings, {"name": "index", "stops": [3, 4]}).stops == (3, 4)


def test_a_setting_that_must_be_given_is_named_where_it_is_missing() -> None:
    with pytest.raises(ConfigError, match="name"):
        config_from_dict(Settings, {"size": 2})


def test_another_type_is_refused() -> None:
    with pytest.raises(ConfigError, match="'size' must be of type int, got 'four'"):
        config_from_dict(Settings, {"name": "index", "size": "four"})


def test_an_unknown_setting_is_refused_with_a_suggestion() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'size'"):
        config_from_dict(Settings, {"name": "index", "sise": 2})
