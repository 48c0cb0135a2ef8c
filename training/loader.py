# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pictures for ultralytics: our samples as its dataset, with quarter turns and our own order.

Nothing is written to disk: ultralytics gets labels and decoded pictures from memory.
"""

from __future__ import annotations

import math
import os
import random
import signal
from multiprocessing.pool import ThreadPool
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import psutil
import torch
from torch.utils.data import DataLoader
from ultralytics.data.augment import Compose, RandomPerspective
from ultralytics.data.build import seed_worker
from ultralytics.data.dataset import YOLODataset

from plans.plan_sets import Sample, epoch_picks, read_picture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    Page = npt.NDArray[np.uint8]
    PageTransform = Callable[[Page, np.random.Generator], Page]

LEAST_SIDE_PX = 2.0  # ultralytics' own
LEAST_VISIBLE = 0.5  # rooms of which augmentation cuts off more than that are not labeled
CACHE_SHARE = 0.4  # decoded pictures may take this share of the memory that is free

QUARTER_TURNS = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}


class PageStore:
    """Decoded pages in one piece of memory, so that none is copied when processes start.

    Args:
        sizes_hw: Height and width of each page to come, or a pixel more.
    """

    def __init__(self, sizes_hw: Sequence[tuple[int, int]]) -> None:
        spare = 3 * max(max(size_hw) for size_hw in sizes_hw)
        total = sum(3 * math.prod(size_hw) + spare for size_hw in sizes_hw)
        self._memory = np.empty(total, np.uint8)
        self._places: list[tuple[int, tuple[int, ...]]] = []
        self._end = 0

    def append(self, page: Page) -> None:
        """Keep a copy of a page."""
        self._places.append((self._end, page.shape))
        self._memory[self._end : self._end + page.size] = page.reshape(-1)
        self._end += page.size

    def __getitem__(self, i: int) -> Page:
        """The page itself, not a copy."""
        start, shape = self._places[i]
        return self._memory[start : start + math.prod(shape)].reshape(shape)


class RoomDataset(YOLODataset):  # type: ignore[misc] # ultralytics has no types
    """Entries as ultralytics reads them.

    Training draws pictures by weight: position ``p`` of the epoch is picture ``picks[p]``, in
    mosaics too. Each picture may be turned by quarter turns and pass ``page_transform`` before
    it becomes part of a mosaic.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        *,
        page_transform: PageTransform | None = None,
        turns: float = 0.0,
        **settings: Any,
    ) -> None:
        self.samples = list(samples)
        self.page_transform = page_transform
        self.turns = turns
        self.picks = np.arange(len(self.samples))
        super().__init__(img_path="", data={"names": {0: "room"}, "channels": 3}, **settings)

    def get_img_files(self, img_path: str) -> list[str]:  # noqa: ARG002 - ultralytics' signature
        return [str(sample.path) for sample in self.samples]

    def get_labels(self) -> list[dict[str, Any]]:
        """Labels of the samples, without ultralytics' scan of folders and its cache file."""
        return [
            {
                "im_file": str(sample.path),
                "shape": sample.size_hw,
                "cls": np.zeros((len(sample.boxes_xywhn), 1), np.float32),
                "bboxes": sample.boxes_xywhn,
                "segments": [],
                "keypoints": None,
                "normalized": True,
                "bbox_format": "xywh",
            }
            for sample in self.samples
        ]

    def set_rectangle(self) -> None:
        """Put the samples into the order into which ultralytics sorts its files."""
        super().set_rectangle()
        by_name = {str(sample.path): sample for sample in self.samples}
        self.samples = [by_name[name] for name in self.im_files]

    def check_cache_ram(self, safety_margin: float = 1.0) -> bool:  # noqa: ARG002 - its signature
        """Whether the decoded pictures fit into memory; if not, each is decoded when drawn."""
        needed = sum(3 * math.prod(self._size_now_hw(sample)) for sample in self.samples)
        fits: bool = needed < CACHE_SHARE * psutil.virtual_memory().available
        return fits

    def cache_images(self) -> None:
        """Decode all pictures into memory, once for all loading processes."""
        store = PageStore([self._size_now_hw(sample) for sample in self.samples])
        with ThreadPool(os.cpu_count()) as pool:
            for page in pool.imap(self.decode, range(len(self.samples))):
                store.append(page)
        self.ims = store

    def _size_now_hw(self, sample: Sample) -> tuple[int, int]:
        """Size at ``imgsz``, rounded up."""
        factor = self.imgsz / max(sample.size_hw)
        return math.ceil(sample.size_hw[0] * factor), math.ceil(sample.size_hw[1] * factor)

    def decode(self, i: int) -> Page:
        """A picture from its file as BGR with its longer side at ``imgsz``."""
        page = read_picture(self.samples[i].path, self.imgsz)
        return np.ascontiguousarray(page[..., ::-1])

    def load_image(
        self, i: int, **_: Any
    ) -> tuple[npt.NDArray[np.uint8], tuple[int, int], tuple[int, int]]:
        """Picture as BGR with its longer side at ``imgsz``, its size on file and its size now."""
        size_hw = self.samples[i].size_hw
        cached = isinstance(self.ims, PageStore)
        page = self.ims[i].copy() if cached else self.decode(i)  # augmentation writes into it
        return page, size_hw, page.shape[:2]

    def build_transforms(self, hyp: Any = None) -> Any:
        """Ultralytics' augmentation, whose labels leave out what its crop leaves little of.

        A model that is taught to find slivers at the edge of a picture finds the neighbors of
        an excerpt, and the margin between a plan and the edge of its page.
        """
        transforms = super().build_transforms(hyp)
        for step in _steps(transforms):
            if isinstance(step, RandomPerspective):
                step.box_candidates = _enough_left
        return transforms

    def set_epoch(self, epoch: int, seed: int) -> None:
        """Draw the pictures of an epoch; the same for the same epoch and seed."""
        self.picks = epoch_picks([sample.weight for sample in self.samples], seed=seed, epoch=epoch)

    def __len__(self) -> int:
        """Pictures of the epoch."""
        return len(self.picks)

    def get_image_and_label(self, index: int) -> dict[str, Any]:
        """Picture and boxes at a position of the epoch."""
        label: dict[str, Any] = super().get_image_and_label(int(self.picks[index]))
        if not self.augment:
            return label
        generator = np.random.default_rng(random.getrandbits(64))  # ultralytics seeds random
        if self.page_transform is not None:
            page = self.page_transform(np.ascontiguousarray(label["img"][..., ::-1]), generator)
            label["img"] = np.ascontiguousarray(page[..., ::-1])
        if generator.random() < self.turns:
            turn_label(label, int(generator.integers(1, 4)))
        return label


