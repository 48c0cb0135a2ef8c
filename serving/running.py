# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which servers of ``make serve`` and ``make view`` run, and where: a note in each one's folder."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from serving.errors import BadUsage
from serving.management import Management
from serving.server_log import ServerLog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from serving.server import LocalServer

_NOTE = "server.json"
_CHECKOUT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a TorchServe can be reached.

    Attributes:
        url: Address of the inference API.
        management_url: Address of the management API.
        model_store: Folder that it takes archives from.
        checkout: Whose `make serve` or `make view` started it; empty for none.
    """

    url: str
    management_url: str
    model_store: str
    checkout: str = ""

    @property
    def management(self) -> Management:
        """Its management API."""
        return Management(self.management_url)

    @property
    def log(self) -> ServerLog:
        """What it prints."""
        return ServerLog.of(Path(self.model_store))

    @classmethod
    def of(cls, server: LocalServer) -> Place:
        """The place of a server that this process started."""
        store = server.log.parent / "model_store"
        return cls(server.url, server.management_url, str(store), str(_CHECKOUT))


def announce(server: LocalServer) -> None:
    """Leave the note; it goes with the server's folder."""
    note = server.log.with_name(_NOTE)
    part = note.with_suffix(".part")
    part.write_text(json.dumps(asdict(Place.of(server))), "utf-8")
    part.replace(note)


def find_running(port: int | None) -> Place:
    """The announced server with an inference port; without one, the only one of this checkout.

    Raises:
        BadUsage: If there is none, or more than one to choose from.
    """
    announced = list(_announced())
    if port:
        places = [place for place in announced if place.url.endswith(f":{port}")]
    else:
        places = [place for place in announced if place.checkout == str(_CHECKOUT)]
    match places:
        case [place]:
            return place
        case []:
            where = f" on port {port}" if port else f" from this checkout ({_CHECKOUT})"
            others = ", ".join(sorted(f"{place.url} of {place.checkout}" for place in announced))
            beside = f"; --port chooses another one: {others}" if others else ""
            raise BadUsage(
                f"no `make serve` or `make view` runs{where}{beside}; another TorchServe needs "
                "--management-url and --model-store"
            )
    urls = ", ".join(sorted(place.url for place in places))
    raise BadUsage(f"several servers run ({urls}); choose one with --port")


def _announced() -> Iterator[Place]:
    folders = {Path(tempfile.gettempdir()), Path("/tmp")}  # noqa: S108  # server.py uses both
    notes = {note.resolve() for folder in folders for note in folder.glob(f"rooms-*/{_NOTE}")}
    for note in notes:
        try:
            if note.stat().st_uid == os.geteuid():  # nobody else names servers to us
                yield Place(**json.loads(note.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            continue  # it ends at this moment
