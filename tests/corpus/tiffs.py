# SPDX-License-Identifier: AGPL-3.0-or-later
"""TIFF of every layout and compression that tifffile, Pillow and a writer of our own write."""

from __future__ import annotations

import io
import itertools
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

import imagecodecs
import numpy as np
import tifffile
from PIL import Image

from tests.builders import encode
from tests.corpus.case import Case
from tests.corpus.drawing import (
    ORIENTATIONS,
    SIZE_WH,
    alpha,
    packed,
    palette,
    palette_shown,
    quantized,
    restored,
    samples,
    show,
    upright,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomdet.geometry import Pixels
    from tests.corpus.drawing import Numbers, Samples

KIND: Final = "TIFF"
ORIENTATION_TAG: Final = 274
BYTE_ORDERS: Final[tuple[Literal["<", ">"], ...]] = ("<", ">")
CHANNELS: Final = {"minisblack": 1, "miniswhite": 1, "rgb": 3, "separated": 4, "palette": 1}
COLOR_NAMES: Final = {
    "minisblack": "gray", "miniswhite": "gray (0 is white)", "rgb": "RGB", "separated": "CMYK",
    "palette": "palette", "cielab": "Lab", "cfa": "raw sensor", "linear_raw": "linear raw",
    "logluv": "LogLuv", "mask": "mask",
}  # fmt: skip
ALPHA_NAMES: Final = {
    "": "", "unassalpha": ", alpha", "assocalpha": ", premultiplied alpha",
    "unspecified": ", further channel",
}  # fmt: skip
COMPRESSIONS: Final = {
    None: "none", "lzw": "LZW", "adobe_deflate": "Deflate", "deflate": "Deflate",
    "packbits": "PackBits", "lzma": "LZMA", "zstd": "Zstandard", "jpeg": "JPEG", "webp": "WebP",
    "jpeg2000": "JPEG 2000", "jpegxl": "JPEG XL", "jpegxr": "JPEG XR", "lerc": "LERC", "png": "PNG",
}  # fmt: skip
# The others change the rows before they know of any orientation.
EVERY_ORIENTATION: Final = (None, "lzw", "jpeg")
LOSSY: Final = ("jpeg", "webp", "jpegxl", "jpegxr")
WITH_PREDICTOR: Final = ("lzw", "adobe_deflate", "deflate", "lzma", "zstd")
# How it is laid into the file: byte order, BigTIFF, strips or tiles.
STORAGES: Final[dict[str, dict[str, Any]]] = {
    "strip": {"byteorder": "<"},
    "strips of 7, big-endian": {"byteorder": ">", "rowsperstrip": 7},
    "rows, BigTIFF": {"byteorder": "<", "bigtiff": True, "rowsperstrip": 1},
    "tiles, big-endian BigTIFF": {"byteorder": ">", "bigtiff": True, "tile": (16, 32)},
    "large tiles": {"byteorder": "<", "tile": (64, 16)},
}


@dataclass(frozen=True, slots=True)
class Layout:
    """Color and samples of a picture.

    Attributes:
        photometric: tifffile's name.
        kind: NumPy's type of a sample, or its bits: ``u8``, ``i16``, ``f32``, ``b1`` or ``p12``.
        extra: tifffile's name of the sample behind the colors, or nothing.
    """

    photometric: str
    kind: str
    extra: str = ""

    @property
    def bits(self) -> int:
        """Bits of a sample."""
        return int(self.kind[1:])

    @property
    def name(self) -> str:
        """As the table has it."""
        numbers = {"i": " signed", "f": " floating-point"}.get(self.kind[0], "")
        return f"{COLOR_NAMES[self.photometric]}, {self.bits}-bit{numbers}{ALPHA_NAMES[self.extra]}"

    def planes(self, *, is_smooth: bool = False) -> tuple[Numbers, Pixels]:
        """Numbers to store, shape ``(height, width, channels)``, and what they look like."""
        colors = samples(CHANNELS.get(self.photometric, 3), is_smooth=is_smooth)
        if self.photometric == "palette":
            indexes = quantized(colors, self.bits)
            return indexes, palette_shown(indexes[:, :, 0], self.bits)
        opacity = alpha() if self.extra in ("unassalpha", "assocalpha") else None
        # Floating-point samples are made of whole numbers, too.
        bits = 16 if self.kind[0] == "f" else self.bits
        stored = quantized(colors, bits)
        shown = show(restored(stored, bits), self.photometric, opacity)
        if opacity is not None:
            if self.extra == "assocalpha":
                stored = quantized(colors * opacity, self.bits)
            stored = np.dstack([stored, quantized(opacity, self.bits)])
        elif self.extra:
            stored = np.dstack([stored, stored[:, :, :1]])
        return self._typed(stored), shown

    def _typed(self, stored: Numbers) -> Numbers:
        sort = self.kind[0]
        if sort == "f":
            return restored(stored, 16).astype(f"f{self.bits // 8}")
        if sort == "i":
            return (stored >> 1).astype(f"i{self.bits // 8}")
        return stored.astype(bool) if sort == "b" else stored


LAYOUTS: Final = [
    *(Layout(gray, kind) for gray in ("minisblack", "miniswhite")
      for kind in ("b1", "p2", "p4", "p6", "u8", "p10", "p12", "p14", "u16", "u32", "i8", "i16",
                   "f16", "f32", "f64")),
    *(Layout("rgb", kind) for kind in ("p4", "u8", "p12", "u16", "u32", "i8", "f32")),
    *(Layout("palette", kind) for kind in ("u8", "u16")),
    *(Layout("separated", kind) for kind in ("u8", "u16")),
    *(Layout(color, kind, extra)
      for color in ("minisblack", "miniswhite", "rgb", "separated")
      for kind in ("u8", "u16")
      for extra in ("unassalpha", "assocalpha", "unspecified")),
    *(Layout(color, kind) for color in ("cielab", "cfa", "linear_raw") for kind in ("u8", "u16")),
]  # fmt: skip


def written(stored: Numbers, layout: Layout, *, orientation: int = 1, **options: Any) -> bytes:
    """A TIFF as tifffile writes it."""
    file = io.BytesIO()
    bigtiff, byteorder = options.pop("bigtiff", False), options.pop("byteorder", "<")
    if layout.photometric == "palette":
        options["colormap"] = palette(layout.bits)
    if layout.kind[0] == "p":
        options["bitspersample"] = layout.bits
    if layout.extra:
        options["extrasamples"] = [layout.extra]
    if stored.shape[2] == 1:
        stored = stored[:, :, 0]
    elif options.get("planarconfig") == "separate":
        stored = np.ascontiguousarray(np.moveaxis(stored, -1, 0))
    tags = [(ORIENTATION_TAG, "H", 1, orientation, True)] if orientation != 1 else []
    with tifffile.TiffWriter(file, bigtiff=bigtiff, byteorder=byteorder) as writer:
        writer.write(
            stored, photometric=layout.photometric, extratags=tags, metadata=None, **options
        )
    return file.getvalue()


def shown_by_tifffile(data: bytes, number: int = 0) -> Pixels:
    """What tifffile and imagecodecs make of a page."""
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[number]
        assert isinstance(page, tifffile.TiffPage)
        stored = page.asarray()
        if page.planarconfig == 2 and stored.ndim == 3:
            stored = np.moveaxis(stored, 0, -1)
        stored = np.atleast_3d(stored)
        tag = page.tags.get(ORIENTATION_TAG)
        orientation = int(tag.value) if tag and int(tag.value) in ORIENTATIONS else 1
        photometric = tifffile.PHOTOMETRIC(page.photometric).name.lower()
        if photometric == "palette":
            colormap = page.colormap
            assert colormap is not None
            pixels: Pixels = (colormap.T[stored[:, :, 0]] >> 8).astype(np.uint8)
            return upright(pixels, orientation)
        if photometric == "ycbcr":
            photometric = "rgb"
            if page.compression != 7:  # tifffile converts JPEG alone
                stored = np.asarray(Image.fromarray(stored, "YCbCr").convert("RGB"))
        values = restored(stored, page.bitspersample)
        colors = CHANNELS[photometric]
        kinds = [tifffile.EXTRASAMPLE(kind).name.lower() for kind in page.extrasamples]
    opacity: Samples | None = None
    if kinds and kinds[0] != "unspecified":
        opacity = values[:, :, colors : colors + 1]
        if kinds[0] == "assocalpha":
            whole = values[:, :, :colors] / np.maximum(opacity, 1e-9)
            values = np.dstack([whole.clip(0, 1), opacity])
    return upright(show(values[:, :, :colors], photometric, opacity), orientation)


def cases(*, is_whole: bool) -> Iterator[Case]:
    """One of each layout and compression, or all."""
    yield from _by_tifffile(is_whole=is_whole)
    yield from _by_pillow(is_whole=is_whole)
    yield from (case for case in _by_hand() if is_whole or case.is_small)


def _by_tifffile(*, is_whole: bool) -> Iterator[Case]:
    for layout, compression in itertools.product(LAYOUTS, COMPRESSIONS):
        is_lossy = compression in LOSSY
        stored, shown = layout.planes(is_smooth=is_lossy)
        for number, (options, variant) in enumerate(_options(layout, compression)):
            every = compression in EVERY_ORIENTATION and is_whole
            data = None
            for orientation in ORIENTATIONS if every else [1 + number % 8]:
                data = _attempt(
                    partial(
                        written, stored, layout, orientation=orientation, compression=compression,
                        **options,
                    )
                )  # fmt: skip
                if data is None:
                    break  # nobody can write that
                yield Case(
                    KIND, layout.name, COMPRESSIONS[compression],
                    f"{variant}, orientation {orientation}", data, upright(shown, orientation),
                    shown_by_tifffile, is_lossy=is_lossy,
                )  # fmt: skip
            if data is not None and not is_whole:
                break


def _options(layout: Layout, compression: str | None) -> Iterator[tuple[dict[str, Any], str]]:
    """Ways to lay a layout into a file."""
    planars = ["contig"]
    if CHANNELS.get(layout.photometric, 1) > 1 or layout.extra:
        planars.append("separate")
    predictors = [False, True] if compression in WITH_PREDICTOR else [False]
    for planar, predictor, (name, storage) in itertools.product(
        planars, predictors, STORAGES.items()
    ):
        # tifffile takes these numbers in the wrong order then, and reads others than it wrote.
        if layout.kind[0] == "p" and layout.bits > 8 and storage["byteorder"] == ">":
            continue
        options = dict(storage)
        if len(planars) > 1:
            options["planarconfig"] = planar
        if predictor:
            options["predictor"] = True
        yield options, f"{name}, {planar}{', predictor' if predictor else ''}"


def _attempt(build: partial[bytes]) -> bytes | None:
    """The file, or None where the writer cannot write that."""
    try:
        return build()
    except Exception:  # noqa: BLE001  # whatever it is that the writer does not like
        return None


# Pillow

PILLOW_COMPRESSIONS: Final = {
    "raw": "none", "tiff_ccitt": "CCITT RLE", "group3": "CCITT group 3", "group4": "CCITT group 4",
    "tiff_lzw": "LZW", "jpeg": "JPEG", "tiff_adobe_deflate": "Deflate",
    "tiff_deflate": "Deflate", "packbits": "PackBits", "lzma": "LZMA", "zstd": "Zstandard",
    "tiff_raw_16": "CCITT RLE, words",
}  # fmt: skip
PILLOW_MODES: Final = {
    "1": "gray, 1-bit", "L": "gray, 8-bit", "LA": "gray, 8-bit, alpha", "P": "palette, 8-bit",
    "RGB": "RGB, 8-bit", "RGBA": "RGB, 8-bit, alpha", "RGBX": "RGB, 8-bit, further channel",
    "CMYK": "CMYK, 8-bit", "YCbCr": "YCbCr, 8-bit", "LAB": "Lab, 8-bit", "I;16": "gray, 16-bit",
    "I;16B": "gray, 16-bit", "I": "gray, 32-bit signed", "F": "gray, 32-bit floating-point",
}  # fmt: skip


def _by_pillow(*, is_whole: bool) -> Iterator[Case]:
    for mode, compression in itertools.product(PILLOW_MODES, PILLOW_COMPRESSIONS):
        is_lossy = compression == "jpeg"
        # The others libtiff refuses, and prints that it does.
        if (is_lossy and mode not in ("L", "RGB", "CMYK", "YCbCr")) or (
            PILLOW_COMPRESSIONS[compression].startswith("CCITT") and mode != "1"
        ):
            continue
        picture, shown = _picture(mode, is_smooth=is_lossy)
        for orientation, is_big, extra in itertools.product(
            ORIENTATIONS, (False, True), _pillow_tags(mode, compression)
        ):
            if mode == "I;16B" and is_big:  # Pillow says there that the pixels begin at byte 0
                continue
            tags = {ORIENTATION_TAG: orientation, **extra}
            data = _attempt(
                partial(
                    encode, picture, "TIFF", compression=compression, tiffinfo=tags, big_tiff=is_big
                )
            )
            if data is None:
                break
            variant = (
                f"Pillow {mode}, {extra}, {'BigTIFF, ' if is_big else ''}orientation {orientation}"
            )
            yield Case(
                KIND, PILLOW_MODES[mode], PILLOW_COMPRESSIONS[compression], variant, data,
                upright(shown, orientation), shown_by_tifffile,
                # YCbCr that is not compressed is rounded twice.
                is_lossy=is_lossy or mode == "YCbCr",
            )  # fmt: skip
            if not is_whole:
                break


def _pillow_tags(mode: str, compression: str) -> list[dict[int, int]]:
    """Tags that change how it is stored: white is 0, rows of a strip, fax in two dimensions."""
    tags: list[dict[int, int]] = [{}, {278: 8}]
    if mode == "1":
        tags.append({262: 0})
    if compression == "group3":
        tags.append({292: 1})
    return tags


def _picture(mode: str, *, is_smooth: bool) -> tuple[Image.Image, Pixels]:
    """The drawing as Pillow holds it, and what it looks like."""
    color = Image.fromarray(quantized(samples(3, is_smooth=is_smooth), 8))
    if mode in ("RGB", "RGBX", "YCbCr", "LAB"):
        # RGBX cannot be made of RGB otherwise.
        picture = color.convert(mode) if mode != "LAB" else Image.new("LAB", SIZE_WH, (50, 1, 2))
        return picture, np.asarray(color)
    if mode in ("RGBA", "LA"):
        gray_or_rgb = color if mode == "RGBA" else color.getchannel(0)
        picture = gray_or_rgb.copy()
        picture.putalpha(Image.fromarray(quantized(alpha(), 8)[:, :, 0]))
        stored = restored(np.atleast_3d(np.asarray(gray_or_rgb)), 8)
        shown = show(
            stored, "rgb" if mode == "RGBA" else "minisblack", restored(quantized(alpha(), 8), 8)
        )
        return picture, shown
    if mode == "CMYK":
        inks = quantized(samples(4, is_smooth=is_smooth), 8)
        return (
            Image.frombytes("CMYK", SIZE_WH, inks.tobytes()),
            show(restored(inks, 8), "separated"),
        )
    return _one_channel(mode, is_smooth=is_smooth)


def _one_channel(mode: str, *, is_smooth: bool) -> tuple[Image.Image, Pixels]:
    drawn = samples(1, is_smooth=is_smooth)
    if mode == "P":
        picture = Image.fromarray(quantized(drawn, 8)[:, :, 0]).convert("P")
        picture.putpalette(palette_shown(np.arange(256), 8).tobytes())
        return picture, palette_shown(quantized(drawn, 8)[:, :, 0], 8)
    bits = 1 if mode == "1" else 16 if mode.startswith("I;16") else 8
    stored = quantized(drawn, bits)
    shown = show(restored(stored, bits), "minisblack")
    if mode == "1":
        return Image.fromarray(stored[:, :, 0].astype(bool)), shown
    if mode == "I;16B":
        return Image.frombytes(mode, SIZE_WH, stored.astype(">u2").tobytes()), shown
    picture = Image.fromarray(stored[:, :, 0])
    return (picture if bits == 16 or mode == "L" else picture.convert(mode)), shown


# By hand: what none of them writes


def _by_hand() -> Iterator[Case]:
    yield from _odd_bits()
    yield from _fax()
    yield from _ycbcr()
    yield from _odd_tags()
    yield from _pages()


HAND_COMPRESSIONS: Final = {
    1: ("none", bytes), 5: ("LZW", imagecodecs.lzw_encode), 8: ("Deflate", imagecodecs.zlib_encode),
    32773: ("PackBits", imagecodecs.packbits_encode),
}  # fmt: skip


def _odd_bits() -> Iterator[Case]:
    """Any number of bits, compressed, in gray, RGB and palettes, also in reverse order of bits."""
    for (photometric, code), bits, compression, is_reversed in itertools.product(
        (("minisblack", 1), ("miniswhite", 0), ("rgb", 2), ("palette", 3)),
        (1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15),
        HAND_COMPRESSIONS,
        (False, True),
    ):
        if photometric == "palette" and bits not in (1, 2, 4):
            continue
        layout = Layout(photometric, f"p{bits}")
        stored, shown = layout.planes()
        name, pack = HAND_COMPRESSIONS[compression]
        rows = packed(stored, bits)
        tags = {258: [bits] * stored.shape[2], 262: [code], 277: [stored.shape[2]]}
        if photometric == "palette":
            tags[320] = palette(bits).ravel().tolist()
        if is_reversed:
            tags[266] = [2]
        data = _strip_file(rows, tags, compression, pack, is_reversed=is_reversed)
        yield Case(
            KIND, layout.name, name, "by hand, bits reversed" if is_reversed else "by hand", data,
            shown, shown_by_tifffile, is_small=not is_reversed,
        )  # fmt: skip


def _strip_file(
    rows: list[bytes],
    tags: dict[int, list[int]],
    compression: int,
    pack: Any,
    *,
    is_reversed: bool = False,
    of_strip: int = 10,
) -> bytes:
    """A little-endian TIFF in strips of so many rows."""
    strips = [
        bytes(pack(b"".join(rows[top : top + of_strip]))) for top in range(0, len(rows), of_strip)
    ]
    if is_reversed:
        strips = [bytes(imagecodecs.bitorder_encode(strip)) for strip in strips]
    return file_of(strips, tags | {259: [compression], 278: [of_strip]})


def file_of(
    blocks: list[bytes], tags: dict[int, list[int]], wh: tuple[int, int] = SIZE_WH
) -> bytes:
    """A little-endian TIFF of strips; numbers are 16 bits but for places and sizes."""
    at = 8
    offsets = []
    for block in blocks:
        offsets.append(at)
        at += len(block)
    whole = {256: [wh[0]], 257: [wh[1]], 273: offsets, 279: [len(block) for block in blocks]} | tags
    long_tags = (256, 257, 273, 278, 279, 513, 514, 519, 520, 521)
    directory_at = at + at % 2
    values_at = directory_at + 2 + 12 * len(whole) + 4
    entries, values = b"", b""
    for tag, numbers in sorted(whole.items()):
        kind, size = (4, 4) if tag in long_tags else (3, 2)
        packed = b"".join(number.to_bytes(size, "little") for number in numbers)
        if len(packed) > 4:
            place = (values_at + len(values)).to_bytes(4, "little")
            values += packed
        else:
            place = packed.ljust(4, b"\0")
        entries += b"".join(
            [tag.to_bytes(2, "little"), kind.to_bytes(2, "little"),
             len(numbers).to_bytes(4, "little"), place]
        )  # fmt: skip
    head = b"II\x2a\0" + directory_at.to_bytes(4, "little")
    body = b"".join(blocks)
    padding = b"\0" * (directory_at - at)
    return head + body + padding + len(whole).to_bytes(2, "little") + entries + bytes(4) + values


def _fax() -> Iterator[Case]:
    """Fax compression with the bits of a byte in reverse order, as many scanners write it."""
    layout = Layout("minisblack", "b1")
    stored = quantized(samples(1), 1)
    picture = Image.fromarray(stored[:, :, 0].astype(bool))
    for (name, code, compression), is_white_zero, of_strip in itertools.product(
        (("tiff_ccitt", 2, "CCITT RLE"), ("group3", 3, "CCITT group 3"),
         ("group4", 4, "CCITT group 4")),
        (False, True), (10, 47),
    ):  # fmt: skip
        written_by_pillow = encode(
            picture, "TIFF", compression=name,
            tiffinfo={262: 0 if is_white_zero else 1, 278: of_strip},
        )  # fmt: skip
        with tifffile.TiffFile(io.BytesIO(written_by_pillow)) as file:
            page = file.pages[0]
            assert isinstance(page, tifffile.TiffPage)
            spans = zip(page.dataoffsets, page.databytecounts, strict=True)
        strips = [
            bytes(imagecodecs.bitorder_encode(written_by_pillow[at : at + size]))
            for at, size in spans
        ]
        tags = {258: [1], 259: [code], 262: [0 if is_white_zero else 1], 277: [1],
                278: [of_strip], 266: [2]}  # fmt: skip
        yield Case(
            KIND, layout.name, compression,
            f"{of_strip} rows, bits reversed, white {not is_white_zero}",
            file_of(strips, tags), show(restored(stored, 1), "minisblack"),
            shown_by_tifffile, is_small=of_strip == 10,
        )  # fmt: skip


def _ycbcr() -> Iterator[Case]:
    """JPEG in YCbCr, also the old style of it; YCbCr without compression."""
    stored = quantized(samples(3, is_smooth=True), 8)
    shown: Pixels = stored.astype(np.uint8)
    for subsampling, (name, storage) in itertools.product(
        ((1, 1), (2, 1), (2, 2), (4, 1)), STORAGES.items()
    ):
        options = {key: value for key, value in storage.items() if key != "rowsperstrip"}
        if "tile" in options:
            options["tile"] = (32, 32)
        for orientation in ORIENTATIONS:
            data = written(
                stored, Layout("rgb", "u8"), orientation=orientation, compression="jpeg",
                subsampling=subsampling, **options,
            )  # fmt: skip
            yield Case(
                KIND, "YCbCr, 8-bit", "JPEG", f"{subsampling}, {name}, orientation {orientation}",
                data, upright(shown, orientation), shown_by_tifffile, is_lossy=True,
                is_small=orientation == 1,
            )  # fmt: skip
    for sides in ((1, 1), (2, 1), (2, 2), (1, 2), (4, 2)):
        tags = {258: [8] * 3, 259: [1], 262: [6], 277: [3], 278: [47], 530: list(sides)}
        yield Case(
            KIND, "YCbCr, 8-bit", "none", f"by hand, {sides}",
            file_of([_subsampled(shown, sides)], tags), shown, is_lossy=True, is_small=True,
        )  # fmt: skip
    for sampling, quality in itertools.product(("4:4:4", "4:2:2", "4:2:0"), (75, 95)):
        for mode in ("RGB", "L"):
            yield _old_jpeg(shown, mode, sampling, quality)


def _subsampled(shown: Pixels, sides: tuple[int, int]) -> bytes:
    """Uncompressed YCbCr: blocks of luma, and of chroma one value each (TIFF 6.0, section 21)."""
    across, down = sides
    height, width = shown.shape[:2]
    padded = np.pad(shown, ((0, -height % down), (0, -width % across), (0, 0)), mode="edge")
    luma, blue, red = np.moveaxis(np.asarray(Image.fromarray(padded).convert("YCbCr")), -1, 0)
    blocks = luma.reshape(len(luma) // down, down, -1, across).swapaxes(1, 2)
    chroma = [
        plane.reshape(len(luma) // down, down, -1, across).mean(axis=(1, 3))
        for plane in (blue, red)
    ]
    units = np.concatenate(
        [blocks.reshape(*blocks.shape[:2], -1), *(plane[:, :, None] for plane in chroma)], axis=2
    )
    return bytes(np.rint(units).astype(np.uint8).tobytes())


def _old_jpeg(shown: Pixels, mode: str, sampling: str, quality: int) -> Case:
    """A TIFF around a JPEG, as TIFF 6.0 had it before its second technical note."""
    picture = Image.fromarray(shown).convert(mode)
    options = {"subsampling": sampling} if mode == "RGB" else {}
    jpeg = encode(picture, "JPEG", quality=quality, **options)
    across, down = {"4:4:4": (1, 1), "4:2:2": (2, 1), "4:2:0": (2, 2)}[sampling]
    bands = len(picture.getbands())
    tags = {
        258: [8] * bands, 259: [6], 262: [6 if bands > 1 else 1], 277: [bands], 278: [SIZE_WH[1]],
        512: [1], 513: [8], 514: [len(jpeg)],
    }  # fmt: skip
    if bands > 1:
        tags[530] = [across, down]
    return Case(
        KIND, "YCbCr, 8-bit" if bands > 1 else "gray, 8-bit", "old-style JPEG",
        f"by hand, {sampling}, quality {quality}", file_of([jpeg], tags),
        np.asarray(picture.convert("RGB")), is_lossy=True, is_small=quality == 95,
    )  # fmt: skip


def _odd_tags() -> Iterator[Case]:
    """Tags that are missing, or that say what no page of a plan should."""
    gray = quantized(samples(1), 8)
    rows = [row.tobytes() for row in gray]
    plain = {258: [8], 262: [1], 277: [1]}
    shown = show(restored(gray, 8), "minisblack")
    for variant, tags in {
        "no count of samples": {258: [8], 262: [1]},
        "orientation 0": plain | {274: [0]},
        "orientation 9": plain | {274: [9]},
    }.items():
        yield Case(
            KIND, "gray, 8-bit", "none", variant, _strip_file(rows, tags, 1, bytes), shown,
            shown_by_tifffile, is_small=True,
        )  # fmt: skip
    unsaid = _strip_file(rows, {258: [8], 277: [1]}, 1, bytes)
    yield Case(
        KIND, "no PhotometricInterpretation, 8-bit", "none", "", unsaid, shown, is_small=True
    )
    color = quantized(samples(3), 8)
    without = _strip_file([row.tobytes() for row in color], {258: [8] * 3, 277: [3]}, 1, bytes)
    seen = show(restored(color, 8), "rgb")
    yield Case(KIND, "RGB, 8-bit", "none", "no photometric", without, seen, is_small=True)
    with_fourth = np.dstack([color, quantized(alpha(), 8)])
    rows = [row.tobytes() for row in with_fourth]
    four = {258: [8] * 4, 262: [2], 277: [4]}
    opacity = restored(quantized(alpha(), 8), 8)
    for variant, extra, seen in (
        ("extra samples not told", {}, show(restored(color, 8), "rgb", opacity)),
        ("extra samples of Corel", {338: [999]}, show(restored(color, 8), "rgb", opacity)),
        ("extra samples of no kind", {338: [0]}, show(restored(color, 8), "rgb")),
    ):
        yield Case(
            KIND, "RGB, 8-bit, further channel" if 0 in extra.get(338, []) else "RGB, 8-bit, alpha",
            "none", variant,
            _strip_file(rows, four | extra, 1, bytes), seen, is_small=True,
        )  # fmt: skip
    for extra_sample in (1, 2):
        empty = np.dstack([color, np.zeros_like(color[:, :, :1])])
        yield Case(
            KIND, "RGB, 8-bit, empty alpha", "none", f"kind {extra_sample}",
            _strip_file([row.tobytes() for row in empty], four | {338: [extra_sample]}, 1, bytes),
            show(restored(color, 8), "rgb"), is_small=True,
        )  # fmt: skip


def _pages() -> Iterator[Case]:
    """The page that is asked for, whatever its neighbors are."""
    layouts = [Layout("minisblack", "u8"), Layout("rgb", "u16"), Layout("linear_raw", "u16"),
               Layout("separated", "u8")]  # fmt: skip
    for is_big, byteorder in itertools.product((False, True), BYTE_ORDERS):
        file = io.BytesIO()
        with tifffile.TiffWriter(file, bigtiff=is_big, byteorder=byteorder) as writer:
            for layout in layouts:
                stored, _ = layout.planes()
                writer.write(
                    stored if stored.shape[2] > 1 else stored[:, :, 0],
                    photometric=layout.photometric, compression="lzw", metadata=None,
                )  # fmt: skip
        for number, layout in enumerate(layouts, 1):
            _, shown = layout.planes()
            yield Case(
                KIND, layout.name, "LZW",
                f"page {number} of 4{', BigTIFF' if is_big else ''}, {byteorder}",
                file.getvalue(), shown,
                partial(shown_by_tifffile, number=number - 1), is_small=True, page=number,
            )  # fmt: skip
