# SPDX-License-Identifier: AGPL-3.0-or-later
"""PDF pages become what a viewer shows, at the working size, within the limits.

Longer than a module should be: many small behaviors of one function, told apart by class.
"""

from __future__ import annotations

import struct
import time
import zlib
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest
from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption

from roomdet.config import Limits
from roomdet.errors import FileTooLarge, InvalidFileFormat, RequestError, ValidationError
from tests.builders import (
    PLAN_WH,
    ROOMS,
    SEED,
    draw_plan,
    encode,
    fax_pdf,
    layered_pdf,
    pdf_stream,
    plan_pdf,
    raw_pdf,
    scanned_pdf,
)
from tests.unit.reading import SIDE_PX, attempt, read

if TYPE_CHECKING:
    from collections.abc import Callable

    from roomdet.geometry import Pixels
    from roomdet.page import Page

PICTURE = b"/Type/XObject/Subtype/Image/ColorSpace/DeviceGray/BitsPerComponent 8"
SHOW_PICTURE = b"320 0 0 200 0 0 cm /I Do"
# What must be done with the plan to see it as on a page turned clockwise by so many degrees.
TURNED: Final[dict[int, Image.Transpose | None]] = {
    0: None,
    90: Image.Transpose.ROTATE_270,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_90,
}


def drawn(rotation: int = 0, mode: str = "RGB") -> Pixels:
    """What the page must show, one pixel a point."""
    how = TURNED[rotation]
    plan = draw_plan(mode=mode)
    return np.asarray((plan if how is None else plan.transpose(how)).convert("RGB"))


def mean_error(page: Page, expected: Pixels) -> float:
    """Mean difference of the samples; infinite where the shapes differ."""
    if page.pixels.shape != expected.shape:
        return float("inf")
    return float(np.abs(page.pixels.astype(int) - expected).mean())


SCANS: Final[dict[str, tuple[Callable[[], bytes], str]]] = {
    "png": (lambda: scanned_pdf(encode(draw_plan(), "PNG")), "RGB"),
    "jpeg": (lambda: scanned_pdf(encode(draw_plan(), "JPEG", quality=95)), "RGB"),
    "jpeg-gray": (lambda: scanned_pdf(encode(draw_plan(mode="L"), "JPEG", quality=95)), "L"),
    "jpeg-cmyk": (lambda: scanned_pdf(encode(draw_plan(mode="CMYK"), "JPEG", quality=95)), "CMYK"),
    "fax": (lambda: fax_pdf(draw_plan(mode="1")), "1"),
}


