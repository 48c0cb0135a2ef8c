# SPDX-License-Identifier: AGPL-3.0-or-later
"""Put a new version in the place of the one that serves, while requests come in.

Register, wait for its worker, try it with its golden plan, send the requests to it, wait until the
old version has answered what it had, unregister the old version. Until the switch nothing changes
for callers, and a version that fails before it is taken away again. A run that was killed is
finished by running it again.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from serving.errors import RolloutError, ToolError, WrongAnswer
from serving.golden import read_golden
from serving.loopback import exchange
from serving.management import Management, Version, quoted
from serving.polling import poll
from serving.smoke_test import Answer, check_refusal, find_rooms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from serving.golden import Golden
    from serving.running import Place

READY_TIMEOUT_S = 150.0  # a worker's startupTimeout is 120 s
DRAIN_TIMEOUT_S = 90.0  # a request's responseTimeout is 60 s, after a wait in the queue
# TorchServe moves a request from queue to worker in some instructions, in which it is in neither;
# an answer that is written takes a moment to be sent.
QUIET_S = 0.5
POLL_S = 0.1
# The first answer of a network comes later than the next ones: code and memory are cold.
WARM_REQUESTS = 3
_ANSWER_TIMEOUT_S = 70  # a server answers within 60 s
_TRIES, _PAUSE_S = 20, 0.5  # where its queue is full
_OURS = re.compile(r"rooms-.+-[0-9a-f]{12}\.mar")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rollout did.

    Attributes:
        version: The version that serves now.
        replaced: Versions that were unregistered, oldest first.
        rooms: Rooms in its answer to the golden plan.
        expected_rooms: Rooms that the answer must have.
        answer_ms: Time of the fastest answer to the golden plan, before the switch.
        has_switched: Whether it was another version that served before.
        duration_s: Of the whole.
    """

    version: str
    replaced: list[str]
    rooms: int
    expected_rooms: int
    answer_ms: int
    has_switched: bool
    duration_s: float


