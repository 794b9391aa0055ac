"""The core's own providers pass the suite that plugin authors run; `openai` with a stand-in for its server."""

from pathlib import Path
from typing import Any, ClassVar

import pytest
from llm_stub import StubServer, describe, ignore_n, refuse_n

from actiongpt_core.interfaces import LLMProvider
from actiongpt_core.testing.llm_provider import LLMProviderSuite
from actiongpt_core.text.cache import CacheKey, DescriptionCache
from actiongpt_core.text.providers.openai import OpenAIProvider
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


class TestOpenAI(LLMProviderSuite):
    options: ClassVar[dict[str, Any]] = {}
    reply = staticmethod(describe)

    @pytest.fixture(autouse=True)
    def _serve(self, server: StubServer) -> None:
        server.reply = self.reply

    def build_provider(self) -> LLMProvider:
        return OpenAIProvider(**self.options)


class TestOpenAIWithASeed(TestOpenAI):
    options: ClassVar[dict[str, Any]] = {"seed": 7}


class TestOpenAIOfLegacyCompletions(TestOpenAI):
    options: ClassVar[dict[str, Any]] = {"endpoint": "completions", "strategy": "few-shot"}


class TestOpenAIWhereSeveralAnswersAreRefused(TestOpenAI):
    reply = staticmethod(refuse_n)


class TestOpenAIWhereOneAnswerComesAtATime(TestOpenAI):
    reply = staticmethod(ignore_n)
