# SPDX-License-Identifier: AGPL-3.0-or-later
"""A new version takes the place of the old one while requests come in, and none fails."""

from __future__ import annotations

import json
import threading
import time
import zipfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from archive.pack import pack
from deploy.__main__ import main
from serving import rollout, waits
from serving.errors import RolloutError
from serving.management import Management
from serving.model_store import ModelStore
from serving.running import Place, announce, find_running
from serving.server import LocalServer, serve
from tests.conftest import CONFIG, NETWORK, ROOT
from tests.e2e.spoiling import SHIFTED, frozen_worker, without
from tests.e2e.wire import PLAN, post

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from serving.health import Health

CLIENTS = 3
PAUSE_S = 0.1  # between two requests of a client: without it they would take both cores
WATCH_S = 0.5
NO_RUNTIME = b'{"model": {"modelVersion": "9"}, "runtime": "NONE"}'
NO_ERRORS = b"""
def encode_error(error):
    error.status = 200
    return _compact({"status": "success", "processing_time_ms": 1, "detected_rooms": []})
"""


# Finds the golden plan's rooms as often as a rollout asks, and fails from then on.
FAILS_LATER = b"""
_answers, _build_document = [], build_rooms
def build_rooms(boxes_grid, scores, *facts):
    _answers.append(1)
    if len(_answers) > 8:
        raise RuntimeError("tired")
    return _build_document(boxes_grid, scores)
"""
NO_PDF = b"""
def _render(*_, **__):
    raise RuntimeError("no PDF today")
"""


def roll_out(archive: Path, place: Place, say: Callable[[str], None]) -> rollout.Outcome:
    """A rollout that does not watch for long."""
    return rollout.roll_out(archive, place, say, watch_s=WATCH_S)


@dataclass
class Load:
    """Clients that send plan after plan.

    Attributes:
        statuses: How often each status was answered; 0 is no answer.
        unready: What else than ready /ping said.
        is_over: Set when they shall stop.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    unready: list[Health | None] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    def send(self, server: LocalServer) -> None:
        """Send plans, one after the other and one at least, until it is over, and ask /ping."""
        is_over = False
        while not is_over:
            try:
                status = post(server, PLAN).status
            except OSError:
                status = 0
            self.statuses[status] += 1
            health = server.health()
            if health is None or not health.is_ready:
                self.unready.append(health)
            is_over = self.is_over.wait(PAUSE_S)


@contextmanager
def sending(server: LocalServer, count: int = CLIENTS) -> Iterator[Load]:
    """Requests of some clients until the block ends, whatever is answered."""
    load = Load()
    with ThreadPoolExecutor(count) as pool:
        clients = [pool.submit(load.send, server) for _ in range(count)]
        try:
            yield load
        finally:
            load.is_over.set()
        for client in clients:
            client.result()


@contextmanager
def load_on(server: LocalServer, count: int = CLIENTS) -> Iterator[Load]:
    """Likewise; all of them must have been answered, and the server ready all along."""
    with sending(server, count) as load:
        yield load
    print(f"requests: {dict(load.statuses)}")
    assert set(load.statuses) == {200}
    assert not load.unready
    assert load.statuses[200] >= count


def tired(folder: Path, version: str) -> Path:
    """An archive of a version that fails after its first answers."""
    good = packed(folder, version)
    with zipfile.ZipFile(good) as archive:
        source = archive.read("roomdet/schema.py") + FAILS_LATER
    return without(good, folder / "bad.mar", "roomdet/schema.py", source)


@pytest.fixture(scope="module")
def server(archive: Path, request: pytest.FixtureRequest) -> Iterator[LocalServer]:
    """A server of this module's own; its default version changes from test to test."""
    with serve(archive, config=CONFIG) as running:
        running.wait_ready()
        yield running
        if request.session.testsfailed:
            print(running.log_tail())


def packed(folder: Path, version: str) -> Path:
    """The archive under another version."""
    path = folder / f"rooms-{version}.mar"
    pack(NETWORK, path, version=version, root=ROOT)
    return path


def versions(server: LocalServer) -> dict[str, bool]:
    """The registered versions, and which of them is the default."""
    found = Management(server.management_url).versions()
    return {version: entry.is_default for version, entry in found.items()}


def stored(server: LocalServer) -> set[str]:
    """What rollouts have left in the model store."""
    store = server.log.parent / "model_store"
    return {path.name for path in store.iterdir()} - {"rooms.mar", "history.json"}


def test_a_good_version_takes_over_under_load(server: LocalServer, tmp_path: Path) -> None:
    """Twice, back to back, so that an archive of a rollout is replaced as well."""
    said: list[str] = []
    with load_on(server) as load:
        for version in ("1.1", "1.2"):
            # Long enough for a request on a machine that does much else.
            new, place = packed(tmp_path, version), Place.of(server)
            outcome = rollout.roll_out(new, place, said.append, watch_s=10 * WATCH_S)
            assert {version: True} == versions(server)
            assert outcome.has_switched
            assert outcome.rooms >= outcome.expected_rooms > 5
            before = load.statuses[200]
            deadline = time.monotonic() + 20
            while load.statuses[200] < before + 2 * CLIENTS:  # the load goes on after it
                assert time.monotonic() < deadline
                time.sleep(0.05)

    assert ["rooms-1.1", "rooms-1.2"] == sorted(name[:9] for name in stored(server))
    assert ["1.2 is the default", "waiting until 1.1 has answered what it had"] == said[-5:-1:3]
    assert outcome.answered > 0