@dataclass(frozen=True, slots=True)
class Rollout:
    """One rollout on one server.

    Attributes:
        archive: The new ``.mar``.
        golden: What it must answer.
        place: The server.
        say: Told what happens.
    """

    archive: Path
    golden: Golden
    place: Place
    say: Callable[[str], None]

    @property
    def management(self) -> Management:
        """The server's management API."""
        return Management(self.place.management_url)

    @property
    def file(self) -> str:
        """Name of the archive in the model store; the same content has the same name."""
        return f"rooms-{self.golden.version}-{_sha256(self.archive)[:12]}.mar"

    def run(self) -> Outcome:
        """Do it.

        Raises:
            RolloutError: If it failed; the message says which version serves now.
        """
        started_s = time.monotonic()
        version = self.golden.version
        with _alone(Path(self.place.model_store)):
            before = self.management.versions()
            old = _default(before)
            if old.version == version:
                self._refuse_other_content(old)
                self.say(f"{version} is the default already")
                rooms, answer_ms = self._try_version()
            else:
                rooms, answer_ms = self._introduce(before)
                self._switch(old.version)
            replaced = [name for name in before if name != version]
            for name in replaced:
                self._retire(before[name])
        return Outcome(
            version,
            replaced,
            rooms,
            len(self.golden.boxes_xyxy_grid),
            answer_ms,
            old.version != version,
            round(time.monotonic() - started_s, 1),
        )

    def _introduce(self, before: Mapping[str, Version]) -> tuple[int, int]:
        """Register the version beside the others and try it; if that fails, take it away."""
        version, old = self.golden.version, _default(before).version
        if version in before:
            self.say(f"{version} is left over from a run that was stopped; it is taken away")
            self.management.unregister(version)
        try:
            self._store()
            self.say(f"registering {version} beside {old}")
            self.management.register(self.file)
            self._wait_ready()
            return self._try_version()
        except BaseException as err:  # Ctrl-C, too
            self._withdraw()
            if isinstance(err, ToolError):
                raise RolloutError(f"{version}: {err}; {old} serves on") from err
            raise

    def _store(self) -> None:
        """Copy the archive into the model store; it appears there whole or not at all."""
        target = Path(self.place.model_store, self.file)
        part = target.with_suffix(".part")
        try:
            shutil.copyfile(self.archive, part)
            part.replace(target)
        except OSError as err:
            raise RolloutError(f"{target} cannot be written: {err.strerror}") from err

    def _wait_ready(self) -> None:
        """Wait until a worker has proved the archive."""
        for _ in poll(READY_TIMEOUT_S, POLL_S):
            found = self.management.versions().get(self.golden.version)
            if found is None:
                raise RolloutError("TorchServe has dropped it again; its log says why")
            if found.status == "Healthy":
                return
            if found.status == "Unhealthy":
                raise RolloutError(f"the archive does not load: {found.reason}")
        raise RolloutError(f"no worker was ready after {READY_TIMEOUT_S:.0f} s")

    def _try_version(self) -> tuple[int, int]:
        """Warm the version with its golden plan and judge every answer; rooms and fastest time."""
        address = f"{self.place.url}/predictions/rooms/{quoted(self.golden.version)}"
        send = partial(_send, address)
        times_s, rooms = [], 0
        for _ in range(WARM_REQUESTS):
            started_s = time.monotonic()
            rooms = find_rooms(send, self.golden)
            times_s.append(time.monotonic() - started_s)
        check_refusal(send)
        expected = len(self.golden.boxes_xyxy_grid)
        self.say(f"{self.golden.version} finds all {expected} rooms that its golden plan must have")
        return rooms, round(1000 * min(times_s))

    def _switch(self, old: str) -> None:
        """Make the version the default, and try it as callers do; if that fails, go back."""
        version = self.golden.version
        self.management.set_default(version)
        self.say(f"{version} is the default")
        try:
            find_rooms(partial(_send, f"{self.place.url}/invocations"), self.golden)
        except WrongAnswer as err:
            self.management.set_default(old)
            self._retire(self.management.versions()[version])
            raise RolloutError(f"{version}: after the switch, {err}; {old} serves again") from err

    def _retire(self, version: Version) -> None:
        """Unregister a version once it has answered everything."""
        name = version.version
        self.say(f"waiting until {name} has answered what it had")
        quiet_since_s = None
        for waited_s in poll(DRAIN_TIMEOUT_S, POLL_S):
            found = self.management.versions().get(name)
            if found is None:
                return
            if found.in_flight:
                quiet_since_s = None
            elif quiet_since_s is None:
                quiet_since_s = waited_s
            elif waited_s - quiet_since_s >= QUIET_S:
                self.management.unregister(name)
                self._forget(version.archive)
                self.say(f"{name} is unregistered")
                return
        raise RolloutError(
            f"{self.golden.version} serves, but {name} still has requests after "
            f"{DRAIN_TIMEOUT_S:.0f} s and stays registered; the same command goes on with it"
        )

    def _withdraw(self) -> None:
        """Leave nothing of a version that was not switched to."""
        if self.golden.version in self.management.versions():
            self.management.unregister(self.golden.version)
        self._forget(self.file)

    def _forget(self, file: str) -> None:
        """Delete an archive that a rollout has put into the model store."""
        if _OURS.fullmatch(file):
            Path(self.place.model_store, file).unlink(missing_ok=True)

    def _refuse_other_content(self, default: Version) -> None:
        """The same version with another content cannot be told apart by anybody later."""
        served = Path(self.place.model_store, default.archive)
        if served.is_file() and _sha256(served) != _sha256(self.archive):
            raise RolloutError(
                f"{default.version} serves already, from another archive ({default.archive}); "
                "pack this one under another version: make archive VERSION=…"
            )


def roll_out(archive: Path, place: Place, say: Callable[[str], None]) -> Outcome:
    """Put an archive's version in the place of the one that serves.

    Raises:
        ArchiveError: If it is no archive of the room detector.
        RolloutError: If it failed; the message says which version serves now.
        WrongAnswer: If it is the default already, and answers wrongly.
    """
    return Rollout(archive, read_golden(archive), place, say).run()


def _send(address: str, body: bytes) -> Answer:
    """What is answered; a full queue is waited for."""
    headers = {"Content-Type": "application/octet-stream"}
    request = urllib.request.Request(address, data=body, headers=headers, method="POST")
    answer = Answer(0, b"")
    for _ in range(_TRIES):
        try:
            answer = Answer(*exchange(request, timeout_s=_ANSWER_TIMEOUT_S))
        except OSError as err:
            return Answer(0, b"", f"no answer from {address}: {getattr(err, 'reason', err)}")
        if answer.status != HTTPStatus.SERVICE_UNAVAILABLE:
            break
        time.sleep(_PAUSE_S)
    return answer


def _default(versions: Mapping[str, Version]) -> Version:
    for version in versions.values():
        if version.is_default:
            return version
    raise RolloutError("the server has no model named rooms: is it one of the room detector?")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _alone(model_store: Path) -> Iterator[None]:
    """One rollout at a time for one model store.

    Raises:
        RolloutError: If another one is under way, or there is no such folder.
    """
    try:
        folder = os.open(model_store, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as err:
        raise RolloutError(f"{model_store} is no model store: {err.strerror}") from err
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as err:
        raise RolloutError("another rollout is under way on this server") from err
    finally:
        os.close(folder)
