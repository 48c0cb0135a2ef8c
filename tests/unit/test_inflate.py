# SPDX-License-Identifier: AGPL-3.0-or-later
"""A compressed stream comes out as the same stream in stored blocks, whatever the pieces."""

from __future__ import annotations

import io
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomdet import pictures
from roomdet.errors import InvalidFileFormat
from roomdet.inflate import StoredBlocks
from tests.builders import SEED, draw_plan, encode
from tests.unit.reading import read

NOISE = np.random.default_rng(SEED).bytes(200_000)
STORED_BLOCK = 65_535  # RFC 1951, 3.2.4


def restore(stream: bytes, read_bytes: int = 8192) -> list[bytes]:
    """All blocks up to the one that ends the stream, or to its breaking off."""
    blocks = StoredBlocks(io.BytesIO(stream).read)
    return list(iter(lambda: blocks.read(read_bytes), b""))


@pytest.mark.parametrize("level", [0, 1, 9])
@pytest.mark.parametrize(
    "content",
    [b"", b"a", NOISE, bytes(5_000_000), NOISE[:STORED_BLOCK], NOISE[: STORED_BLOCK + 1]],
    ids=["empty", "one", "noise", "zeros", "one-block", "one-block-and-a-byte"],
)
def test_content_and_checksum_are_the_same(content: bytes, level: int) -> None:
    """Python's zlib, which checks the sum, unpacks the same bytes."""
    stored = b"".join(restore(zlib.compress(content, level)))

    assert zlib.decompress(stored) == content


@given(content=st.binary(max_size=300), repeats=st.integers(1, 900), read_bytes=st.integers(1, 99))
def test_pieces_leave_no_trace(content: bytes, repeats: int, read_bytes: int) -> None:
    """The pieces in which the compressed stream comes do not matter."""
    stored = b"".join(restore(zlib.compress(content * repeats), read_bytes))

    assert zlib.decompress(stored) == content * repeats


def test_memory_is_that_of_a_block() -> None:
    """A stream that unfolds a thousandfold is never held as a whole."""
    blocks = StoredBlocks(io.BytesIO(zlib.compress(bytes(50_000_000))).read)
    tracemalloc.start()
    try:
        while blocks.read(65_536):
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 1_000_000


def test_stream_that_breaks_off_has_no_last_block() -> None:
    """What is missing is missed by whoever unpacks the blocks."""
    whole = zlib.compress(NOISE)

    unpack = zlib.decompressobj()
    unpack.decompress(b"".join(restore(whole[:-100])))

    assert not unpack.eof


@pytest.mark.parametrize("at", [0, 1000, -1], ids=["header", "middle", "checksum"])
def test_damage_is_an_error(at: int) -> None:
    """As it is to Pillow's own inflate."""
    stream = bytearray(zlib.compress(NOISE, 9))
    stream[at] ^= 0xFF

    with pytest.raises(OSError, match="damaged zlib stream"):
        restore(bytes(stream))


def test_png_is_read_through_it() -> None:
    """Pillow gets stored blocks only, and a PNG whose pixels are damaged is refused."""
    taken: list[int] = []

    class Counting(StoredBlocks):
        def read(self, read_bytes: int) -> bytes:
            block = super().read(read_bytes)
            taken.append(len(block))
            return block

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "StoredBlocks", Counting)
        read(encode(draw_plan().quantize(), "PNG"))

    assert sum(taken) > 320 * 200 / 2  # of four bits


def test_png_with_damaged_pixels_is_refused() -> None:
    """The caller is told that the file is damaged, by Pillow's reader or by ours."""
    data = bytearray(encode(draw_plan(), "PNG"))
    data[len(data) // 2 : len(data) // 2 + 40] = b"\xff" * 40

    with pytest.raises(InvalidFileFormat, match="damaged or ends early"):
        read(bytes(data))