def _steps(transforms: Any) -> Iterator[Any]:
    """Each augmentation in a composition, those before a mosaic's too."""
    for step in transforms.transforms if isinstance(transforms, Compose) else [transforms]:
        if isinstance(step, Compose):
            yield from _steps(step)
        else:
            yield step


def _enough_left(box1: Any, box2: Any, **_: Any) -> Any:
    """Which boxes stay: those of which enough is left, and more than a line.

    Args:
        box1: Corners before the crop, scaled as the picture; shape ``(4, n)``, pixels.
        box2: The same after it.
    """
    before, after = box1[2:] - box1[:2], box2[2:] - box2[:2]
    left = after.prod(axis=0) / (before.prod(axis=0) + 1e-9)
    return (after > LEAST_SIDE_PX).all(axis=0) & (left > LEAST_VISIBLE)


def turn_label(label: dict[str, Any], quarters: int) -> None:
    """Turn picture and boxes counterclockwise by quarter turns, in place.

    Args:
        label: ``img`` (height, width, 3), ``resized_shape``, ``ratio_pad`` and ``instances`` with
            normalized xywh boxes, as ultralytics passes them.
        quarters: 1 to 3.
    """
    label["img"] = cv2.rotate(label["img"], QUARTER_TURNS[quarters])
    instances = label["instances"]
    cx, cy, width, height = instances.bboxes.T.copy()
    for _ in range(quarters):
        cx, cy, width, height = cy, 1 - cx, height, width
    instances._bboxes.bboxes = np.stack([cx, cy, width, height], axis=1)
    if quarters % 2:
        label["ori_shape"] = label["ori_shape"][::-1]
        label["ratio_pad"] = label["ratio_pad"][::-1]
    label["resized_shape"] = label["img"].shape[:2]


def build_loader(
    dataset: RoomDataset, batch: int, *, workers: int, start: int = 0, seed: int = 0
) -> DataLoader[Any]:
    """Batches of an epoch in the dataset's order, from picture ``start`` on.

    Its processes end with the epoch, so that the next one sees the dataset's new settings.
    """
    generator = torch.Generator()
    generator.manual_seed(seed)
    positions = range(start, len(dataset))
    return DataLoader(
        dataset,
        batch_size=batch,
        sampler=positions,
        num_workers=workers,
        collate_fn=dataset.collate_fn,
        worker_init_fn=_start_worker,
        generator=generator,
        prefetch_factor=4 if workers else None,
    )


def _start_worker(number: int) -> None:
    """Seed a loading process and leave the terminal's and the system's signals to its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    cv2.setNumThreads(0)
    seed_worker(number)
