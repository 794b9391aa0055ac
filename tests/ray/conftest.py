"""One Ray of two processes for the tests of a module, and a plugin that its processes find."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from actiongpt_core.bulk.cluster import Cluster, cluster
from actiongpt_core.registry import reset_registry

PLUGIN = '''
"""A language model that notes its questions in a file, which processes share, and a backbone."""

import os
import time
import zlib
from pathlib import Path

from actiongpt_core.hookspecs import LLMProviderSpec, MotionModelSpec, hookimpl


def load_provider():
    from actiongpt_core.errors import ProviderError
    from actiongpt_core.text import asking
    from actiongpt_core.types.text import Answer

    class Noting:
        name, model, cacheable, concurrency = "noting", "one", True, 2
        complete = asking.complete

        def __init__(self, notes=None, processes=1):
            self.notes, self.processes, self.sampling = Path(notes), processes, {}

        def answers(self, prompt, draws, sampling):
            with self.notes.open("a") as file:
                file.write(f"{os.getpid()} {list(draws)} {prompt.text}\\n")
            deadline = time.monotonic() + 60
            while len({line.split(" ")[0] for line in self.notes.read_text().splitlines()}) < self.processes:
                assert time.monotonic() < deadline, "the other process never came"
                time.sleep(0.05)
            if "action die in" in prompt.text and not self.notes.with_name("died").exists():
                time.sleep(0.5)  # the other thread of the process answers the other phrases meanwhile
                self.notes.with_name("died").touch()
                os._exit(1)
            if "fail" in prompt.text:
                raise ProviderError("the server is down")
            for draw in draws:
                text = f"The person bends both knees {zlib.crc32(prompt.text.encode())} times in way {draw}."
                yield Answer(draw=draw, text=text, prompt_tokens=10, completion_tokens=5)

    return Noting


def load_model():
    from actiongpt_core.testing.fakes import FakeMotionModel

    return FakeMotionModel


@hookimpl
def actiongpt_llm_providers():
    return [LLMProviderSpec(name="noting", load=load_provider, summary="A fake.")]


@hookimpl
def actiongpt_motion_models():
    return [MotionModelSpec(name="stride", load=load_model, summary="A fake.", capabilities={"sequence"})]
'''


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    is_missing = importlib.util.find_spec("ray") is None
    for item in items:
        if Path(__file__).parent in item.path.parents:
            # Ray sets its own deprecated settings to their defaults.
            item.add_marker(pytest.mark.filterwarnings("ignore::DeprecationWarning"))
            if is_missing:
                item.add_marker(pytest.mark.skip(reason="Ray is not installed: pip install './actiongpt_core[ray]'"))


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Put in place before Ray starts: its processes have the environment of that moment."""
    site = tmp_path_factory.mktemp("site")
    (site / "actiongpt_noting.py").write_text(PLUGIN, encoding="utf-8")
    info = site / "actiongpt_noting-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: actiongpt-noting\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[actiongpt]\nnoting = actiongpt_noting\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")])))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache of the processes")))
        patch.delenv("RAY_ADDRESS", raising=False)
        patch.syspath_prepend(str(site))
        importlib.invalidate_caches()
        reset_registry()
        yield
    reset_registry()
    sys.modules.pop("actiongpt_noting", None)


@pytest.fixture(scope="module")
def ray_cluster(plugin: None) -> Iterator[Cluster]:
    """A Ray of this machine with two processes."""
    with cluster(workers=2) as started:
        yield started
