# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reading of text, with networks that say what they are told to."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from roomdet import ocr
from roomdet.ocr import Text, TextReader, agreed, as_lines, decode, windows
from roomdet.slices import Slice
from roomdet.text_places import Place

if TYPE_CHECKING:
    from roomdet.geometry import Boxes, Pixels

CHARACTERS = "ABC123"
WHOLE: Boxes = np.array([[0, 0, 1, 1]], np.float32)
LETTER_PX = 20
HEIGHT, WIDTH = 400, 1500


class Marker:
    """Marks what is black."""

    def __init__(self) -> None:
        self.windows: list[Pixels] = []

    def __call__(self, pictures: Pixels) -> np.ndarray:
        """1 where it is."""
        self.windows.append(pictures)
        return (pictures[:, None, :, :, 0] < 128).astype(np.float32)


class Reader:
    """Reads a text for every line, all characters as sure."""

    def __init__(self, text: str = "AB", confidence: float = 1.0) -> None:
        self.text, self.confidence = text, confidence
        self.batches: list[int] = []

    def __call__(self, pictures: Pixels) -> np.ndarray:
        """One character at every other step."""
        self.batches.append(len(pictures))
        values = np.zeros((len(pictures), 2 * len(self.text) + 1, len(CHARACTERS) + 2), np.float32)
        values[:, ::2, 0] = 1
        for index, character in enumerate(self.text):
            values[:, 2 * index + 1, (CHARACTERS + " ").index(character) + 1] = self.confidence
        return values


def page(*lines: tuple[int, int]) -> Pixels:
    """A page with bars of 100 x 20 px whose top left corners are given."""
    pixels = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    for x, y in lines:
        pixels[y : y + LETTER_PX, x : x + 100] = 0
    return pixels


def soon() -> float:
    """A time that does not come in a test."""
    return time.monotonic() + 1000


class TestReading:
    """Lines in rooms are read, and where they are is told."""

    def test_lines_in_rooms_are_told_from_top_to_bottom(self) -> None:
        """What stands outside is not read."""
        reader, network = Marker(), Reader()
        rooms: Boxes = np.array([[0, 0, 0.5, 1]], np.float32)

        read = TextReader(reader, network, CHARACTERS).read_lines(
            page((100, 300), (300, 100), (1000, 100)), rooms, ends_s=soon()
        )

        assert not read.is_cut_short
        assert [line.text for line in read.lines] == ["AB", "AB"]
        assert [line.turn_degrees for line in read.lines] == [0, 0]
        x0, y0, x1, y1 = (
            np.array(read.lines[0].box_xyxy) * (WIDTH, HEIGHT, WIDTH, HEIGHT)
        ).tolist()
        assert (y0, y1) == pytest.approx((96, 124), abs=1)  # as high as their font
        assert (x0, x1) == pytest.approx((300, 400), abs=20)
        assert sum(network.batches) == 2

    def test_a_window_sees_what_is_around_it(self) -> None:
        """A line over the border of two windows is one line."""
        marker = Marker()
        border = ocr.WINDOW_PX - 2 * ocr.MARGIN_PX

        read = TextReader(marker, Reader(), CHARACTERS).read_lines(
            page((border - 50, 100)), WHOLE, ends_s=soon()
        )

        assert len(read.lines) == 1
        assert {window.shape for window in marker.windows} == {(1, 640, 640, 3)}
        assert len(marker.windows) == 2  # the third is blank

    def test_what_is_not_sure_is_not_told(self) -> None:
        """Nor is what nothing was read of."""
        for network in (Reader(confidence=0.5), Reader("")):
            reader = TextReader(Marker(), network, CHARACTERS)
            assert reader.read_lines(page((100, 100)), WHOLE, ends_s=soon()).lines == []

    @pytest.mark.parametrize(
        ("text", "confidence", "is_told"),
        [("12", 0.6, True), ("12", 0.59, False), ("BAC", 0.94, False), ("BAC", 0.95, True),
         ("ABCA", 0.74, False), ("ABCA", 0.75, True)],
    )  # fmt: skip
    def test_letters_are_told_more_surely_than_numbers(
        self, text: str, confidence: float, *, is_told: bool
    ) -> None:
        """Fixtures look like letters, of short words the most."""
        reader = TextReader(Marker(), Reader(text, confidence + 0.001), CHARACTERS)
        lines = reader.read_lines(page((100, 100)), WHOLE, ends_s=soon()).lines
        assert [line.text for line in lines] == [text] * is_told

    def test_a_blank_page_costs_nothing(self) -> None:
        """Neither network is asked."""
        marker, network = Marker(), Reader()

        read = TextReader(marker, network, CHARACTERS).read_lines(page(), WHOLE, ends_s=soon())

        assert (read.lines, read.is_cut_short) == ([], False)
        assert marker.windows == network.batches == []

    def test_no_rooms_cost_nothing(self) -> None:
        """There is nowhere to look."""
        marker = Marker()

        read = TextReader(marker, Reader(), CHARACTERS).read_lines(
            page((100, 100)), np.zeros((0, 4), np.float32), ends_s=soon()
        )

        assert (read.lines, marker.windows) == ([], [])

    def test_a_turned_line_is_read_both_ways(self) -> None:
        """The surer one is told."""

        class EndsDark(Reader):
            def __call__(self, pictures: Pixels) -> np.ndarray:
                ends_dark = pictures[:, 24, 70, 0] < pictures[:, 24, 30, 0]
                return super().__call__(pictures) * np.where(ends_dark, 1, 0.7)[:, None, None]

        pixels = page()
        pixels[100:200, 300:320] = 100
        pixels[100:150, 300:320] = 0  # the upper end, at which a line ends that goes up

        read = TextReader(Marker(), EndsDark(), CHARACTERS).read_lines(pixels, WHOLE, ends_s=soon())

        assert [(line.turn_degrees, line.confidence) for line in read.lines] == [(270, 1)]

    def test_forms_of_batches_are_few(self) -> None:
        """OpenVINO keeps memory for each: four lines at a time, then one by one."""
        network = Reader()
        many = [(x, y) for x in range(20, 1400, 200) for y in (50, 150, 250)]

        read = TextReader(Marker(), network, CHARACTERS).read_lines(
            page(*many), WHOLE, ends_s=soon()
        )

        assert len(read.lines) == len(many) == 21
        assert network.batches == [4] * 5 + [1]


