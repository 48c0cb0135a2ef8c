# SPDX-License-Identifier: AGPL-3.0-or-later
"""A body that the caller has compressed, as it was before: ``Content-Encoding``."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from roomdet.errors import FileTooLarge, UnsupportedMediaType, ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterator

_GZIP = 16 + zlib.MAX_WBITS
_GZIP_MAGIC = b"\x1f\x8b"
_READ = ("gzip", "deflate")
_BLOCK_BYTES = 1 << 20
# Read at a time: what zlib has not needed of them it copies, at the end of each member.
_PACKED_BYTES = 1 << 16
# bgzip makes one of each 64 kB.
_MOST_MEMBERS = 4096
_SHOWN_CHARS = 64


def undo_encoding(body: bytes, encoding: str, most_bytes: int) -> bytes:
    """A body without its content encoding.

    Args:
        body: The body as it came.
        encoding: Value of the header, in any case; none or ``identity`` changes nothing.
        most_bytes: What it may have unpacked; nothing beyond that is unpacked.

    Raises:
        UnsupportedMediaType: If the encoding is another than gzip and deflate.
        ValidationError: If the body is not so encoded, or cut off.
        FileTooLarge: If it has more bytes unpacked.
    """
    name = encoding.strip().lower().removeprefix("x-")
    if name in {"", "identity"}:
        return body
    if name not in _READ:
        raise UnsupportedMediaType(
            f"the header Content-Encoding reads {encoding.strip()[:_SHOWN_CHARS]!r}; send the body "
            f"as it is, without that header, or compressed with {' or '.join(_READ)}",
            {"header": "Content-Encoding", "allowed": list(_READ)},
        )
    try:
        return b"".join(_unpacked(name, body, most_bytes))
    except zlib.error as err:
        raise ValidationError(
            f"the header Content-Encoding reads {name}, but the body is not so compressed; send "
            "it without that header, or compress it"
        ) from err


def _unpacked(name: str, body: bytes, left: int) -> Iterator[bytes]:
    """What a body holds, block by block, at most ``left`` bytes."""
    most_bytes, at, members = left, 0, 0
    while at < len(body):  # a gzip file may have several members (RFC 1952, 2.2)
        members += 1
        if members > _MOST_MEMBERS:
            raise ValidationError(
                f"the body has more than {_MOST_MEMBERS:,} members of {name}; compress it as one"
            )
        unpacker = zlib.decompressobj(_window(name, body[at : at + 2]))
        while not unpacker.eof:
            packed = unpacker.unconsumed_tail
            if not packed:
                packed = body[at : at + _PACKED_BYTES]
                at += len(packed)
            block = unpacker.decompress(packed, min(_BLOCK_BYTES, left + 1))
            left -= len(block)
            if left < 0:
                raise FileTooLarge(
                    f"the body has more than {most_bytes:,} bytes once its Content-Encoding, "
                    f"{name}, is undone; send a smaller file",
                    {"limit": most_bytes},
                )
            yield block
            if not (block or packed or unpacker.eof):
                raise ValidationError(
                    f"the body ends early: its Content-Encoding, {name}, is not complete; send "
                    "it whole"
                )
        at -= len(unpacker.unused_data)


def is_gzip(start: bytes) -> bool:
    """Whether a body begins as gzip does."""
    return start.startswith(_GZIP_MAGIC)


def _window(name: str, body: bytes) -> int:
    """What zlib is to expect; ``deflate`` often comes without the header that it should have."""
    if name == "gzip":
        return _GZIP
    has_header = body[0] & 0x0F == zlib.DEFLATED and int.from_bytes(body[:2]) % 31 == 0
    return zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS
