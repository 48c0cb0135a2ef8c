# SPDX-License-Identifier: AGPL-3.0-or-later
"""The viewer's own small server: its page, tiles of plans, rooms, and what is saved.

It listens on loopback alone and answers its own page alone: a request under another host name (a
site whose name was pointed at this machine) or from another origin is refused. What may be asked
for is listed; no part of an address becomes a path.
"""

from __future__ import annotations

import json
import re
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from roomdet_client.errors import (
    ClientError,
    RequestRefused,
    ServerUnreachable,
    ValidationError,
)
from roomdet_client.pages import Plan
from roomdet_client.viewer import pages
from roomdet_client.viewer.errors import Forbidden, NotFound, TooLarge, ViewerError
from roomdet_client.viewer.plan_set import (
    KEPT_SUFFIXES,
    PlanSet,
    SavedPage,
    parse_rooms,
    picture_size,
)
from roomdet_client.viewer.shelf import MAX_FILE_BYTES, Entry, Shelf

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from roomdet_client import Detection, RoomClient

HOST = "127.0.0.1"
NAMES = (HOST, "localhost")
MAX_JSON_BYTES = 4 * 1024 * 1024
# Longest side of a picture that is made for a drawing in PNG.
MAX_DRAWING_PX = 4096
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
# Sent with each answer: nothing is loaded from, or shown within, any other place.
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; "
    "style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
# Lower than the server's own default, so that the page's slider has something to show below it.
LEAST_CONFIDENCE = 0.05
MOST_ROOMS = 1000
# What is asked for beside boxes; older servers know less, or nothing of it.
INCLUDES = (("name", "polygon", "area"), ("name",), ())
_ROUTE = re.compile(
    r"/api/documents/(?P<key>[0-9a-f]{16})(?:/pages/(?P<page>\d{1,5})/(?P<what>rooms|saved|picture"
    r"|tiles/(?P<level>\d{1,2})/(?P<column>\d{1,4})/(?P<row>\d{1,4})))?"
)


class Viewer(ThreadingHTTPServer):
    """The server; ``serve_forever`` runs it.

    Args:
        port: On loopback; 0 takes a free one.
        shelf: What may be looked at.
        plan_set: Where corrected pages go.
        client: Who finds rooms.
    """

    daemon_threads = True

    def __init__(self, port: int, shelf: Shelf, plan_set: PlanSet, client: RoomClient) -> None:
        super().__init__((HOST, port), _Handler)
        self.shelf = shelf
        self.plan_set = plan_set
        self.client = client
        self.assets = read_page()
        self._includes: Sequence[Sequence[str]] = INCLUDES

    @property
    def url(self) -> str:
        """Address of the page."""
        return f"http://{HOST}:{self.server_address[1]}/"

    def find_rooms(self, data: bytes, page: int) -> Detection:
        """Ask for the rooms of a page, with all else that the server knows to say of them.

        Servers refuse what they do not know; what one took is asked for from then on.

        Raises:
            ClientError: If there is no answer.
        """
        plan, tries = Plan(data), self._includes
        for number, include in enumerate(tries):
            try:
                found = self.client.detect(
                    plan,
                    page=page,
                    confidence=LEAST_CONFIDENCE,
                    max_rooms=MOST_ROOMS,
                    include=include,
                )
            except ValidationError:
                if number == len(tries) - 1:
                    raise
            else:
                self._includes = tries[number:]
                return found
        raise AssertionError("the last try returns or raises")

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle of an answer is no error of ours."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def read_page() -> dict[str, tuple[str, bytes]]:
    """The built page: content type and content by address."""
    assets: dict[str, tuple[str, bytes]] = {}
    folder = files("roomdet_client.viewer") / "page"
    for item in folder.iterdir():
        if (suffix := Path(item.name).suffix) in KINDS:
            assets[f"/{item.name}"] = (KINDS[suffix], item.read_bytes())
    assets["/"] = assets["/index.html"]
    return assets


