"""The core's own parts, registered through the hooks that every plugin uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actiongpt_core.hookspecs import AggregatorSpec, DataSetSpec, LLMProviderSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable

    from actiongpt_core.interfaces import Aggregator, DataSet, DataSource, LLMProvider

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
    return [
        DataSetSpec(
            name="amass",
            load=_prepared("amass"),
            source=_load_amass_source,
            summary="AMASS's SMPL-H files, without texts.",
        ),
        DataSetSpec(
            name="babel",
            load=_prepared("babel"),
            source=_load_babel_source,
            summary="AMASS with BABEL's labels: single actions, and pairs of consecutive ones.",
        ),
        DataSetSpec(
            name="cmu",
            load=_load_cmu,
            source=_load_cmu_source,
            summary="CMU motion capture, with the texts of its trials.",
        ),
        DataSetSpec(
            name="folder",
            load=_prepared("folder"),
            source=_load_folder_source,
            summary="Your own AMASS-style .npz and BVH files, with texts in a CSV or JSON.",
        ),
        DataSetSpec(
            name="kit",
            load=_prepared("kit"),
            source=_load_kit_source,
            summary="KIT-ML's sentences, on the recordings that are in AMASS.",
        ),
        DataSetSpec(
            name="procedural",
            load=_load_procedural,
            source=_load_procedural_source,
            summary="Parametric actions with exact texts; made while they are read, no files.",
        ),
    ]


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


def _load_cmu_source() -> Callable[..., DataSource]:
    from actiongpt_core.data.cmu_raw import CmuSource

    return CmuSource


def _prepared(name: str) -> Callable[[], Callable[..., DataSet]]:
    """Loads what opens a set that is read as it was prepared."""

    def load() -> Callable[..., DataSet]:
        from actiongpt_core.data.prepared import prepared_set

        return prepared_set(name)

    return load


def _load_amass_source() -> Callable[..., DataSource]:
    from actiongpt_core.data.amass import AmassSource

    return AmassSource


def _load_babel_source() -> Callable[..., DataSource]:
    from actiongpt_core.data.babel import BabelSource

    return BabelSource


def _load_kit_source() -> Callable[..., DataSource]:
    from actiongpt_core.data.kit import KitSource

    return KitSource


def _load_folder_source() -> Callable[..., DataSource]:
    from actiongpt_core.data.folder import FolderSource

    return FolderSource


def _load_procedural() -> Callable[..., DataSet]:
    from actiongpt_core.data.procedural_set import open_procedural

    return open_procedural


def _load_procedural_source() -> Callable[..., DataSource]:
    from actiongpt_core.data.procedural_set import ProceduralSource

    return ProceduralSource
