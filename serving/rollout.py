# SPDX-License-Identifier: AGPL-3.0-or-later
"""Put a new version in the place of the one that serves, while requests come in.

Register, wait for its worker, try it with its golden plan as picture and as PDF, send the requests
to it, watch what they get, wait until the old version has answered what it had, unregister the old
version. Until the switch nothing changes for callers, and a version that fails before it is taken
away again; while it is watched the old one is there, and takes the requests back where they fail.
The old archive stays in the model store, so that :func:`roll_back` can go back later. A run that
was killed is finished by running it again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from serving.alone import alone
from serving.errors import RolloutError, ToolError, WrongAnswer
from serving.golden import read_golden
from serving.model_store import Entry, ModelStore, file_of
from serving.trial import try_default, try_version
from serving.waits import bake, drain, wait_ready

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from serving.golden import Golden
    from serving.management import Version
    from serving.running import Place

WATCH_S = 20.0  # as long as the old version is kept beside the new one


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
    def file(self) -> str:
        """Name of the archive in the model store."""
        return file_of(self.archive, self.golden.version)

    @property
    def _store(self) -> ModelStore:
        return ModelStore(Path(self.place.model_store))

    def run(self) -> Outcome:
        """Do it.

        Raises:
            RolloutError: If it failed; the message says which version serves now.
        """
        started_s = time.monotonic()
        version = self.golden.version
        with alone(Path(self.place.model_store)):
            before = self.place.management.versions()
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
                drain(self.place, other.version, self.say)
            except RolloutError as err:
                told = f"{self.golden.version} serves, but {err}; the same command goes on with it"
                raise RolloutError(told) from err
        if self.goes_back:
            self._store.cut(self.golden.version)
        for other in replaced:
            self._store.forget(other.archive)

    def _introduce(self, before: Mapping[str, Version]) -> tuple[int, int]:
        """Register the version beside the others and try it; if that fails, take it away."""
        version, old = self.golden.version, _default(before).version
        if version in before:
            self.say(f"{version} is left over from a run that was stopped; it is taken away")
            self.place.management.unregister(version)
        try:
            self._store.put(self.archive, self.file)
            self.say(f"registering {version} beside {old}")
            printed_bytes = self.place.log.size()
            self.place.management.register(self.file)
            wait_ready(self.place, version, printed_bytes)
            try:
                return self._try_version()
            except WrongAnswer as err:
                raise RolloutError(self.place.log.why(str(err), printed_bytes)) from err
        except BaseException as err:  # Ctrl-C, too
            self._withdraw()
            if isinstance(err, ToolError):
                raise RolloutError(f"{version}: {err}; {old} serves on") from err
            raise

    def _try_version(self) -> tuple[int, int]:
        found = try_version(self.place.url, self.golden)
        self.say(
            f"{self.golden.version} finds all {len(self.golden.boxes_xyxy_grid)} rooms that its "
            "golden plan must have, as PNG and as PDF"
        )
        return found

    def _switch(self, old: Version) -> int:
        """Make the version the default, and watch it; if that fails, go back.

        Returns:
            Real requests that it has answered.
        """
        version = self.golden.version
        # Before the switch, so that a run that is killed after it leaves a way back.
        too_old = [] if self.goes_back else self._store.push(Entry(old.version, old.archive))
        self.place.management.set_default(version)
        self.say(f"{version} is the default")
        answered = self._stay(old)
        for entry in too_old:
            self._store.forget(entry.archive)
        return answered

    def _kept(self, before: Mapping[str, Version]) -> Version | None:
        """The version that served before this one, if requests can still go back to it."""
        names = [name for name, found in before.items() if not found.is_default]
        if not self.goes_back:  # others may be left of a run that never switched to them
            last = [entry.version for entry in self._store.history()][-1:]
            names = [name for name in names if name in last]
        return next((before[name] for name in names if before[name].status == "Healthy"), None)

    def _stay(self, old: Version) -> int:
        """Watch the version, which is the default now; if it fails, go back to the old one.

        Returns:
            Real requests that it has answered.
        """
        version = self.golden.version
        try:
            try_default(self.place.url, self.golden)
            return self._watch(old.version)
        except (WrongAnswer, RolloutError) as err:
            self.place.management.set_default(old.version)
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
            self._store.cut(old.version)
        bad = self.place.management.versions().get(self.golden.version)
        if bad:
            drain(self.place, bad.version, self.say)
        if not self.goes_back:
            self._store.forget(self.file)

    def _watch(self, old: str) -> int:
        """See what real requests get, as long as the old version is kept."""
        version = self.golden.version
        self.say(f"watching {version} for {self.watch_s:g} s; {old} is kept meanwhile")
        answered, failed = bake(self.place, version, self.watch_s)
        self.say(f"{version} has answered {answered} requests meanwhile, {failed} failed")
        return answered

    def _withdraw(self) -> None:
        """Leave nothing of a version that was not switched to."""
        if self.golden.version in self.place.management.versions():
            self.place.management.unregister(self.golden.version)
        if not self.goes_back:
            self._store.forget(self.file)

    def _refuse_other_content(self, default: Version) -> None:
        """The same version with another content cannot be told apart by anybody later."""
        if self._store.has_other(default.archive, self.archive):
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
    store = ModelStore(Path(place.model_store))
    entries = store.history()
    found = [entry for entry in entries if entry.version == to] if to else entries
    if not found:
        serves = _default(place.management.versions()).version
        kept = ", ".join(entry.version for entry in entries) or "none"
        raise RolloutError(
            f"there is no version {f'{to} ' if to else ''}to go back to (kept: {kept}); {serves} "
            "serves on"
        )
    archive = store.path / found[-1].archive
    return Rollout(archive, read_golden(archive), place, say, watch_s, goes_back=True).run()


def _default(versions: Mapping[str, Version]) -> Version:
    for version in versions.values():
        if version.is_default:
            return version
    raise RolloutError("the server has no model named rooms: is it one of the room detector?")