def test_the_old_version_answers_what_it_has(server: LocalServer, tmp_path: Path) -> None:
    """TorchServe would fail a request that waits at a version that is unregistered."""
    (old,) = versions(server)
    new = packed(tmp_path, "2.0")
    with ThreadPoolExecutor(4) as pool:
        with frozen_worker(server):
            replies = [pool.submit(post, server, PLAN) for _ in range(3)]
            management = Management(server.management_url)
            deadline = time.monotonic() + 60
            while management.versions()[old].in_flight < 3:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            rollout = pool.submit(roll_out, new, Place.of(server), print)
            while not versions(server).get("2.0"):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            time.sleep(1.5)  # longer than a version that is quiet is watched
            assert {old: False, "2.0": True} == versions(server)
        assert [200] * 3 == [reply.result().status for reply in replies]
        assert rollout.result().replaced == [old]
    assert {"2.0": True} == versions(server)


@pytest.mark.parametrize(
    ("name", "content", "is_appended", "reason"),
    [
        pytest.param(
            "network.bin", b"other weights", False, "network.bin has sha256", id="damaged"
        ),
        pytest.param(
            "roomdet/geometry.py",
            b"no Python",
            False,
            "ended 2 times: SyntaxError",
            id="no-import",
        ),
        pytest.param("roomdet/schema.py", SHIFTED, True, "rooms missed", id="wrong-boxes"),
        pytest.param("roomdet/schema.py", NO_ERRORS, True, "what is no plan", id="no-errors"),
        pytest.param(
            "roomdet/documents.py", NO_PDF, True, "500.*: RuntimeError: no PDF", id="no-pdf"
        ),
        pytest.param(
            "MAR-INF/MANIFEST.json", NO_RUNTIME, False, "TorchServe refuses POST", id="no-runtime"
        ),
    ],
)
def test_a_bad_archive_never_becomes_the_default(
    server: LocalServer,
    tmp_path: Path,
    name: str,
    content: bytes,
    reason: str,
    *,
    is_appended: bool,
) -> None:
    """Nothing of it is left, and callers do not notice it."""
    before, files = versions(server), stored(server)
    good = packed(tmp_path, "9.0")
    with zipfile.ZipFile(good) as archive:
        whole = (archive.read(name) if is_appended else b"") + content
    bad = without(good, tmp_path / "bad.mar", name, whole)
    seen: set[str] = set()
    with load_on(server, 1), pytest.raises(RolloutError, match=reason) as caught:
        roll_out(bad, Place.of(server), seen.add)

    (default,) = before
    assert str(caught.value).endswith(f"{default} serves on")
    assert before == versions(server)
    assert files == stored(server)
    assert not any("is the default" in line for line in seen)


def test_a_version_that_fails_real_requests_is_taken_back(
    server: LocalServer, tmp_path: Path
) -> None:
    """Its golden plan is answered; what comes then is not. The old version is there still."""
    before, files = versions(server), stored(server)
    bad = tired(tmp_path, "8.0")
    with (
        sending(server) as load,
        pytest.raises(RolloutError, match=r"failed .500.: RuntimeError: tired") as caught,
    ):
        rollout.roll_out(bad, Place.of(server), print, watch_s=30)

    assert str(caught.value).endswith("serves again")
    assert {200, 500} == set(load.statuses)
    assert (before, files) == (versions(server), stored(server))
    assert 200 == post(server, PLAN).status


