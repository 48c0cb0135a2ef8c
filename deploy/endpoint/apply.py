# SPDX-License-Identifier: AGPL-3.0-or-later
"""Bring an endpoint to a release, back to a version of before, or away; and say what serves now."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from deploy.aws.errors import AwsError, EndpointFailed, WaitTimeout
from deploy.aws.s3 import folder_of
from deploy.endpoint.actions import NOTHING_TO_DO, Action, Try
from deploy.endpoint.approval import Approval, kinds
from deploy.endpoint.execution import TIMEOUT_S, Executor
from deploy.endpoint.lock import locked
from deploy.endpoint.plan import drop_candidate, plan
from deploy.endpoint.reconciling import Reconciler, in_transit
from deploy.endpoint.release import candidate_name
from deploy.endpoint.remote import (
    IN_TRANSIT,
    RemoteState,
    read_endpoint,
    read_folder,
    read_remote,
)
from deploy.endpoint.rollback import choose, dismantle, go_back, scale_again, undo
from deploy.endpoint.smoke_test import stored_golden
from deploy.errors import PlanError
from serving.errors import RolloutError, ToolError, WrongAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deploy.aws.api import AwsApi
    from deploy.endpoint.lock import Lock
    from deploy.endpoint.release import Release
    from deploy.endpoint.remote import Version
    from serving.golden import Golden


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done.

    Attributes:
        endpoint: Its name.
        version: Of the archive that serves now; empty if the endpoint is gone.
        config: The configuration that serves now; empty if the endpoint is gone.
        before: The configuration that served before; empty if there was none.
        calls: Those that changed something.
        duration_s: Of the whole.
    """

    endpoint: str
    version: str
    config: str
    before: str
    calls: list[str]
    duration_s: float


