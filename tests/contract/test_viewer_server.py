# SPDX-License-Identifier: AGPL-3.0-or-later
"""The viewer's server over real HTTP: who may ask, what may be asked, what is answered."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from roomdet_client import RoomClient, ValidationError
from roomdet_client.viewer.plan_set import PlanSet
from roomdet_client.viewer.server import Viewer
from roomdet_client.viewer.shelf import Shelf
from tests.conftest import SAMPLE_PDF, SAMPLE_PNG
from tests.unit.answering import Asked, answering, found

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ROOM = {"box": [0.1, 0.2, 0.3, 0.4], "confidence": 0.9, "accepted": True}
ANSWERED = {"id": "room_001", "bounding_box": [100, 200, 300, 400], "confidence": 0.9}
REFUSED = b'{"status":"error","error":"validation_error","message":"no such page","details":{}}'


def closed_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def plans(tmp_path: Path) -> Path:
    """A folder with two plans, a text, and links to what lies outside."""
    folder = tmp_path / "plans"
    folder.mkdir()
    (folder / "a plan.pdf").write_bytes(SAMPLE_PDF.read_bytes())
    (folder / "b.PNG").write_bytes(SAMPLE_PNG.read_bytes())
    (folder / "notes.txt").write_text("no plan")
    (tmp_path / "secret.png").write_bytes(SAMPLE_PNG.read_bytes())
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "folder.pdf").mkdir()
    return folder


@pytest.fixture
def viewer(plans: Path, tmp_path: Path) -> Iterator[Viewer]:
    """A running viewer whose detector is away."""
    away = RoomClient(f"http://127.0.0.1:{closed_port()}")
    with Viewer(0, Shelf(plans), PlanSet(tmp_path / "saved"), away) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)


def ask(
    viewer: Viewer,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    method: str | None = None,
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Send a request as the page does, unless headers say otherwise."""
    own = {} if body is None else {"Origin": viewer.url.rstrip("/")}
    with closing(
        http.client.HTTPConnection("127.0.0.1", viewer.server_address[1], timeout=30)
    ) as link:
        link.request(
            method or ("GET" if body is None else "POST"), path, body, {**own, **(headers or {})}
        )
        answer = link.getresponse()
        return answer.status, answer.headers, answer.read()


def ask_json(viewer: Viewer, path: str, document: Any = None) -> tuple[int, Any]:
    """Send JSON, or read."""
    body = None if document is None else json.dumps(document).encode()
    status, _, answer = ask(viewer, path, body)
    return status, json.loads(answer)


def ids(viewer: Viewer) -> dict[str, str]:
    """Document ids by name."""
    _, session = ask_json(viewer, "/api/session")
    return {entry["name"]: entry["id"] for entry in session["documents"]}


def test_the_folder_is_all_there_is(viewer: Viewer) -> None:
    """Plans of the folder are listed; links to the outside, folders and other files are not."""
    assert list(ids(viewer)) == ["a plan.pdf", "b.PNG"]


def test_it_listens_on_loopback_alone(viewer: Viewer) -> None:
    """No other machine can reach it."""
    assert viewer.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1", "localhost.evil.example:{port}", "127.0.0.1:1"]
)
def test_another_host_name_is_refused(viewer: Viewer, host: str) -> None:
    """A site that points its own name at this machine gets nothing."""
    name = host.format(port=viewer.server_address[1])
    for path in ("/", "/viewer.js", "/api/session"):
        status, _, body = ask(viewer, path, headers={"Host": name})
        assert (status, json.loads(body)["error"]) == (403, "forbidden")


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1"]
)
def test_another_origin_is_refused(viewer: Viewer, origin: str) -> None:
    """Another page's script can neither read nor write, whatever it asks for."""
    value = {"Origin": origin.format(port=viewer.server_address[1])}
    key = ids(viewer)["b.PNG"]
    for path, body in [
        ("/api/session", None),
        ("/api/documents?name=x.png", SAMPLE_PNG.read_bytes()),
        (
            f"/api/documents/{key}/pages/1/saved",
            json.dumps({"rooms": [], "complete": True}).encode(),
        ),
    ]:
        assert ask(viewer, path, body, value)[0] == 403
    assert not viewer.plan_set.folder.exists()


