# SPDX-License-Identifier: AGPL-3.0-or-later
"""A faster inflate for Pillow: half the time of reading a drawing as PNG.

Pillow's wheels for Linux use the system's zlib, not the zlib-ng that they were built with
(auditwheel lets no wheel bring its own libz.so.1). So zlib-ng inflates here, and Pillow gets the
same bytes in stored blocks, which its zlib only copies. Filters, interlacing and everything else
remain Pillow's. See docs/decisions/0024-inflate-before-pillow.md.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from zlib_ng import zlib_ng

if TYPE_CHECKING:
    from collections.abc import Callable

_HEADER = b"\x78\x01"  # RFC 1950, 2.2: deflate, window of 32 kB
_LAST_BLOCK = b"\x01\x00\x00\xff\xff"  # RFC 1951, 3.2.4: stored, final, empty
_BLOCK_BYTES = 65_535  # the most that a stored block holds


class StoredBlocks:
    """A zlib stream, compressed as it comes, as the same stream in stored blocks.

    Args:
        read: Gives up to as many bytes of the compressed stream as it is asked for; none at its
            end.
    """

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._inflate = zlib_ng.decompressobj()
        self._checksum = 1  # RFC 1950, 8.2: of no bytes
        self._head = _HEADER

    def read(self, read_bytes: int) -> bytes:
        """Return the next block, whatever its size; nothing where the stream ends or breaks off.

        Args:
            read_bytes: Bytes to take from the compressed stream at a time.

        Raises:
            OSError: If the stream is damaged.
        """
        if self._inflate.eof:
            return b""
        try:
            block = self._inflate.decompress(self._inflate.unconsumed_tail, _BLOCK_BYTES)
            while not block and not self._inflate.eof:
                packed = self._read(read_bytes)
                if not packed:
                    return b""
                block = self._inflate.decompress(packed, _BLOCK_BYTES)
        except zlib_ng.error as err:  # type: ignore[misc]  # its stub has an instance there
            raise OSError(f"damaged zlib stream: {err}") from err
        self._checksum = zlib_ng.adler32(block, self._checksum)
        head, self._head = self._head, b""
        size = len(block)
        stored = head + struct.pack("<BHH", 0, size, size ^ 0xFFFF) + block
        if self._inflate.eof:
            stored += _LAST_BLOCK + struct.pack(">I", self._checksum)
        return stored
