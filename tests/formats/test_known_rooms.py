# SPDX-License-Identifier: AGPL-3.0-or-later
"""Names, outlines and areas arrive in the programs that exports are for, with what is not known."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

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
from roomdet_client.exports import supervision as supervision_export
from tests.exporting import (
    AREA,
    BOXES,
    CONFIDENCES,
    KNOWN_NAMES,
    RING,
    RING_GRID2,
    known_rooms,
)

if TYPE_CHECKING:
    from pathlib import Path

WIDTH, HEIGHT = 1000, 800
RING_PX = [(x * WIDTH / 1000, y * HEIGHT / 1000) for x, y in RING]
AREA_PX2 = RING_GRID2 * WIDTH * HEIGHT / 1e6


def boxes_px() -> list[tuple[float, ...]]:
    """Left, top, right, bottom."""
    return [(x0 * 1.0, y0 * 0.8, x1 * 1.0, y1 * 0.8) for x0, y0, x1, y1 in BOXES]


def same_outline(points: object, ring: list[tuple[float, float]], tolerance: float) -> bool:
    """Whether corners enclose the same area, wherever they begin and whichever way they run."""
    found, wanted = shapely.Polygon(points), shapely.Polygon(ring)
    return bool(found.is_valid and found.symmetric_difference(wanted).area < tolerance)


# Of its own masks, which NumPy 2 asks for a copy of.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_coco(known: Path) -> None:
    """Masks by pycocotools are the outline, and the box of a room without one."""
    coco = COCO(str(known / "coco" / "annotations.json"))
    annotations = coco.loadAnns(coco.getAnnIds())
    masks = [coco.annToMask(annotation) for annotation in annotations]
    y, x = 160, 300  # in the notch

    assert [(HEIGHT, WIDTH)] * 3 == [mask.shape for mask in masks]
    assert masks[0].sum() == pytest.approx(AREA_PX2, rel=0.01)
    assert annotations[0]["area"] == pytest.approx(AREA_PX2, abs=1)
    assert (0, 1) == (masks[0][y, x], masks[0][y, 200])
    for mask, (x0, y0, x1, y1), annotation in zip(masks, boxes_px(), annotations, strict=True):
        left, top, wide, high = annotation["bbox"]
        assert (x0, y0, x1, y1) == pytest.approx((left, top, left + wide, top + high), abs=0.011)
        assert mask.sum() <= 1.01 * (x1 - x0) * (y1 - y0)
    assert masks[1].sum() == pytest.approx(350 * 200, rel=0.01)
    assert [*KNOWN_NAMES[:2], None] == [a["attributes"].get("name") for a in annotations]
    assert (AREA.m2, "1:100", "title_block") == tuple(
        annotations[0]["attributes"][name] for name in ("area_m2", "scale", "scale_source")
    )
    assert "it is open" == annotations[2]["attributes"]["polygon_reason"]


def test_cvat(known: Path) -> None:
    """A polygon and two boxes with their attributes are found by datumaro."""
    (item,) = Dataset.import_from(str(known / "cvat"), "cvat")
    (polygon,) = [a for a in item.annotations if a.type is AnnotationType.polygon]
    boxes = [a for a in item.annotations if a.type is AnnotationType.bbox]

    assert same_outline(np.reshape(polygon.points, (-1, 2)), RING_PX, 5)
    assert [KNOWN_NAMES[0], KNOWN_NAMES[1], None] == [
        a.attributes.get("name") for a in (polygon, *boxes)
    ]
    assert "title_block" == polygon.attributes["scale_source"]
    assert AREA.m2 == float(polygon.attributes["area_m2"])
    assert 2 == len(boxes)
    confidences = [float(a.attributes["confidence"]) for a in (polygon, *boxes)]
    assert list(CONFIDENCES) == pytest.approx(confidences)


def test_labelme(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """LabelMe's own reader takes polygons and rectangles of one class, described."""
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    from labelme._label_file import LabelFile  # noqa: PLC0415  # Qt's variable comes first

    shapes = LabelFile(str(known / "labelme" / "known.json")).shapes

    assert ["room"] * 3 == [shape["label"] for shape in shapes]
    assert ["polygon", "rectangle", "rectangle"] == [shape["shape_type"] for shape in shapes]
    assert same_outline(np.asarray(shapes[0]["points"]), RING_PX, 5)
    assert [f"{KNOWN_NAMES[0]}, 12.3 m², confidence 0.93", "Bedroom 2, confidence 0.80",
            "confidence 0.46"] == [shape["description"] for shape in shapes]  # fmt: skip


