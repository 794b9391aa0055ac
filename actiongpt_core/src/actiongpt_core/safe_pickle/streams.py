"""What pickles are read from: a file's bytes, unfolded where they are compressed."""

from __future__ import annotations

import io
import mmap
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from actiongpt_core.errors import CheckpointError

#: Both hand out no more than they hold, whatever length is asked for.
Stream = io.BytesIO | mmap.mmap

#: How far a compressed file may unfold: so much, and so many times its own size.
_UNFOLDED_BYTES, _UNFOLDED_TIMES = 1 << 26, 50
_COMPRESSED = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda", b"\x1f\x8b")
_UNREAD = {
    b"BZ": "bz2",
    b"\xfd7": "xz",
    b"\x5d\x00": "lzma",
    b"\x04\x22": "lz4",
    b"ZF": "the format before joblib 0.10",
}


def num_bytes_left(stream: Stream) -> int:
    """How many bytes stand behind the stream's position."""
    here = stream.tell()
    stream.seek(0, io.SEEK_END)
    end = stream.tell()
    stream.seek(here)
    return end - here


@contextmanager
def open_stream(path: Path) -> Iterator[Stream]:
    """The bytes of a file that is not compressed, or compressed with zlib or gzip.

    Raises:
        CheckpointError: The file is empty, is compressed in another way, or unfolds to far more than its size.
    """
    with path.open("rb") as file:
        head = file.read(2)
        file.seek(0)
        if len(head) < 2:
            raise CheckpointError("it is empty or truncated.")
        if head in _UNREAD:
            raise CheckpointError(
                f"it is written in {_UNREAD[head]}, which is not read. Save it again with joblib, uncompressed."
            )
        if head in _COMPRESSED:
            yield io.BytesIO(_unfold(file.read()))
            return
        # Data bases may fill the memory once; they should not twice.
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            yield mapped


def _unfold(data: bytes) -> bytes:
    limit = _UNFOLDED_BYTES + _UNFOLDED_TIMES * len(data)
    engine = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # 32: zlib's or gzip's header, whichever is there
    unfolded = engine.decompress(data, limit + 1)
    if len(unfolded) > limit:
        raise CheckpointError(f"refused: it unfolds to more than {_UNFOLDED_TIMES} times its size.")
    if not engine.eof:
        raise CheckpointError("it is truncated: its compressed data has no end. Get it again.")
    return unfolded
