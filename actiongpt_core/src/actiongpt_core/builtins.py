"""The core's own parts, registered through the hooks that every plugin uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actiongpt_core.hookspecs import AggregatorSpec, DataSetSpec, LLMProviderSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable

    from actiongpt_core.interfaces import Aggregator, DataSet, LLMProvider

# High enough that a plugin becomes the default only when its author means it to.
_DEFAULT = 100


@hookimpl
def actiongpt_llm_providers() -> list[LLMProviderSpec]:
    """The descriptions that ship, the phrase itself, language models on servers and here, what was recorded."""
    return [
        LLMProviderSpec(
            name="pack",
            load=_load_pack,
            summary="Descriptions that ship with the library, or a file of your own; offline.",
            default_rank=_DEFAULT,
        ),
        LLMProviderSpec(
            name="passthrough",
            load=_load_passthrough,
            summary="The phrase itself, K times: no language model; offline.",
        ),
        LLMProviderSpec(
            name="openai", load=_load_openai, summary="OpenAI (needs a key), or any server that speaks its protocol."
        ),
        LLMProviderSpec(
            name="local", load=_load_local, summary="A GGUF model in this process, through llama.cpp; offline."
        ),
        LLMProviderSpec(
            name="replay", load=_load_replay, summary="What was recorded in the description cache, only; offline."
        ),
    ]


@hookimpl
def actiongpt_aggregators() -> list[AggregatorSpec]:
    """The paper's mean and its alternatives."""
    return [
        AggregatorSpec(
            name="mean",
            load=_load_mean,
            summary="Token by token over the K descriptions, padding included, as in the paper.",
            default_rank=_DEFAULT,
        ),
        AggregatorSpec(name="masked_mean", load=_load_masked_mean, summary="The mean over real tokens only."),
        AggregatorSpec(
            name="weighted",
            load=_load_weighted,
            summary="The mean, weighted by nearness to the phrase.",
        ),
        AggregatorSpec(name="concat", load=_load_concat, summary="All real tokens, one description after the other."),
        AggregatorSpec(name="first", load=_load_first, summary="The first description alone."),
    ]


@hookimpl
def actiongpt_data_sets() -> list[DataSetSpec]:
    """Motion capture that can be downloaded, files of the user's own, parametric actions."""
    return [DataSetSpec(name="cmu", load=_load_cmu, summary="CMU motion capture, with the texts of its trials.")]


def _load_pack() -> type[LLMProvider]:
    from actiongpt_core.text.providers.pack import PackProvider

    return PackProvider


def _load_passthrough() -> type[LLMProvider]:
    from actiongpt_core.text.providers.passthrough import PassthroughProvider

    return PassthroughProvider


def _load_openai() -> type[LLMProvider]:
    from actiongpt_core.text.providers.openai import OpenAIProvider

    return OpenAIProvider


def _load_local() -> type[LLMProvider]:
    from actiongpt_core.text.providers.local import LocalProvider

    return LocalProvider


def _load_replay() -> type[LLMProvider]:
    from actiongpt_core.text.providers.replay import ReplayProvider

    return ReplayProvider


def _load_mean() -> Aggregator:
    from actiongpt_core.text.aggregators import mean

    return mean


def _load_masked_mean() -> Aggregator:
    from actiongpt_core.text.aggregators import masked_mean

    return masked_mean


def _load_weighted() -> Aggregator:
    from actiongpt_core.text.aggregators import weighted

    return weighted


def _load_concat() -> Aggregator:
    from actiongpt_core.text.aggregators import concat

    return concat


def _load_first() -> Aggregator:
    from actiongpt_core.text.aggregators import first

    return first


def _load_cmu() -> Callable[..., DataSet]:
    from actiongpt_core.data.cmu import CmuSet

    return CmuSet
