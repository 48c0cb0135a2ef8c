# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rows of a TIFF page, decoded a few at a time, as gray or RGB.

Whatever its strips and tiles are, and however many bits a sample has, a sheet never lies in memory
as a whole.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from roomdet.reduction import over_white, strip_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomdet.geometry import Pixels
    from roomdet.libtiff import Directory

# TIFF 6.0, PhotometricInterpretation and ExtraSamples.
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR = 0, 1, 2, 3, 5, 6
PREMULTIPLIED, STRAIGHT = 1, 2
COLOR_SAMPLES = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, CMYK: 4, YCBCR: 3}
# A strip of more, as some programs write the whole page into one, is decoded row by row. The whole
# of an A1 sheet in black and white has 9 MB.
_MOST_STRIP_BYTES = 16 * 2**20
_BYTE, _WORD = 8, 16
_TOP = 255


@dataclass(frozen=True, slots=True)
class Layout:
    """How the pixels of a page are stored.

    Attributes:
        size_wh: As stored, before it is turned upright.
        bits: Of a sample, 1 to 16.
        samples: Of a pixel, with those that are not shown.
        photometric: What the samples mean: one of the names above.
        alpha: ``PREMULTIPLIED`` or ``STRAIGHT`` where the first sample behind the colors is
            alpha, else 0.
        is_planar: Whether each sample has a picture of its own.
        is_converted: Whether libtiff turns the page into RGB.
        orientation: As EXIF's, 1 to 8.
        palette: uint16, shape ``(2 ** bits, 3)``, of a page that has one.
    """

    size_wh: tuple[int, int]
    bits: int
    samples: int
    photometric: int
    alpha: int
    is_planar: bool
    is_converted: bool
    orientation: int
    palette: Pixels | None

    @property
    def colors(self) -> int:
        """Samples of a pixel that are color."""
        return COLOR_SAMPLES[self.photometric]

    @property
    def shown(self) -> int:
        """Samples of a pixel that are color or alpha."""
        return self.colors + bool(self.alpha)

    @property
    def samples_of_a_row(self) -> int:
        """Samples of a pixel that stand beside each other."""
        return 1 if self.is_planar else self.samples

    def row_bytes(self, width: int) -> int:
        """Bytes of a row of so many pixels."""
        return -(-width * self.samples_of_a_row * self.bits // 8)


class Rows:
    """The rows of a page.

    Attributes:
        is_transparent: Whether alpha was 0 in all rows until now.
    """

    def __init__(self, directory: Directory, layout: Layout) -> None:
        self._directory, self._layout = directory, layout
        self.is_transparent = True

    def strips(self, multiple: int) -> Iterator[Image.Image]:
        """All rows from top to bottom, gray or RGB, laid over white.

        Args:
            multiple: All strips but the last have a multiple of so many rows.
        """
        wanted = strip_rows(self._layout.size_wh[0], multiple)
        held: list[Pixels] = []
        for samples in self._samples(wanted):
            held.append(samples)
            count = sum(map(len, held))
            if count >= wanted:
                rows = held[0] if len(held) == 1 else np.concatenate(held)
                end = count - count % multiple
                yield self._shown(rows[:end])
                held = [rows[end:]] if end < count else []
        if held:
            yield self._shown(np.concatenate(held))

    def _samples(self, wanted: int) -> Iterator[Pixels]:
        """Decode rows; uint8, shape ``(rows, width, samples that are shown)``."""
        layout, directory = self._layout, self._directory
        if layout.is_converted:
            read = self._converted_tiles if directory.is_tiled else self._converted_strips
            yield from read()
        elif directory.is_tiled:
            yield from self._tiles()
        else:
            for raw in self._raw_strips(wanted):
                for top in range(0, raw.shape[1], wanted):
                    yield self._unpack(raw[:, top : top + wanted], layout.size_wh[0])

    def _raw_strips(self, wanted: int) -> Iterator[Pixels]:
        """Decode strips, several at a time; uint8, shape ``(planes, rows, bytes of a row)``."""
        layout, directory = self._layout, self._directory
        width, height = layout.size_wh
        of_strip = min(directory.strip_rows, height)
        row_bytes = layout.row_bytes(width)
        planes = layout.shown if layout.is_planar else 1
        if of_strip * row_bytes > _MOST_STRIP_BYTES:
            yield from self._raw_rows(wanted, planes, row_bytes)
            return
        of_plane = -(-height // of_strip)
        step = max(1, wanted // of_strip) * of_strip
        for top in range(0, height, step):
            raw = np.empty((planes, min(step, height - top), row_bytes), np.uint8)
            for plane in range(planes):
                for row in range(0, raw.shape[1], of_strip):
                    number = plane * of_plane + (top + row) // of_strip
                    directory.read_strip(number, raw[plane, row : row + of_strip])
            yield raw

    def _raw_rows(self, wanted: int, planes: int, row_bytes: int) -> Iterator[Pixels]:
        """Decode rows of large strips; of each plane they come one after the other."""
        height = self._layout.size_wh[1]
        with ExitStack() as files:
            of_planes = [files.enter_context(self._directory.again()) for _ in range(planes)]
            for top in range(0, height, wanted):
                raw = np.empty((planes, min(wanted, height - top), row_bytes), np.uint8)
                for plane, directory in enumerate(of_planes):
                    directory.read_rows(top, plane, raw[plane])
                yield raw

    def _tiles(self) -> Iterator[Pixels]:
        """Decode one row of tiles after the other."""
        layout, directory = self._layout, self._directory
        width, height = layout.size_wh
        tile_wh = directory.tile_wh
        across, down = -(-width // tile_wh[0]), -(-height // tile_wh[1])
        planes = layout.shown if layout.is_planar else 1
        raw = np.empty((planes, tile_wh[1], layout.row_bytes(tile_wh[0])), np.uint8)
        for row in range(down):
            rows = np.empty((tile_wh[1], across * tile_wh[0], layout.shown), np.uint8)
            for column in range(across):
                for plane in range(planes):
                    number = (plane * down + row) * across + column
                    directory.read_tile(number, raw[plane])
                left = column * tile_wh[0]
                rows[:, left : left + tile_wh[0]] = self._unpack(raw, tile_wh[0])
            yield rows[: height - row * tile_wh[1], :width]

    def _converted_strips(self) -> Iterator[Pixels]:
        width, height = self._layout.size_wh
        of_strip = min(self._directory.strip_rows, height)
        for top in range(0, height, of_strip):
            raster = np.empty((min(of_strip, height - top), width, 4), np.uint8)
            self._directory.read_rgba_strip(top, raster)
            yield raster[::-1, :, :3]

    def _converted_tiles(self) -> Iterator[Pixels]:
        width, height = self._layout.size_wh
        across, down = self._directory.tile_wh
        for top in range(0, height, down):
            rows = np.empty((down, -(-width // across) * across, 3), np.uint8)
            for left in range(0, width, across):
                raster = np.empty((down, across, 4), np.uint8)
                self._directory.read_rgba_tile(left, top, raster)
                rows[:, left : left + across] = raster[::-1, :, :3]
            yield rows[: height - top, :width]

    def _unpack(self, raw: Pixels, width: int) -> Pixels:
        """Samples of 8 bits, of the planes or of what stands in one."""
        layout = self._layout
        is_scaled = layout.photometric != PALETTE
        of_planes = [
            _as_bytes(plane, width * layout.samples_of_a_row, layout.bits, is_scaled=is_scaled)
            for plane in raw
        ]
        if layout.is_planar:
            return np.stack(of_planes, axis=-1)
        return of_planes[0].reshape(len(of_planes[0]), width, layout.samples)[:, :, : layout.shown]

    def _shown(self, samples: Pixels) -> Image.Image:
        """Gray or RGB of samples that were decoded."""
        layout = self._layout
        if not layout.alpha:
            return self._color(samples)
        alpha = np.ascontiguousarray(samples[:, :, layout.colors])
        colors = samples[:, :, : layout.colors]
        self.is_transparent = self.is_transparent and not alpha.any()
        if layout.alpha == PREMULTIPLIED:
            if layout.photometric in (BLACK_IS_ZERO, RGB):  # white shows through
                return self._color(np.minimum(colors, alpha[:, :, None]) + ~alpha[:, :, None])
            part = np.maximum(alpha, 1)[:, :, None].astype(np.uint16)
            colors = np.minimum((colors.astype(np.uint16) * _TOP + part // 2) // part, _TOP).astype(
                np.uint8
            )
        picture = self._color(colors)
        picture.putalpha(Image.fromarray(alpha))
        return over_white(picture)

    def _color(self, colors: Pixels) -> Image.Image:
        layout = self._layout
        if layout.palette is not None:
            return Image.fromarray(_eight_bits(layout.palette)[colors[:, :, 0]])
        if layout.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO):
            gray = np.ascontiguousarray(colors[:, :, 0])
            return Image.fromarray(~gray if layout.photometric == WHITE_IS_ZERO else gray)
        if layout.photometric == CMYK:
            inks = np.ascontiguousarray(colors)
            return Image.frombuffer("CMYK", inks.shape[1::-1], inks, "raw", "CMYK", 0, 1).convert(
                "RGB"
            )
        return Image.fromarray(np.ascontiguousarray(colors))


def _eight_bits(palette: Pixels) -> Pixels:
    """Colors of 8 bits; some programs write them as such (libtiff, checkcmap)."""
    return (palette >> 8 if palette.max() > _TOP else palette).astype(np.uint8)


def _as_bytes(rows: Pixels, count: int, bits: int, *, is_scaled: bool) -> Pixels:
    """Samples of any number of bits as bytes.

    Args:
        rows: uint8, shape ``(rows, bytes of a row)``; 16 bits in the machine's order, others
            packed, the highest bit first.
        count: Samples of a row.
        bits: Of a sample, 1 to 16. Of more than 8 the upper 8 are kept.
        is_scaled: Whether the largest number becomes 255.
    """
    if bits == _BYTE:
        return rows[:, :count]
    if bits == _WORD:
        return (rows.view(np.uint16)[:, :count] >> _BYTE).astype(np.uint8)
    if bits in (1, 2, 4):
        of_byte = _of_byte(bits, is_scaled=is_scaled)
        several = of_byte.view(f"u{of_byte.shape[1]}")[:, 0]
        return several.take(rows).view(np.uint8)[:, :count]
    of_samples = np.unpackbits(rows, axis=1)[:, : count * bits].reshape(len(rows), count, bits)
    upper = np.packbits(of_samples[:, :, :_BYTE], axis=2)[:, :, 0]
    return upper if bits > _BYTE else _scale(bits, is_scaled=is_scaled)[upper >> (_BYTE - bits)]


@cache
def _of_byte(bits: int, *, is_scaled: bool) -> Pixels:
    """The samples that each byte holds; uint8, shape ``(256, 8 / bits)``."""
    each = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).reshape(256, -1, bits)
    numbers = np.packbits(each, axis=2)[:, :, 0] >> (_BYTE - bits)
    return np.ascontiguousarray(_scale(bits, is_scaled=is_scaled)[numbers])


def _scale(bits: int, *, is_scaled: bool) -> Pixels:
    """What each number of so many bits becomes."""
    numbers = np.arange(1 << bits)
    return (numbers * _TOP // numbers[-1] if is_scaled else numbers).astype(np.uint8)