def test_a_post_without_an_origin_is_refused(viewer: Viewer) -> None:
    """Browsers send one with every POST; nothing else has a reason to post."""
    link = http.client.HTTPConnection("127.0.0.1", viewer.server_address[1], timeout=30)
    with closing(link):
        link.request("POST", "/api/documents?name=x.png", SAMPLE_PNG.read_bytes())
        assert link.getresponse().status == 403


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.png",
        "/..%2f..%2fsecret.png",
        "//etc/passwd",
        "/viewer.js/../server.py",
        "/server.py",
        "/api/documents/../../secret.png",
        "/api/documents/b.PNG",
        "/api/documents/0000000000000000",
        "/api/documents/0000000000000000/pages/1/tiles/8/0/0",
        "/api/documents?name=../x",
        "/nothing",
    ],
)
def test_no_address_is_a_path(viewer: Viewer, path: str) -> None:
    """What is not listed is not found, whatever the address tries."""
    status, _, body = ask(viewer, path)

    assert (status, json.loads(body)["error"]) == (404, "not_found")
    assert str(viewer.plan_set.folder.parent) not in body.decode()


def test_every_answer_keeps_the_page_to_itself(viewer: Viewer) -> None:
    """Nothing of another site is loaded, and no other site may frame or embed this."""
    for path in ("/", "/api/session", "/nothing"):
        headers = ask(viewer, path)[1]
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in headers


def test_the_page_asks_no_other_place(viewer: Viewer) -> None:
    """No address of another site stands in what is loaded (licenses name some)."""
    for path, (kind, content) in viewer.assets.items():
        if kind.startswith(("text/html", "text/css")):
            assert b"http" not in content.replace(b"http-equiv", b""), path


def test_a_document_is_described_and_drawn(viewer: Viewer) -> None:
    """Sizes of its pages, and tiles that a browser may keep."""
    key = ids(viewer)["a plan.pdf"]
    status, plan = ask_json(viewer, f"/api/documents/{key}")
    assert status == 200
    assert plan["name"] == "a plan.pdf"
    assert [page["levels"] for page in plan["pages"]] == [13]

    status, headers, tile = ask(viewer, f"/api/documents/{key}/pages/1/tiles/8/0/0")
    assert (status, headers["Content-Type"], tile[:4]) == (200, "image/png", b"\x89PNG")
    assert "immutable" in headers["Cache-Control"]


@pytest.mark.parametrize(
    "rest",
    [
        "/pages/0/saved",
        "/pages/2/saved",
        "/pages/1/tiles/20/0/0",
        "/pages/1/tiles/8/9/0",
        "/pages/1/x",
    ],
)
def test_a_page_that_is_not_there_is_not_found(viewer: Viewer, rest: str) -> None:
    """Numbers outside the document are refused."""
    assert ask(viewer, f"/api/documents/{ids(viewer)['b.PNG']}{rest}")[0] == 404


def test_a_dropped_file_is_listed_and_named_plainly(viewer: Viewer) -> None:
    """Folders that a browser may send with a name are left off."""
    body = SAMPLE_PNG.read_bytes()
    status, _, answer = ask(viewer, "/api/documents?name=..%2F..%2Fhouse%0A1.png", body)

    assert (status, json.loads(answer)["name"]) == (200, "house1.png")
    assert "house1.png" in ids(viewer)


def test_a_dropped_text_is_refused_with_a_reason(viewer: Viewer) -> None:
    """The page shows why."""
    status, _, body = ask(viewer, "/api/documents?name=x.pdf", b"hello")

    assert (status, json.loads(body)["error"]) == (422, "unreadable")
    assert "x.pdf" not in ids(viewer)


def test_a_large_body_is_refused_before_it_is_read(viewer: Viewer) -> None:
    """The length alone decides."""
    origin = {"Origin": viewer.url.rstrip("/"), "Content-Length": str(10**10)}
    link = http.client.HTTPConnection("127.0.0.1", viewer.server_address[1], timeout=30)
    with closing(link):
        link.putrequest("POST", "/api/documents?name=x.png")
        for name, value in origin.items():
            link.putheader(name, value)
        link.endheaders()
        assert link.getresponse().status == 413


def test_pages_are_saved_and_read_again(viewer: Viewer) -> None:
    """A PNG is kept as it is; a PDF's page is drawn."""
    keys = ids(viewer)
    for key in keys.values():
        status, saved = ask_json(
            viewer, f"/api/documents/{key}/pages/1/saved", {"rooms": [ROOM], "complete": True}
        )
        assert (status, saved["accepted"]) == (200, 1)
        assert ask_json(viewer, f"/api/documents/{key}/pages/1/saved")[1]["saved"]["rooms"] == [
            ROOM
        ]

    images = viewer.plan_set.folder / "images"
    assert (images / "b.png").read_bytes() == SAMPLE_PNG.read_bytes()
    assert (images / "a-plan-p1.png").exists()
    _, session = ask_json(viewer, "/api/session")
    assert [entry["saved_pages"] for entry in session["documents"]] == [[1], [1]]


