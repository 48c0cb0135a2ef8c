# SPDX-License-Identifier: AGPL-3.0-or-later
"""The client's YOLO folders in ultralytics' own loader and in ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ultralytics.data.dataset import YOLODataset
from ultralytics.data.utils import check_det_dataset

from roomdet_client.exports import FORMATS
from tests.exporting import BOXES, pages
from training.plan_sets import read_plan_set

COUNTS = {"ground floor": 3, "turned": 3, "set-p1": 3, "set-p2": 1, "empty": 0,
          "Erdgeschoß & 'Keller'": 2}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of mixed pages."""
    folder = tmp_path_factory.mktemp("yolo")
    FORMATS["yolo"].write(pages(), folder)
    return folder


def assert_rooms(found: dict[str, np.ndarray]) -> None:
    """The same boxes as corners, fractions of the page."""
    assert COUNTS.keys() == found.keys()
    for stem, count in COUNTS.items():
        expected = np.array(BOXES[:count], np.float32).reshape(-1, 4) / 1000
        assert expected == pytest.approx(found[stem], abs=2e-5)


def test_ultralytics_takes_it(folder: Path) -> None:
    """Every picture with its rooms, none left out as corrupt."""
    data = check_det_dataset(str(folder / "data.yaml"), autodownload=False)
    dataset = YOLODataset(img_path=data["train"], data=data, augment=False)
    found = {}
    for label in dataset.labels:
        center, half = label["bboxes"][:, :2], label["bboxes"][:, 2:] / 2
        found[Path(label["im_file"]).stem] = np.concatenate([center - half, center + half], axis=1)

    assert {0: "room"} == data["names"]
    assert_rooms(found)


def test_make_train_takes_it(folder: Path) -> None:
    """As the reader of plan sets sees it."""
    assert_rooms({p.path.stem: p.boxes_xyxy_norm for p in read_plan_set(folder)})