class TestRendering:
    """A page shows what was drawn."""

    @pytest.mark.parametrize("room", ROOMS)
    def test_room_has_its_color(self, room: str) -> None:
        """The middle of every drawn room has the color in which it was drawn."""
        color, (x0, y0, x1, y1) = ROOMS[room]
        width, height = PLAN_WH

        pixels = read(plan_pdf()).pixels

        middle = pixels[int((y0 + y1) / 2 * height), int((x0 + x1) / 2 * width)]
        assert tuple(middle) == color

    def test_vectors_are_rendered_to_the_pixel(self) -> None:
        """At one pixel a point every pixel is the drawn one."""
        assert np.array_equal(read(plan_pdf()).pixels, drawn())

    @pytest.mark.parametrize("rotation", TURNED)
    def test_page_is_turned_as_it_says(self, rotation: int) -> None:
        """``/Rotate`` is obeyed, clockwise."""
        page = read(plan_pdf(rotation=rotation))

        assert np.array_equal(page.pixels, drawn(rotation))

    @pytest.mark.parametrize("rotation", TURNED)
    def test_source_size_is_that_of_the_turned_page(self, rotation: int) -> None:
        """The size that is reported is the one that a person sees, in points."""
        expected_wh = PLAN_WH if rotation in (0, 180) else PLAN_WH[::-1]

        assert read(plan_pdf(rotation=rotation)).source_wh == expected_wh

    def test_only_the_crop_box_is_shown(self) -> None:
        """What lies outside the crop box is neither shown nor counted."""
        page = read(plan_pdf(crop_pt=(160, 0, 320, 100)), side_px=160)

        assert page.source_wh == (160, 100)
        assert np.array_equal(page.pixels, drawn()[100:, 160:])

    def test_crop_box_and_rotation_combine(self) -> None:
        """The cropped part is turned."""
        page = read(plan_pdf(crop_pt=(160, 0, 320, 100), rotation=90), side_px=160)

        assert np.array_equal(page.pixels, np.rot90(drawn()[100:, 160:], -1))

    @pytest.mark.parametrize("kind", SCANS)
    def test_scan_is_shown(self, kind: str) -> None:
        """A page that is nothing but a picture shows that picture."""
        build, mode = SCANS[kind]

        page = read(build())

        # PDFium turns CMYK into RGB by a table of printing inks, not by subtraction.
        assert mean_error(page, drawn(mode=mode)) < (16 if mode == "CMYK" else 3)

    def test_empty_page_is_white(self) -> None:
        """What nobody drew on is white."""
        assert read(raw_pdf(b"")).pixels.min() == 255

    def test_owner_password_alone_does_not_lock(self) -> None:
        """A PDF that may only not be edited is read."""
        encrypt = StandardEncryption(userPassword="", ownerPassword="owner", canModify=0)

        assert np.array_equal(read(plan_pdf(encrypt=encrypt)).pixels, drawn())

    def test_header_may_stand_behind_other_bytes(self) -> None:
        """Some mail programs put lines in front of a PDF."""
        assert read(b"X-Junk: yes\n" * 20 + plan_pdf()).source_wh == PLAN_WH


RED_OVER_ALL = pdf_stream(
    b"/Type/XObject/Subtype/Form/BBox[0 0 320 200]", b"1 0 0 rg 0 0 320 200 re f"
)
WIDGET = b"/Subtype/Widget/T(plan)/FT/"
LISTED, UNLISTED, NO_FORM = b"/AcroForm<</Fields[5 0 R]>>", b"/AcroForm<</Fields[]>>", b""
HIDDEN, PRINT, NO_VIEW = 2, 4, 32  # ISO 32000-1, table 165


def annotated_pdf(
    annotation: bytes, flags: int, catalog: bytes = b"", content: bytes = b""
) -> bytes:
    """A page with an annotation that is red over all of it."""
    entry = b"<</Type/Annot%b/Rect[0 0 320 200]/F %d/AP<</N 6 0 R>>>>" % (annotation, flags)
    drawing = pdf_stream(b"", content)
    data = raw_pdf(b"", [entry, RED_OVER_ALL, drawing])
    data = data.replace(b"/Contents 4 0 R", b"/Contents 7 0 R/Annots[5 0 R]")
    return data.replace(b"/Type/Catalog", b"/Type/Catalog" + catalog)


