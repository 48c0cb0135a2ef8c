# SPDX-License-Identifier: AGPL-3.0-or-later
"""Ultralytics' ``predict`` in a FastAPI application: what most people would write.

``CHECKPOINT=weights/rooms.pt PEER_THREADS=2 uvicorn benchmarks.peers.fastapi_ultralytics:app
--log-level warning --no-access-log`` in an environment of requirements/train.txt and bench.txt.

One process, as it is usually deployed: a second one would load the model a second time. Work is
done in a pool, so that the event loop goes on receiving; the pool has a thread per core, because
``predict`` holds a lock, the next picture is decoded meanwhile, and more threads would only start
more of PyTorch's own. uvicorn takes uvloop and httptools, which are installed.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request

from benchmarks.peers import ultralytics_predict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def lifespan(application: FastAPI) -> AsyncIterator[None]:
    """Load and warm the model before the first request."""
    application.state.model = ultralytics_predict.load(os.environ["CHECKPOINT"])
    application.state.pool = ThreadPoolExecutor(os.cpu_count())
    yield
    application.state.pool.shutdown()


app = FastAPI(lifespan=lifespan)


@app.post("/invocations")  # type: ignore[untyped-decorator]  # fastapi is not installed here
async def detect(request: Request) -> dict[str, Any]:
    """Answer the rooms of one picture, sent as raw bytes."""
    data, state = await request.body(), request.app.state
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(state.pool, ultralytics_predict.answer, state.model, data)