def test_a_bad_version_that_still_has_requests_is_told_with_its_cause(
    server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old version serves again, and what it was is still the way back."""
    (old,) = versions(server)
    store = ModelStore(server.log.parent / "model_store")
    entries = store.history()
    bad = tired(tmp_path, "8.1")
    monkeypatch.setattr(waits, "DRAIN_TIMEOUT_S", 0)  # it is never quiet for long enough
    with (
        sending(server),
        pytest.raises(RolloutError, match=r"RuntimeError: tired") as caught,
    ):
        rollout.roll_out(bad, Place.of(server), print, watch_s=30)

    told = f"{old} serves again, but 8.1 still has requests after 0 s and stays registered"
    assert str(caught.value).endswith(told)
    assert {old: True, "8.1": False} == versions(server)
    assert entries == store.history()
    Management(server.management_url).unregister("8.1")


def test_what_a_killed_run_switched_to_is_taken_back_by_the_next(
    server: LocalServer, tmp_path: Path
) -> None:
    """Its requests fail, which the run that was killed did not see any more."""
    before, files = versions(server), stored(server)
    (old,) = before
    bad = tired(tmp_path, "8.2")

    def stop(text: str) -> None:
        if text == "8.2 is the default":
            raise SystemExit

    with pytest.raises(SystemExit):
        rollout.roll_out(bad, Place.of(server), stop)
    assert {old: False, "8.2": True} == versions(server)
    while post(server, PLAN).status == 200:
        pass
    with pytest.raises(RolloutError, match=f"^8.2: after the switch, .*; {old} serves again$"):
        roll_out(bad, Place.of(server), print)

    assert (before, files) == (versions(server), stored(server))
    assert post(server, PLAN).status == 200


def test_a_failed_run_leaves_the_way_back(server: LocalServer, tmp_path: Path) -> None:
    """It may be of an archive that has served before, and that the history names."""
    place = Place.of(server)
    served = packed(tmp_path, "7.0")
    for archive in (served, packed(tmp_path, "7.1")):
        roll_out(archive, place, print)
    files = stored(server)

    def stop(text: str) -> None:
        if "finds all" in text:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        roll_out(served, place, stop)

    assert {"7.1": True} == versions(server)
    assert files == stored(server)
    assert any(name.startswith("rooms-7.0-") for name in files)


def test_going_back(server: LocalServer, tmp_path: Path) -> None:
    """To the version before, and again to the one before that; the bad one is forgotten."""
    (first,) = versions(server)
    place = Place.of(server)
    for version in ("6.0", "6.1"):
        roll_out(packed(tmp_path, version), place, print)
    with load_on(server):
        back = rollout.roll_back(place, print, watch_s=WATCH_S)
    assert ("6.0", ["6.1"]) == (back.version, back.replaced)
    with pytest.raises(RolloutError, match=r"no version 6.1 .*kept: .*6.0 serves on"):
        rollout.roll_back(place, print, "6.1")
    assert first == rollout.roll_back(place, print, watch_s=WATCH_S).version
    assert {first: True} == versions(server)
    assert not any(name.startswith("rooms-6.") for name in stored(server))


def test_a_run_that_was_killed_is_finished_by_the_next(server: LocalServer, tmp_path: Path) -> None:
    """Killed while the new version was being tried, and after the switch."""
    (old,) = versions(server)
    new = packed(tmp_path, "3.0")
    place = Place.of(server)
    management = Management(server.management_url)

    def stop_at(words: str) -> None:
        def say(text: str) -> None:
            if words in text:
                raise SystemExit  # as far as the server can tell, the process ends here

        with pytest.raises(SystemExit):
            roll_out(new, place, say)

    stop_at("3.0 is the default")
    assert {old: False, "3.0": True} == versions(server)
    said: list[str] = []

    def interrupt(text: str) -> None:
        said.append(text)
        if "watching 3.0" in text:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        roll_out(new, place, interrupt)
    assert f"stopped: 3.0 serves, and {old} is still registered" in said[-1]
    outcome = roll_out(new, place, said.append)
    assert f"watching 3.0 for {WATCH_S} s; {old} is kept meanwhile" in said
    assert (outcome.has_switched, outcome.replaced) == (False, [old])
    assert {"3.0": True} == versions(server)

    # A worker that a killed run left behind is in nobody's way.
    left = packed(tmp_path, "3.1")
    name = f"left-{left.name}"
    (server.log.parent / "model_store" / name).write_bytes(left.read_bytes())
    management.register(name)
    assert roll_out(left, place, print).has_switched
    assert {"3.1": True} == versions(server)


def test_the_command(
    server: LocalServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It finds the server by its note, prints JSON, and refuses another content by that version."""
    checkout = tmp_path / "checkout"  # other tests serve from this one meanwhile
    monkeypatch.setattr("serving.running._CHECKOUT", checkout)
    announce(server)
    new = packed(tmp_path, "4.0")
    command = ["local", "rollout", "--watch-s=0.1", "--port", str(server.ports.inference)]

    assert main([*command, str(new)]) == 0
    assert json.loads(capsys.readouterr().out)["version"] == "4.0"
    (here,) = {find_running(None).url} | {find_running(server.ports.inference).url}
    assert server.url == here
    note = server.log.with_name("server.json")
    note.write_text(note.read_text().replace(str(checkout), "/somewhere/else"))
    assert main(["local", "rollback"]) == 2
    told = capsys.readouterr().err
    assert "no `make serve` or `make view` runs from this checkout" in told
    assert f"({checkout}); --port chooses another" in told
    announce(server)
    other = without(new, tmp_path / "other.mar", "NOTICE")
    assert main([*command, str(other)]) == 1
    assert "pack this one under another version" in capsys.readouterr().err
    assert main(["local", "rollout", "--port", "1", str(new)]) == 2
    assert "no `make serve` or `make view` runs on port 1" in capsys.readouterr().err
    by_hand = ["--url", server.url, "--management-url", server.management_url, "--watch-s=0.1"]
    assert main(["local", "rollout", *by_hand, str(new)]) == 2
    store = server.log.parent / "model_store"
    assert main(["local", "rollout", *by_hand, "--model-store", str(store), str(new)]) == 0
