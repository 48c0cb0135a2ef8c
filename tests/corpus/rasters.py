# SPDX-License-Identifier: AGPL-3.0-or-later
"""JPEG, BMP, WebP and GIF of the kinds that can be written."""

from __future__ import annotations

import io
import itertools
import struct
from typing import TYPE_CHECKING, Any, Final

import cv2
import imagecodecs
import numpy as np
from PIL import Image

from tests.builders import encode, exif
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
    from tests.corpus.drawing import Numbers


def cases(*, is_whole: bool) -> Iterator[Case]:
    """One of each kind, layout and compression, or all."""
    seen = set()
    for case in itertools.chain(_jpegs(), _bmps(), _webps(), _gifs()):
        cell = case.kind, case.layout, case.compression, case.variant.split(",")[0]
        if is_whole or cell not in seen:
            yield case
        seen.add(cell)


def color(*, is_smooth: bool = False) -> Pixels:
    """The drawing in RGB."""
    pixels: Pixels = quantized(samples(3, is_smooth=is_smooth), 8).astype(np.uint8)
    return pixels


def gray_as_rgb(*, is_smooth: bool = False) -> Pixels:
    """The drawing in gray."""
    return show(restored(quantized(samples(1, is_smooth=is_smooth), 8), 8), "minisblack")


# JPEG


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _jpegs() -> Iterator[Case]:
    rgb, gray = color(is_smooth=True), gray_as_rgb(is_smooth=True)
    inks = quantized(samples(4, is_smooth=True), 8)
    pictures = {
        "gray, 8-bit": (Image.fromarray(gray).convert("L"), gray),
        "YCbCr, 8-bit": (Image.fromarray(rgb), rgb),
        "RGB, 8-bit": (Image.fromarray(rgb), rgb),
        "CMYK, 8-bit": (
            Image.frombytes("CMYK", SIZE_WH, inks.tobytes()),
            show(restored(inks, 8), "separated"),
        ),
    }
    for (name, (picture, shown)), is_progressive, subsampling, restart in itertools.product(
        pictures.items(), (False, True), ("4:4:4", "4:2:2", "4:2:0"), (0, 3)
    ):
        if name == "RGB, 8-bit" and subsampling != "4:4:4":
            continue  # libjpeg refuses that
        options: dict[str, Any] = {"quality": 90, "progressive": is_progressive}
        if name in ("YCbCr, 8-bit", "CMYK, 8-bit"):
            options["subsampling"] = subsampling
        if name == "RGB, 8-bit":
            options["keep_rgb"] = True
        if restart:
            options["restart_marker_blocks"] = restart
        for orientation in ORIENTATIONS:
            yield Case(
                "JPEG", name, "progressive" if is_progressive else "baseline",
                f"{subsampling}, restart {restart}, orientation {orientation}",
                encode(picture, "JPEG", exif=exif(orientation), **options),
                upright(shown, orientation),
                None if name == "CMYK, 8-bit" else _turned_by(shown_by_libjpeg, orientation),
                is_lossy=True,
            )  # fmt: skip
    yield from _jpeg_metadata(encode(pictures["YCbCr, 8-bit"][0], "JPEG", quality=90), rgb)
    yield from _unread_jpegs()


def shown_by_libjpeg(data: bytes) -> Pixels:
    """What libjpeg makes of it, by imagecodecs."""
    stored = np.atleast_3d(imagecodecs.jpeg8_decode(data))
    return show(restored(stored, 8), "rgb")


def _turned_by(decode: Any, orientation: int) -> Any:
    return lambda data: upright(decode(data), orientation)


