# SPDX-License-Identifier: AGPL-3.0-or-later
"""PNG of the common kinds: the same samples as Pillow's, or Pillow's own reading."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from roomdet import page, png
from tests.builders import SEED, draw_plan, encode, exif, png_rgb

if TYPE_CHECKING:
    from pathlib import Path

SIDES = st.integers(1, 70)


def decode(data: bytes) -> Image.Image | None:
    """The picture as this module decodes it."""
    with Image.open(io.BytesIO(data)) as header:
        return png.decode(data, header)


def noise(mode: str, size_wh: tuple[int, int]) -> Image.Image:
    """A picture of which each pixel is another one."""
    channels = len(Image.new(mode, (1, 1)).getbands())
    shape = (*size_wh[::-1], channels)
    samples = np.random.default_rng(SEED).integers(0, 256, shape, np.uint8)
    return Image.fromarray(samples[:, :, 0] if channels == 1 else samples)


@given(
    mode=st.sampled_from(["L", "RGB", "RGBA"]),
    size_wh=st.tuples(SIDES, SIDES),
    level=st.sampled_from([0, 1, 9]),
)
@settings(deadline=None)
def test_samples_are_those_that_were_stored(
    mode: str, size_wh: tuple[int, int], level: int
) -> None:
    """With whatever filters Pillow chose for the rows."""
    picture = noise(mode, size_wh)
    decoded = decode(encode(picture, "PNG", compress_level=level))

    assert decoded is not None
    assert (decoded.mode, decoded.size) == (mode, size_wh)
    assert np.array_equal(np.asarray(decoded), np.asarray(picture))


@pytest.mark.parametrize("at_xy", [(0, 0), (5, 63), (69, 64), (69, 199)])
@pytest.mark.parametrize(
    ("mode", "channel"), [*(("RGB", c) for c in "RGB"), *(("RGBA", c) for c in "RGBA")]
)
def test_a_single_pixel_that_is_not_gray_is_kept(
    at_xy: tuple[int, int], mode: str, channel: str
) -> None:
    """In any row of any strip; without it, the plan comes as one channel."""
    plan = noise("L", (70, 200)).convert(mode)
    gray = decode(encode(plan, "PNG"))
    color = [128, 128, 128, 255]
    color[mode.index(channel)] -= 1
    plan.putpixel(at_xy, tuple(color[: len(mode)]))
    kept = decode(encode(plan, "PNG"))

    assert gray is not None
    assert gray.mode == "L"
    assert np.array_equal(np.asarray(gray), np.asarray(noise("L", (70, 200))))
    assert kept is not None
    assert np.array_equal(np.asarray(kept), np.asarray(plan))


def test_interlaced_rows_come_in_order() -> None:
    """Adam7, which Pillow reads but does not write."""
    plan = np.asarray(draw_plan())
    decoded = decode(png_rgb(plan, is_interlaced=True))

    assert decoded is not None
    assert np.array_equal(np.asarray(decoded), plan)


@pytest.mark.parametrize("mode", ["1", "P", "LA", "I;16"])
def test_other_kinds_are_left_to_pillow(mode: str) -> None:
    """A bit, a palette, gray with alpha, 16 bits."""
    picture = draw_plan(mode="L") if mode == "I;16" else draw_plan().convert("L").convert(mode)
    data = encode(picture.convert(mode), "PNG")

    assert decode(data) is None


def test_sixteen_bits_of_rgb_are_left_to_pillow() -> None:
    """Whose mode is that of 8 bits."""
    assert decode(png_rgb(np.asarray(draw_plan()).astype(np.uint16) * 257)) is None


@pytest.mark.parametrize("special", ["transparency", "exif", "raw profile", "xmp", "animation"])
def test_what_is_more_than_samples_is_left_to_pillow(special: str) -> None:
    """A color that is none, a picture that lies on its side, one that moves."""
    texts = PngImagePlugin.PngInfo()
    if special == "raw profile":
        texts.add_text("Raw profile type exif", "\nexif\n0\n")
    if special == "xmp":
        texts.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta/>")
    special_options: dict[str, dict[str, Any]] = {
        "transparency": {"transparency": (255, 255, 255)},
        "exif": {"exif": exif(6)},
        "animation": {"save_all": True, "append_images": [draw_plan((320, 200)).rotate(180)]},
    }
    options = special_options.get(special, {"pnginfo": texts})

    assert decode(encode(draw_plan(), "PNG", **options)) is None


def test_a_large_picture_is_left_to_pillow() -> None:
    """Its decoder lets other threads work."""
    side = int(page.LARGE_PIXELS**0.5) + 1

    assert decode(encode(Image.new("L", (side, side)), "PNG")) is None
    assert decode(encode(Image.new("L", (side - 1, side - 1)), "PNG")) is not None


@pytest.mark.parametrize("end", [60, -30])
def test_a_damaged_file_is_left_to_pillow(end: int) -> None:
    """Which says what is wrong with it."""
    data = encode(draw_plan(), "PNG")
    with Image.open(io.BytesIO(data)) as header:
        assert png.decode(data[:end], header) is None


def test_want_of_memory_ends_nothing(tmp_path: Path) -> None:
    """Wherever it ends: the decoder would print a trace without end, or end the process."""
    file = tmp_path / "long.png"
    # Long rows, for which the decoder takes memory beside the samples.
    file.write_bytes(encode(Image.new("RGBA", (65_000, 150), "white"), "PNG"))
    program = """
import io, sys
from pathlib import Path
from PIL import Image
from roomdet import memory, png

data = Path(sys.argv[1]).read_bytes()
for allowance_mb in (*range(1, 45), 60, 80, 100, 105, 110, 150):
    memory.limit_memory(allowance_mb)
    with Image.open(io.BytesIO(data)) as header:
        print(png.decode(data, header))
"""
    ended = subprocess.run(
        [sys.executable, "-c", program, file],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "RUST_BACKTRACE": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert lines[0] == "None"
    assert "size=65000x150" in lines[-1]


def test_a_panic_is_left_to_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no Exception; a key that was pressed is no panic."""

    class PanicException(BaseException):
        pass

    def panic(*_: object) -> None:
        raise failure

    monkeypatch.setattr("kornia_rs.io.decode_image_png_u8", panic)
    failure: BaseException = PanicException()
    assert decode(encode(draw_plan(), "PNG")) is None
    failure = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        decode(encode(draw_plan(), "PNG"))