class TestWhatAPersonSees:
    """What lies over a page is part of it, unless it is hidden."""

    @pytest.mark.parametrize("kind", [b"Btn/Ff 65536", b"Tx", b"Ch", b"Sig"])
    @pytest.mark.parametrize("form", [LISTED, UNLISTED, NO_FORM], ids=["listed", "not", "no-form"])
    @pytest.mark.parametrize("flags", [0, PRINT])
    def test_form_fields_are_shown(self, kind: bytes, form: bytes, flags: int) -> None:
        """Buttons with a picture, text, choices, signatures; also where no form lists them."""
        page = read(annotated_pdf(WIDGET + kind, flags, form))

        assert (page.pixels == (255, 0, 0)).all()

    @pytest.mark.parametrize(
        "kind",
        [b"Stamp", b"FreeText", b"Square", b"Ink", b"Line", b"Polygon", b"Highlight", b"Watermark"],
    )
    def test_annotations_are_shown(self, kind: bytes) -> None:
        """Marks of whoever looked through a plan."""
        assert (read(annotated_pdf(b"/Subtype/" + kind, PRINT)).pixels == (255, 0, 0)).all()

    @pytest.mark.parametrize("kind", [b"/Subtype/Stamp", WIDGET + b"Btn/Ff 65536", WIDGET + b"Tx"])
    @pytest.mark.parametrize("flags", [HIDDEN, HIDDEN | PRINT, NO_VIEW, NO_VIEW | PRINT])
    def test_hidden_ones_are_not(self, kind: bytes, flags: int) -> None:
        """Neither those that are hidden nor those that are for printing alone."""
        assert read(annotated_pdf(kind, flags, LISTED)).pixels.min() == 255

    def test_popups_are_not(self) -> None:
        """They open when someone asks for them."""
        assert read(annotated_pdf(b"/Subtype/Popup", PRINT)).pixels.min() == 255

    def test_each_is_shown_once(self) -> None:
        """A layer that is half transparent stays so."""
        data = annotated_pdf(b"/Subtype/Stamp", PRINT, LISTED)
        state = b"/Resources<</ExtGState<</E<</ca 0.5>>>>>>/Subtype/Form"
        data = data.replace(b"/Subtype/Form", state).replace(b"1 0 0 rg", b"/E gs 1 0 0 rg")

        assert tuple(read(data).pixels[100, 160]) in {(255, 127, 127), (255, 128, 128)}

    def test_a_text_field_without_a_drawing_of_its_own_is_shown(self) -> None:
        """Viewers make one of its text."""
        form = LISTED[:-2] + b"/NeedAppearances true/DR<</Font<</H 8 0 R>>>>>>"
        field = WIDGET + b"Tx/V(KITCHEN)/DA(/H 40 Tf 0 g)"
        font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
        data = raw_pdf(
            b"", [b"<</Type/Annot%b/Rect[0 0 320 200]/F 4>>" % field, b"null", b"null", font]
        )
        data = data.replace(b"/Contents 4 0 R", b"/Annots[5 0 R]")

        assert read(data.replace(b"/Type/Catalog", b"/Type/Catalog" + form)).pixels.min() < 100

    def test_what_lies_over_a_scan_is_no_scan(self) -> None:
        """A plan of lines in a form field is as sharp as it is asked for."""
        scan = [b"320 0 0 200 0 0 cm /I Do"]
        data = annotated_pdf(WIDGET + b"Btn/Ff 65536", PRINT, LISTED, b"".join(scan))

        assert read(data).native_px == float("inf")
        assert read(scanned_pdf(encode(draw_plan(), "PNG"))).native_px == 320


class TestTransparency:
    """Layers over the whole page cost what they are, not their square."""

    def test_many_layers_are_drawn_in_time(self) -> None:
        """A hundred of them; without room for an alpha channel it took 60 s."""
        started_s = time.process_time()
        page = read(layered_pdf(100), side_px=640)

        assert time.process_time() - started_s < 5
        assert page.pixels[200, 320].min() > 100  # PDFium rounds each layer down
        assert page.pixels.min() == 0

    def test_pixels_are_those_of_an_opaque_page(self) -> None:
        """Where nothing is transparent, nothing changes but the speed."""
        assert np.array_equal(read(plan_pdf()).pixels, drawn())
        assert read(plan_pdf()).pixels.flags.c_contiguous


def attached_pdf(catalog: bytes, count: int = 1, *, is_packed: bool = False) -> bytes:
    """A page with files attached to the document.

    Args:
        catalog: Entries of the document's catalog.
        count: How many files.
        is_packed: Whether the catalog lies in a compressed object, as since PDF 1.5 it may.
    """
    names = b"".join(b"(plan %d.pdf) 4 0 R " % number for number in range(count))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[%b]>>>>%b>>" % (names, catalog),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 320 200]>>",
        b"<</Type/Filespec/F(plan.pdf)/EF<</F 5 0 R>>>>",
    ]
    file = b"%PDF-1.5\n5 0 obj" + pdf_stream(b"/Type/EmbeddedFile", b"%PDF") + b"\nendobj\n"
    if not is_packed:
        for number, item in enumerate(objects, 1):
            file += b"%d 0 obj%bendobj\n" % (number, item)
        return file + b"trailer<</Root 1 0 R/Size 6>>"
    starts = [sum(len(item) + 1 for item in objects[:number]) for number in range(4)]
    head = b" ".join(b"%d %d" % (number + 1, start) for number, start in enumerate(starts)) + b" "
    packed = pdf_stream(
        b"/Type/ObjStm/N 4/Filter/FlateDecode/First %d" % len(head),
        zlib.compress(head + b" ".join(objects)),
    )
    at = len(file)
    file += b"6 0 obj" + packed + b"\nendobj\n"
    rows = [(0, 0, 0), *((2, 6, i) for i in range(4)), (1, 9, 0), (1, at, 0), (1, len(file), 0)]
    table = b"".join(struct.pack(">BIH", *row) for row in rows)
    index = pdf_stream(b"/Type/XRef/Size 8/W[1 4 2]/Root 1 0 R", table)
    return file + b"7 0 obj" + index + b"\nendobj\nstartxref\n%d\n%%%%EOF" % len(file)


