# SPDX-License-Identifier: AGPL-3.0-or-later
"""libtiff, the one that Pillow brings and has loaded, called directly.

It reads many more layouts than Pillow asks it for, and hands over a strip at a time. See
docs/decisions/0028-tiff-by-libtiff.md. A file belongs to one thread.
"""

from __future__ import annotations

import ctypes
from contextlib import contextmanager
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_uint16, c_uint32, c_uint64, c_void_p
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import _imaging

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomdet.geometry import Pixels

# Functions of what a library is linked with are found through it, wherever that lies.
_PATH = str(_imaging.__file__)
_letting_others_run = ctypes.CDLL(_PATH)
# Small pieces are decoded with Python's lock held: to give it away and to wait for it each time
# costs more, up to 5 ms where another thread computes in Python.
_holding_the_lock = ctypes.PyDLL(_PATH)
_SMALL_BYTES = 32_768

# What libtiff itself may take at a time; its buffers, not the samples.
_MOST_BYTES = 600 * 2**20
# It goes on after these, with rows that are not in the file, or are as good as can be guessed.
_LOSSES = ("Premature EOF", "Premature end of JPEG")
_SPOILED_ROWS = ("Bad code word", "Premature EOL", "Line length mismatch", "Uncompressed data")
_MESSAGE_BYTES = 300
_JPEG_COLOR_MODE_TAG, _AS_RGB = 65538, 1  # libtiff's tiff.h, pseudo-tags

_READ = ctypes.CFUNCTYPE(c_size_t, c_void_p, c_void_p, c_size_t)
_SEEK = ctypes.CFUNCTYPE(c_uint64, c_void_p, c_uint64, c_int)
_CLOSE = ctypes.CFUNCTYPE(c_int, c_void_p)
_SIZE = ctypes.CFUNCTYPE(c_uint64, c_void_p)
_MAP = ctypes.CFUNCTYPE(c_int, c_void_p, POINTER(c_void_p), POINTER(c_uint64))
_UNMAP = ctypes.CFUNCTYPE(None, c_void_p, c_void_p, c_uint64)
_SAY = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_char_p, c_char_p, c_void_p)

_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "TIFFOpenOptionsAlloc": (c_void_p, []),
    "TIFFOpenOptionsFree": (None, [c_void_p]),
    "TIFFOpenOptionsSetMaxCumulatedMemAlloc": (None, [c_void_p, c_size_t]),
    "TIFFOpenOptionsSetErrorHandlerExtR": (None, [c_void_p, _SAY, c_void_p]),
    "TIFFOpenOptionsSetWarningHandlerExtR": (None, [c_void_p, _SAY, c_void_p]),
    "TIFFClientOpenExt": (
        c_void_p,
        [c_char_p, c_char_p, c_void_p, _READ, _READ, _SEEK, _CLOSE, _SIZE, _MAP, _UNMAP, c_void_p],
    ),
    "TIFFClose": (None, [c_void_p]),
    "TIFFSetSubDirectory": (c_int, [c_void_p, c_uint64]),
    "TIFFGetFieldDefaulted": (c_int, [c_void_p, c_uint32]),
    "TIFFSetField": (c_int, [c_void_p, c_uint32]),
    "TIFFIsTiled": (c_int, [c_void_p]),
    "TIFFGetStrileOffset": (c_uint64, [c_void_p, c_uint32]),
    "TIFFIsCODECConfigured": (c_int, [c_uint16]),
    "TIFFRGBAImageOK": (c_int, [c_void_p, c_char_p]),
    "TIFFReadEncodedStrip": (c_size_t, [c_void_p, c_uint32, c_void_p, c_size_t]),
    "TIFFReadEncodedTile": (c_size_t, [c_void_p, c_uint32, c_void_p, c_size_t]),
    "TIFFReadScanline": (c_int, [c_void_p, c_void_p, c_uint32, c_uint16]),
    "TIFFReadRGBAStripExt": (c_int, [c_void_p, c_uint32, c_void_p, c_int]),
    "TIFFReadRGBATileExt": (c_int, [c_void_p, c_uint32, c_uint32, c_void_p, c_int]),
}
for _library in (_letting_others_run, _holding_the_lock):
    for _name, (_result, _arguments) in _SIGNATURES.items():
        getattr(_library, _name).restype = _result
        getattr(_library, _name).argtypes = _arguments
_FAILED = c_size_t(-1).value
_vsnprintf = ctypes.CDLL(None).vsnprintf
_vsnprintf.argtypes = [c_char_p, c_size_t, c_char_p, c_void_p]


