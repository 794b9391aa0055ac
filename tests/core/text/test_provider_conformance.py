"""The core's own offline providers pass the suite that plugin authors run."""

from pathlib import Path

import pytest

from actiongpt_core.interfaces import LLMProvider
from actiongpt_core.testing.llm_provider import LLMProviderSuite
from actiongpt_core.text.cache import CacheKey, DescriptionCache
from actiongpt_core.text.providers.pack import PackProvider
from actiongpt_core.text.providers.passthrough import PassthroughProvider
from actiongpt_core.text.providers.replay import ReplayProvider


class TestPack(LLMProviderSuite):
    def build_provider(self) -> LLMProvider:
        return PackProvider()


class TestPassthrough(LLMProviderSuite):
    def build_provider(self) -> LLMProvider:
        return PassthroughProvider()


class TestReplay(LLMProviderSuite):
    @pytest.fixture(autouse=True)
    def _record(self, tmp_path: Path) -> None:
        self.path = tmp_path / "cache.sqlite"
        for phrase in self.phrases:
            key = CacheKey(provider="p", model="m", strategy="s", version=1, phrase=phrase, sampling={})
            for index in range(4):
                DescriptionCache(self.path).put(key, index, f"To {phrase}, in words {index}.")

    def build_provider(self) -> LLMProvider:
        return ReplayProvider(path=self.path)
