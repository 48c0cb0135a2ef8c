# SPDX-License-Identifier: AGPL-3.0-or-later
"""Put a new version in the place of the one that serves, while requests come in.

Register, wait for its worker, try it with its golden plan as picture and as PDF, send the requests
to it, watch what they get, wait until the old version has answered what it had, unregister the old
version. Until the switch nothing changes for callers, and a version that fails before it is taken
away again; while it is watched the old one is there, and takes the requests back where they fail.
The old archive stays in the model store, so that :func:`roll_back` can go back later. A run that
was killed is finished by running it again. Longer than a file should be: the order of the steps,
and what each leaves behind where it is stopped, are read together.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import time
import urllib.request
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from serving.alone import alone
from serving.errors import RolloutError, ToolError, WrongAnswer
from serving.golden import read_golden
from serving.history import Entry, History
from serving.loopback import exchange
from serving.management import Management, Version, quoted
from serving.polling import poll
from serving.server_log import ServerLog
from serving.smoke_test import Answer, check_refusal, find_rooms, find_rooms_of_pdf
from serving.traffic import read_traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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
WATCH_S = 20.0  # as long as the old version is kept beside the new one
# Requests that the detector fails while it is watched, beside a caller's oddity or two.
_MOST_FAILED, _MOST_FAILED_SHARE = 1, 0.02
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
        answered: Real requests that it answered while it was watched.
        duration_s: Of the whole.
    """

    version: str
    replaced: list[str]
    rooms: int
    expected_rooms: int
    answer_ms: int
    has_switched: bool
    answered: int
    duration_s: float


