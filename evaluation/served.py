# SPDX-License-Identifier: AGPL-3.0-or-later
"""Judge pictures by what a server answers, which is what its users get."""

from __future__ import annotations

import io
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from evaluation.corruptions import SIDE_PX
from evaluation.scoring import Judged
from reporting.processes import forget_peaks, hwm_mb
from roomdet.config import Limits
from roomdet.geometry import GRID, Boxes, Detections
from roomdet.images import read_page
from roomdet_client.client import detect
from roomdet_client.errors import ClientError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evaluation.corruptions import Corruption
    from roomdet.geometry import Pixels
    from training.plan_sets import PlanPicture


class AskError(Exception):
    """The server did not answer for a picture; the message names it."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked of a server for each picture; the names are those of the API's options."""

    confidence: float = 0.01
    iou: float = 0.45
    max_rooms: int = 300


@dataclass(frozen=True, slots=True)
class Answered:
    """A picture with what was found on it, and the seconds that its client waited."""

    judged: Judged
    seconds: float


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of a server on this machine, all its processes together.

    Attributes:
        leader: Its first process.
        idle_mb: Resident before the first request, in MB (10^6 bytes).
    """

    leader: int
    idle_mb: float

    @classmethod
    def of_idle(cls, leader: int) -> Memory | None:
        """Of a server that is ready and was not asked yet; None where the kernel does not tell."""
        try:
            forget_peaks(leader)  # loading a model takes more than holding it
        except OSError:
            return None
        return cls(leader, hwm_mb(leader))

    def over_idle_mb(self) -> float:
        """The peak since then, less :attr:`idle_mb`."""
        return hwm_mb(self.leader) - self.idle_mb


@dataclass(frozen=True, slots=True)
class Server:
    """A running server and how it is asked.

    Attributes:
        url: Such as ``http://127.0.0.1:8080``.
        memory: Of a server whose processes are known.
    """

    url: str
    memory: Memory | None = None

    def ask(
        self,
        pictures: Sequence[PlanPicture],
        asking: Asking,
        *,
        concurrency: int,
        spoil: Corruption | None = None,
    ) -> list[Answered]:
        """Ask for all pictures, as they are or spoilt; in their order.

        Args:
            pictures: What is asked for.
            asking: Options of every request.
            concurrency: Requests at once.
            spoil: None sends the files as they are.

        Raises:
            AskError: If one is not answered.
        """
        with ThreadPoolExecutor(concurrency) as pool:
            return list(pool.map(lambda picture: self._ask_one(picture, asking, spoil), pictures))

    def _ask_one(self, picture: PlanPicture, asking: Asking, spoil: Corruption | None) -> Answered:
        data, truth, size_wh = submitted(picture, spoil)
        started_s = time.monotonic()
        try:
            answer = detect(data, url=self.url, options=asdict(asking))
        except ClientError as err:
            raise AskError(f"{picture.path.name}: {err}") from err
        seconds = time.monotonic() - started_s
        grid: Boxes = np.array([room.box_xyxy_grid for room in answer.rooms], np.float32)
        boxes = grid.reshape(-1, 4) * (
            np.array([*size_wh, *size_wh], np.float32) / np.float32(GRID)
        )
        scores = np.array([room.confidence for room in answer.rooms], np.float32)
        judged = Judged(picture.path.name, truth, Detections(boxes, scores), size_wh)
        return Answered(judged, seconds)


def submitted(
    picture: PlanPicture, spoil: Corruption | None
) -> tuple[bytes, Boxes, tuple[int, int]]:
    """The file that is sent for a picture, its true rooms in pixels, and its width and height.

    A spoilt page has a longer side of :data:`evaluation.corruptions.SIDE_PX`.
    """
    data = picture.path.read_bytes()
    if spoil is None:
        with Image.open(picture.path) as opened:
            size_wh = ImageOps.exif_transpose(opened).size
        return data, picture.boxes_xyxy_px(size_wh), size_wh
    page = read_page(data, page=1, side_px=SIDE_PX, limits=Limits()).pixels
    height, width = page.shape[:2]
    page, truth = spoil.apply(page, picture.boxes_xyxy_px((width, height)), picture.path.name)
    return _as_png(page), truth, (page.shape[1], page.shape[0])


def _as_png(page: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(page).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
