# SPDX-License-Identifier: AGPL-3.0-or-later
"""Client of the room detector: send a plan, get its rooms.

>>> from roomdet_client import RoomClient
>>> with RoomClient("http://127.0.0.1:8080") as client:
...     detection = client.detect("plan.pdf", page=2)
>>> [room.box_xyxy_grid for room in detection.rooms]

What is named here is the library. Each name is loaded when it is first used, so that a program
that only reads answers needs nothing but Python.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from roomdet_client._version import __version__

if TYPE_CHECKING:
    from roomdet_client.answers import Detection, Room, parse_answer, parse_refusal
    from roomdet_client.client import AsyncRoomClient, RoomClient, detect
    from roomdet_client.drawing import draw_rooms
    from roomdet_client.errors import (
        AnswerTimeout,
        ClientError,
        CredentialsRefused,
        FileTooLarge,
        InvalidFileFormat,
        MissingDependency,
        NoAnswerForm,
        PayloadTooLarge,
        PlanUnreadable,
        ProcessingFailed,
        RequestRefused,
        ServerBusy,
        ServerUnreachable,
        ValidationError,
        WorkerDied,
    )
    from roomdet_client.facts import Area
    from roomdet_client.pages import Plan
    from roomdet_client.sheet import Sheet

_PLACES = {
    "answers": ("Detection", "Room", "parse_answer", "parse_refusal"),
    "client": ("AsyncRoomClient", "RoomClient", "detect"),
    "drawing": ("draw_rooms",),
    "errors": (
        "AnswerTimeout",
        "ClientError",
        "CredentialsRefused",
        "FileTooLarge",
        "InvalidFileFormat",
        "MissingDependency",
        "NoAnswerForm",
        "PayloadTooLarge",
        "PlanUnreadable",
        "ProcessingFailed",
        "RequestRefused",
        "ServerBusy",
        "ServerUnreachable",
        "ValidationError",
        "WorkerDied",
    ),
    "facts": ("Area",),
    "pages": ("Plan",),
    "sheet": ("Sheet",),
}
_MODULE_OF = {name: module for module, names in _PLACES.items() for name in names}

__all__ = [
    "AnswerTimeout",
    "Area",
    "AsyncRoomClient",
    "ClientError",
    "CredentialsRefused",
    "Detection",
    "FileTooLarge",
    "InvalidFileFormat",
    "MissingDependency",
    "NoAnswerForm",
    "PayloadTooLarge",
    "Plan",
    "PlanUnreadable",
    "ProcessingFailed",
    "RequestRefused",
    "Room",
    "RoomClient",
    "ServerBusy",
    "ServerUnreachable",
    "Sheet",
    "ValidationError",
    "WorkerDied",
    "__version__",
    "detect",
    "draw_rooms",
    "parse_answer",
    "parse_refusal",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