def _jpeg_metadata(jpeg: bytes, shown: Pixels) -> Iterator[Case]:
    """Application data and comments of every sort behind the first marker."""
    profile = b"ICC_PROFILE\0\1\2" + bytes(60_000)
    for variant, added in {
        "several pictures that are not there": _segment(0xE2, b"MPF\0" + bytes(30)),
        "profile that is none": _segment(0xE2, b"ICC_PROFILE\0\1\1abc"),
        "profile of which a part is missing": _segment(0xE2, profile),
        "Photoshop data that are none": _segment(0xED, b"Photoshop 3.0\x008BIM\4\4\0\0\xff\xff"),
        "comments of 6 MB": _segment(0xFE, b"x" * 65_000) * 100,
        "EXIF that is none": _segment(0xE1, b"Exif\0\0MM\0\x2a\xff\xff\xff\xff"),
        "EXIF that is cut": _segment(0xE1, exif(6)[:15]),
        "XMP": _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x" * 100),
        "fill bytes": b"\xff" * 7,
        "data of 1 byte": _segment(0xEB, b"x"),
        "Flashpix": _segment(0xE2, b"FPXR\0" + bytes(2000)),
    }.items():
        yield Case(
            "JPEG", "YCbCr, 8-bit", "baseline", variant, jpeg[:2] + added + jpeg[2:], shown,
            is_lossy=True,
        )  # fmt: skip
    longer = jpeg + b"more" * 999
    yield Case("JPEG", "YCbCr, 8-bit", "baseline", "bytes behind", longer, shown, is_lossy=True)


def _unread_jpegs() -> Iterator[Case]:
    rgb, gray = color(), quantized(samples(1), 8)[:, :, 0].astype(np.uint8)
    deep = quantized(samples(1), 12)[:, :, 0].astype(np.uint16)
    look = gray_as_rgb()
    for name, compression, data, shown in (
        ("gray, 12-bit", "baseline", imagecodecs.jpeg8_encode(deep, bitspersample=12), look),
        ("gray, 8-bit", "lossless", imagecodecs.jpeg8_encode(gray, lossless=True), look),
        ("RGB, 8-bit", "lossless", imagecodecs.jpeg8_encode(rgb, lossless=True), rgb),
        ("gray, 12-bit", "lossless", imagecodecs.ljpeg_encode(deep, bitspersample=12), look),
        ("gray, 8-bit", "JPEG-LS", imagecodecs.jpegls_encode(gray), look),
        ("RGB, 8-bit", "JPEG-LS", imagecodecs.jpegls_encode(rgb), rgb),
    ):
        yield Case("JPEG", name, compression, "", bytes(data), shown)


# BMP


def bmp(  # noqa: PLR0913  # as many as a header has fields
    pixels: bytes,
    bits: int,
    *,
    compression: int = 0,
    masks: tuple[int, ...] = (),
    colors: Numbers | None = None,
    header_bytes: int = 40,
    is_top_down: bool = False,
) -> bytes:
    """A BMP around pixels that are stored already."""
    width, height = SIZE_WH
    table = b""
    if colors is not None:
        columns = (colors.T >> 8).astype(np.uint8)[:, ::-1]
        table = b"".join(bytes(row) + (b"" if header_bytes == 12 else b"\0") for row in columns)
    if header_bytes == 12:
        header = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        header = struct.pack(
            "<IiiHHIIiiII", header_bytes, width, -height if is_top_down else height, 1, bits,
            compression, len(pixels), 2835, 2835, 0 if colors is None else colors.shape[1], 0,
        )  # fmt: skip
        # The masks follow the header of 40 bytes, and are in the longer ones.
        header += b"".join(struct.pack("<I", mask) for mask in masks)
        header = header.ljust(header_bytes, b"\0") if header_bytes > 40 else header
    at = 14 + len(header) + len(table)
    return struct.pack("<2sIHHI", b"BM", at + len(pixels), 0, 0, at) + header + table + pixels


def _rows(rows: list[bytes], *, is_top_down: bool) -> bytes:
    padded = [row + bytes(-len(row) % 4) for row in rows]
    return b"".join(padded if is_top_down else padded[::-1])


def shown_by_opencv(data: bytes) -> Pixels:
    """What OpenCV makes of it; it looks at no alpha here."""
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    shown: Pixels = decoded[:, :, ::-1]
    return shown


