"""CLIP's byte-pair encoding: open_clip's tokenizer, with the special words spelled as the original spells them."""

from __future__ import annotations

import functools
from typing import Any

from actiongpt_core.torchvision_shim import ensure_torchvision

#: How start and end are spelled where a text holds them literally.
_SPECIAL_WORDS = ("<|startoftext|>", "<|endoftext|>")


def tokenise(text: str) -> list[int]:
    """The token ids of a text, start and end included, however many they are.

    Source: Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021, 2.4.
    """
    tokenizer = _tokenizer()
    return [tokenizer.sot_token_id, *tokenizer.encode(text), tokenizer.eot_token_id]


def truncate(ids: list[int], max_tokens: int) -> list[int]:
    """The first ids; where some are left out, the last of the rest becomes the end."""
    return ids if len(ids) <= max_tokens else [*ids[: max_tokens - 1], ids[-1]]


@functools.cache
def _tokenizer() -> Any:
    ensure_torchvision()
    from open_clip import tokenizer as tokenizers

    tokenizer: Any = tokenizers.SimpleTokenizer()
    special_ids = tokenizer.all_special_ids
    theirs = "|".join(tokenizer.decoder[index] for index in special_ids)
    ours = "|".join(tokenizers.re.escape(word) for word in _SPECIAL_WORDS)
    pattern = ours + tokenizer.pat.pattern.removeprefix(theirs)
    tokenizer.pat = tokenizers.re.compile(pattern, tokenizers.re.IGNORECASE)  # the third-party module regex
    tokenizer.encoder |= dict(zip(_SPECIAL_WORDS, special_ids, strict=True))
    tokenizer.cache = {word: word for word in _SPECIAL_WORDS}
    return tokenizer