class LibtiffError(Exception):
    """libtiff could not read something; the message is its own, made fit for a caller."""

    def __init__(self, words: str) -> None:
        plain = "".join(letter if letter.isprintable() else "?" for letter in words)
        super().__init__(plain or "libtiff does not say why")
        # It says so of bits that differ among samples, of odd subsampling and the like.
        self.is_about_layout = "annot handle" in words or "can not" in words


class Directory:
    """One page of a TIFF, as :func:`opened` gives it.

    Attributes:
        spoiled_rows: Rows of a fax that were damaged on their way, of those read until now.
    """

    def __init__(self, data: bytes, offset: int) -> None:
        self._data, self._offset = data, offset
        self._is_rgb = False
        self._bytes = np.frombuffer(data, np.uint8)
        self._base: int = self._bytes.ctypes.data
        self._at = 0
        self._errors: list[str] = []
        self.spoiled_rows = 0
        # libtiff calls these as long as the file is open.
        self._callbacks = (
            _READ(self._read), _READ(lambda *_: 0), _SEEK(self._seek), _CLOSE(lambda _: 0),
            _SIZE(lambda _: len(self._bytes)), _MAP(self._map), _UNMAP(lambda *_: None),
        )  # fmt: skip
        self._says = _SAY(self._take_error), _SAY(self._take_warning)
        self._file: int | None = None

    @contextmanager
    def again(self) -> Iterator[Directory]:
        """The same page, opened once more, for rows of which each keeps its place."""
        with opened(self._data, self._offset) as directory:
            if self._is_rgb:
                directory.convert_jpeg_to_rgb()
            yield directory

    def open(self) -> None:
        """Read the directory."""
        options = _letting_others_run.TIFFOpenOptionsAlloc()
        try:
            _letting_others_run.TIFFOpenOptionsSetMaxCumulatedMemAlloc(options, _MOST_BYTES)
            _letting_others_run.TIFFOpenOptionsSetErrorHandlerExtR(options, self._says[0], None)
            _letting_others_run.TIFFOpenOptionsSetWarningHandlerExtR(options, self._says[1], None)
            # h: the header only, because the first page may be damaged where another is wanted.
            self._file = _letting_others_run.TIFFClientOpenExt(
                b"", b"rh", None, *self._callbacks, options
            )
        finally:
            _letting_others_run.TIFFOpenOptionsFree(options)
        if not self._file or not _letting_others_run.TIFFSetSubDirectory(self._file, self._offset):
            raise self._error()
        self._errors.clear()  # of tags that it does without

    def close(self) -> None:
        """Let go of what libtiff holds."""
        if self._file:
            _letting_others_run.TIFFClose(self._file)
            self._file = None

    def number(self, tag: int, kind: Any = c_uint16) -> int | None:
        """Value of a tag of one number, or its default; None where it has neither."""
        value = kind()
        found = _letting_others_run.TIFFGetFieldDefaulted(self._file, tag, byref(value))
        return int(value.value) if found else None

    def numbers(self, tag: int) -> list[int]:
        """Values of a tag that says how many it has, 16 bits each."""
        count, values = c_uint16(), POINTER(c_uint16)()
        found = _letting_others_run.TIFFGetFieldDefaulted(
            self._file, tag, byref(count), byref(values)
        )
        return values[: count.value] if found and count.value else []

    def color_map(self, length: int) -> Pixels | None:
        """Three columns of a palette, uint16, shape ``(length, 3)``; None where there is none."""
        columns = [POINTER(c_uint16)() for _ in range(3)]
        found = _letting_others_run.TIFFGetFieldDefaulted(self._file, 320, *map(byref, columns))
        return np.array([column[:length] for column in columns]).T if found else None

    @property
    def is_tiled(self) -> bool:
        """Whether it is stored in tiles, not strips."""
        return bool(_letting_others_run.TIFFIsTiled(self._file))

    @property
    def pixels_at(self) -> int:
        """Where the first strip or tile begins in the file."""
        return int(_letting_others_run.TIFFGetStrileOffset(self._file, 0))

    @property
    def strip_rows(self) -> int:
        """Rows of a strip; far more than there are where all of them are one."""
        return self.number(278, c_uint32) or 2**32 - 1

    @property
    def tile_wh(self) -> tuple[int, int]:
        """Width and height of a tile in pixels."""
        return self.number(322, c_uint32) or 0, self.number(323, c_uint32) or 0

    def convert_jpeg_to_rgb(self) -> None:
        """Let JPEG come out as RGB, not as YCbCr."""
        self._is_rgb = True
        _letting_others_run.TIFFSetField(self._file, _JPEG_COLOR_MODE_TAG, c_int(_AS_RGB))

    def refuse_unless_convertible(self) -> None:
        """Raise with libtiff's words where it cannot turn the page into RGB."""
        # Its own turning upright is not wanted.
        _letting_others_run.TIFFSetField(self._file, 274, c_int(1))
        why = ctypes.create_string_buffer(1024)
        if not _letting_others_run.TIFFRGBAImageOK(self._file, why):
            raise LibtiffError(why.value.decode(errors="replace"))

    def read_strip(self, number: int, into: Pixels) -> None:
        """Decode a strip, or so much of its beginning as there is room for."""
        read = _for(into).TIFFReadEncodedStrip
        self._check(read(self._file, number, into.ctypes.data, into.nbytes) != _FAILED)

    def read_tile(self, number: int, into: Pixels) -> None:
        """Decode a tile."""
        read = _for(into).TIFFReadEncodedTile
        self._check(read(self._file, number, into.ctypes.data, into.nbytes) != _FAILED)

    def read_rows(self, first: int, plane: int, into: Pixels) -> None:
        """Decode rows, one after the other; earlier ones cannot be read any more."""
        read, start, step = _holding_the_lock.TIFFReadScanline, into.ctypes.data, into.strides[0]
        for row in range(len(into)):
            self._check(read(self._file, start + row * step, first + row, plane) == 1)

    def read_rgba_strip(self, row: int, into: Pixels) -> None:
        """Decode the strip that begins with a row as RGBA, the lowest row first."""
        read = _letting_others_run.TIFFReadRGBAStripExt
        self._check(read(self._file, row, into.ctypes.data, 1) == 1)

    def read_rgba_tile(self, left: int, top: int, into: Pixels) -> None:
        """Decode a tile as RGBA, the lowest row first."""
        read = _letting_others_run.TIFFReadRGBATileExt
        self._check(read(self._file, left, top, into.ctypes.data, 1) == 1)

    def _check(self, is_read: bool) -> None:  # noqa: FBT001
        if not is_read or self._errors:
            raise self._error()

    def _error(self) -> LibtiffError | MemoryError:
        words = self._errors[0] if self._errors else ""
        # "Out of memory reading of" a tag means that it claims to be longer than any.
        if words.startswith(("Cumulated memory", "No space", "Error in ZSTD", "Out of memory (")):
            return MemoryError(words)
        return LibtiffError(words)

    def _read(self, _: int, into: int, size: int) -> int:
        size = max(0, min(size, len(self._bytes) - self._at))
        ctypes.memmove(into, self._base + self._at, size)
        self._at += size
        return size

    def _seek(self, _: int, offset: int, whence: int) -> int:
        start = (0, self._at, len(self._bytes))[whence]
        self._at = start + offset
        return self._at

    def _map(self, _: int, base: Any, size: Any) -> int:
        base[0], size[0] = self._base, len(self._bytes)
        return 1

    def _take_error(self, *said: Any) -> int:
        words = _words(*said[2:])
        if words.startswith(_SPOILED_ROWS):
            self.spoiled_rows += 1
        else:
            self._errors.append(words)
        return 1  # nobody else need hear of it

    def _take_warning(self, *said: Any) -> int:
        words = _words(*said[2:])
        if words.startswith((*_LOSSES, *_SPOILED_ROWS)):
            self._take_error(*said)
        return 1


@contextmanager
def opened(data: bytes, offset: int) -> Iterator[Directory]:
    """A page of a TIFF.

    Args:
        data: The file.
        offset: Where the page's directory begins.

    Raises:
        LibtiffError: If there is no directory that makes sense.
    """
    directory = Directory(data, offset)
    try:
        directory.open()
        yield directory
    finally:
        directory.close()


def can_decode(compression: int) -> bool:
    """Whether this libtiff was built with a compression."""
    return bool(_letting_others_run.TIFFIsCODECConfigured(compression))


def _for(into: Pixels) -> ctypes.CDLL:
    return _holding_the_lock if into.nbytes < _SMALL_BYTES else _letting_others_run


def _words(_: bytes | None, form: bytes | None, values: int) -> str:
    text = ctypes.create_string_buffer(_MESSAGE_BYTES)
    _vsnprintf(text, _MESSAGE_BYTES, form or b"", values)
    return text.value.decode(errors="replace")
