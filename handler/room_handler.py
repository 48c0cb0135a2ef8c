# SPDX-License-Identifier: AGPL-3.0-or-later
"""TorchServe's entry point: rows of a batch in, answers out.

TorchServe imports this file by its name and takes the one class that is defined in it.
"""

from __future__ import annotations

import logging
import math
import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any

from ts.metrics.metric_type_enum import MetricTypes
from ts.torch_handler.base_handler import BaseHandler

from roomdet.config import Config, Switch
from roomdet.detector import load_detector
from roomdet.errors import ConfigError, ModelError, PageTooSlow
from roomdet.facts import OCR_PX, FactFinder
from roomdet.inspection import Ceiling, Inspection
from roomdet.isolation import IsolatedReader, page_ceiling
from roomdet.item import BatchItem, Step
from roomdet.logs import event, write_json_lines
from roomdet.memory import keep_for_canvases, limit_memory, share_heap
from roomdet.ocr import load_reader
from roomdet.outlines import load_outlines
from roomdet.report import METRICS, initial_values, measurements, request_fields
from roomdet.request import count_bytes, parse_request
from roomdet.s3_address import S3Address
from roomdet.s3_source import S3Source
from roomdet.schema import Include
from roomdet.slices import LEVELS, level_sides

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ts.context import Context

    from roomdet.page import Page
    from roomdet.report import Measurement

logger = logging.getLogger(__name__)

# Nothing more of a batch's pages is looked at after that; at TorchServe's responseTimeout, 60 s
# as shipped, the worker would end, and the whole batch with it.
BATCH_S = 50.0


