# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pages of a TIFF are found, decoded piece by piece, and refused with the reason.

Layouts and compressions are the matter of test_corpus.py.
"""

from __future__ import annotations

import io
import itertools
import struct
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pytest
import tifffile
from PIL import Image

from roomdet import reduction, tiff_rows
from roomdet.config import Limits
from roomdet.errors import FileTooLarge, InvalidFileFormat, ValidationError
from tests.builders import draw_plan, encode
from tests.corpus.drawing import SIZE_WH, quantized, samples
from tests.corpus.tiffs import CHANNELS, LAYOUTS, Layout, file_of, written
from tests.unit.reading import read

if TYPE_CHECKING:
    from roomdet.geometry import Pixels

SIDE_PX: Final = max(SIZE_WH)
READ: Final = [
    layout
    for layout in LAYOUTS
    if layout.kind[0] in "bup"
    and layout.bits <= (8 if layout.photometric == "palette" else 16)
    and layout.photometric in CHANNELS
]
POINTER_AT: Final = {False: (4, "I", "H", 12), True: (8, "Q", "Q", 20)}  # of a TIFF, of a BigTIFF


def two_pages(*, is_big: bool = False, byteorder: str = "<") -> tuple[bytes, list[Pixels]]:
    """A TIFF of two pages, and what they look like."""
    file, shown = io.BytesIO(), []
    with tifffile.TiffWriter(file, bigtiff=is_big, byteorder=byteorder) as writer:  # type: ignore[arg-type]
        for layout in (Layout("minisblack", "u8"), Layout("rgb", "u8")):
            stored, pixels = layout.planes()
            photometric = layout.photometric
            writer.write(
                np.squeeze(stored), photometric=photometric, compression="lzw", metadata=None
            )
            shown.append(pixels)
    return file.getvalue(), shown


def directories(data: bytes, *, is_big: bool, byteorder: str) -> list[tuple[int, int]]:
    """Where each directory begins, and where its pointer to the next one is."""
    at, pointer, count, entry_bytes = POINTER_AT[is_big]
    found: list[tuple[int, int]] = []
    while True:
        (offset,) = struct.unpack_from(byteorder + pointer, data, at)
        if not offset:
            return found
        (entries,) = struct.unpack_from(byteorder + count, data, offset)
        at = offset + struct.calcsize(count) + entries * entry_bytes
        found.append((offset, at))


class TestNeighbors:
    """The page that is asked for is read, whatever is wrong with the others."""

    @pytest.mark.parametrize("byteorder", "<>")
    @pytest.mark.parametrize("is_big", [False, True], ids=["classic", "big"])
    @pytest.mark.parametrize("pointer", ["beyond", "last byte", "largest", "own pixels"])
    def test_pointer_to_nowhere_hides_no_page(
        self, pointer: str, byteorder: str, *, is_big: bool
    ) -> None:
        """What lies behind it is lost, and the count tells it."""
        whole, shown = two_pages(is_big=is_big, byteorder=byteorder)
        (_, next_at), *_ = directories(whole, is_big=is_big, byteorder=byteorder)
        form = byteorder + POINTER_AT[is_big][1]
        data = bytearray(whole)
        offset = {"beyond": len(data) + 100, "last byte": len(data) - 1, "own pixels": 1,
                  "largest": 256 ** struct.calcsize(form) - 1}[pointer]  # fmt: skip
        struct.pack_into(form, data, next_at, offset)

        assert np.array_equal(read(bytes(data), side_px=SIDE_PX).pixels, shown[0])

    def test_file_that_ends_with_a_directory_is_whole(self) -> None:
        """The pointer to the next one is not there at all."""
        whole = written(quantized(samples(1), 8), Layout("minisblack", "u8"))
        (_, next_at), *_ = directories(whole, is_big=False, byteorder="<")
        # tifffile writes pixels last; here they are first.
        with tifffile.TiffFile(io.BytesIO(whole)) as file:
            stored = np.squeeze(file.pages[0].asarray())
        tags = {258: [8], 259: [1], 262: [1], 277: [1], 278: [SIZE_WH[1]]}
        data = file_of([stored.tobytes()], tags)
        (offset, next_at), *_ = directories(data, is_big=False, byteorder="<")

        page = read(data[:next_at], side_px=SIDE_PX)

        assert offset < next_at == len(data[:next_at])
        assert np.array_equal(page.pixels[:, :, 0], stored)
        assert page.count == 1

    @pytest.mark.parametrize("byteorder", "<>")
    @pytest.mark.parametrize("is_big", [False, True], ids=["classic", "big"])
    def test_spoiled_first_page_does_not_hide_the_second(
        self, byteorder: str, *, is_big: bool
    ) -> None:
        """Its tags may be garbage; only where the next one is must stand."""
        data, shown = two_pages(is_big=is_big, byteorder=byteorder)
        (offset, next_at), *_ = directories(data, is_big=is_big, byteorder=byteorder)
        start = offset + struct.calcsize(POINTER_AT[is_big][2])
        spoiled = data[:start] + b"\xee" * (next_at - start) + data[next_at:]

        page = read(spoiled, page=2, side_px=SIDE_PX)

        assert np.array_equal(page.pixels, shown[1])
        assert page.count == 2
        with pytest.raises(InvalidFileFormat, match="page 1 of the TIFF file"):
            read(spoiled, side_px=SIDE_PX)

    def test_page_behind_a_broken_list_is_not_there(self) -> None:
        """The answer says that the list breaks off, not that there never was one."""
        data, _ = two_pages()
        (_, next_at), *_ = directories(data, is_big=False, byteorder="<")
        broken = bytearray(data)
        struct.pack_into("<I", broken, next_at, len(data) + 5)

        with pytest.raises(
            ValidationError, match=r"has 1 page; its list of pages breaks off there"
        ):
            read(bytes(broken), page=2)

    @pytest.mark.parametrize("end", [4, 7, 8, 12])
    def test_file_without_a_page_is_damaged(self, end: int) -> None:
        """Nothing but a header, or not even that."""
        with pytest.raises(InvalidFileFormat, match="its first page is not there"):
            read(encode(draw_plan(), "TIFF")[:end])


class TestPieces:
    """A page is decoded in pieces of any size, and nobody can tell."""

    @pytest.mark.parametrize("layout", READ, ids=lambda layout: layout.name)
    @pytest.mark.parametrize("planarconfig", ["contig", "separate"])
    def test_large_strips_are_decoded_by_rows(
        self, layout: Layout, planarconfig: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As when a program writes the whole page into one strip."""
        stored, _ = layout.planes()
        options: dict[str, Any] = {"planarconfig": planarconfig} if stored.shape[2] > 1 else {}
        data = written(stored, layout, compression=None if "p" in layout.kind else "lzw", **options)
        whole = read(data, side_px=SIDE_PX).pixels

        monkeypatch.setattr(tiff_rows, "_MOST_STRIP_BYTES", 1)
        monkeypatch.setattr(reduction, "STRIP_PIXELS", 500)

        assert np.array_equal(read(data, side_px=SIDE_PX).pixels, whole)

    @pytest.mark.parametrize("side_px", [7, 20, SIDE_PX])
    @pytest.mark.parametrize("strip_pixels", [1, 200, 1000])
    @pytest.mark.parametrize(
        "options", [{"rowsperstrip": 1}, {"rowsperstrip": 5}, {"tile": (16, 16)}], ids=str
    )
    def test_pieces_leave_no_trace(
        self,
        options: dict[str, Any],
        strip_pixels: int,
        side_px: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """At whatever size, a page in strips or tiles is the one in one piece."""
        stored, _ = Layout("rgb", "u8").planes()
        whole = read(written(stored, Layout("rgb", "u8")), side_px=side_px).pixels

        monkeypatch.setattr(reduction, "STRIP_PIXELS", strip_pixels)
        data = written(stored, Layout("rgb", "u8"), compression="zlib", **options)

        assert np.array_equal(read(data, side_px=side_px).pixels, whole)

    def test_jpeg_in_one_large_strip_keeps_its_colors(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The page is opened once more for its rows, and JPEG becomes RGB there, too."""
        data = encode(draw_plan(), "TIFF", compression="jpeg", tiffinfo={278: 200})
        whole = read(data).pixels

        monkeypatch.setattr(tiff_rows, "_MOST_STRIP_BYTES", 1)

        assert np.array_equal(read(data).pixels, whole)


FAX_WH: Final = (400, 1000)


def fax(*, spoiled_rows: int = 0, kept: float = 1) -> bytes:
    """A page in group 3, of which some rows came over a bad line, or the last ones did not."""
    drawn = np.random.default_rng(3).random(FAX_WH[::-1]) < 0.1
    page = encode(
        Image.fromarray(drawn), "TIFF", compression="group3", tiffinfo={278: FAX_WH[1], 292: 4}
    )
    with tifffile.TiffFile(io.BytesIO(page)) as file:
        found = file.pages[0]
        assert isinstance(found, tifffile.TiffPage)
        (at,), (size,) = found.dataoffsets, found.databytecounts
    strip = bytearray(page[at : at + size])
    # Behind an end of line, all bits set are no code word.
    ends = [i for i in range(len(strip) - 2) if strip[i : i + 2] == b"\0\1"]
    for end in ends[10 : 10 + spoiled_rows]:
        strip[end + 2 : end + 4] = b"\0\xff"
    tags = {258: [1], 259: [3], 262: [0], 277: [1], 278: [FAX_WH[1]], 292: [4]}
    return file_of([bytes(strip[: int(len(strip) * kept)])], tags, FAX_WH)


class TestFax:
    """Some rows of a fax may be spoiled on the way; most may not."""

    def test_few_spoiled_rows_are_borne(self) -> None:
        """A page of 1,000 rows of which three are noise is the page for whoever looks at it."""
        clean = read(fax(), side_px=1000).pixels

        differing = (read(fax(spoiled_rows=3), side_px=1000).pixels != clean).any(axis=(1, 2)).sum()

        assert 1 <= differing <= 6

    def test_many_spoiled_rows_are_refused(self) -> None:
        """The answer says why."""
        with pytest.raises(InvalidFileFormat, match="too many of its rows are no fax"):
            read(fax(spoiled_rows=200), side_px=1000)

    def test_rows_that_did_not_come_are_refused(self) -> None:
        """Libtiff would leave them as they are, which is a page without its lower half."""
        with pytest.raises(InvalidFileFormat, match="too many of its rows are no fax"):
            read(fax(kept=0.5), side_px=1000)


@pytest.mark.parametrize(
    ("compression", "mode", "reason"),
    [("group4", "1", "Premature EOF"), ("jpeg", "L", "Premature end of JPEG")],
)
def test_strip_that_lacks_its_end_is_refused(compression: str, mode: str, reason: str) -> None:
    """Libtiff goes on with white or gray where the file says so little of a strip."""
    whole = encode(draw_plan(mode=mode), "TIFF", compression=compression, tiffinfo={278: 200})
    with tifffile.TiffFile(io.BytesIO(whole)) as file:
        page = file.pages[0]
        assert isinstance(page, tifffile.TiffPage)
        at = page.tags[279].offset + 8
        (size,) = page.databytecounts
    data = bytearray(whole)
    struct.pack_into("<I", data, at, size // 2)

    with pytest.raises(InvalidFileFormat, match=rf"damaged or ends early \({reason}"):
        read(bytes(data))


def claiming(tags: dict[int, list[int]]) -> bytes:
    """A page of one gray strip whose tags say otherwise."""
    plain = {258: [8], 259: [1], 262: [1], 277: [1], 278: [SIZE_WH[1]]}
    return file_of([bytes(SIZE_WH[0] * SIZE_WH[1])], plain | tags)


@pytest.mark.parametrize(
    ("tags", "what"),
    [
        ({259: [34712]}, "JPEG 2000 compression"),
        ({259: [50002]}, "JPEG XL compression"),
        ({259: [61234]}, r"unknown \(61234\) compression"),
        ({262: [8]}, "Lab color"),
        ({262: [32803]}, "a camera's raw pixels"),
        ({262: [4]}, "a transparency mask"),
        ({262: [777]}, r"color of an unknown kind \(777\)"),
        ({262: [2]}, "color of 3 samples but only 1 a pixel"),
        ({262: [5], 277: [4], 258: [8] * 4, 332: [2]}, "inks other than CMYK"),
        ({258: [32], 339: [3]}, "floating-point samples of 32 bits"),
        ({258: [8], 339: [2]}, "signed samples of 8 bits"),
        ({258: [24]}, "samples of 24 bits"),
        ({258: [8, 8, 5], 277: [3], 262: [2]}, "a layout that is not read"),
    ],
)  # fmt: skip
def test_what_is_not_read_has_a_name(tags: dict[int, list[int]], what: str) -> None:
    """And the answer says what to save it as."""
    with pytest.raises(
        InvalidFileFormat, match=rf"^page 1 of the TIFF file has {what}.*; save it as"
    ):
        read(claiming(tags))


def test_pixels_inside_the_header_are_refused() -> None:
    """Pillow writes so with big-endian BigTIFF; libtiff would show the header as pixels."""
    picture = Image.new("I;16B", SIZE_WH)

    with pytest.raises(InvalidFileFormat, match="its pixels are said to begin at byte 0"):
        read(encode(picture, "TIFF", big_tiff=True))


def test_tiles_larger_than_any_picture_are_refused() -> None:
    """A page of few pixels may claim a tile of billions, which would be decoded as a whole."""
    with pytest.raises(FileTooLarge, match="the limit is"):
        read(claiming({322: [60_000], 323: [60_000], 324: [8], 325: [2867]}))


def test_page_that_needs_too_much_memory_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused like any other, not an error of ours."""

    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(tiff_rows.Rows, "_unpack", fail)

    with pytest.raises(FileTooLarge, match="page 1 of the TIFF file needs more memory"):
        read(encode(draw_plan(), "TIFF"))


def test_later_page_over_the_limit_is_refused_alone() -> None:
    """The limit holds for the page that is asked for."""
    data = encode(draw_plan((400, 200)), "TIFF", save_all=True, append_images=[draw_plan((40, 20))])

    assert read(data, page=2, side_px=40, limits=Limits(max_pixels=1000)).source_wh == (40, 20)


def test_all_layouts_are_told_apart() -> None:
    """The table has one row for each; two of one name would hide one another."""
    names = [layout.name for layout in LAYOUTS]

    assert all(first != second for first, second in itertools.combinations(names, 2))
