# SPDX-License-Identifier: AGPL-3.0-or-later
"""TorchServe's entry point: rows of a batch in, answers out.

TorchServe imports this file by its name and takes the one class that is defined in it.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

# base_handler imports openvino.torch where openvino is installed: a compiler back end that is
# not used here and costs seconds and 150 MB. A None in sys.modules makes that import fail, which
# base_handler expects (docs/decisions/0003-openvino-torch.md).
sys.modules.setdefault("openvino.torch", None)  # type: ignore[arg-type]

from ts.torch_handler.base_handler import BaseHandler  # noqa: E402

from roomdet.config import Config  # noqa: E402
from roomdet.detector import load_detector  # noqa: E402
from roomdet.errors import ConfigError, ModelError  # noqa: E402
from roomdet.images import read_page  # noqa: E402
from roomdet.item import Item  # noqa: E402
from roomdet.memory import limit_memory  # noqa: E402
from roomdet.request import parse_request  # noqa: E402

if TYPE_CHECKING:
    from ts.context import Context

logger = logging.getLogger(__name__)


class RoomHandler(BaseHandler):  # type: ignore[misc]  # torchserve has no types
    """Finds rooms on blueprints; N rows in, N answers out, in the same order.

    A row that cannot be served gets an error of its own and never touches its neighbors.
    """

    def initialize(self, context: Context) -> None:
        """Load the network and prove it on the golden plan; an error here fails the load."""
        try:
            self._config = Config.load(context.model_yaml_config, os.environ)
            self._detector = load_detector(
                Path(context.system_properties["model_dir"]), self._config
            )
        except (ConfigError, ModelError) as err:
            logger.error("The room detector refuses to start: %s", err)  # noqa: TRY400
            raise
        limit_memory(self._config.memory_mb)
        self.context = context
        self.initialized = True
        logger.info("The room detector is ready: %s", self._detector.precision)

    def handle(self, data: list[dict[str, Any]], context: Context) -> list[bytes]:
        """Answer a batch: one JSON document per row; status and content type go to ``context``."""
        self.context = context
        return self.postprocess(self.inference(self.preprocess(data)))

    def preprocess(self, data: list[dict[str, Any]]) -> list[Item]:
        """Parse each row and read its page."""
        items = []
        for index, row in enumerate(data):
            item = Item(self.context.get_request_id(index))
            with item.step():
                request = parse_request(
                    row, self.context.get_all_request_header(index), self._config.limits
                )
                item.options = request.options
                item.page = read_page(
                    request.data,
                    page=request.options.page,
                    side_px=self._detector.input_px,
                    limits=self._config.limits,
                )
            items.append(item)
        return items

    def inference(self, data: list[Item]) -> list[Item]:
        """Find the rooms of each page that could be read."""
        for item in data:
            if item.page is not None:
                with item.step():
                    item.found = self._detector.detect(item.page.pixels, item.options)
        return data

    def postprocess(self, data: list[Item]) -> list[bytes]:
        """Encode each answer and set its status."""
        answers = []
        for index, item in enumerate(data):
            answer, status = item.encode()
            self.context.set_response_content_type(index, "application/json")
            self.context.set_response_status(status.value, status.phrase, index)
            answers.append(answer)
        return answers
