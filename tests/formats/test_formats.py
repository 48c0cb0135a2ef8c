# SPDX-License-Identifier: AGPL-3.0-or-later
"""Each export is opened by the program that it is for, and has every room where it was."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyogrio
import pypdf
import pytest
import shapely
from datumaro.components.annotation import AnnotationType
from datumaro.components.dataset import Dataset
from ezdxf.filemanagement import readfile
from pycocotools.coco import COCO

from roomdet_client.answers import Detection
from roomdet_client.exports import FORMATS
from roomdet_client.exports import supervision as supervision_export
from roomdet_client.pages import Plan
from tests.builders import plan_pdf
from tests.exporting import BOXES, CONFIDENCES, page, pages, rooms, sizes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# Files of pictures, with the boxes that each has in pixels.
COUNTS = {"ground floor.png": 3, "turned.png": 3, "set-p1.png": 3, "set-p2.png": 1,
          "empty.png": 0, "Erdgeschoß & 'Keller'.png": 2}  # fmt: skip


def in_pixels(size_wh: tuple[int, int], count: int) -> list[tuple[float, float, float, float]]:
    """The first rooms on a picture: left, top, right, bottom."""
    width, height = size_wh
    return [
        (x0 * width / 1000, y0 * height / 1000, x1 * width / 1000, y1 * height / 1000)
        for x0, y0, x1, y1 in BOXES[:count]
    ]


def upward(page_wh: tuple[float, float], count: int) -> list[tuple[float, float, float, float]]:
    """The first rooms on a page, y upward: left, bottom, right, top."""
    width, height = page_wh
    return [
        (x0 * width / 1000, height - y1 * height / 1000, x1 * width / 1000,
         height - y0 * height / 1000)
        for x0, y0, x1, y1 in BOXES[:count]
    ]  # fmt: skip


def datumaro(folder: Path, kind: str) -> dict[str, list[Any]]:
    """Boxes by picture, as datumaro reads them."""
    dataset = Dataset.import_from(str(folder), kind)
    labels = [label.name for label in dataset.categories()[AnnotationType.label]]
    assert "room" in labels
    return {item.id: [a for a in item.annotations if a.type is AnnotationType.bbox]
            for item in dataset}  # fmt: skip


def assert_boxes(
    found: Sequence[Any], expected: Sequence[tuple[float, ...]], tolerance: float
) -> None:
    """The same boxes in the same order."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert other == pytest.approx(tuple(one), abs=tolerance)


def test_coco(exported: Path) -> None:
    """Read by pycocotools, which finds every picture and room."""
    folder = exported / "coco"
    coco = COCO(str(folder / "annotations.json"))
    shown = sizes(folder / "images")

    assert COUNTS.keys() == shown.keys()
    for image in coco.loadImgs(coco.getImgIds()):
        assert (image["width"], image["height"]) == shown[image["file_name"]]
        annotations = coco.loadAnns(coco.getAnnIds(imgIds=[image["id"]]))
        count = COUNTS[image["file_name"]]
        boxes = [(x, y, x + w, y + h) for x, y, w, h in (a["bbox"] for a in annotations)]
        assert_boxes(boxes, in_pixels(shown[image["file_name"]], count), 0.011)
        assert list(CONFIDENCES[:count]) == [a["score"] for a in annotations]


def test_cvat(exported: Path) -> None:
    """Read by datumaro."""
    folder = exported / "cvat"
    found = datumaro(folder, "cvat")
    shown = sizes(folder / "images")

    assert {name.rpartition(".")[0] for name in COUNTS} == found.keys()
    for name, count in COUNTS.items():
        boxes = found[name.rpartition(".")[0]]
        corners = [(b.x, b.y, b.x + b.w, b.y + b.h) for b in boxes]
        assert_boxes(corners, in_pixels(shown[name], count), 0.011)
        confidences = [float(box.attributes["confidence"]) for box in boxes]
        assert list(CONFIDENCES[:count]) == pytest.approx(confidences)