def test_geojson(known: Path) -> None:
    """GDAL reads outlines, counterclockwise, and columns of what is known."""
    head, _, wkb, values = pyogrio.raw.read(known / "geojson" / "known.geojson")
    shapes = shapely.from_wkb(wkb)
    columns = dict(zip(head["fields"], (v.tolist() for v in values), strict=True))

    assert shapely.is_valid(shapes).all()
    assert all(shape.exterior.is_ccw for shape in shapes)
    upward = [(x, HEIGHT - y) for x, y in RING_PX]
    assert same_outline(shapes[0].exterior.coords, upward, 5)
    assert shapes[0].area == pytest.approx(AREA_PX2, rel=0.001)
    assert shapes[1].area == pytest.approx(350 * 200, rel=0.001)
    assert [*KNOWN_NAMES[:2], None] == columns["name"]
    assert AREA.m2 == columns["area_m2"][0]
    assert np.isnan(columns["area_m2"][1:]).all()
    assert ["1:100", None, None] == columns["scale"]
    assert [None, "it is open", "it is open"] == columns["polygon_reason"]


def test_csv(known: Path) -> None:
    """GDAL and Python read names and areas in the last columns."""
    path = known / "csv" / "rooms.csv"
    head, _, _, values = pyogrio.raw.read(path)
    columns = dict(zip(head["fields"], (v.tolist() for v in values), strict=True))
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    assert ["name", "area_m2", "scale", "scale_source"] == list(head["fields"])[-4:]
    assert list(KNOWN_NAMES) == columns["name"] == [row["name"] for row in rows]
    assert ["12.31", "", ""] == columns["area_m2"]


def test_dxf(known: Path) -> None:
    """The outline is closed on its layer, with name and area inside, as ezdxf reads it."""
    drawing = readfile(known / "dxf" / "known.dxf")
    space = drawing.modelspace()
    lines = list(space.query('LWPOLYLINE[layer=="ROOMS"]'))
    outline = shapely.Polygon(list(lines[0].get_points("xy")))
    texts = {text.dxf.text: text for text in space.query('TEXT[layer=="ROOM_LABELS"]')}

    assert [] == drawing.audit().errors
    assert [6, 4, 4] == [len(line) for line in lines]
    assert all(line.closed for line in lines)
    assert same_outline(outline.exterior.coords, [(x, HEIGHT - y) for x, y in RING_PX], 1e-3)
    assert 6 == len(texts)
    for said in (KNOWN_NAMES[0], "12.3 m²"):
        x, y, _ = texts[said].dxf.align_point
        assert outline.contains(shapely.Point(x, y))
    x, y, _ = texts["Bedroom 2"].dxf.align_point
    assert (725, 290) == pytest.approx((x, y))


def test_pdf(known: Path) -> None:
    """A stroke of ink lies around the outline, squares around the others, all with words."""
    reader = pypdf.PdfReader(known / "pdf" / "known.pdf")
    found = [a.get_object() for a in reader.pages[0]["/Annots"]]

    assert ["/Ink", "/Square", "/Square"] == [a["/Subtype"] for a in found]
    (stroke,) = found[0]["/InkList"]
    points = [(float(x), float(y)) for x, y in zip(stroke[::2], stroke[1::2], strict=True)]
    assert points[0] == points[-1]
    assert same_outline(points, [(x, HEIGHT - y) for x, y in RING_PX], 1)
    x0, y0, x1, y1 = map(float, found[0]["/Rect"])
    assert (100.5, 600, 400, 720) == pytest.approx((x0, y0, x1, y1), abs=1)
    assert [f"{KNOWN_NAMES[0]}, 12.3 m², confidence 0.93", "Bedroom 2, confidence 0.80",
            "room_003, confidence 0.46"] == [a["/Contents"] for a in found]  # fmt: skip


def test_supervision() -> None:
    """Detections have names and areas that go with a selection."""
    import supervision  # noqa: PLC0415  # two seconds

    fields = supervision_export.fields(Detection(known_rooms(), 12, ""), WIDTH, HEIGHT)
    sure = supervision.Detections(**fields)
    sure = sure[sure.confidence > 0.5]

    assert list(KNOWN_NAMES[:2]) == sure.data["name"].tolist()
    assert sure.data["area_m2"][0] == pytest.approx(AREA.m2)
    assert np.isnan(sure.data["area_m2"][1])
