"""The core's own offline providers pass the suite that plugin authors run."""

from actiongpt_core.interfaces import LLMProvider
from actiongpt_core.testing.llm_provider import LLMProviderSuite
from actiongpt_core.text.providers.pack import PackProvider
from actiongpt_core.text.providers.passthrough import PassthroughProvider


class TestPack(LLMProviderSuite):
    def build_provider(self) -> LLMProvider:
        return PackProvider()


class TestPassthrough(LLMProviderSuite):
    def build_provider(self) -> LLMProvider:
        return PassthroughProvider()