def _bmps() -> Iterator[Case]:
    for bits, header_bytes, is_top_down in itertools.product(
        (1, 4, 8), (12, 40, 124), (False, True)
    ):
        if header_bytes == 12 and is_top_down:
            continue
        stored = quantized(samples(1), bits)
        shown = palette_shown(stored[:, :, 0], bits)
        data = bmp(
            _rows(packed(stored, bits), is_top_down=is_top_down), bits, colors=palette(bits),
            header_bytes=header_bytes, is_top_down=is_top_down,
        )  # fmt: skip
        yield Case(
            "BMP", f"palette, {bits}-bit", "none", f"header {header_bytes}, top-down {is_top_down}",
            data, shown, shown_by_opencv,
        )  # fmt: skip
    yield from _direct_bmps()
    yield from _run_length_bmps()
    for code, name in ((4, "JPEG"), (5, "PNG")):
        inside = encode(Image.fromarray(color()), name)
        yield Case("BMP", "RGB, 8-bit", name, "", bmp(inside, 24, compression=code), color())


# Bits, masks of red, green, blue and alpha, bits of each.
_FIELDS: Final[dict[str, tuple[int, tuple[int, ...], tuple[int, ...]]]] = {
    "RGB (6 of green), 5-bit": (16, (0xF800, 0x07E0, 0x001F), (5, 6, 5)),
    "RGB, 5-bit": (16, (0x7C00, 0x03E0, 0x001F), (5, 5, 5)),
    "RGB, 4-bit, alpha": (16, (0x0F00, 0x00F0, 0x000F, 0xF000), (4, 4, 4, 4)),
    "RGB and a fourth byte, 8-bit": (32, (0xFF0000, 0xFF00, 0xFF), (8, 8, 8)),
    "RGB and a fourth byte (red first), 8-bit": (32, (0xFF, 0xFF00, 0xFF0000), (8, 8, 8)),
    "RGB, 8-bit, alpha": (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000), (8, 8, 8, 8)),
    "RGB (red first), 8-bit, alpha": (32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000), (8, 8, 8, 8)),
    "RGB, 10-bit": (32, (0x3FF00000, 0xFFC00, 0x3FF), (10, 10, 10)),
}


def _direct_bmps() -> Iterator[Case]:
    rgb = color()
    fourths = {
        "0": np.zeros((1, 1)), "255": np.full((1, 1), 255), "no alpha": np.arange(SIZE_WH[0])[None],
    }  # fmt: skip
    for is_top_down in (False, True):
        rows = [row[:, ::-1].tobytes() for row in rgb]
        data = bmp(_rows(rows, is_top_down=is_top_down), 24, is_top_down=is_top_down)
        yield Case(
            "BMP", "RGB, 8-bit", "none", f"top-down {is_top_down}", data, rgb, shown_by_opencv
        )
        for name, fourth in fourths.items():
            four = np.dstack(
                [rgb[:, :, ::-1], np.broadcast_to(fourth, rgb.shape[:2]).astype(np.uint8)]
            )
            data = bmp(
                _rows([row.tobytes() for row in four], is_top_down=is_top_down), 32,
                is_top_down=is_top_down,
            )  # fmt: skip
            yield Case(
                "BMP", "RGB and a fourth byte, 8-bit", "none",
                f"which is {name}, top-down {is_top_down}", data, rgb, shown_by_opencv,
            )  # fmt: skip
        five = np.stack([quantized(samples(3)[:, :, i : i + 1], 5) for i in range(3)], axis=-1)[
            :, :, 0
        ]
        words = (
            (five[:, :, 0].astype(np.uint16) << 10)
            | (five[:, :, 1].astype(np.uint16) << 5)
            | five[:, :, 2]
        )
        data = bmp(
            _rows([row.astype("<u2").tobytes() for row in words], is_top_down=is_top_down), 16,
            is_top_down=is_top_down,
        )  # fmt: skip
        yield Case("BMP", "RGB, 5-bit", "none", f"top-down {is_top_down}", data,
                   show(restored(five, 5), "rgb"))  # fmt: skip
    for (name, (bits, masks, depths)), header_bytes in itertools.product(
        _FIELDS.items(), (40, 56, 108, 124)
    ):
        for is_empty in (False, True) if len(masks) == 4 else (False,):
            yield _fields_bmp(name, bits, masks, depths, header_bytes, is_empty=is_empty)


