"""The kinds of plugin that can be written, and the templates of each."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class Kind:
    """One kind of plugin.

    Attributes:
        part: The registry's word for what it provides: "backbone", "llm", "aggregator" or "data".
        summary: For users.
        module: Name of the module that holds the part.
        extra: Extra of the core that it needs to be used, in brackets.
        requires: Requirements beside the core.
        use: What a user types to see it work, after `actiongpt`.
    """

    part: str
    summary: str
    module: str
    requires: tuple[str, ...]
    use: str
    extra: str = ""


#: What `--kind` names.
KINDS: dict[str, Kind] = {
    "motion-model": Kind(
        part="backbone",
        summary="text to motion",
        module="model",
        requires=("torch>=2.6",),
        use='generate "walk" --backbone $name --llm passthrough -o walk.gif',
        extra="[offline]",
    ),
    "llm-provider": Kind(
        part="llm",
        summary="a phrase to descriptions of body movement",
        module="provider",
        requires=(),
        use='describe "walk" --llm $name',
    ),
    "aggregator": Kind(
        part="aggregator",
        summary="K encoded descriptions to one text",
        module="aggregator",
        requires=("torch>=2.6",),
        use='generate "walk" --aggregator $name -o walk.gif',
        extra="[offline]",
    ),
    "data-set": Kind(
        part="data",
        summary="motions with texts, for training and evaluation",
        module="data_set",
        requires=("numpy>=1.26", "torch>=2.6"),
        use="data show $name",
    ),
}

#: Path in the package -> template, for all kinds. An empty name is an empty file.
FILES = {
    "pyproject.toml": "pyproject.toml.txt",
    "README.md": "readme.md",
    "LICENSE": "licence.txt",
    ".gitignore": "gitignore.txt",
    ".github/workflows/test.yml": "workflow.yml",
    "src/$package/__init__.py": "init.py.txt",
    "src/$package/py.typed": "",
    "src/$package/hooks.py": "hooks_$part.py.txt",
    "src/$package/$module.py": "part_$part.py.txt",
    "tests/test_$package.py": "tests_$part.py.txt",
}
