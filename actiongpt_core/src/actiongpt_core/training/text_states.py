"""States of the frozen text model, computed once and kept in a folder; read from there without being loaded whole."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray

from actiongpt_core.errors import ConfigError, DataError
from actiongpt_core.interfaces import TextEncoder
from actiongpt_core.text.encoded import encode_groups
from actiongpt_core.types.text import TextFeatures

_FORMAT = 1
_INDEX, _STATES = "index.jsonl", "states.bin"
_TOGETHER = 32  #: groups that are encoded and written together

#: Texts that are encoded together: K descriptions, or one phrase.
Group = tuple[str, ...]


class TextStates:
    """Token states, masks and pooled vectors of groups of texts.

    What is kept is a whole group: the exact mean over K texts reads states at padded positions too, and how many there
    are depends on the group's longest text.

    `index.jsonl` has a line for each group, written after its numbers; a run that is killed loses the groups of one
    batch at most. One process writes, others may read.

    Args:
        folder: Where the states are; made if it is not there.
        encoder: The frozen text model; states of another one are not mixed with its own.
        dtype: "float16" or "float32".

    Raises:
        ConfigError: The folder holds states of another text model, or of another precision.
        DataError: The folder's files are damaged.
    """

    def __init__(self, folder: Path, encoder: TextEncoder, dtype: str = "float16") -> None:
        self._folder, self._encoder, self._dtype = folder, encoder, np.dtype(dtype)
        self._places: dict[Group, dict[str, Any]] = {}
        self._numbers: NDArray[np.uint8] | None = None
        self._header = {"format": _FORMAT, "encoder": encoder.name, "channels": encoder.dim, "dtype": dtype}
        if (folder / _INDEX).is_file():
            self._read_index()

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, group: Group) -> bool:
        return group in self._places

    def add(self, groups: Iterable[Group], progress: Callable[[int, int], None] | None = None) -> int:
        """Encode the groups that are not there yet, those of similar lengths together.

        Args:
            groups: Any, in any order.
            progress: Called with the number of new groups so far, and in all.

        Returns:
            How many were new.

        Raises:
            PromptError: A text is longer than the text model can read.
        """
        new = sorted(
            {group for group in groups if group not in self._places}, key=lambda it: (max(map(len, it)), len(it), it)
        )
        if not new:
            return 0
        self._folder.mkdir(parents=True, exist_ok=True)
        self._begin()
        with (self._folder / _STATES).open("ab") as states, (self._folder / _INDEX).open("ab") as index:
            for start in range(0, len(new), _TOGETHER):
                batch = new[start : start + _TOGETHER]
                encoded = encode_groups(batch, self._encoder)
                lines = [self._write(group, found, states) for group, found in zip(batch, encoded, strict=True)]
                _flush(states)
                index.write(b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines))
                _flush(index)
                if progress is not None:
                    progress(start + len(batch), len(new))
        self._read_index()
        return len(new)

    def features(self, group: Group, rows: Sequence[int] | None = None) -> TextFeatures:
        """The states of a group, or of some of its texts, padded to the longest of these as generation does.

        Args:
            group: One that was added.
            rows: Which of its texts; None for all.

        Returns:
            tokens (K, L, C), mask (K, L), pooled (K, C) or None, in float32.

        Raises:
            ConfigError: The group was not added.
        """
        place = self._places.get(group)
        if place is None:
            raise ConfigError(f"There are no states of {group!r:.120}: add the texts of a run before it begins.")
        texts, length = len(group), place["length"]
        tokens, mask, pooled = self._read(place["offset"], texts, length, place["pooled"])
        if rows is not None:
            chosen = list(rows)
            mask = mask[chosen]
            longest = int(mask.any(0).nonzero()[0].max()) + 1
            tokens, mask = tokens[chosen, :longest], mask[:, :longest]
            pooled = None if pooled is None else pooled[chosen]
        return TextFeatures(
            tokens=torch.from_numpy(tokens.astype(np.float32)),
            mask=torch.from_numpy(mask.astype(bool)),
            pooled=None if pooled is None else torch.from_numpy(pooled.astype(np.float32)),
        )

    # --- writing -----------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """The header of a new index; in an old one, nothing after the last whole group."""
        index, states = self._folder / _INDEX, self._folder / _STATES
        if not index.is_file() or not index.read_bytes().strip():
            states.write_bytes(b"")
            index.write_text(json.dumps(self._header) + "\n", encoding="utf-8")
            return
        whole = index.read_bytes()
        if not whole.endswith(b"\n"):
            index.write_bytes(whole[: whole.rfind(b"\n") + 1])
        os.truncate(states, max((place["offset"] + place["size"] for place in self._places.values()), default=0))

    def _write(self, group: Group, encoded: TextFeatures, states: BinaryIO) -> dict[str, Any]:
        parts = [encoded.tokens.detach().cpu().numpy().astype(self._dtype), encoded.mask.cpu().numpy().astype(np.uint8)]
        if not np.isfinite(parts[0]).all():
            raise DataError(f"The text model's states of {group!r:.120} do not fit into {self._dtype}; use float32.")
        if encoded.pooled is not None:
            parts.append(encoded.pooled.detach().cpu().numpy().astype(self._dtype))
        offset = states.tell()
        size = sum(states.write(np.ascontiguousarray(part).tobytes()) for part in parts)
        size += states.write(bytes(-size % 8))  # so that the next group begins at a whole number
        pooled = 0 if encoded.pooled is None else encoded.pooled.shape[-1]
        return {"texts": list(group), "offset": offset, "size": size, "length": parts[0].shape[1], "pooled": pooled}

    # --- reading -----------------------------------------------------------------------------------------------------

    def _read_index(self) -> None:
        content = (self._folder / _INDEX).read_bytes()
        lines = content[: content.rfind(b"\n") + 1].splitlines()
        try:
            header, *places = [json.loads(line) for line in lines]
            found = {tuple(place["texts"]): place for place in places}
            size = max((place["offset"] + place["size"] for place in places), default=0)
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{self._folder / _INDEX} is damaged ({error}). Remove {self._folder}.") from None
        if header != self._header:
            differences = [name for name, value in self._header.items() if header.get(name) != value]
            told = ", ".join(f"{name} {header.get(name)!r} and not {self._header[name]!r}" for name in differences)
            raise ConfigError(f"{self._folder} holds text states of {told}. Name another folder, or remove it.")
        states = self._folder / _STATES
        if not states.is_file() or states.stat().st_size < size:
            raise DataError(f"{states} is shorter than its index says. Remove {self._folder}; it is made again.")
        self._places = found
        self._numbers = np.memmap(states, np.uint8, "r") if size else None

    def _read(self, offset: int, texts: int, length: int, pooled_channels: int) -> tuple[Any, Any, Any]:
        assert self._numbers is not None
        channels = self._encoder.dim

        def take(count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
            nonlocal offset
            found = np.frombuffer(self._numbers, dtype, count, offset)  # type: ignore[arg-type]
            offset += found.nbytes
            return found

        tokens = take(texts * length * channels, self._dtype).reshape(texts, length, channels)
        mask = take(texts * length, np.dtype(np.uint8)).reshape(texts, length)
        pooled = take(texts * pooled_channels, self._dtype).reshape(texts, pooled_channels)
        return tokens, mask, pooled if pooled_channels else None


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