def test_labelme(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """LabelMe's own reader, which opens the picture, too."""
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    from labelme._label_file import LabelFile  # noqa: PLC0415  # Qt's variable comes first

    folder = exported / "labelme"
    shown = sizes(folder)
    for name, count in COUNTS.items():
        label = LabelFile(str(folder / f"{name.rpartition('.')[0]}.json"))
        assert name == label.image_path
        assert label.image_data
        assert ["room"] * count == [shape["label"] for shape in label.shapes]
        assert ["rectangle"] * count == [shape["shape_type"] for shape in label.shapes]
        boxes = [tuple(np.ravel(shape["points"])) for shape in label.shapes]
        assert_boxes(boxes, in_pixels(shown[name], count), 0.011)


def test_geojson(exported: Path) -> None:
    """GDAL opens it; shapely finds polygons that are valid and run the right way round."""
    folder = exported / "geojson"
    for name, wh, count in [("ground floor", (1000, 800), 3), ("set-p1", (640, 400), 3),
                            ("turned", (200, 320), 3)]:  # fmt: skip
        path = folder / f"{name}.geojson"
        head, _, wkb, values = pyogrio.raw.read(path)
        shapes = shapely.from_wkb(wkb)
        assert shapely.is_valid(shapes).all()
        assert all(shape.exterior.is_ccw for shape in shapes)
        assert_boxes([shape.bounds for shape in shapes], upward(wh, count), 0.011)
        by_name = dict(zip(head["fields"], values, strict=True))
        assert list(CONFIDENCES[:count]) == pytest.approx(by_name["confidence"].tolist())
    empty = json.loads((folder / "empty.geojson").read_text("utf-8"))
    assert [] == empty["features"]


def test_csv(exported: Path) -> None:
    """GDAL reads a table of all rooms; a name with a quote and an ampersand is one field."""
    head, _, _, columns = pyogrio.raw.read(exported / "csv" / "rooms.csv")
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    found = [dict(zip(head["fields"], row, strict=True)) for row in rows]
    answered = [(page, room) for page in pages() for room in page.rooms]

    assert len(found) == len(answered)
    for row, (page_, room) in zip(found, answered, strict=True):
        assert (page_.file, str(page_.page), room.id) == (row["file"], row["page"], row["id"])
        grid = [float(row[name]) for name in ("x_min", "y_min", "x_max", "y_max")]
        assert list(room.box_xyxy_grid) == grid
        assert room.confidence == float(row["confidence"])
        assert page_.sheet.unit == row["unit"]
        own = tuple(float(row[name]) for name in ("left", "top", "right", "bottom"))
        assert page_.sheet.shown(room.box_xyxy_grid) == pytest.approx(own, abs=0.006)


def test_dxf(exported: Path) -> None:
    """Read and audited by ezdxf: closed lines on a layer of their own."""
    for name, wh, count in [("ground floor", (1000, 800), 3), ("set-p2", (640, 400), 1),
                            ("empty", (300, 200), 0)]:  # fmt: skip
        drawing = readfile(exported / "dxf" / f"{name}.dxf")
        assert [] == drawing.audit().errors
        lines = list(drawing.modelspace().query('LWPOLYLINE[layer=="ROOMS"]'))
        assert all(line.closed for line in lines)
        boxes = [
            (min(xs), min(ys), max(xs), max(ys))
            for line in lines
            for xs, ys in [zip(*line.get_points("xy"), strict=True)]
        ]
        assert_boxes(boxes, upward(wh, count), 1e-6)
        assert count == len(drawing.modelspace().query('TEXT[layer=="ROOM_LABELS"]'))


def squares(reader: pypdf.PdfReader, number: int) -> list[Any]:
    """The squares of a page."""
    found = [a.get_object() for a in reader.pages[number].get("/Annots", [])]
    return [a for a in found if a["/Subtype"] == "/Square"]


def rectangles_of(reader: pypdf.PdfReader) -> list[Any]:
    """The rectangles that the first page is drawn with."""
    content = reader.pages[0].get_contents()
    assert content is not None
    return [list(map(float, given)) for given, operator in content.operations if operator == b"re"]


def test_pdf(exported: Path) -> None:
    """Annotations are listed by pypdf; the page's lines are what they were."""
    reader = pypdf.PdfReader(exported / "pdf" / "set.pdf")
    drawn = next(page for page in pages() if page.file == "set.pdf")
    original = pypdf.PdfReader(io.BytesIO(drawn.plan.data))

    assert 2 == len(reader.pages)
    for number, count in enumerate((3, 1)):
        found = squares(reader, number)
        rects = [tuple(map(float, a["/Rect"])) for a in found]
        assert_boxes(rects, upward((640, 400), count), 0.01)
        said = [f"room_00{n}, confidence {c:.2f}" for n, c in enumerate(CONFIDENCES, start=1)]
        assert said[:count] == [a["/Contents"] for a in found]
    rectangles = [rectangles_of(file) for file in (original, reader)]
    assert 4 == len(rectangles[0])
    assert rectangles[0] == rectangles[1]
    assert not reader.pages[0].images


def test_pdf_of_a_turned_page(tmp_path: Path) -> None:
    """Annotations count in the content's coordinates, before the page is turned."""
    turned = page("turned.pdf", plan_pdf(rotation=90, crop_pt=(100, 10, 310, 180)))
    FORMATS["pdf"].write([turned], tmp_path)
    found = squares(pypdf.PdfReader(tmp_path / "turned.pdf"), 0)
    # Where PDFium draws them on the page as it is seen.
    before = np.asarray(turned.plan.render(1, 1000)).astype(int)
    after = np.asarray(Plan((tmp_path / "turned.pdf").read_bytes()).render(1, 1000)).astype(int)
    rows, columns = np.nonzero(np.abs(before - after).sum(axis=2) > 60)
    height, width = before.shape[:2]

    assert 3 == len(found)
    assert min(b[0] for b in BOXES) == pytest.approx(columns.min() * 1000 / width, abs=4)
    assert max(b[2] for b in BOXES) == pytest.approx((columns.max() + 1) * 1000 / width, abs=4)
    assert min(b[1] for b in BOXES) == pytest.approx(rows.min() * 1000 / height, abs=4)
    assert max(b[3] for b in BOXES) == pytest.approx((rows.max() + 1) * 1000 / height, abs=4)


def test_pdf_of_a_picture(exported: Path) -> None:
    """A page with the picture on it, a point for a pixel."""
    reader = pypdf.PdfReader(exported / "pdf" / "ground floor.pdf")

    assert (1000, 800) == tuple(map(float, reader.pages[0].mediabox[2:]))
    rects = [tuple(map(float, a["/Rect"])) for a in squares(reader, 0)]
    assert_boxes(rects, upward((1000, 800), 3), 0.01)
    assert 1 == len(reader.pages[0].images)


def test_supervision() -> None:
    """Its Detections take the fields as they are, and none at all."""
    import supervision  # noqa: PLC0415  # two seconds

    for count in (3, 0):
        answer = Detection(rooms(count), 12, "")
        detections = supervision.Detections(**supervision_export.fields(answer, 1000, 800))
        assert count == len(detections)
        if count:
            assert_boxes(detections.xyxy.tolist(), in_pixels((1000, 800), count), 0.01)
            assert ["room"] * 3 == detections.data["class_name"].tolist()
            assert 2 == len(detections[detections.confidence > 0.5])
