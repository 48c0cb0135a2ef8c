# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pack a layer anew with gzip, and prove that it is the same layer."""

from __future__ import annotations

import hashlib
import zlib
from typing import IO, TYPE_CHECKING, BinaryIO, cast

import zstandard

from deploy.errors import Unconvertible, WrongContent
from deploy.image.manifest import Descriptor
from deploy.image.media import DOCKER_LAYER, Compression

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.image.inspection import Layer

_LEVEL = 6  # as Docker's own
_PIECE = 2**20
_GZIP = 31  # zlib: the largest window, with gzip's header, which holds no time
# A serverless container has 5 GB of disk and takes 10 GB of image; more is a bomb.
MAX_UNPACKED_BYTES = 20 * 2**30


def pack_anew(
    layer: Layer,
    pieces: Iterator[bytes],
    diff_id: str,
    out: BinaryIO,
    *,
    limit_bytes: int = MAX_UNPACKED_BYTES,
) -> Descriptor:
    """Write a layer, packed with gzip, to a file; the same layer gives the same bytes.

    Args:
        layer: What it is.
        pieces: Its bytes as the registry gives them.
        diff_id: What the configuration says of its unpacked bytes.
        out: Is written to.
        limit_bytes: Largest size when it is unpacked.

    Returns:
        The new layer.

    Raises:
        Unconvertible: If it cannot be unpacked, or is too large.
        WrongContent: If it is not what digest, size or ``diff_id`` say.
    """
    digest, source = layer.described.digest, _Source(pieces)
    unpacked, packed = _Measured(), _Measured()
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    try:
        for content in _unpacked(layer, source):
            unpacked.add(content)
            if unpacked.size > limit_bytes:
                raise Unconvertible(f"layer {digest} unpacks to more than {limit_bytes:,} bytes")
            out.write(packed.add(packer.compress(content)))
    except zstandard.ZstdError as err:
        raise Unconvertible(f"layer {digest} cannot be unpacked: {err}") from err
    out.write(packed.add(packer.flush()))
    _check(layer.described, source.seen, unpacked, diff_id)
    return Descriptor(DOCKER_LAYER, packed.digest, packed.size)


def _check(described: Descriptor, given: _Measured, unpacked: _Measured, diff_id: str) -> None:
    if (given.digest, given.size) != (described.digest, described.size_bytes):
        raise WrongContent(f"what the registry gives as layer {described.digest} is something else")
    if unpacked.digest != diff_id:
        raise WrongContent(
            f"layer {described.digest} unpacks to {unpacked.digest}; "
            f"the configuration says {diff_id}"
        )


def _unpacked(layer: Layer, source: _Source) -> Iterator[bytes]:
    """The layer's content, in pieces of bounded size however much it is packed."""
    if layer.compression is Compression.NONE:
        yield from iter(lambda: source.read(_PIECE), b"")
        return
    # A frame that wants more than 128 MiB of memory is refused, as every decoder may. Layers of
    # zstd:chunked have many frames, and some that are skipped.
    unpacker = zstandard.ZstdDecompressor(max_window_size=2**27)
    with unpacker.stream_reader(cast("IO[bytes]", source), read_across_frames=True) as reader:
        yield from iter(lambda: reader.read(_PIECE), b"")


class _Measured:
    """Digest and size of what passes."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.size = 0

    def add(self, data: bytes) -> bytes:
        self._hash.update(data)
        self.size += len(data)
        return data

    @property
    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"


class _Source:
    """Pieces as something that can be read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, b""
        self.seen = _Measured()

    def read(self, size: int) -> bytes:
        if not self._rest:
            self._rest = next(self._pieces, b"")
            self.seen.add(self._rest)
        found, self._rest = self._rest[:size], self._rest[size:]
        return found