def _fields_bmp(
    name: str,
    bits: int,
    masks: tuple[int, ...],
    depths: tuple[int, ...],
    header_bytes: int,
    *,
    is_empty: bool,
) -> Case:
    """A BMP whose channels lie where masks say; alpha may be 0 everywhere."""
    values = samples(3)
    opacity = None
    if len(masks) == 4:
        opacity = alpha() * (not is_empty)
        values = np.dstack([values, opacity])
    words = np.zeros(values.shape[:2], np.uint32)
    seen = []
    for channel, (mask, depth) in enumerate(zip(masks, depths, strict=True)):
        numbers = quantized(values[:, :, channel : channel + 1], depth)
        words |= numbers[:, :, 0].astype(np.uint32) << ((mask & -mask).bit_length() - 1)
        seen.append(restored(numbers, depth))
    if opacity is not None:
        opacity = seen.pop()
    data = bmp(
        _rows([row.astype(f"<u{bits // 8}").tobytes() for row in words], is_top_down=False), bits,
        compression=6 if len(masks) == 4 and header_bytes == 40 else 3, masks=masks,
        header_bytes=header_bytes,
    )  # fmt: skip
    return Case(
        "BMP", name.replace("alpha", "empty alpha") if is_empty else name,
        "masks" if opacity is None or header_bytes > 40 else "masks of alpha behind the old header",
        f"header {header_bytes}", data, show(np.dstack(seen), "rgb", opacity),
    )  # fmt: skip


def _run_length_bmps() -> Iterator[Case]:
    for bits, code in ((8, 1), (4, 2)):
        stored = quantized(samples(1, is_smooth=True), bits)[:, :, 0]
        encoded = b"".join(_runs(row, bits) + b"\0\0" for row in stored[::-1]) + b"\0\1"
        yield Case(
            "BMP", f"palette, {bits}-bit", f"RLE{bits}", "",
            bmp(encoded, bits, compression=code, colors=palette(bits)),
            palette_shown(stored, bits), shown_by_opencv,
        )  # fmt: skip


def _runs(row: Numbers, bits: int) -> bytes:
    out = b""
    for value, group in itertools.groupby(row.tolist()):
        count = len(list(group))
        out += bytes([count, value if bits == 8 else value << 4 | value])
    return out


# WebP and GIF


def shown_by_libwebp(data: bytes) -> Pixels:
    """What libwebp makes of it, by imagecodecs."""
    stored = restored(np.asarray(imagecodecs.webp_decode(data)), 8)
    return show(stored[:, :, :3], "rgb", stored[:, :, 3:] if stored.shape[2] == 4 else None)


def _with_alpha(pixels: Pixels, *, is_empty: bool = False) -> tuple[Image.Image, Pixels]:
    steps = quantized(alpha() * (not is_empty), 8).astype(np.uint8)
    layers = Image.fromarray(np.dstack([pixels, steps]))
    return layers, show(restored(pixels, 8), "rgb", restored(steps, 8))


