"""The pipeline that a command's options name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from actiongpt_core.cli import options

if TYPE_CHECKING:
    from actiongpt_core.pipeline import Pipeline


def open_pipeline(
    *,
    backbone: str | None,
    checkpoint: Path | None,
    text_encoder: str | None,
    stats: Path | None,
    llm: str | None,
    model: str | None,
    llm_options: list[str] | None,
    strategy: str | None,
    aggregator: str | None,
    k: int,
    device: str,
) -> Pipeline:
    """Build it; what can be wrong without a model is found before one is loaded."""
    from actiongpt_core.checkpoints import read_backbone
    from actiongpt_core.registry import get_registry

    registry = get_registry()
    if backbone is None and checkpoint is not None:
        backbone = read_backbone(checkpoint)
    registry.motion_model(backbone)
    registry.aggregator(aggregator)
    provider = registry.build_provider(llm, **options.provider_options(model, llm_options))

    from actiongpt_core.pipeline import Pipeline

    return Pipeline(
        backbone,
        llm=provider,
        aggregator=aggregator,
        checkpoint=checkpoint,
        text_encoder=text_encoder,
        stats=stats,
        strategy=strategy,
        k=k,
        device=device,
    )
