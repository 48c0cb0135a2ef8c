# SPDX-License-Identifier: AGPL-3.0-or-later
"""Ultralytics' ``predict`` in LitServe.

``CHECKPOINT=weights/rooms.pt PEER_THREADS=2 python -m benchmarks.peers.litserve_ultralytics 8000``
in an environment of requirements/train.txt and bench.txt.

One API process and one inference process, LitServe's own default on a CPU. Pictures travel as raw
bytes, not as base64, and ``fast_queue`` (ZeroMQ) carries them between the two. A batch would only
wait: on two cores the network takes as long for two pictures as twice for one.
"""

# No `from __future__ import annotations`: LitServe hands the annotation below to FastAPI as it is.
import os
import sys
from typing import Annotated, Any

import litserve
from fastapi import Depends, Request


async def _body(request: Request) -> bytes:
    data: bytes = await request.body()
    return data


class Ultralytics(litserve.LitAPI):  # type: ignore[misc]  # litserve is not installed here
    """LitServe's four steps."""

    def setup(self, device: str) -> None:  # noqa: ARG002  # LitServe's signature
        """Load and warm the model; only this process needs PyTorch, so only it imports it."""
        from benchmarks.peers import ultralytics_predict  # noqa: PLC0415

        self.model = ultralytics_predict.load(os.environ["CHECKPOINT"])
        self.answer = ultralytics_predict.answer

    def decode_request(self, request: Annotated[bytes, Depends(_body)]) -> bytes:
        """The body as it came."""
        return request

    def predict(self, x: bytes) -> dict[str, Any]:
        """Decode and detect."""
        return self.answer(self.model, x)

    def encode_response(self, output: dict[str, Any]) -> dict[str, Any]:
        """Leave the JSON to FastAPI."""
        return output


if __name__ == "__main__":
    server = litserve.LitServer(
        Ultralytics(api_path="/invocations"), accelerator="cpu", fast_queue=True, timeout=120
    )
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[1]),
        num_api_servers=1,
        log_level="warning",
        generate_client_file=False,
    )