def _webps() -> Iterator[Case]:
    for is_lossless, orientation in itertools.product((True, False), ORIENTATIONS):
        rgb = color(is_smooth=not is_lossless)
        layers, layers_shown = _with_alpha(rgb)
        empty, empty_shown = _with_alpha(rgb, is_empty=True)
        for name, picture, shown in (
            ("RGB, 8-bit", Image.fromarray(rgb), rgb),
            ("RGB, 8-bit, alpha", layers, layers_shown),
            ("RGB, 8-bit, empty alpha", empty, empty_shown),
        ):
            data = encode(
                picture,
                "WEBP",
                lossless=is_lossless,
                quality=90,
                exact=True,
                exif=exif(orientation),
            )
            compression = "lossless" if is_lossless else "lossy"
            yield Case(
                "WebP", name, compression, f"exif, orientation {orientation}", data,
                upright(shown, orientation), _turned_by(shown_by_libwebp, orientation)
                if picture is not empty else None, is_lossy=not is_lossless,
            )  # fmt: skip
    yield from _webp_metadata()


def _webp_metadata() -> Iterator[Case]:
    rgb = color()
    picture = Image.fromarray(rgb)
    options: dict[str, Any] = {"lossless": True, "exact": True}
    animated = io.BytesIO()
    picture.save(animated, "WEBP", save_all=True, append_images=[picture.rotate(180)], **options)
    with_xmp = encode(picture, "WEBP", xmp=b"x" * 100_000, **options)
    for variant, data in {
        "animated": animated.getvalue(),
        "profile that is none": encode(picture, "WEBP", icc_profile=bytes(999), **options),
        "XMP of 2 MB": encode(picture, "WEBP", xmp=b"x" * 2_000_000, **options),
        "XMP that is cut": with_xmp[:-50_000],
        "EXIF that is cut": encode(picture, "WEBP", exif=exif(6) + bytes(1000), **options)[:-1000],
        "EXIF that is none": encode(picture, "WEBP", exif=b"Exif\0\0xx", **options),
        "bytes behind the end": with_xmp + b"more" * 100,
    }.items():
        yield Case("WebP", "RGB, 8-bit", "lossless", variant, data, rgb)


def shown_by_giflib(data: bytes) -> Pixels:
    """What giflib makes of the first frame."""
    frames = np.asarray(imagecodecs.gif_decode(data))
    shown: Pixels = frames if frames.ndim == 3 else frames[0]
    return shown[:, :, :3]


def _gifs() -> Iterator[Case]:
    stored = quantized(samples(1), 8)[:, :, 0].astype(np.uint8)
    picture = Image.fromarray(stored).convert("P")
    picture.putpalette(palette_shown(np.arange(256), 8).tobytes())
    shown = palette_shown(stored, 8)
    for is_interlaced, is_animated in itertools.product((False, True), (False, True)):
        options: dict[str, Any] = {"interlace": is_interlaced}
        if is_animated:
            options |= {"save_all": True, "append_images": [picture.rotate(180)]}
        data = encode(picture, "GIF", **options)
        yield Case(
            "GIF", "palette, 8-bit", "interlaced" if is_interlaced else "plain",
            "animated" if is_animated else "one frame", data, shown, shown_by_giflib,
        )  # fmt: skip
        key = int(stored[5, 40])
        opacity = (stored != key)[:, :, None].astype(float)
        yield Case(
            "GIF", "palette, 8-bit, transparent color", "interlaced" if is_interlaced else "plain",
            "animated" if is_animated else "one frame",
            encode(picture, "GIF", transparency=key, **options),
            show(restored(shown, 8), "rgb", opacity),
        )  # fmt: skip
    plain = encode(picture, "GIF")
    yield Case("GIF", "palette, 8-bit", "plain", "comment of 2 MB",
               encode(picture, "GIF", comment=b"x" * 2_000_000), shown)  # fmt: skip
    yield Case("GIF", "palette, 8-bit", "plain", "no end", plain[:-1], shown)
    yield Case(
        "GIF", "palette, 8-bit", "plain", "bytes behind the end", plain + b"more" * 99, shown
    )
    larger = plain[:6] + struct.pack("<HH", SIZE_WH[0] + 9, SIZE_WH[1] + 5) + plain[10:]
    yield Case("GIF", "palette, 8-bit", "plain", "frame smaller than the picture", larger,
               np.pad(shown, ((0, 5), (0, 9), (0, 0)), constant_values=255))  # fmt: skip