@dataclass(frozen=True, slots=True)
class Operator:
    """Changes one endpoint.

    Attributes:
        account: Where it is.
        endpoint: Its name.
        say: Told what happens.
        timeout_s: Of each wait.
        approve: Told what would be done, before it is done; raises if that is not wanted. None
            says it and goes on. Nobody is kept waiting for the answer.
        place: S3 address that the files of models begin with, as it is configured; empty if that
            is unknown.
    """

    account: AwsApi
    endpoint: str
    say: Callable[[str], None]
    timeout_s: float = TIMEOUT_S
    approve: Callable[[str], None] | None = None
    place: str = ""

    def apply(self, release: Release, golden: Golden, *, with_candidate: bool = True) -> Outcome:
        """Bring the endpoint to a release; if that fails, back to what it was.

        Raises:
            RolloutError: If the release failed; the message says what serves now.
            AwsError: If a call failed; the same call goes on with it.
            PlanError: If nothing leads to the release.
            WaitTimeout: If it takes too long; the same call goes on with it.
        """
        started_s = time.monotonic()
        version, place = release.artifact.version, release.place

        def steps(remote: RemoteState) -> list[Action]:
            return plan(release, remote, with_candidate=with_candidate)

        seen, asked = self._ask_first(steps, place)
        if seen and not asked and not in_transit(seen):
            return self._outcome(version, release.config, seen, self._reconciler(), started_s)
        while True:
            with locked(self.account, folder_of(place), "apply", self.say, self.timeout_s) as lock:
                reconciler = self._reconciler(golden, lock)
                before = reconciler.settled(place)
                actions = steps(before)
                if self._approval.is_given(actions, asked):
                    announce = self._approval.announcer(asked)
                    self._release(release, reconciler, before, steps, announce, lock)
                    return self._outcome(version, release.config, before, reconciler, started_s)
            asked = self._approval.ask_again(actions)

    def _release(
        self,
        release: Release,
        reconciler: Reconciler,
        before: RemoteState,
        steps: Callable[[RemoteState], list[Action]],
        announce: Callable[[list[Action]], None],
        lock: Lock,
    ) -> None:
        """Bring the endpoint to a release, or back."""
        try:
            look = partial(reconciler.settled, release.place)
            reconciler.converge(before, look, steps, announce)
        except (EndpointFailed, WrongAnswer) as err:
            self.say("It failed: going back first, the reason comes at the end …")
            raise RolloutError(f"{err}\n{self._take_back(release, reconciler, before)}") from err
        except AwsError:
            self._clear(reconciler, release.place, before, lock)
            raise
        except (PlanError, WaitTimeout, KeyboardInterrupt):
            self._scale_again(before, lock)
            raise

    def roll_back(self, to: str = "") -> Outcome:
        """Bring the endpoint back to a version of before.

        Args:
            to: A version of an archive, or the name of a configuration; empty for the last one
                that was proved before.

        Raises:
            AwsError: If a call failed; the same call goes on with it.
            EndpointFailed: If the endpoint does not come to serve with it.
            PlanError: If there is no such version, or no way to it.
            WaitTimeout: If it takes too long; the same call goes on with it.
            WrongAnswer: If the version answers wrongly; it serves all the same.
        """
        started_s = time.monotonic()
        look = partial(self._reconciler().settled, with_candidate=False)
        seen = look()
        target, previous = choose(seen, self.endpoint, to)
        asked = go_back(seen, self.endpoint, target, previous)
        self._approval.request(asked)  # before an `apply` is stopped for it
        while True:
            with self._alone("rollback") as lock:
                before = look()
                version, previous = choose(before, self.endpoint, to)
                actions = go_back(before, self.endpoint, version, previous)
                is_same = version.config == target.config
                if is_same and (self.approve is None or kinds(actions) <= kinds(asked)):
                    reconciler = self._go_back(before, version, previous, asked, lock)
                    break
            if self.approve is None:
                raise PlanError(
                    f"the endpoint was changed meanwhile: `rollback` would go to "
                    f"{version.version} ({version.config}) now, not to {target.version} "
                    f"({target.config}); nothing was changed here. Look at `versions`, and name "
                    "the one that is wanted with --to"
                )
            target, asked = version, self._approval.ask_again(actions)
        return self._outcome(version.version, version.config, before, reconciler, started_s)

    def _go_back(
        self,
        before: RemoteState,
        version: Version,
        previous: str,
        asked: list[Action],
        lock: Lock | None,
    ) -> Reconciler:
        """Bring the endpoint back to a version that was chosen."""
        golden = self._golden(before, version)
        reconciler = self._reconciler(golden, lock)

        def steps(remote: RemoteState) -> list[Action]:
            actions = go_back(remote, self.endpoint, version, previous)
            return [a for a in actions if golden or not isinstance(a, Try)]

        try:
            look = partial(reconciler.settled, with_candidate=False)
            reconciler.converge(before, look, steps, self._approval.announcer(asked))
        except (AwsError, EndpointFailed, PlanError, WaitTimeout, KeyboardInterrupt):
            self._scale_again(before, lock)
            raise
        return reconciler

    def delete(self, place: str = "") -> Outcome:
        """Remove the endpoint and all that was made for it.

        Args:
            place: S3 address that its models' files begin with, for what a first run that ended
                has left; those of models are found without it.

        Raises:
            AwsError: If a call failed; the same call goes on with it.
            PlanError: If the endpoint is not ours.
            WaitTimeout: If it takes too long; the same call goes on with it.
        """
        started_s = time.monotonic()
        nothing = f"Nothing to remove: there is no {self.endpoint}."

        def steps(remote: RemoteState) -> list[Action]:
            return dismantle(remote, self.endpoint)

        seen, asked = self._ask_first(steps, place, is_new=False, nothing=nothing)
        if seen and not asked:
            return self._outcome("", "", seen, self._reconciler(), started_s)
        while True:
            with self._alone("delete", place) as lock:
                reconciler = self._reconciler(lock=lock)
                look = partial(reconciler.settled, place, is_new=False)
                before = look()
                actions = steps(before)
                if self._approval.is_given(actions, asked):
                    announce = self._approval.announcer(asked, nothing)
                    reconciler.converge(before, look, steps, announce)
                    return self._outcome("", "", before, reconciler, started_s)
            asked = self._approval.ask_again(actions)

    def _ask_first(
        self,
        steps: Callable[[RemoteState], list[Action]],
        place: str,
        *,
        is_new: bool = True,
        nothing: str = NOTHING_TO_DO,
    ) -> tuple[RemoteState | None, list[Action]]:
        """What is there and would be done, once that is approved; none if nobody is to be asked.

        Nothing is waited for and nothing is written: a question may be open for long.
        """
        if self.approve is None:
            return None, []
        remote = read_remote(self.account, self.endpoint, place, is_new=is_new)
        for found in in_transit(remote):
            self.say(f"note: {found.name} is {found.status}: it is waited for, and planned then")
        actions = steps(remote)
        self._approval.request(actions, nothing)
        return remote, actions

    @property
    def _approval(self) -> Approval:
        return Approval(self.say, self.approve)

    def _reconciler(self, golden: Golden | None = None, lock: Lock | None = None) -> Reconciler:
        check = lock.check if lock else lambda: None
        executor = Executor(self.account, golden, self.say, self.timeout_s, check=check)
        return Reconciler(self.endpoint, executor, self._approval)

    @contextmanager
    def _alone(self, command: str, place: str = "") -> Iterator[Lock | None]:
        """Hold the lock if there is a place for it: never a reason to stay with what is broken."""
        place = place or self.place
        folder = folder_of(place) if place else read_folder(self.account, self.endpoint)
        with ExitStack() as stack:
            lock = None
            try:
                if folder:
                    held = locked(self.account, folder, command, self.say, self.timeout_s)
                    lock = stack.enter_context(held)
            except AwsError as err:
                self.say(f"warning: another run is not kept out: {err}")
            yield lock

    def _golden(self, remote: RemoteState, version: Version) -> Golden | None:
        try:
            return stored_golden(self.account, remote.models.get(version.model, ""), version)
        except ToolError as err:  # never a reason to stay with what is broken
            self.say(f"warning: {version.version} cannot be tested: {err}")
            return None

    def _take_back(self, release: Release, reconciler: Reconciler, before: RemoteState) -> str:
        """Undo a release; a sentence that says what serves now."""
        try:
            look = partial(reconciler.settled, release.place)
            reconciler.converge(
                look(),
                look,
                lambda remote: undo(release, remote, before),
                reconciler.tell,
                is_asked=False,
            )
            endpoint = read_endpoint(self.account, self.endpoint)
        except PlanError as err:
            return f"There is no way back: {err}"
        except ToolError as err:
            return f"Going back failed, too, and the same command tries again: {err}"
        if endpoint is None:
            return f"There is no endpoint {self.endpoint}, as before"
        return f"{self.endpoint} serves with {endpoint.config}, as before"

    def _clear(self, reconciler: Reconciler, place: str, before: RemoteState, lock: Lock) -> None:
        """A temporary endpoint costs money; what else is there is needed by the next run."""
        try:
            reconciler.executor.run(drop_candidate(reconciler.settled(place)))
        except ToolError as err:
            self.say(f"warning: {candidate_name(self.endpoint)} may be left: {err}")
        self._scale_again(before, lock)

    def _scale_again(self, before: RemoteState, lock: Lock | None) -> None:
        """Scale the endpoint as before if it serves as before; else say that nothing does."""
        if not before.targets:
            return
        why = ""
        try:
            remote = read_remote(self.account, self.endpoint)
            if remote.endpoint is None or remote.targets:
                return
            if remote.endpoint.status not in IN_TRANSIT:
                steps = scale_again(remote.endpoint, remote, before)
                self._reconciler(lock=lock).executor.run(steps)
                if steps:
                    return
        except ToolError as err:
            why = f" ({err})"
        self.say(
            f"warning: nothing scales {self.endpoint} now{why}: `python -m deploy apply` scales it "
            "again as it is configured"
        )

    def _outcome(
        self,
        version: str,
        config: str,
        remote: RemoteState,
        run: Reconciler,
        started_s: float,
    ) -> Outcome:
        before = remote.endpoint.config if remote.endpoint else ""
        duration_s = round(time.monotonic() - started_s, 1)
        return Outcome(self.endpoint, version, config, before, run.executor.done, duration_s)