COLLECTION = b"/Collection<</Type/Collection/View/D>>"


class TestElsewhere:
    """Documents whose pages only say that the plan is somewhere else are refused by name."""

    @pytest.mark.parametrize("is_packed", [False, True])
    def test_portfolio(self, *, is_packed: bool) -> None:
        """Its cover is no plan; the answer says what is attached."""
        data = attached_pdf(COLLECTION, 5, is_packed=is_packed)

        with pytest.raises(InvalidFileFormat, match="the PDF is a portfolio") as caught:
            read(data)

        assert (
            "a cover for 5 files, which are attached to it (plan.pdf, plan.pdf, plan.pdf, …)"
            in str(caught.value)
        )
        assert caught.value.details == {"found": "PDF portfolio", "files": 5}

    def test_portfolio_whose_file_has_half_a_character_for_a_name(self) -> None:
        """It was answered with 500."""
        data = attached_pdf(COLLECTION)
        data = data.replace(b"/F(plan.pdf)", b"/UF<feffd800>")
        assert b"feffd800" in data

        with pytest.raises(InvalidFileFormat, match="one whose name cannot be read"):
            read(data)

    @pytest.mark.parametrize("is_packed", [False, True])
    def test_attachments_alone_make_no_portfolio(self, *, is_packed: bool) -> None:
        """A drawing may bring what it was made of."""
        assert read(attached_pdf(b"", is_packed=is_packed)).count == 1

    @pytest.mark.parametrize("rendering", [b"", b"/NeedsRendering true"])
    def test_xfa_form(self, rendering: bytes) -> None:
        """PDFium has not what it takes to draw it."""
        form = b"/AcroForm<</Fields[]/XFA 5 0 R>>" + rendering
        data = raw_pdf(b"", [pdf_stream(b"", b"<xdp/>")])

        with pytest.raises(InvalidFileFormat, match=r"XFA form.*print it to a PDF") as caught:
            read(data.replace(b"/Type/Catalog", b"/Type/Catalog" + form))

        assert caught.value.details == {"found": "XFA form"}


class TestSize:
    """The longer side of a page is the one that was asked for."""

    @pytest.mark.parametrize(
        ("wh_pt", "expected_wh"),
        [
            pytest.param((595, 842), (452, 640), id="a4"),
            pytest.param((2384, 1684), (640, 452), id="a1"),
            pytest.param((1, 1), (640, 640), id="one-point"),
            pytest.param((14400, 1), (640, 1), id="hair"),
            pytest.param((3, 14400), (1, 640), id="hair-upright"),
            pytest.param((641, 333), (640, 332), id="rounded"),
        ],
    )
    def test_longer_side_is_exact(
        self, wh_pt: tuple[int, int], expected_wh: tuple[int, int]
    ) -> None:
        """Any page fits exactly, and no side is empty."""
        page = read(plan_pdf(wh_pt=wh_pt), side_px=640)

        assert page.pixels.shape == (*expected_wh[::-1], 3)
        assert page.pixels.dtype == np.uint8
        assert page.source_wh == wh_pt