@dataclass(frozen=True, slots=True)
class Rollout:
    """One rollout on one server.

    Attributes:
        archive: The new ``.mar``.
        golden: What it must answer.
        place: The server.
        say: Told what happens.
        watch_s: How long the old version is kept beside the new one.
        goes_back: Whether it is a version of before that serves again.
    """

    archive: Path
    golden: Golden
    place: Place
    say: Callable[[str], None]
    watch_s: float = WATCH_S
    goes_back: bool = False

    @property
    def management(self) -> Management:
        """The server's management API."""
        return Management(self.place.management_url)

    @property
    def _log(self) -> ServerLog:
        return ServerLog.of(Path(self.place.model_store))

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
        with alone(Path(self.place.model_store)):
            before = self.management.versions()
            old = _default(before)
            answered = 0
            if old.version == version:
                self._refuse_other_content(old)
                self.say(f"{version} is the default already")
                kept = self._kept(before)
                if kept:  # of a run that was killed after its switch
                    answered = self._stay(kept)
                rooms, answer_ms = self._try_version()
            else:
                rooms, answer_ms = self._introduce(before)
                answered = self._switch(old)
            replaced = [name for name in before if name != version]
            self._leave([before[name] for name in replaced])
        return Outcome(
            version,
            replaced,
            rooms,
            len(self.golden.boxes_xyxy_grid),
            answer_ms,
            old.version != version,
            answered,
            round(time.monotonic() - started_s, 1),
        )

    def _leave(self, replaced: Sequence[Version]) -> None:
        """Unregister the versions that do not serve any more."""
        for other in replaced:
            try:
                self._retire(other)
            except RolloutError as err:
                told = f"{self.golden.version} serves, but {err}; the same command goes on with it"
                raise RolloutError(told) from err
        if self.goes_back:
            self._history.cut(self.golden.version)
        for other in replaced:
            self._forget(other.archive)

    def _introduce(self, before: Mapping[str, Version]) -> tuple[int, int]:
        """Register the version beside the others and try it; if that fails, take it away."""
        version, old = self.golden.version, _default(before).version
        if version in before:
            self.say(f"{version} is left over from a run that was stopped; it is taken away")
            self.management.unregister(version)
        try:
            self._store()
            self.say(f"registering {version} beside {old}")
            printed_bytes = self._log.size()
            self.management.register(self.file)
            self._wait_ready(printed_bytes)
            return self._tried(printed_bytes)
        except BaseException as err:  # Ctrl-C, too
            self._withdraw()
            if isinstance(err, ToolError):
                raise RolloutError(f"{version}: {err}; {old} serves on") from err
            raise

    def _store(self) -> None:
        """Copy the archive into the model store; it appears there whole or not at all."""
        target = Path(self.place.model_store, self.file)
        if target == self.archive:
            return
        part = target.with_suffix(".part")
        try:
            shutil.copyfile(self.archive, part)
            part.replace(target)
        except OSError as err:
            raise RolloutError(f"{target} cannot be written: {err.strerror}") from err

    def _wait_ready(self, printed_bytes: int) -> None:
        """Wait until a worker has proved the archive."""
        for _ in poll(READY_TIMEOUT_S, POLL_S):
            found = self.management.versions().get(self.golden.version)
            if found is None:
                raise RolloutError(self._log.why("TorchServe has dropped it again", printed_bytes))
            if found.status == "Healthy":
                return
            if found.status == "Unhealthy":
                told = f"the archive does not load: {found.reason}"
                raise RolloutError(self._log.why(told, printed_bytes))
        raise RolloutError(f"no worker was ready after {READY_TIMEOUT_S:.0f} s")

    def _tried(self, printed_bytes: int) -> tuple[int, int]:
        """The same as :meth:`_try_version`; a wrong answer is told with what the log says of it."""
        try:
            return self._try_version()
        except WrongAnswer as err:
            raise RolloutError(self._log.why(str(err), printed_bytes)) from err

    def _try_version(self) -> tuple[int, int]:
        """Warm the version with its golden plan and judge every answer; rooms and fastest time."""
        address = f"{self.place.url}/predictions/rooms/{quoted(self.golden.version)}"
        send = partial(_send, address)
        times_s, rooms = [], 0
        for _ in range(WARM_REQUESTS):
            started_s = time.monotonic()
            rooms = find_rooms(send, self.golden)
            times_s.append(time.monotonic() - started_s)
        find_rooms_of_pdf(send, self.golden)
        check_refusal(send)
        expected = len(self.golden.boxes_xyxy_grid)
        self.say(
            f"{self.golden.version} finds all {expected} rooms that its golden plan must have, "
            "as PNG and as PDF"
        )
        return rooms, round(1000 * min(times_s))

    @property
    def _history(self) -> History:
        return History(Path(self.place.model_store))

    def _switch(self, old: Version) -> int:
        """Make the version the default, and watch it; if that fails, go back.

        Returns:
            Real requests that it has answered.
        """
        version = self.golden.version
        # Before the switch, so that a run that is killed after it leaves a way back.
        too_old = [] if self.goes_back else self._history.push(Entry(old.version, old.archive))
        self.management.set_default(version)
        self.say(f"{version} is the default")
        answered = self._stay(old)
        for entry in too_old:
            self._forget(entry.archive)
        return answered

    def _kept(self, before: Mapping[str, Version]) -> Version | None:
        """The version that served before this one, if requests can still go back to it."""
        names = [name for name, found in before.items() if not found.is_default]
        if not self.goes_back:  # others may be left of a run that never switched to them
            last = [entry.version for entry in self._history.entries()][-1:]
            names = [name for name in names if name in last]
        return next((before[name] for name in names if before[name].status == "Healthy"), None)

    def _stay(self, old: Version) -> int:
        """Watch the version, which is the default now; if it fails, go back to the old one.

        Returns:
            Real requests that it has answered.
        """
        version = self.golden.version
        try:
            find_rooms(partial(_send, f"{self.place.url}/invocations"), self.golden)
            return self._watch(old.version)
        except (WrongAnswer, RolloutError) as err:
            self.management.set_default(old.version)
            told = f"{version}: after the switch, {err}; {old.version} serves again"
            try:
                self._take_away(old)
            except RolloutError as left:
                told = f"{told}, but {left}"
            raise RolloutError(told) from err
        except KeyboardInterrupt:
            self.say(
                f"stopped: {version} serves, and {old.version} is still registered; the same "
                "command goes on with it"
            )
            raise

    def _take_away(self, old: Version) -> None:
        """Unregister a version that was switched to; it may be a good one that failed today."""
        if not self.goes_back:
            self._history.cut(old.version)
        bad = self.management.versions().get(self.golden.version)
        if bad:
            self._retire(bad)
        if not self.goes_back:
            self._forget(self.file)

    def _watch(self, old: str) -> int:
        """See what real requests get, as long as the old version is kept."""
        version = self.golden.version
        self.say(f"watching {version} for {self.watch_s:g} s; {old} is kept meanwhile")
        before, printed_bytes = read_traffic(self.place.url), self._log.size()
        now = before
        for _ in poll(self.watch_s, 2 * POLL_S):
            now = read_traffic(self.place.url).since(before)
            if now.failed > max(_MOST_FAILED, _MOST_FAILED_SHARE * now.answered):
                told = f"{now.failed} of {now.answered} requests failed (500)"
                raise RolloutError(self._log.why(told, printed_bytes))
            found = self.management.versions().get(version)
            if found is None or found.status != "Healthy":
                told = f"its worker ended: {found.reason if found else 'it is not registered'}"
                raise RolloutError(self._log.why(told, printed_bytes))
        self.say(f"{version} has answered {now.answered} requests meanwhile, {now.failed} failed")
        return now.answered

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
                self.say(f"{name} is unregistered")
                return
        raise RolloutError(
            f"{name} still has requests after {DRAIN_TIMEOUT_S:.0f} s and stays registered"
        )

    def _withdraw(self) -> None:
        """Leave nothing of a version that was not switched to."""
        if self.golden.version in self.management.versions():
            self.management.unregister(self.golden.version)
        if not self.goes_back:
            self._forget(self.file)

    def _forget(self, file: str) -> None:
        """Delete an archive that a rollout has put into the model store, but a way back."""
        try:
            kept = self._history.archives()
        except RolloutError:  # who cannot tell deletes nothing
            return
        if _OURS.fullmatch(file) and file not in kept:
            Path(self.place.model_store, file).unlink(missing_ok=True)

    def _refuse_other_content(self, default: Version) -> None:
        """The same version with another content cannot be told apart by anybody later."""
        served = Path(self.place.model_store, default.archive)
        if served.is_file() and _sha256(served) != _sha256(self.archive):
            raise RolloutError(
                f"{default.version} serves already, from another archive ({default.archive}); "
                "pack this one under another version: make archive VERSION=…"
            )


