# SPDX-License-Identifier: AGPL-3.0-or-later
"""Layers that are packed anew."""

from __future__ import annotations

import gzip
import io
from typing import Any

import pytest
import zstandard

from deploy.errors import Unconvertible, WrongContent
from deploy.image.inspection import Layer
from deploy.image.layers import pack_anew
from deploy.image.manifest import Descriptor, digest_of
from deploy.image.media import Compression


def repack(
    content: bytes, packed: bytes, packing: Compression = Compression.ZSTD, **options: Any
) -> bytes:
    """Pack a layer anew; what becomes of it."""
    layer = Layer(Descriptor("x", digest_of(packed), len(packed)), packing)
    out = io.BytesIO()
    pieces = (packed[at : at + 7] for at in range(0, len(packed), 7))
    made = pack_anew(layer, pieces, digest_of(content), out, **options)
    assert (made.digest, made.size_bytes) == (digest_of(out.getvalue()), len(out.getvalue()))
    return gzip.decompress(out.getvalue())


def test_layers_unpack_to_the_same_bytes() -> None:
    """One frame, several, none."""
    content = bytes(range(256)) * 999
    pack = zstandard.ZstdCompressor().compress

    assert repack(content, pack(content)) == content
    assert repack(content, pack(content[:9]) + pack(content[9:])) == content
    assert repack(content, content, Compression.NONE) == content
    assert repack(b"", pack(b"")) == b""


def test_layers_that_are_not_what_they_should_be_are_refused() -> None:
    """Cut, damaged, of another content, or a bomb."""
    content = bytes(10**6)
    packed = zstandard.ZstdCompressor().compress(content)

    with pytest.raises(WrongContent, match="the configuration says"):
        repack(b"other", packed)
    with pytest.raises(WrongContent, match="the configuration says"):
        repack(content, packed[:-3])
    with pytest.raises(Unconvertible, match="cannot be unpacked"):
        repack(content, packed[:9] + b"\xff" * 9 + packed[18:])
    with pytest.raises(Unconvertible, match="unpacks to more than 1,000 bytes"):
        repack(content, packed, limit_bytes=1000)
