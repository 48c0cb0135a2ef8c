# SPDX-License-Identifier: AGPL-3.0-or-later
"""Show the detector at work: start a server, send one plan, print and draw the answer, stop."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from roomdet_client.client import detect
from roomdet_client.drawing import draw_rooms
from serving.console import say, tell
from serving.server import serve

if TYPE_CHECKING:
    from pathlib import Path

    from roomdet_client.answers import Detection


def demo(archive: Path, plan: Path, drawing: Path, page: int) -> Detection:
    """Serve an archive for one plan.

    Args:
        archive: The ``.mar``.
        plan: Picture or PDF.
        drawing: Where the plan with its rooms is written.
        page: Page of the plan, counted from 1.

    Raises:
        LocalServerError: If the server does not start.
        ClientError: If it answers with an error.
    """
    data = plan.read_bytes()
    started_s = time.monotonic()
    say(f"Starting TorchServe with {archive} …")
    with serve(archive) as server:
        server.wait_ready()
        say(f"Ready after {time.monotonic() - started_s:.1f} s. Sending {plan}, as this would:\n")
        say(
            f"curl --data-binary @{plan} -H 'Content-Type: application/octet-stream' "
            f"{server.url}/invocations\n"
        )
        answer = detect(data, url=server.url, options={"page": page})
    tell(answer.body)
    drawing.parent.mkdir(parents=True, exist_ok=True)
    draw_rooms(data, answer.rooms, page=page).save(drawing)
    say(
        f"\n{len(answer.rooms)} rooms in {answer.processing_time_ms} ms. "
        f"The plan with its rooms: {drawing.resolve()}\n"
        "Your own plan: make demo PLAN=my.pdf    A server to try: make serve"
    )
    return answer