class TestPages:
    """A document has pages, one of which is read."""

    @pytest.mark.parametrize("number", [1, 2, 3])
    def test_page_is_chosen(self, number: int) -> None:
        """Only the first of three pages is drawn on."""
        page = read(plan_pdf(pages=3), page=number)

        assert (page.number, page.count) == (number, 3)
        assert (page.pixels.min() == 255) == (number > 1)

    def test_page_beyond_the_last_is_refused(self) -> None:
        """The answer says how many pages there are."""
        with pytest.raises(ValidationError, match=r"page 4 was asked for; the file has 3 pages$"):
            read(plan_pdf(pages=3), page=4)

    def test_as_many_pages_as_the_limit_are_read(self) -> None:
        """The limit itself is allowed."""
        assert read(plan_pdf(pages=3), limits=Limits(max_pages=3)).count == 3

    def test_more_pages_than_the_limit_are_refused(self) -> None:
        """A document is refused as a whole, whatever page was asked for."""
        with pytest.raises(FileTooLarge, match="more than 2 pages"):
            read(plan_pdf(pages=3), limits=Limits(max_pages=2))


def large_picture(wh: tuple[int, int]) -> bytes:
    """A picture without its pixels: they must not be missed before they are decoded."""
    return pdf_stream(PICTURE + b"/Width %d/Height %d" % wh, b"")


SMALL_PICTURE = PICTURE + b"/Width 2/Height 2"
FORM = b"/Type/XObject/Subtype/Form/BBox[0 0 320 200]/Resources<</XObject<</I %d 0 R>>>>"


class TestLimits:
    """A picture over the limit is refused wherever the document uses it."""

    @pytest.mark.parametrize(
        "objects",
        [
            pytest.param([large_picture((40_000, 40_000))], id="on-the-page"),
            pytest.param(
                [
                    pdf_stream(SMALL_PICTURE + b"/SMask 6 0 R", b"0123"),
                    large_picture((40_000, 40_000)),
                ],
                id="soft-mask",
            ),
            pytest.param(
                [pdf_stream(FORM % 6, SHOW_PICTURE), large_picture((40_000, 40_000))], id="form"
            ),
            pytest.param(
                [
                    *[pdf_stream(FORM % number, b"/I Do") for number in range(6, 18)],
                    large_picture((40_000, 40_000)),
                ],
                id="twelve-forms-deep",
            ),
        ],
    )
    def test_large_picture_is_refused(self, objects: list[bytes]) -> None:
        """The answer names the sides of the picture."""
        with pytest.raises(FileTooLarge, match="40000 x 40000 = 1,600,000,000 pixels"):
            read(raw_pdf(SHOW_PICTURE, objects))

    @pytest.mark.parametrize(
        "sides",
        [
            b"/Height 40000/Width 40000",
            b"/Width 40000\n/Height\t40000",
            b"/Width 40000/DecodeParms<</K -1/Columns 40000>>/Height 40000",
            b"/Width 999999999999999999999999/Height 1",
        ],
    )
    def test_sides_are_found_however_they_are_written(self, sides: bytes) -> None:
        """Order, white space and what stands between the sides do not matter."""
        with pytest.raises(FileTooLarge):
            read(raw_pdf(SHOW_PICTURE, [pdf_stream(PICTURE + sides, b"")]))

    def test_as_many_pixels_as_the_limit_are_read(self) -> None:
        """The limit itself is allowed, for every picture by itself."""
        pair = [pdf_stream(SMALL_PICTURE, b"\x00\xff\x00\xff")] * 2

        page = read(raw_pdf(SHOW_PICTURE, pair), limits=Limits(max_pixels=4))

        assert page.pixels.min() == 0

    def test_size_of_the_page_is_no_limit(self) -> None:
        """A page is rendered at the working size only, so its own size costs nothing."""
        page = read(plan_pdf(wh_pt=(14_400, 14_400)), side_px=64, limits=Limits(max_pixels=1))

        assert page.pixels.shape == (64, 64, 3)