class RoomHandler(BaseHandler):  # type: ignore[misc]  # torchserve has no types
    """Finds rooms on blueprints; N rows in, N answers out, in the same order.

    A row that cannot be served gets an error of its own and never touches its neighbors.
    """

    def initialize(self, context: Context) -> None:
        """Load the network and prove it on the golden plan; an error here fails the load."""
        write_json_lines()
        share_heap()
        self._model = {
            "model": context.model_name,
            "model_version": context.manifest["model"]["modelVersion"],
        }
        try:
            self._config = Config.load(context.model_yaml_config, os.environ)
            # Before OpenVINO and whoever else starts threads; the golden plan proves it.
            self._pages = IsolatedReader(self._config.limits, page_ceiling(self._config))
            keep_for_canvases()
            self._s3 = S3Source(self._config)
            folder = Path(context.system_properties["model_dir"])
            self._detector = load_detector(folder, self._config, self._pages.read_page)
            self._facts = self._load_facts(folder)
        except Exception as err:
            is_explained = isinstance(err, ConfigError | ModelError)
            reason = str(err) if is_explained else f"{type(err).__name__}: {err}"
            fields = self._model | {"reason": reason}
            logger.error(  # noqa: TRY400  # TorchServe logs the trace
                "The room detector refuses to start: %s", reason, extra=event("refused", fields)
            )
            raise
        limit_memory(self._config.memory_mb)
        self._readers = ThreadPoolExecutor(
            context.system_properties["batch_size"], thread_name_prefix="reader"
        )
        self._cpus = BoundedSemaphore(self._config.threads or os.cpu_count() or 1)
        self.context = context
        self._declare_metrics()
        self.initialized = True
        precision = self._detector.precision
        fields = self._model | {"precision": precision}
        logger.info("The room detector is ready: %s", precision, extra=event("ready", fields))

    def _load_facts(self, folder: Path) -> FactFinder:
        """Load what says more of rooms than their boxes, and what it may see of a page.

        What reads text takes a second and 200 MB, so it waits for the first page that needs it,
        unless it is asked for in so many words.
        """
        levels = self._config.max_levels
        largest_px = level_sides(self._detector.input_px, math.inf, levels)[-1]
        self._most_px = OCR_PX if levels >= len(LEVELS) else largest_px
        load_text_reader = cache(partial(load_reader, self._config))
        if self._config.ocr is Switch.ON:
            load_text_reader()
        outliner = load_outlines(folder, threads=self._config.threads)
        return FactFinder(outliner, load_text_reader, self._config.ocr_seconds)

    def handle(self, data: list[dict[str, Any]], context: Context) -> list[bytes]:
        """Answer a batch: one JSON document per row; status and content type go to ``context``."""
        self.context = context
        self._batch_ends_s = time.monotonic() + BATCH_S
        return self.postprocess(self.inference(self.preprocess(data)))

    def preprocess(self, data: list[dict[str, Any]]) -> list[Future[BatchItem]]:
        """Begin to read the rows: as many work at a time as there are CPUs, all may fetch.

        A row that is alone is read at once: to hand it to a thread and back takes 0.5 ms.
        """
        begin = self._readers.submit if len(data) > 1 else self._begin_at_once
        return [
            begin(
                self._read,
                BatchItem(self.context.get_request_id(index), count_bytes(row)),
                row,
                self.context.get_all_request_header(index),
            )
            for index, row in enumerate(data)
        ]

    @staticmethod
    def _begin_at_once(read: Callable[..., BatchItem], *arguments: object) -> Future[BatchItem]:
        """Read in this thread, as an executor would in another."""
        reading: Future[BatchItem] = Future()
        reading.set_result(read(*arguments))
        return reading

    def _read(self, item: BatchItem, row: dict[str, Any], headers: Mapping[str, Any]) -> BatchItem:
        """Parse a row, fetch its file if it only names one, and read the page."""
        file: bytes | S3Address = b""
        with self._cpus:
            with item.step(Step.DECODE):
                request = parse_request(
                    row, headers, self._config.limits, self._config.image_url_prefixes
                )
                item.options, file = request.options, request.file
            if isinstance(file, S3Address):
                with self._without_cpu(), item.step(Step.FETCH):
                    file = self._s3.fetch(file)
                    item.bytes_fetched = len(file)
            if item.error is None:
                with item.step(Step.DECODE):
                    assert isinstance(file, bytes)  # fetched, where it was an address
                    item.read_at = partial(self._read_page, item, file)
                    item.page = item.read(self._detector.input_px)
        return item

    def _read_page(self, item: BatchItem, file: bytes, side_px: int) -> Page:
        """Read the page of a row; for a further level in what is left of its time."""
        is_first, asked, most_s = item.inspection is None, item.options.include, None
        if item.inspection is not None:
            left_s = self._config.page_seconds - item.seconds.get(Step.DECODE, 0.0)
            most_s = min(item.inspection.left_s, left_s)
        return self._pages.read_page(
            file,
            page=item.options.page,
            side_px=side_px,
            most_s=most_s,
            has_lines=is_first and bool(asked - {Include.POLYGON}),
            has_linework=is_first and bool(asked - {Include.NAME}),
        )

    @contextmanager
    def _without_cpu(self) -> Iterator[None]:
        """Let other rows work while this one waits."""
        self._cpus.release()
        try:
            yield
        finally:
            self._cpus.acquire()

    def inference(self, data: list[Future[BatchItem]]) -> list[BatchItem]:
        """Find the rooms of each page, in order; the network itself uses all CPUs."""
        items = []
        for reading in data:
            item = reading.result()
            items.append(item)
            if item.page is not None:
                side_px = self._begin_to_look(item, item.page)
                while side_px is not None:
                    side_px = self._look_closer(item, side_px)
            self._describe(item)
            item.forget()
        return items

    def _begin_to_look(self, item: BatchItem, page: Page) -> int | None:
        """See the page as a whole; return the longer side of the next level, if there is one."""
        ends_s = min(time.monotonic() + self._config.max_seconds, self._batch_ends_s)
        with item.step(Step.DETECT):
            ceiling = Ceiling(self._config.max_levels, ends_s)
            item.inspection = Inspection(self._detector, page, item.options, ceiling)
            return self._next_side_px(item, item.inspection)
        return None

    def _look_closer(self, item: BatchItem, side_px: int) -> int | None:
        """See the next level; return the longer side of the one after it, if there is one."""
        inspection, pixels = item.inspection, None
        assert inspection is not None
        with item.step(Step.DECODE):
            try:
                pixels = item.level_pixels(side_px, inspection.deepest_px)
            except PageTooSlow:  # the page was read for its first level; its time is over now
                inspection.cut_short()
                item.found = inspection.rooms()
        if pixels is None:
            return None
        with item.step(Step.DETECT):
            inspection.look(pixels)
            return self._next_side_px(item, inspection)
        return None

    def _describe(self, item: BatchItem) -> None:
        """Find out what else was asked for of the rooms."""
        if item.found is None or not item.options.include:
            return
        assert item.page is not None  # on which they were found
        with item.step(Step.DESCRIBE):
            item.description = self._facts.find(
                item.page,
                item.found,
                item.options,
                lambda side_px: item.sharp_pixels(min(side_px, self._most_px)),
                ends_s=self._batch_ends_s,
            )

    @staticmethod
    def _next_side_px(item: BatchItem, inspection: Inspection) -> int | None:
        """Longer side of the next level; where enough was seen, the row has its rooms."""
        side_px = inspection.next_side_px()
        if side_px is None:
            item.found = inspection.rooms()
        return side_px

    def postprocess(self, data: list[BatchItem]) -> list[bytes]:
        """Encode each answer, set its status, and report it."""
        answers = []
        for index, item in enumerate(data):
            answer, status = item.encode()
            self.context.set_response_content_type(index, "application/json")
            self.context.set_response_status(status.value, status.phrase, index)
            answers.append(answer)
            fields = self._model | request_fields(item, status=status.value, answer=answer)
            logger.info("", extra=event("request", fields))
            self._measure(measurements(item))
        return answers

    def _declare_metrics(self) -> None:
        """Tell TorchServe's metrics API what will come; counters start at zero."""
        cache = self.context.metrics
        self._metrics = {
            metric.name: cache.add_metric_to_cache(
                metric.name, metric.unit, list(metric.labels), MetricTypes(metric.kind)
            )
            for metric in METRICS
        }
        self._measure(initial_values())

    def _measure(self, values: Iterable[Measurement]) -> None:
        for name, value, labels in values:
            self._metrics[name].add_or_update(value, labels)