@pytest.mark.parametrize(
    "sent",
    [
        [],
        {},
        {"rooms": []},
        {"rooms": [{}], "complete": True},
        {"rooms": [], "complete": True, "x": 1},
    ],
)
def test_a_page_of_another_form_is_not_saved(viewer: Viewer, sent: Any) -> None:
    """Nothing is written for it."""
    path = f"/api/documents/{ids(viewer)['b.PNG']}/pages/1/saved"

    assert ask_json(viewer, path, sent)[0] == 400
    assert not viewer.plan_set.folder.exists()


def test_a_detector_that_is_away_is_a_502(viewer: Viewer) -> None:
    """The page learns which address did not answer; it is no success."""
    status, answer = ask_json(viewer, f"/api/documents/{ids(viewer)['b.PNG']}/pages/1/rooms")

    assert (status, answer["error"]) == (502, "server_unreachable")
    assert viewer.client.where in answer["message"]


@pytest.mark.parametrize(
    ("known", "asked", "second"),
    [
        (("name", "polygon", "area"), ["name,polygon,area"], "name,polygon,area"),
        (("name",), ["name,polygon,area", "name"], "name"),
        ((), ["name,polygon,area", "name", None], None),
    ],
    ids=["all", "names", "nothing"],
)
def test_older_servers_are_asked_for_what_they_know(
    plans: Path, tmp_path: Path, known: tuple[str, ...], asked: list[str | None], second: str | None
) -> None:
    """What a server refuses is left out, from the next page on without trying."""

    def included(request: Asked) -> str | None:
        match = re.search("include=([^;]*)", request.options or "")
        return match and match[1]

    def answer(request: Asked, _: int) -> tuple[int, bytes]:
        words = (included(request) or "").split(",")
        return (200, found(ANSWERED)) if {*words, ""} <= {*known, ""} else (400, REFUSED)

    with (
        answering(answer) as server,
        Viewer(0, Shelf(plans), PlanSet(tmp_path / "saved"), RoomClient(server.url)) as viewer,
    ):
        data = SAMPLE_PNG.read_bytes()
        assert viewer.find_rooms(data, 1).as_json()["detected_rooms"] == [ANSWERED]
        viewer.find_rooms(data, 1)

    assert [included(request) for request in server.asked] == [*asked, second]


def test_a_refusal_for_another_reason_is_the_servers(plans: Path, tmp_path: Path) -> None:
    """Asked without anything it is the same, and the next page is asked for everything again."""
    with (
        answering(lambda *_: (400, REFUSED)) as server,
        Viewer(0, Shelf(plans), PlanSet(tmp_path / "saved"), RoomClient(server.url)) as viewer,
    ):
        for _ in range(2):
            with pytest.raises(ValidationError, match="no such page"):
                viewer.find_rooms(SAMPLE_PNG.read_bytes(), 1)

    assert 6 == len(server.asked)


@pytest.mark.parametrize(
    "more",
    [{"name": 3}, {"name": "x" * 501}, {"polygon": [[0, 0], [1, 0], [1, 1]]}, {"polygon": "M0 0"},
     {"polygon": [[0, 0], [1.1, 0], [1, 1], [0, 0]]}, {"area": {"m2": 3}}, {"area": "3 m²"},
     {"polygon": [[0, 0], [1, 0], *[[1, 1]] * 2000, [0, 0]]}],
)  # fmt: skip
def test_what_is_known_of_a_room_has_its_form(viewer: Viewer, more: dict[str, Any]) -> None:
    """Else nothing is written; in its form it comes back as it was sent."""
    path = f"/api/documents/{ids(viewer)['b.PNG']}/pages/1/saved"
    area = {"m2": 12.3, "scale": "1:50", "scale_source": "note"}
    known = {**ROOM, "name": "Kök", "polygon": [[0, 0], [1, 0], [1, 1], [0, 0]], "area": area}

    status, answer = ask_json(viewer, path, {"rooms": [{**known, **more}], "complete": True})
    assert (status, answer["error"]) == (400, "bad_request")
    assert not viewer.plan_set.folder.exists()
    assert ask_json(viewer, path, {"rooms": [known, ROOM], "complete": True})[0] == 200
    assert ask_json(viewer, path)[1]["saved"]["rooms"] == [known, ROOM]
