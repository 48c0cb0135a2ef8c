# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pictures become one page: the right pixels, upright, at the working size, within the limits.

Longer than a module should be: many small behaviors of one function, told apart by class.
"""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from roomdet import pictures, reduction
from roomdet.config import Limits
from roomdet.errors import FileTooLarge, InvalidFileFormat, RequestError, ValidationError
from tests.builders import (
    PLAN_WH,
    ROOMS,
    SEED,
    a1_sheet,
    deep_tiff,
    draw_plan,
    encode,
    exif,
    png_header,
    png_rgb,
    tiff,
)
from tests.unit.reading import SIDE_PX, attempt, read

if TYPE_CHECKING:
    from collections.abc import Callable

    from roomdet.geometry import Pixels
    from roomdet.page import Page

# How the picture is stored whose top row and left column show the sides that EXIF 2.32 names
# for each orientation ("6: the 0th row is the visual right-hand side, the 0th column the top").
STORED: Final[dict[int, Image.Transpose | None]] = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def pixels_of(picture: Image.Image) -> Pixels:
    """What a page of this picture must hold."""
    return np.asarray(picture.convert("RGB"))


def mean_error(page: Page, expected: Pixels) -> float:
    """Mean difference of the samples; infinite where the shapes differ."""
    if page.pixels.shape != expected.shape:
        return float("inf")
    return float(np.abs(page.pixels.astype(int) - expected).mean())


def stored_as(orientation: int, picture: Image.Image) -> Image.Image:
    """The picture as a camera held that way stores it."""
    how = STORED[orientation]
    return picture if how is None else picture.transpose(how)


def transparent_plan(mode: str) -> Image.Image:
    """The plan whose white is transparent black instead."""
    plan = draw_plan()
    is_ground = (np.asarray(plan) == 255).all(axis=2)
    layers = np.dstack([np.asarray(plan), np.where(is_ground, 0, 255).astype(np.uint8)])
    layers[is_ground] = 0
    return Image.fromarray(layers).convert(mode)


def palette_plan() -> Image.Image:
    """The plan with a palette, white first."""
    white_first = Image.new("P", (1, 1))
    colors = [(255, 255, 255), *(color for color, _ in ROOMS.values())]
    white_first.putpalette([value for color in colors for value in color])
    return draw_plan().quantize(palette=white_first, dither=Image.Dither.NONE)


def gray_16() -> Image.Image:
    """The plan in 16 bits of gray, the low byte unlike the high one."""
    return Image.fromarray((np.asarray(draw_plan(mode="L")).astype(np.uint16) << 8) + 77)


def rgb_16() -> bytes:
    """A PNG of the plan with 16 bits a channel."""
    return png_rgb(np.asarray(draw_plan()).astype(np.uint16) * 257)


def noisy_plan() -> Image.Image:
    """The plan with grain, so that every part of its file matters."""
    grain = np.random.default_rng(SEED).integers(0, 50, (*PLAN_WH[::-1], 3))
    return Image.fromarray((np.asarray(draw_plan()) * 0.8 + grain).astype(np.uint8))


def save_tiff(mode: str, **options: object) -> bytes:
    """The plan as Pillow and libtiff write it."""
    return encode(draw_plan(mode=mode), "TIFF", **options)


EXACT: Final[dict[str, tuple[Callable[[], bytes], str]]] = {
    "png-1-bit": (lambda: encode(draw_plan(mode="1"), "PNG"), "1"),
    "png-gray": (lambda: encode(draw_plan(mode="L"), "PNG"), "L"),
    "png-gray-16-bit": (lambda: encode(gray_16(), "PNG"), "L"),
    "png-palette": (lambda: encode(palette_plan(), "PNG"), "RGB"),
    "png-rgb": (lambda: encode(draw_plan(), "PNG"), "RGB"),
    "png-rgb-16-bit": (rgb_16, "RGB"),
    "png-interlaced": (lambda: png_rgb(np.asarray(draw_plan()), is_interlaced=True), "RGB"),
    "tiff-plain": (lambda: save_tiff("RGB"), "RGB"),
    "tiff-cmyk": (lambda: save_tiff("CMYK"), "RGB"),
    "tiff-gray-16-bit": (lambda: encode(gray_16(), "TIFF"), "L"),
    "tiff-palette": (lambda: encode(palette_plan(), "TIFF"), "RGB"),
    "tiff-lzw": (lambda: save_tiff("RGB", compression="tiff_lzw"), "RGB"),
    "tiff-deflate": (lambda: save_tiff("RGB", compression="tiff_adobe_deflate"), "RGB"),
    "tiff-g4": (lambda: save_tiff("1", compression="group4"), "1"),
    "tiff-g4-white-is-zero": (
        lambda: save_tiff("1", compression="group4", tiffinfo={262: 0}), "1",
    ),
    "tiff-1-bit-black-is-zero": (lambda: save_tiff("1"), "1"),
    "tiff-1-bit-white-is-zero": (lambda: save_tiff("1", tiffinfo={262: 0}), "1"),
    "tiff-tiled": (lambda: tiff(draw_plan(), tile_px=64), "RGB"),
    "tiff-tiled-gray": (lambda: tiff(draw_plan(mode="L"), tile_px=48), "L"),
    "tiff-big-endian": (lambda: tiff(draw_plan(), is_big_endian=True), "RGB"),
    "tiff-big-endian-tiled": (lambda: tiff(draw_plan(), is_big_endian=True, tile_px=80), "RGB"),
    "bigtiff": (lambda: save_tiff("RGB", big_tiff=True), "RGB"),
    "webp-lossless": (lambda: encode(draw_plan(), "WEBP", lossless=True), "RGB"),
    "bmp": (lambda: encode(draw_plan(), "BMP"), "RGB"),
    "bmp-1-bit": (lambda: encode(draw_plan(mode="1"), "BMP"), "1"),
    "gif": (lambda: encode(palette_plan(), "GIF"), "RGB"),
}  # fmt: skip

LOSSY: Final[dict[str, tuple[Callable[[], bytes], str]]] = {
    "jpeg-gray": (lambda: encode(draw_plan(mode="L"), "JPEG"), "L"),
    "jpeg-rgb": (lambda: encode(draw_plan(), "JPEG"), "RGB"),
    "jpeg-progressive": (lambda: encode(draw_plan(), "JPEG", progressive=True), "RGB"),
    "jpeg-cmyk-inverted": (lambda: encode(draw_plan(mode="CMYK"), "JPEG"), "RGB"),
    "jpeg-several-pictures": (
        lambda: encode(draw_plan(), "MPO", save_all=True, append_images=[noisy_plan()]), "RGB",
    ),
    "tiff-jpeg": (lambda: save_tiff("RGB", compression="jpeg"), "RGB"),
    "webp-lossy": (lambda: encode(draw_plan(), "WEBP"), "RGB"),
}  # fmt: skip

TRANSPARENT: Final[dict[str, tuple[Callable[[], bytes], str]]] = {
    "png-rgba": (lambda: encode(transparent_plan("RGBA"), "PNG"), "RGB"),
    "png-gray-alpha": (lambda: encode(transparent_plan("LA"), "PNG"), "L"),
    "png-rgb-one-color": (
        lambda: encode(transparent_plan("RGB"), "PNG", transparency=(0, 0, 0)), "black is white",
    ),
    "png-palette-one-entry": (lambda: encode(palette_plan(), "PNG", transparency=0), "RGB"),
    "png-palette-alpha": (lambda: encode(palette_plan(), "PNG", transparency=b"\x00"), "RGB"),
    "gif": (lambda: encode(palette_plan(), "GIF", transparency=0), "RGB"),
    "tiff-rgba": (lambda: encode(transparent_plan("RGBA"), "TIFF"), "RGB"),
    "webp-lossless": (
        lambda: encode(transparent_plan("RGBA"), "WEBP", lossless=True), "RGB",
    ),
}  # fmt: skip

ORIENTED: Final[dict[str, Callable[[Image.Image, int], bytes]]] = {
    "jpeg": lambda picture, turn: encode(picture, "JPEG", quality=95, exif=exif(turn)),
    "png": lambda picture, turn: encode(picture, "PNG", exif=exif(turn)),
    "webp": lambda picture, turn: encode(picture, "WEBP", quality=95, exif=exif(turn)),
    "tiff": lambda picture, turn: encode(picture, "TIFF", tiffinfo={274: turn}),
    "tiff-lzw": lambda picture, turn: encode(
        picture, "TIFF", compression="tiff_lzw", tiffinfo={274: turn}
    ),
}


# As the reader sets for the process; pytest puts filters of its own around every test.
pytestmark = pytest.mark.filterwarnings("ignore:::PIL[.]")


def plainly_resized(data: bytes, target_wh: tuple[int, int]) -> Pixels:
    """What Pillow makes of a picture in the plainest way: RGB or gray, one filter, RGB."""
    picture: Image.Image = Image.open(io.BytesIO(data))
    if picture.mode.startswith("I;16"):
        picture = Image.fromarray((np.asarray(picture) // 256).astype(np.uint8))
    elif picture.has_transparency_data:
        layer = picture.convert("RGBA")
        picture = Image.new("RGB", layer.size, "white")
        picture.paste(layer, mask=layer.getchannel("A"))
    elif picture.mode != "L":
        picture = picture.convert("L" if picture.mode == "1" else "RGB")
    return pixels_of(picture.resize(target_wh, Image.Resampling.BILINEAR))


class TestFormats:
    """Every kind of picture shows what was drawn."""

    @pytest.mark.parametrize("name", EXACT)
    def test_lossless_picture_keeps_every_pixel(self, name: str) -> None:
        """What was drawn comes back sample by sample."""
        build, mode = EXACT[name]

        page = read(build())

        assert np.array_equal(page.pixels, pixels_of(draw_plan(mode=mode)))

    @pytest.mark.parametrize("name", LOSSY)
    def test_lossy_picture_looks_as_drawn(self, name: str) -> None:
        """What was drawn comes back but for the traces of its compression."""
        build, mode = LOSSY[name]

        page = read(build())

        assert mean_error(page, pixels_of(draw_plan(mode=mode))) < 3

    @pytest.mark.parametrize("target_wh", [(101, 63), (320, 200), (500, 312)])
    @pytest.mark.parametrize("name", [*EXACT, *LOSSY, *TRANSPARENT])
    def test_unreduced_picture_is_filtered_once(
        self, name: str, target_wh: tuple[int, int]
    ) -> None:
        """Less than four times too large, a picture is what one pass of the filter makes of it."""
        build, _ = (EXACT | LOSSY | TRANSPARENT)[name]
        data = build()

        page = read(data, side_px=target_wh[0])

        assert np.array_equal(page.pixels, plainly_resized(data, target_wh))

    @pytest.mark.parametrize("channel", range(3))
    @pytest.mark.parametrize("row", [0, PLAN_WH[1] // 2, PLAN_WH[1] - 1])
    def test_a_plan_in_gray_keeps_its_only_color(self, row: int, channel: int) -> None:
        """Wherever that is, and although the rest would do in one channel."""
        plan = draw_plan(mode="L").convert("RGB")
        color = [255, 255, 255]
        color[channel] = 0
        plan.paste(tuple(color), (3, row, 9, row + 1))
        data = encode(plan, "PNG")

        page = read(data, side_px=101)

        assert np.array_equal(page.pixels, plainly_resized(data, (101, 63)))
        assert np.ptp(page.pixels.astype(int), axis=2).max() > 0

    def test_a_plan_in_gray_is_the_same_in_one_channel_and_in_three(self) -> None:
        """What is stored as RGB, too, is filtered as gray; nobody can tell."""
        plan = draw_plan(mode="L")
        pages = [read(encode(plan.convert(mode), "PNG"), side_px=101) for mode in ("L", "RGB")]

        assert np.array_equal(pages[0].pixels, pages[1].pixels)

    @pytest.mark.parametrize("name", TRANSPARENT)
    def test_transparent_ground_is_white(self, name: str) -> None:
        """Transparency is laid over white, whatever color lies beneath."""
        build, mode = TRANSPARENT[name]
        expected = draw_plan(mode=mode if mode == "L" else "RGB")
        if mode == "black is white":
            ImageDraw.Draw(expected).rectangle((0, 0, SIDE_PX // 2, 60), fill="white")

        page = read(build())

        assert np.array_equal(page.pixels, pixels_of(expected))

    def test_half_transparent_black_is_mid_gray(self) -> None:
        """Alpha counts by degrees."""
        page = read(encode(Image.new("RGBA", PLAN_WH, (0, 0, 0, 128)), "PNG"))

        assert np.unique(page.pixels).tolist() == [127]

    def test_animation_shows_its_first_frame(self) -> None:
        """Of an animated GIF only the first frame is read."""
        frames = encode(palette_plan(), "GIF", save_all=True, append_images=[noisy_plan()])

        page = read(frames)

        assert np.array_equal(page.pixels, pixels_of(draw_plan()))
        assert page.count == 1

    def test_unread_pixel_mode_is_named(self) -> None:
        """Floating-point pixels are refused with what to send instead."""
        with pytest.raises(
            InvalidFileFormat, match=r"floating-point samples of 32 bits; save it as"
        ):
            read(encode(Image.new("F", PLAN_WH), "TIFF"))

    @pytest.mark.parametrize("name", [*EXACT, *LOSSY])
    def test_page_is_rgb_bytes(self, name: str) -> None:
        """Whatever came, the page is uint8 RGB and page 1 of 1."""
        build, _ = (EXACT | LOSSY)[name]

        page = read(build(), side_px=64)

        assert page.pixels.dtype == np.uint8
        assert page.pixels.shape == (40, 64, 3)
        assert (page.number, page.count) == (1, 1)


class TestOrientation:
    """A picture is read as a person sees it."""

    @pytest.mark.parametrize("orientation", STORED)
    @pytest.mark.parametrize("kind", ORIENTED)
    def test_picture_is_turned_upright(self, kind: str, orientation: int) -> None:
        """All eight orientations give the same page."""
        data = ORIENTED[kind](stored_as(orientation, draw_plan()), orientation)

        page = read(data)

        assert mean_error(page, pixels_of(draw_plan())) < 3

    @pytest.mark.parametrize("orientation", STORED)
    @pytest.mark.parametrize("kind", ORIENTED)
    def test_source_size_is_upright(self, kind: str, orientation: int) -> None:
        """The size that is reported is the one that a person sees, also after a reduction."""
        data = ORIENTED[kind](stored_as(orientation, draw_plan()), orientation)

        page = read(data, side_px=32)

        assert page.source_wh == PLAN_WH
        assert page.pixels.shape == (20, 32, 3)

    @pytest.mark.parametrize("orientation", [0, 9, 65535])
    def test_unknown_orientation_is_upright(self, orientation: int) -> None:
        """Values that EXIF does not define change nothing."""
        page = read(encode(draw_plan(), "PNG", exif=exif(orientation)))

        assert np.array_equal(page.pixels, pixels_of(draw_plan()))

    def test_unreadable_exif_is_upright(self) -> None:
        """A picture is read although its EXIF data are garbage."""
        page = read(encode(draw_plan(), "PNG", exif=b"Exif\0\0MM\0\x2a\xff\xff\xff\xff"))

        assert np.array_equal(page.pixels, pixels_of(draw_plan()))


class TestPages:
    """A TIFF may have several pages."""

    WHS: Final = [(40, 20), (20, 40), (30, 30)]

    def document(self, **options: object) -> bytes:
        """A TIFF of three plans of different sizes."""
        first, *others = [draw_plan(wh) for wh in self.WHS]
        return encode(first, "TIFF", save_all=True, append_images=others, **options)

    @pytest.mark.parametrize("number", [1, 2, 3])
    @pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
    def test_page_is_chosen(self, compression: str, number: int) -> None:
        """The page that was asked for is read, not the first one."""
        page = read(self.document(compression=compression), page=number, side_px=40)

        assert page.source_wh == self.WHS[number - 1]
        assert (page.number, page.count) == (number, 3)

    def test_pixels_are_those_of_the_page(self) -> None:
        """The pixels, too, are those of the chosen page."""
        page = read(self.document(), page=2, side_px=40)

        assert np.array_equal(page.pixels, pixels_of(draw_plan(self.WHS[1])))

    @pytest.mark.parametrize("kind", ["PNG", "GIF", "TIFF", "JPEG"])
    def test_page_beyond_the_last_is_refused(self, kind: str) -> None:
        """The answer says how many pages there are."""
        with pytest.raises(ValidationError, match=r"page 2 was asked for; the file has 1 page$"):
            read(encode(draw_plan(mode="L"), kind), page=2)

    def test_as_many_pages_as_the_limit_are_read(self) -> None:
        """The limit itself is allowed."""
        assert read(self.document(), limits=Limits(max_pages=3)).count == 3

    def test_more_pages_than_the_limit_are_refused(self) -> None:
        """A document is refused as a whole, whatever page was asked for."""
        with pytest.raises(FileTooLarge, match="more than 2 pages") as caught:
            read(self.document(), limits=Limits(max_pages=2))

        assert caught.value.details == {"limit": 2}

    def test_pages_that_go_round_in_a_circle_end(self) -> None:
        """A directory that points back at the first is the last one."""
        data = bytearray(tiff(draw_plan(mode="L")))
        (directory,) = struct.unpack_from("<I", data, 4)
        (entries,) = struct.unpack_from("<H", data, directory)
        struct.pack_into("<I", data, directory + 2 + 12 * entries, directory)

        assert read(bytes(data)).count == 1


class TestSize:
    """The longer side of a page is the one that was asked for."""

    @pytest.mark.parametrize(
        ("source_wh", "expected_wh"),
        [
            pytest.param((1, 1), (640, 640), id="one-pixel"),
            pytest.param((3, 2), (640, 427), id="enlarged"),
            pytest.param((640, 480), (640, 480), id="as-it-is"),
            pytest.param((641, 640), (640, 639), id="one-pixel-less"),
            pytest.param((480, 1280), (240, 640), id="upright"),
            pytest.param((1999, 1501), (640, 481), id="odd"),
            pytest.param((1, 5000), (1, 640), id="hair-upright"),
            pytest.param((5000, 1), (640, 1), id="hair-level"),
            pytest.param((5000, 7), (640, 1), id="strip"),
        ],
    )
    @pytest.mark.parametrize("kind", ["PNG", "JPEG"])
    def test_longer_side_is_exact(
        self, kind: str, source_wh: tuple[int, int], expected_wh: tuple[int, int]
    ) -> None:
        """Any picture fits exactly, and no side is empty."""
        page = read(encode(Image.new("L", source_wh, 200), kind), side_px=640)

        assert page.pixels.shape == (*expected_wh[::-1], 3)
        assert page.source_wh == source_wh

    @pytest.mark.parametrize("source_wh", [(1, 1), (1, 5000), (5000, 1), (1999, 1501), (9, 7)])
    @pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "CMYK", "P"])
    def test_plain_picture_stays_plain(self, mode: str, source_wh: tuple[int, int]) -> None:
        """White stays white up to its last row and column: no seam and no dark edge."""
        white = Image.new("RGB", source_wh, "white").convert(mode)

        page = read(encode(white, "TIFF"), side_px=640)

        assert page.pixels.min() == 255


class TestResampling:
    """Reducing a large sheet loses no line and invents no pattern."""

    @pytest.mark.parametrize("at_px", [0, 7, 2500, 3333, 4999])
    @pytest.mark.parametrize("mode", ["1", "L", "RGB"])
    @pytest.mark.parametrize("kind", ["PNG", "JPEG"])
    def test_hairline_keeps_its_ink(self, kind: str, mode: str, at_px: int) -> None:
        """A line of one pixel is still there at an eighth of the size, as gray as it is thin."""
        if kind == "JPEG" and mode == "1":
            mode = "L"
        sheet = Image.new(mode, (5000, 200), "white")
        ImageDraw.Draw(sheet).line((at_px, 0, at_px, 199), fill="black")

        row = read(encode(sheet, kind), side_px=640).pixels[10, :, 0].astype(int)

        assert row.min() < 240
        # The bilinear filter weighs the outermost pixels of the sheet by 3/4 to 4/3.
        assert (255 - row).sum() == pytest.approx(255 * 640 / 5000, rel=0.35)

    def test_level_hairline_keeps_its_ink(self) -> None:
        """The same holds from top to bottom."""
        sheet = Image.new("1", (200, 5000), 1)
        ImageDraw.Draw(sheet).line((0, 3333, 199, 3333), fill=0)

        column = read(encode(sheet, "PNG"), side_px=640).pixels[:, 10, 0].astype(int)

        assert (255 - column).sum() == pytest.approx(255 * 640 / 5000, rel=0.1)

    @pytest.mark.parametrize("side", [1281, 2048, 2999])
    def test_checkerboard_averages_to_mid_gray(self, side: int) -> None:
        """The finest pattern there is becomes its mean, without moiré."""
        board = np.indices((side, side)).sum(axis=0) % 2 * 255

        page = read(encode(Image.fromarray(board.astype(np.uint8)), "PNG"), side_px=640)

        assert np.abs(page.pixels[1:-1, 1:-1].astype(int) - 127.5).max() < 40
        assert page.pixels.mean() == pytest.approx(127.5, abs=1)

    @settings(max_examples=60, deadline=None)
    @given(
        wh=st.tuples(st.integers(1, 300), st.integers(1, 300)),
        target_wh=st.tuples(st.integers(1, 40), st.integers(1, 40)),
        strip_pixels=st.integers(1, 20_000),
    )
    def test_strips_leave_no_trace(
        self, wh: tuple[int, int], target_wh: tuple[int, int], strip_pixels: int
    ) -> None:
        """A picture reduced in strips is the one that Pillow reduces in one piece."""
        noise = np.random.default_rng(SEED).integers(0, 256, (*wh[::-1], 3), np.uint8)
        picture = Image.fromarray(noise)
        whole = picture.resize(target_wh, Image.Resampling.BILINEAR, reducing_gap=2.0)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reduction, "STRIP_PIXELS", strip_pixels)
            reduced = pictures._at_size(picture, target_wh)

        assert np.array_equal(np.asarray(reduced), np.asarray(whole))

    def test_sheet_is_never_held_as_a_whole(self, tmp_path: Path) -> None:
        """A black-and-white A1 sheet has 70 million pixels and is decoded a few at a time."""
        path = tmp_path / "a1.tiff"
        path.write_bytes(a1_sheet("g4.tiff"))
        program = (
            "import pathlib, re, sys\n"
            "from roomdet.config import Limits\n"
            "from roomdet.images import read_page\n"
            "def peak_kb():\n"
            "    status = pathlib.Path('/proc/self/status').read_text()\n"
            "    return int(re.search(r'VmHWM:\\s+(\\d+)', status)[1])\n"
            "data = pathlib.Path(sys.argv[1]).read_bytes()\n"
            "before = peak_kb()\n"
            "read_page(data, page=1, side_px=640, limits=Limits())\n"
            "print(peak_kb() - before)\n"
        )

        run = subprocess.run(
            [sys.executable, "-c", program, str(path)],
            env={"PYTHONPATH": str(Path(pictures.__file__).parents[1])},
            capture_output=True,
            check=True,
            timeout=240,
        )

        assert int(run.stdout) < 25_000


def claiming(kind: str, offset: int, layout: str, *values: int) -> bytes:
    """A small file whose header says otherwise."""
    data = bytearray(encode(draw_plan(mode="L"), kind))
    struct.pack_into(layout, data, offset, *values)
    return bytes(data)


def jpeg_claiming(wh: tuple[int, int]) -> bytes:
    """A small JPEG whose frame header (SOF0) gives another size."""
    start = encode(draw_plan(mode="L"), "JPEG").index(b"\xff\xc0")
    return claiming("JPEG", start + 5, ">HH", *wh[::-1])


class TestLimits:
    """What exceeds a limit is refused by its header."""

    def test_as_many_bytes_as_the_limit_are_read(self) -> None:
        """The limit itself is allowed."""
        data = encode(draw_plan(), "PNG")

        assert read(data, limits=Limits(max_bytes=len(data))).source_wh == PLAN_WH

    def test_one_byte_more_is_refused(self) -> None:
        """The answer says how many came and how many are allowed."""
        data = encode(draw_plan(), "PNG")

        with pytest.raises(FileTooLarge, match="bytes; the limit is") as caught:
            read(data, limits=Limits(max_bytes=len(data) - 1))

        assert caught.value.details == {"bytes": len(data), "limit": len(data) - 1}

    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF"])
    def test_as_many_pixels_as_the_limit_are_read(self, kind: str) -> None:
        """The limit itself is allowed."""
        page = read(encode(draw_plan(), kind), limits=Limits(max_pixels=320 * 200))

        assert page.source_wh == PLAN_WH

    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF"])
    def test_one_pixel_more_is_refused(self, kind: str) -> None:
        """The answer says how many came and how many are allowed."""
        with pytest.raises(FileTooLarge, match=r"320 x 200 = 64,000 pixels") as caught:
            read(encode(draw_plan(), kind), limits=Limits(max_pixels=63_999))

        assert caught.value.details == {"pixels": 64_000, "limit": 63_999}

    def test_limit_holds_for_later_pages(self) -> None:
        """A large page behind a small one is refused when it is asked for."""
        data = encode(
            draw_plan((40, 20)), "TIFF", save_all=True, append_images=[draw_plan((400, 200))]
        )
        limits = Limits(max_pixels=1000)

        assert read(data, limits=limits).source_wh == (40, 20)
        with pytest.raises(FileTooLarge, match="400 x 200"):
            read(data, page=2, limits=limits)

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(png_header((13_000, 13_000)), id="png-below-pillows-limit"),
            pytest.param(png_header((40_000, 40_000)), id="png-above-pillows-limit"),
            pytest.param(png_header((2**31 - 1, 2**31 - 1)), id="png-largest"),
            pytest.param(jpeg_claiming((65_500, 65_500)), id="jpeg"),
            pytest.param(claiming("GIF", 6, "<HH", 65_535, 65_535), id="gif"),
            pytest.param(claiming("BMP", 18, "<ii", 40_000, 40_000), id="bmp"),
        ],
    )
    def test_bomb_is_refused_undecoded(self, data: bytes) -> None:
        """A header is enough: the pixels are not there, so decoding would say "damaged"."""
        tracemalloc.start()
        try:
            with pytest.raises(FileTooLarge, match="150,000,000"):
                read(data)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert peak < 2_000_000


WHOLE: Final[dict[str, Callable[[], bytes]]] = {
    "png": lambda: encode(noisy_plan(), "PNG"),
    "jpeg": lambda: encode(noisy_plan(), "JPEG"),
    "jpeg-progressive": lambda: encode(noisy_plan(), "JPEG", progressive=True),
    "tiff-plain": lambda: encode(noisy_plan(), "TIFF"),
    "tiff-lzw": lambda: encode(noisy_plan(), "TIFF", compression="tiff_lzw"),
    "tiff-g4": lambda: encode(noisy_plan().convert("1"), "TIFF", compression="group4"),
    "tiff-tiled": lambda: tiff(noisy_plan(), tile_px=64),
    "webp": lambda: encode(noisy_plan(), "WEBP"),
    "webp-lossless": lambda: encode(noisy_plan(), "WEBP", lossless=True),
    "bmp": lambda: encode(noisy_plan(), "BMP"),
    "gif": lambda: encode(noisy_plan(), "GIF"),
}


class TestDamage:
    """Whatever is wrong with a file, the caller is told, and nothing else breaks."""

    @pytest.mark.parametrize("kept", [0.01, 0.25, 0.5, 0.75, 0.95])
    @pytest.mark.parametrize("name", WHOLE)
    def test_file_that_ends_early_is_refused(self, name: str, kept: float) -> None:
        """Half a plan is no plan: rooms that are missing would not be missed."""
        data = WHOLE[name]()

        with pytest.raises(InvalidFileFormat, match="damaged or ends early"):
            read(data[: max(12, int(len(data) * kept))])

    def test_jpeg_without_its_end_marker_is_read(self) -> None:
        """Cameras forget the last two bytes; all pixels are there."""
        data = encode(noisy_plan(), "JPEG", quality=95)

        assert mean_error(read(data[:-2]), pixels_of(noisy_plan())) < 10

    @pytest.mark.parametrize("name", WHOLE)
    def test_random_damage_breaks_nothing(self, name: str) -> None:
        """A damaged file gives a page or an answer, two hundred times."""
        whole = WHOLE[name]()
        chance = np.random.default_rng(SEED)
        for turn in range(200):
            data = bytearray(whole)
            # Every other time near the front, where the header is.
            reach = len(data) if turn % 2 else min(len(data), 200)
            for at in chance.integers(reach, size=chance.integers(1, 9)):
                data[at] = chance.integers(256)

            answer = attempt(bytes(data))

            assert isinstance(answer, RequestError) or max(answer.pixels.shape) == SIDE_PX


@pytest.mark.parametrize("gray", [0, 64, 255])
@pytest.mark.parametrize(
    ("bits", "is_white_zero"),
    [(12, False), (16, False), (16, True)],
    ids=["12", "16", "16-negative"],
)
def test_deep_gray_tiffs_keep_their_tone(gray: int, bits: int, is_white_zero: bool) -> None:  # noqa: FBT001
    """Scanners' 12- and 16-bit pages are neither nearly black nor negatives."""
    data = deep_tiff(gray, bits=bits, is_white_zero=is_white_zero)

    assert np.all(np.abs(read(data).pixels.astype(int) - gray) <= 1)


def test_a_side_beyond_any_plan_is_refused() -> None:
    """A picture one pixel high may have few pixels and still cost a decoder gigabytes."""
    with pytest.raises(FileTooLarge, match="the limit of a side is 65,535"):
        read(png_header((65_536, 1)))