class TestDamage:
    """Whatever is wrong with a document, the caller is told, and nothing else breaks."""

    def test_encrypted_document_is_named(self) -> None:
        """The caller is told that it is the password."""
        data = plan_pdf(encrypt=StandardEncryption(userPassword="user", ownerPassword="owner"))

        with pytest.raises(InvalidFileFormat, match="encrypted with a password") as caught:
            read(data)

        assert caught.value.details == {"found": "encrypted PDF"}

    @pytest.mark.parametrize("kept", [0.01, 0.1, 0.25, 0.4])
    @pytest.mark.parametrize("build", [plan_pdf, SCANS["png"][0]], ids=["vector", "scan"])
    def test_document_that_lost_its_pages_is_refused(
        self, build: Callable[[], bytes], kept: float
    ) -> None:
        """Without its catalog a PDF has no pages."""
        data = build()

        with pytest.raises(InvalidFileFormat, match="damaged or ends early"):
            read(data[: max(8, int(len(data) * kept))])

    def test_document_without_its_table_is_mended(self) -> None:
        """All objects are there: viewers find them without the table at the end."""
        data = plan_pdf()

        page = read(data[: data.index(b"startxref")])

        assert np.array_equal(page.pixels, drawn())

    def test_document_without_pages_is_refused(self) -> None:
        """An empty document has nothing to show."""
        data = raw_pdf(b"").replace(b"/Kids[3 0 R]/Count 1", b"/Kids[     ]/Count 0")

        with pytest.raises(InvalidFileFormat, match=r"damaged|no pages"):
            read(data)

    @pytest.mark.parametrize(
        "sides",
        [b"/Width 0/Height 2", b"/Height 2", b"/Width -7/Height 2"],
        ids=["zero", "missing", "negative"],
    )
    def test_broken_picture_leaves_the_page(self, sides: bytes) -> None:
        """A picture that cannot be shown is left out, as viewers do."""
        data = raw_pdf(b"0 0 160 200 re f " + SHOW_PICTURE, [pdf_stream(PICTURE + sides, b"0123")])

        page = read(data)

        assert tuple(page.pixels[100, 80]) == (0, 0, 0)
        assert tuple(page.pixels[100, 240]) == (255, 255, 255)

    @pytest.mark.parametrize("box", [b"0 0 0 0", b"0 0 1e40 1e40", b"9 9 9 200", b"a b c d", b""])
    def test_impossible_page_size_is_answered(self, box: bytes) -> None:
        """A page without area gives a page or an answer, nothing else."""
        data = raw_pdf(b"").replace(b"0 0 320 200", box)

        answer = attempt(data)

        assert isinstance(answer, RequestError) or max(answer.pixels.shape) == SIDE_PX

    @pytest.mark.parametrize(
        "build",
        [plan_pdf, SCANS["jpeg"][0], SCANS["fax"][0]],
        ids=["vector", "jpeg", "fax"],
    )
    def test_random_damage_breaks_nothing(self, build: Callable[[], bytes]) -> None:
        """A damaged document gives a page or an answer, two hundred times."""
        whole = build()
        chance = np.random.default_rng(SEED)
        for _ in range(200):
            data = bytearray(whole)
            for at in chance.integers(8, len(data), chance.integers(1, 9)):
                data[at] = chance.integers(256)

            answer = attempt(bytes(data))

            assert isinstance(answer, RequestError) or max(answer.pixels.shape) == SIDE_PX

    def test_page_of_many_lines_is_read(self) -> None:
        """A detailed drawing is within what is read."""
        lines = b"".join(
            b"%d %d m %d %d l S\n" % (i % 320, i // 320, i % 320 + 2, i // 320)
            for i in range(20_000)
        )
        data = raw_pdf(b"", [pdf_stream(b"/Filter/FlateDecode", zlib.compress(lines))])

        page = read(data.replace(b"/Contents 4 0 R", b"/Contents 5 0 R"))

        assert page.pixels[150:].max() < 255
        assert page.pixels[:100].min() == 255


def test_a_page_number_of_many_digits_is_not_repeated() -> None:
    """The message stays short whatever the caller sends."""
    with pytest.raises(ValidationError) as caught:
        read(plan_pdf(), page=10**4000)

    assert len(str(caught.value)) < 100