class _Handler(BaseHTTPRequestHandler):
    server: Viewer
    protocol_version = "HTTP/1.1"
    server_version = "roomdet-viewer"
    sys_version = ""
    timeout = 120

    def do_GET(self) -> None:
        """Answer a reading request."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """Answer a request that may change something."""
        self._answer(self._post)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing of requests; errors are answers."""

    # -- requests ---------------------------------------------------------------------------

    def _answer(self, respond: Any) -> None:
        try:
            self._check_sender()
            respond()
        except ViewerError as err:
            self._send_json({"error": err.code, "message": str(err)}, err.status)
            # What was not read of a body would be taken for the next request.
            self.close_connection = True

    def _check_sender(self) -> None:
        port = self.server.server_address[1]
        hosts = {f"{name}:{port}" for name in NAMES}
        if self.headers.get("Host") not in hosts:
            raise Forbidden(f"this server is {self.server.url} and nothing else")
        origin = self.headers.get("Origin")
        if origin not in {f"http://{host}" for host in hosts} and (
            origin or self.command == "POST"
        ):
            raise Forbidden("only the viewer's own page may ask this server")

    def _get(self) -> None:
        address = urlsplit(self.path)
        if address.path in self.server.assets:
            kind, content = self.server.assets[address.path]
            self._send(content, kind)
        elif address.path == "/api/session":
            self._send_json(self._session())
        elif match := _ROUTE.fullmatch(address.path):
            self._get_of_document(match.groupdict(), dict(parse_qsl(address.query)))
        else:
            raise NotFound("there is nothing at this address")

    def _get_of_document(self, parts: Mapping[str, str | None], query: Mapping[str, str]) -> None:
        key, what = str(parts["key"]), parts["what"] or ""
        document = self.server.shelf.document(key)
        page = int(parts["page"] or 1)
        pages.check_page(page, document.page_count)
        if not what:
            self._send_json(self._described(self.server.shelf.entry(key), document))
        elif what.startswith("tiles/"):
            level, column, row = (int(parts[name] or 0) for name in ("level", "column", "row"))
            self._send_picture(pages.tile(document, page, level, column, row))
        elif what == "picture":
            longer_px = _whole_number(query.get("side"), MAX_DRAWING_PX)
            self._send_picture(pages.png(pages.whole(document, page, longer_px)))
        elif what == "saved":
            entry = self.server.shelf.entry(key)
            saved = self.server.plan_set.find(entry.name, page)
            self._send_json({"saved": saved and _saved(saved)})
        else:
            self._find(self.server.shelf.read(key), page)

    def _post(self) -> None:
        address = urlsplit(self.path)
        match = _ROUTE.fullmatch(address.path)
        if address.path == "/api/documents":
            name = dict(parse_qsl(address.query)).get("name", "")
            data = self._body(MAX_FILE_BYTES)
            entry = self.server.shelf.drop(_plain_name(name), data)
            self._send_json(self._described(entry, self.server.shelf.document(entry.id)))
        elif match and match["what"] == "saved":
            sent = self._json_body()
            self._send_json(self._save(match["key"], int(match["page"]), sent))
        else:
            raise NotFound("nothing can be sent to this address")

    # -- answers ----------------------------------------------------------------------------

    def _find(self, data: bytes, page: int) -> None:
        """Pass on what the server says of a page, its errors too."""
        try:
            self._send_json(self.server.find_rooms(data, page).as_json())
        except RequestRefused as err:
            self._send_json({"error": err.code, "message": err.message}, err.status)
        except ClientError as err:
            away = isinstance(err, ServerUnreachable)
            code = "server_unreachable" if away else "not_sent"
            self._send_json({"error": code, "message": str(err)}, HTTPStatus.BAD_GATEWAY)

    def _session(self) -> dict[str, Any]:
        done: dict[str, list[int]] = {}
        problem = ""
        try:
            for saved in self.server.plan_set.pages():
                done.setdefault(saved.document, []).append(saved.page)
        except ViewerError as err:
            problem = str(err)
        return {
            "documents": [
                {"id": entry.id, "name": entry.name, "saved_pages": done.get(entry.name, [])}
                for entry in self.server.shelf.entries()
            ],
            "detector": self.server.client.where,
            "save_folder": str(self.server.plan_set.folder),
            "problem": problem,
        }

    def _described(self, entry: Entry, document: pages.Document) -> dict[str, Any]:
        sizes = (document.size_wh(page + 1) for page in range(document.page_count))
        return {
            "id": entry.id,
            "name": entry.name,
            "tile_px": pages.TILE_PX,
            "smallest_level": pages.SMALLEST_LEVEL,
            "pages": [
                {"width": width, "height": height, "levels": pages.level_count((width, height))}
                for width, height in sizes
            ],
        }

    def _save(self, key: str, page: int, sent: Any) -> dict[str, Any]:
        if not isinstance(sent, dict) or set(sent) != {"rooms", "complete"}:
            raise ViewerError("a page is saved with rooms and complete")
        rooms = parse_rooms(sent["rooms"])
        entry, document = self.server.shelf.entry(key), self.server.shelf.document(key)
        size_wh = document.size_wh(page)
        suffix = Path(entry.name).suffix.lower()
        if suffix in KEPT_SUFFIXES and isinstance(document, pages.Picture):
            picture = self.server.shelf.read(key)
        else:
            size_wh, suffix = picture_size(size_wh), ".png"
            picture = pages.png(document.region(page, size_wh, (0, 0, *size_wh)))
        saved = self.server.plan_set.save(
            entry.name, page, picture, suffix, size_wh, rooms, complete=bool(sent["complete"])
        )
        return _saved(saved)

    def _send_picture(self, content: bytes) -> None:
        # The id changes with the file, so that a tile never does.
        self._send(content, "image/png", cache="private, max-age=86400, immutable")

    def _send_json(self, document: Any, status: int = 200) -> None:
        self._send(json.dumps(document).encode(), "application/json", status)

    def _send(
        self, content: bytes, kind: str, status: int = HTTPStatus.OK, cache: str = "no-store"
    ) -> None:
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", cache)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    # -- bodies -----------------------------------------------------------------------------

    def _body(self, max_bytes: int) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()):
            raise ViewerError("a body needs a Content-Length")
        if int(length) > max_bytes:
            raise TooLarge(f"{int(length):,} bytes came; the viewer takes {max_bytes:,} at most")
        return self.rfile.read(int(length))

    def _json_body(self) -> Any:
        try:
            return json.loads(self._body(MAX_JSON_BYTES))
        except ValueError as err:
            raise ViewerError("the body is no JSON") from err


def _saved(page: SavedPage) -> dict[str, Any]:
    return {
        "rooms": [room.as_json() for room in page.rooms],
        "accepted": len(page.accepted),
        "complete": page.complete,
        "picture": page.picture,
    }


def _whole_number(text: str | None, most: int) -> int:
    if text is None:
        return most
    if not text.isdecimal() or not text.isascii() or not 1 <= int(text) <= most:
        raise ViewerError(f"{text!r} is no whole number within 1 and {most}")
    return int(text)


def _plain_name(name: str) -> str:
    """The last part of a name that a browser sent, short and printable."""
    last = re.split(r"[/\\]", name)[-1]
    return "".join(letter for letter in last if letter.isprintable())[-120:] or "plan"