class TestTwoLinesInOne:
    """What is not read surely is read as two lines, too."""

    def test_two_lines_that_nearly_touch_are_told_as_two(self) -> None:
        """If they are surer so."""

        class LikesOneLine(Reader):
            def __call__(self, pictures: Pixels) -> np.ndarray:
                dark = (pictures[..., 0] < 128).mean(axis=2) > 0.3
                high = sliding_window_view(dark, 5, axis=1).all(axis=2).astype(np.int8)
                lines = (np.diff(high, axis=1, prepend=0) == 1).sum(axis=1)
                return super().__call__(pictures) * np.where(lines == 1, 1, 0.7)[:, None, None]

        pixels = page((100, 100), (100, 130))
        pixels[120:130, 150:152] = 0  # where they touch

        read = TextReader(Marker(), LikesOneLine(), CHARACTERS).read_lines(
            pixels, WHOLE, ends_s=soon()
        )

        tops = [round(line.box_xyxy[1] * HEIGHT) for line in read.lines]
        assert [line.confidence for line in read.lines] == [1, 1]
        assert tops == pytest.approx([96, 126], abs=3)


class TestTime:
    """Time is bounded, and what was read by its end is told."""

    def test_marking_leaves_time_for_reading(self) -> None:
        """Windows are left out that come too late."""
        marker = Marker()

        class Slow(Marker):
            def __call__(self, pictures: Pixels) -> np.ndarray:
                time.sleep(0.3)
                return marker(pictures)

        read = TextReader(Slow(), Reader(), CHARACTERS).read_lines(
            page((100, 100), (700, 100), (1300, 100)), WHOLE, ends_s=time.monotonic() + 0.9
        )

        assert read.is_cut_short
        assert len(marker.windows) == 2  # 0.3 s each, and 0.6 of 0.9 s is for them
        assert len(read.lines) == 2

    def test_nothing_is_begun_after_the_end(self) -> None:
        """No time, no names."""
        marker, network = Marker(), Reader()

        read = TextReader(marker, network, CHARACTERS).read_lines(
            page((100, 100)), WHOLE, ends_s=time.monotonic()
        )

        assert (read.lines, read.is_cut_short) == ([], True)
        assert marker.windows == network.batches == []

    def test_lines_are_left_out_that_come_too_late(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """From the top of the page on, those are told that were read."""
        monkeypatch.setattr(ocr, "PLACES_AT_A_TIME", 1)

        class Slow(Reader):
            def __call__(self, pictures: Pixels) -> np.ndarray:
                time.sleep(0.4)
                return super().__call__(pictures)

        read = TextReader(Marker(), Slow(), CHARACTERS).read_lines(
            page((100, 300), (100, 100)), WHOLE, ends_s=time.monotonic() + 0.3
        )

        assert read.is_cut_short
        assert [round(line.box_xyxy[1] * HEIGHT) for line in read.lines] == [96]


class TestWindows:
    """One grid over all rooms."""

    def test_those_without_a_room_are_left_out(self) -> None:
        """Rooms in two corners need two of nine."""
        boxes: Boxes = np.array([[10, 20, 100, 100], [1300, 1300, 1400, 1500]], np.float32)

        found = windows(boxes, (2000, 2000))

        assert found == [Slice(10, 20, 586, 596), Slice(1162, 1172, 1738, 1748)]

    def test_they_end_at_the_page(self) -> None:
        """A room may reach beyond it."""
        boxes: Boxes = np.array([[-5, -5, 700, 500]], np.float32)

        assert windows(boxes, (640, 480)) == [Slice(0, 0, 576, 480), Slice(576, 0, 640, 480)]


class TestDecoding:
    """Steps to text."""

    @pytest.mark.parametrize(
        ("steps", "text"),
        [
            ("", ""),
            ("---", ""),
            ("AAB", "AB"),
            ("A-A", "AA"),
            ("-A--BB-", "AB"),
            (" A  B ", "A B"),
            ("   ", ""),
        ],
    )
    def test_repeated_steps_are_one_character(self, steps: str, text: str) -> None:
        """Unless none stands between them; spaces are single ones."""
        indices = ["-ABC123 ".index(step) for step in steps]
        values = np.zeros((len(indices), 8), np.float32)
        values[np.arange(len(indices)), indices] = 0.9

        read, confidence = decode(values, ["", *CHARACTERS, " "])

        assert read == text
        assert confidence == pytest.approx(0.9 if text else 0)

    def test_the_least_sure_character_decides(self) -> None:
        """A name with one wrong letter is wrong."""
        values = np.zeros((3, 8), np.float32)
        values[[0, 1, 2], [1, 2, 3]] = 1, 0.4, 0.9

        read, confidence = decode(values, ["", *CHARACTERS, " "])

        assert read == "ABC"
        assert confidence == pytest.approx(0.4)


class TestAgreement:
    """What a page says often and surely corrects what is read unsurely."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("RONTOR", "KONTOR"),  # another letter
            ("ONTOR", "KONTOR"),
            ("KONTO", "KONTOR"),
            ("KOINTOR", "KONTOR"),
            ("KONTORn", "KONTOR"),
            ("KONTOR", "KONTOR"),
            ("RONTORn", "RONTORn"),  # two letters
            ("KNOTOR", "KNOTOR"),
            ("KORRIDOR", "KORRIDOR"),
            ("", ""),
        ],
    )
    def test_a_letter_is_corrected(self, text: str, expected: str) -> None:
        """One, and the confidence is between the two."""
        *_, read = agreed([Text("KONTOR", 0.99)] * 2 + [Text(text, 0.6)])

        assert read == Text(expected, 0.8 if expected == "KONTOR" else 0.6)

    @pytest.mark.parametrize(
        ("known", "text"),
        [
            ([Text("KONTOR", 0.99)], Text("RONTOR", 0.6)),  # once
            ([Text("KONTOR", 0.8)] * 2, Text("RONTOR", 0.6)),  # not surely
            ([Text("KONTOR", 0.99)] * 2, Text("RONTOR", 0.95)),  # this is sure
            ([Text("KONTOR", 0.99)] * 2, Text("RONTOR", 0.2)),  # this is nothing
            ([Text("FRD", 0.99)] * 2, Text("FR", 0.6)),  # short
            ([Text("3504", 0.99)] * 2, Text("3505", 0.6)),  # numbers differ by a digit
            ([Text("KONTOR", 0.99), Text("RONTOR", 0.99)] * 2, Text("PONTOR", 0.6)),  # which?
        ],
    )
    def test_all_else_stays(self, known: list[Text], text: Text) -> None:
        """What is sure, rare, short, a number or like two others."""
        assert agreed([*known, text]) == [*known, text]

    def test_what_stands_elsewhere_is_told(self) -> None:
        """Though it was read with little."""
        *_, read = agreed([Text("KONTOR", 0.99)] * 2 + [Text("RONTOR", ocr.LEAST_AGREED)])
        assert ocr.is_told(read)


class TestLines:
    """How a line is told."""

    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            ("252 VF", ["252", "VF"]),
            ("A:240 ELC", ["A:240", "ELC"]),
            ("28 PLATSER", ["28 PLATSER"]),  # so many seats
            ("LÄROSAL L41", ["LÄROSAL L41"]),
            ("1501 1502", ["1501 1502"]),
            ("119.58 m²", ["119.58 m²"]),
            ("1290 sq ft", ["1290 sq ft"]),
        ],
    )
    def test_a_room_number_is_a_line_of_its_own(self, text: str, parts: list[str]) -> None:
        """Before a name, and only there."""
        lines = list(as_lines(Place(500, 50, 100, 10), text, 0.9, (1000, 100)))

        assert [line.text for line in lines] == parts
        assert lines[0].box_xyxy[0] == pytest.approx(0.45)
        assert lines[-1].box_xyxy[2] == pytest.approx(0.55)

    def test_a_line_is_cut_off_at_the_page(self) -> None:
        """Fractions are 0 to 1."""
        (line,) = as_lines(Place(0, 0, 100, 10), "A", 0.9, (1000, 100))

        assert line.box_xyxy == pytest.approx((0, 0, 0.05, 0.05))
