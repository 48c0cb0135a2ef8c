# SPDX-License-Identifier: AGPL-3.0-or-later
"""Compressed bodies, unpacked within the limits."""

from __future__ import annotations

import gzip
import os
import time
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomdet.encodings import undo_encoding
from roomdet.errors import FileTooLarge, RequestError, UnsupportedMediaType, ValidationError

MOST = 1_000_000


def raw_deflate(data: bytes) -> bytes:
    """Deflate without zlib's header, as Internet Explorer had it."""
    return zlib.compress(data)[2:-4]


@given(st.binary(max_size=500))
@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("X-GZip ", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", raw_deflate),
        ("identity", bytes),
        ("", bytes),
    ],
)
def test_any_body_arrives(encoding: str, pack: type[bytes], data: bytes) -> None:
    """In each encoding that is undone."""
    assert undo_encoding(pack(data), encoding, MOST) == data


def test_a_gzip_file_may_have_members() -> None:
    """As `cat a.gz b.gz` makes it."""
    assert (
        undo_encoding(gzip.compress(b"a", mtime=0) + gzip.compress(b"b", mtime=0), "gzip", MOST)
        == b"ab"
    )


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, raw_deflate])
def test_a_bomb_of_empty_members_is_refused(pack: type[bytes]) -> None:
    """For each of them all that follows was copied: 1 MB took seconds, 20 MB an hour."""
    started_s = time.process_time()
    with pytest.raises(ValidationError, match="more than 4,096 members"):
        undo_encoding(pack(b"") * 200_000, "gzip" if pack is gzip.compress else "deflate", MOST)

    assert time.process_time() - started_s < 2.0


def test_as_many_members_as_bgzip_writes_are_read() -> None:
    """Each longer than what is read at a time, none of them compressible."""
    member = gzip.compress(os.urandom(70_000), mtime=0)
    body = member * 30

    assert len(undo_encoding(body, "gzip", 3 * MOST)) == 30 * 70_000


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, raw_deflate])
def test_nothing_is_unpacked_beyond_the_limit(pack: type[bytes]) -> None:
    """Exactly the limit passes; of a bomb no more than that is held."""
    encoding = "gzip" if pack is gzip.compress else "deflate"
    assert len(undo_encoding(pack(bytes(MOST)), encoding, MOST)) == MOST
    bomb = pack(bytes(30 * MOST))
    tracemalloc.start()
    with pytest.raises(FileTooLarge, match="more than 1,000,000 bytes once its Content-Encoding"):
        undo_encoding(bomb, encoding, MOST)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 4 * MOST


@pytest.mark.parametrize(
    "encoding", ["br", "zstd", "compress", "gzip, deflate", "base64", "ä" * 99]
)
def test_other_encodings_are_refused_by_name(encoding: str) -> None:
    """415 with the header that was seen and what may stand there."""
    with pytest.raises(
        UnsupportedMediaType, match=r"Content-Encoding reads .*gzip or deflate"
    ) as caught:
        undo_encoding(b"abc", encoding, MOST)

    assert caught.value.status == 415
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("body", "encoding", "message"),
    [
        (gzip.compress(b"plan" * 99, mtime=0)[:-9], "gzip", "ends early"),
        (zlib.compress(b"plan" * 99)[:-9], "deflate", "ends early"),
        (b"\x1f\x8b", "gzip", "ends early"),
        (b"a plan", "gzip", "reads gzip, but the body is not so compressed"),
        (b"a plan", "deflate", "reads deflate, but"),
        (gzip.compress(b"plan", mtime=0) + b"rest", "gzip", "not so compressed"),
    ],
)
def test_a_body_that_is_not_so_encoded_is_refused(body: bytes, encoding: str, message: str) -> None:
    """Cut off, or not compressed at all."""
    with pytest.raises(ValidationError, match=message):
        undo_encoding(body, encoding, MOST)


@given(st.binary(max_size=100), st.sampled_from(["gzip", "deflate"]))
def test_any_body_is_unpacked_or_refused(body: bytes, encoding: str) -> None:
    """Nothing but a RequestError comes out."""
    for start in (b"", b"\x1f\x8b\x08", b"\x78\x9c"):
        try:
            undo_encoding(start + body, encoding, MOST)
        except RequestError:
            continue
