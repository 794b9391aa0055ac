"""Text encoders by the name of their place, and the spaces of their pooled vectors."""

from __future__ import annotations

from pathlib import Path

from actiongpt_core.errors import ConfigError
from actiongpt_core.interfaces import TextEncoder
from actiongpt_motionclip.clip_weights import UNNAMED


def load_text_encoder(source: str | Path) -> TextEncoder:
    """The text encoder at a place: "package:NAME" for the embedded text model, anything else for a CLIP.

    Raises:
        ConfigError: The source is empty, or cannot be understood.
        MissingAssetError: The text model is not there.
    """
    if not str(source):
        raise ConfigError(
            "This checkpoint names no text model, as the published experiment that it comes from names none. Give "
            "text_encoder=, the CLIP whose space it was trained towards."
        )
    if str(source).startswith("package:"):
        from actiongpt_motionclip.pooled_encoder import PooledTextEncoder

        return PooledTextEncoder(source)
    from actiongpt_motionclip.clip_encoder import ClipTextEncoder

    return ClipTextEncoder(source)


def space_of(encoder: TextEncoder) -> str:
    """The space of an encoder's pooled vectors; one that names none is a space of its own."""
    space: str = getattr(encoder, "space", encoder.name)
    return space


def require_space(encoder: TextEncoder, space: str) -> None:
    """Stop if an encoder's pooled vectors are of another space than a checkpoint's.

    Raises:
        ConfigError: They are.
    """
    if space_of(encoder) != space:
        # A file does not say which weights it holds; only of those that OpenAI published it is known.
        hint = " If you know which weights it holds, say it: text_encoder='clip:MODEL/WEIGHTS@PATH'."
        raise ConfigError(
            f"This checkpoint was made for the text space {space!r}; the text encoder {encoder.name!r} is of "
            f"{space_of(encoder)!r}. Use the checkpoint's own text encoder, or another one of its space."
            f"{hint if space_of(encoder).startswith(UNNAMED) else ''}"
        )