def roll_out(
    archive: Path, place: Place, say: Callable[[str], None], *, watch_s: float = WATCH_S
) -> Outcome:
    """Put an archive's version in the place of the one that serves.

    Args:
        archive: The new ``.mar``.
        place: The server.
        say: Told what happens.
        watch_s: How long the old version is kept beside the new one.

    Raises:
        ArchiveError: If it is no archive of the room detector.
        RolloutError: If it failed; the message says which version serves now.
        WrongAnswer: If it is the default already, and answers wrongly.
    """
    return Rollout(archive, read_golden(archive), place, say, watch_s).run()


def roll_back(
    place: Place, say: Callable[[str], None], to: str = "", *, watch_s: float = WATCH_S
) -> Outcome:
    """Let a version serve again that served before: the last one, or one that is named.

    The version that is left is forgotten, so that going back again goes back further.

    Args:
        place: The server.
        say: Told what happens.
        to: Its version; empty for the last one.
        watch_s: As of :func:`roll_out`.

    Raises:
        RolloutError: If there is none, or it failed; the message says which version serves now.
    """
    store = Path(place.model_store)
    entries = History(store).entries()
    found = [entry for entry in entries if entry.version == to] if to else entries
    if not found:
        serves = _default(Management(place.management_url).versions()).version
        kept = ", ".join(entry.version for entry in entries) or "none"
        raise RolloutError(
            f"there is no version {f'{to} ' if to else ''}to go back to (kept: {kept}); {serves} "
            "serves on"
        )
    archive = store / found[-1].archive
    return Rollout(archive, read_golden(archive), place, say, watch_s, goes_back=True).run()


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
