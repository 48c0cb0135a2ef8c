# SPDX-License-Identifier: AGPL-3.0-or-later
"""Bring an endpoint to a release, back to a version of before, or away; and say what serves now."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from deploy.aws.codes import is_in_the_way
from deploy.aws.errors import AwsError, EndpointFailed
from deploy.aws.s3 import folder_of
from deploy.endpoint.actions import NOTHING_TO_DO, Action, Try, as_text
from deploy.endpoint.execution import TIMEOUT_S, Executor
from deploy.endpoint.lock import locked
from deploy.endpoint.plan import drop_candidate, plan
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
from serving.polling import poll

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deploy.aws.api import AwsApi
    from deploy.endpoint.lock import Lock
    from deploy.endpoint.release import Release
    from deploy.endpoint.remote import Version
    from serving.golden import Golden

_FIRST_PAUSE_S, _LAST_PAUSE_S = 1.0, 15.0  # between two plans


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
            says it and goes on.
    """

    account: AwsApi
    endpoint: str
    say: Callable[[str], None]
    timeout_s: float = TIMEOUT_S
    approve: Callable[[str], None] | None = None

    def apply(self, release: Release, golden: Golden, *, with_candidate: bool = True) -> Outcome:
        """Bring the endpoint to a release; if that fails, back to what it was.

        Raises:
            RolloutError: If the release failed; the message says what serves now.
            AwsError: If a call failed; the same call goes on with it.
            PlanError: If nothing leads to the release.
            WaitTimeout: If it takes too long; the same call goes on with it.
        """
        started_s = time.monotonic()
        with locked(
            self.account, folder_of(release.place), "apply", self.say, self.timeout_s
        ) as lock:
            executor = self._executor(golden, lock)
            before = self._settled(executor, release.place)
            try:
                self._converge(
                    executor,
                    before,
                    lambda: self._settled(executor, release.place),
                    lambda remote: plan(release, remote, with_candidate=with_candidate),
                    self._ask,
                )
            except (EndpointFailed, WrongAnswer) as err:
                self.say("It failed: going back first, the reason comes at the end …")
                raise RolloutError(f"{err}\n{self._take_back(release, executor, before)}") from err
            except AwsError:
                self._clear(executor, release.place, before)
                raise
        version = release.artifact.version
        return self._outcome(version, release.config, before, executor, started_s)

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
        waiting = self._executor(None, None)
        seen = self._settled(waiting, with_candidate=False)
        asked = go_back(seen, self.endpoint, *choose(seen, self.endpoint, to))
        self._ask(asked)  # before an `apply` is stopped for it
        with self._alone("rollback") as lock:
            before = self._settled(waiting, with_candidate=False)
            version, previous = choose(before, self.endpoint, to)
            golden = self._golden(before, version)
            executor = self._executor(golden, lock)

            def steps(remote: RemoteState) -> list[Action]:
                actions = go_back(remote, self.endpoint, version, previous)
                return [a for a in actions if golden or not isinstance(a, Try)]

            try:
                self._converge(
                    executor,
                    before,
                    lambda: self._settled(executor, with_candidate=False),
                    steps,
                    lambda actions: None if actions == asked else self._tell(actions),
                )
            except (AwsError, EndpointFailed):
                self._scale_again(before)
                raise
        return self._outcome(version.version, version.config, before, executor, started_s)

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
        with self._alone("delete", place) as lock:
            executor = self._executor(None, lock)
            before = self._settled(executor, place, is_new=False)
            self._converge(
                executor,
                before,
                lambda: self._settled(executor, place, is_new=False),
                lambda remote: dismantle(remote, self.endpoint),
                partial(self._ask, nothing=f"Nothing to remove: there is no {self.endpoint}."),
            )
        return self._outcome("", "", before, executor, started_s)

    def _converge(
        self,
        executor: Executor,
        remote: RemoteState,
        look: Callable[[], RemoteState],
        steps: Callable[[RemoteState], list[Action]],
        announce: Callable[[list[Action]], None],
    ) -> None:
        """Plan and do it; where something else was changed meanwhile, wait for that and plan anew.

        An endpoint may be scaled at any moment, by autoscaling or by AWS itself.
        """
        seen = ""
        for _ in poll(self.timeout_s, _FIRST_PAUSE_S, _LAST_PAUSE_S, sleep=executor.sleep):
            remote = look() if seen else remote
            actions = steps(remote)
            (self._tell if seen else announce)(actions)
            try:
                executor.run(actions)
            except AwsError as err:
                told = f"{err.operation}: {err.reason}"
                is_again = told == seen and "in-progress" not in told
                if is_again or not is_in_the_way(err.code, err.reason):
                    raise
                seen, last = told, err
                self.say(f"  {told}\nSomething else changed meanwhile: planning anew …")
            except KeyboardInterrupt:
                self.say(
                    "What was begun goes on at AWS: `python -m deploy status` shows it, and what a "
                    "temporary endpoint that is left costs"
                )
                raise
            else:
                return
        raise last

    def _ask(self, actions: list[Action], nothing: str = NOTHING_TO_DO) -> None:
        """Say what will be done; only what changes something is asked about."""
        if actions and self.approve:
            self.approve(as_text(actions))
        else:
            self.say(as_text(actions, nothing))

    def _tell(self, actions: list[Action]) -> None:
        self.say(as_text(actions))

    def _executor(self, golden: Golden | None, lock: Lock | None) -> Executor:
        check = lock.check if lock else lambda: None
        return Executor(self.account, golden, self.say, self.timeout_s, check=check)

    @contextmanager
    def _alone(self, command: str, place: str = "") -> Iterator[Lock | None]:
        """Hold the lock if there is a place for it: never a reason to stay with what is broken."""
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

    def _settled(
        self,
        executor: Executor,
        place: str = "",
        *,
        is_new: bool = True,
        with_candidate: bool = True,
    ) -> RemoteState:
        """What is there once SageMaker has ended what it was doing.

        Args:
            executor: Waits.
            place: S3 address that the files of models begin with.
            is_new: A file shall be put there.
            with_candidate: Wait for the temporary endpoint, too, which may take 20 minutes.
        """
        names = [self.endpoint, *([candidate_name(self.endpoint)] if with_candidate else [])]
        while True:
            executor.settle(names)
            remote = read_remote(self.account, self.endpoint, place, is_new=is_new)
            found = [remote.endpoint, *([remote.candidate] if with_candidate else [])]
            if not any(there and there.status in IN_TRANSIT for there in found):
                return remote

    def _take_back(self, release: Release, executor: Executor, before: RemoteState) -> str:
        """Undo a release; a sentence that says what serves now."""
        try:
            self._converge(
                executor,
                self._settled(executor, release.place),
                lambda: self._settled(executor, release.place),
                lambda remote: undo(release, remote, before),
                self._tell,
            )
            endpoint = read_endpoint(self.account, self.endpoint)
        except PlanError as err:
            return f"There is no way back: {err}"
        except ToolError as err:
            return f"Going back failed, too, and the same command tries again: {err}"
        if endpoint is None:
            return f"There is no endpoint {self.endpoint}, as before"
        return f"{self.endpoint} serves with {endpoint.config}, as before"

    def _clear(self, executor: Executor, place: str, before: RemoteState) -> None:
        """A temporary endpoint costs money; what else is there is needed by the next run."""
        try:
            executor.run(drop_candidate(self._settled(executor, place)))
        except ToolError as err:
            self.say(f"warning: {candidate_name(self.endpoint)} may be left: {err}")
        self._scale_again(before)

    def _scale_again(self, before: RemoteState) -> None:
        """Scale the endpoint as before if the update for which that was ended was refused."""
        try:
            remote = read_remote(self.account, self.endpoint)
            if remote.endpoint:
                steps = scale_again(remote.endpoint, remote, before)
                self._executor(None, None).run(steps)
        except ToolError as err:
            self.say(f"warning: {self.endpoint} may no longer be scaled: {err}")

    def _outcome(
        self, version: str, config: str, remote: RemoteState, executor: Executor, started_s: float
    ) -> Outcome:
        before = remote.endpoint.config if remote.endpoint else ""
        duration_s = round(time.monotonic() - started_s, 1)
        return Outcome(self.endpoint, version, config, before, executor.done, duration_s)
