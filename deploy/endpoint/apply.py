# SPDX-License-Identifier: AGPL-3.0-or-later
"""Bring an endpoint to a release, back to a version of before, or away; and say what serves now."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from deploy.aws.codes import is_in_the_way
from deploy.aws.errors import AwsError, EndpointFailed, WaitTimeout
from deploy.aws.s3 import folder_of
from deploy.endpoint.actions import NOTHING_TO_DO, Action, ApiCall, Try, as_text
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
from deploy.errors import PlanError, Unconfirmed
from serving.errors import RolloutError, ToolError, WrongAnswer
from serving.polling import poll

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deploy.aws.api import AwsApi
    from deploy.endpoint.lock import Lock
    from deploy.endpoint.release import Release
    from deploy.endpoint.remote import Endpoint, Version
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


def _kinds(actions: list[Action]) -> set[tuple[str, ...]]:
    """What some actions call, and on which endpoint; not with which values."""
    calls = [action for action in actions if isinstance(action, ApiCall)]
    return {(c.service, c.operation, c.params.get("EndpointName", "")) for c in calls}


def _in_transit(remote: RemoteState) -> list[Endpoint]:
    """The endpoints with which SageMaker is not done."""
    return [e for e in (remote.endpoint, remote.candidate) if e and e.status in IN_TRANSIT]


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
        if seen and not asked and not _in_transit(seen):
            executor = self._executor(golden, None)
            return self._outcome(version, release.config, seen, executor, started_s)
        while True:
            with locked(self.account, folder_of(place), "apply", self.say, self.timeout_s) as lock:
                executor = self._executor(golden, lock)
                before = self._settled(executor, place)
                actions = steps(before)
                if self._is_approved(actions, asked):
                    announce = self._unless(asked)
                    self._release(release, executor, before, steps, announce, lock)
                    return self._outcome(version, release.config, before, executor, started_s)
            asked = self._ask_again(actions)

    def _release(
        self,
        release: Release,
        executor: Executor,
        before: RemoteState,
        steps: Callable[[RemoteState], list[Action]],
        announce: Callable[[list[Action]], None],
        lock: Lock,
    ) -> None:
        """Bring the endpoint to a release, or back."""
        try:
            self._converge(
                executor, before, lambda: self._settled(executor, release.place), steps, announce
            )
        except (EndpointFailed, WrongAnswer) as err:
            self.say("It failed: going back first, the reason comes at the end …")
            raise RolloutError(f"{err}\n{self._take_back(release, executor, before)}") from err
        except AwsError:
            self._clear(executor, release.place, before, lock)
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
        waiting = self._executor(None, None)
        seen = self._settled(waiting, with_candidate=False)
        target, previous = choose(seen, self.endpoint, to)
        asked = go_back(seen, self.endpoint, target, previous)
        self._ask(asked)  # before an `apply` is stopped for it
        while True:
            with self._alone("rollback") as lock:
                before = self._settled(waiting, with_candidate=False)
                version, previous = choose(before, self.endpoint, to)
                actions = go_back(before, self.endpoint, version, previous)
                is_same = version.config == target.config
                if is_same and (self.approve is None or _kinds(actions) <= _kinds(asked)):
                    executor = self._go_back(before, version, previous, asked, lock)
                    break
            if self.approve is None:
                raise PlanError(
                    f"the endpoint was changed meanwhile: `rollback` would go to "
                    f"{version.version} ({version.config}) now, not to {target.version} "
                    f"({target.config}); nothing was changed here. Look at `versions`, and name "
                    "the one that is wanted with --to"
                )
            target, asked = version, self._ask_again(actions)
        return self._outcome(version.version, version.config, before, executor, started_s)

    def _go_back(
        self,
        before: RemoteState,
        version: Version,
        previous: str,
        asked: list[Action],
        lock: Lock | None,
    ) -> Executor:
        """Bring the endpoint back to a version that was chosen."""
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
                self._unless(asked),
            )
        except (AwsError, EndpointFailed, PlanError, WaitTimeout, KeyboardInterrupt):
            self._scale_again(before, lock)
            raise
        return executor

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
            return self._outcome("", "", seen, self._executor(None, None), started_s)
        while True:
            with self._alone("delete", place) as lock:
                executor = self._executor(None, lock)
                look = partial(self._settled, executor, place, is_new=False)
                before = look()
                actions = steps(before)
                if self._is_approved(actions, asked):
                    self._converge(
                        executor,
                        before,
                        look,
                        steps,
                        self._unless(asked, nothing),
                    )
                    return self._outcome("", "", before, executor, started_s)
            asked = self._ask_again(actions)

    def _converge(
        self,
        executor: Executor,
        remote: RemoteState,
        look: Callable[[], RemoteState],
        steps: Callable[[RemoteState], list[Action]],
        announce: Callable[[list[Action]], None],
        *,
        is_asked: bool = True,
    ) -> None:
        """Plan and do it; where something else was changed meanwhile, wait for that and plan anew.

        An endpoint may be scaled at any moment, by autoscaling or by AWS itself. What the first
        plan had nothing of is asked about, if so wanted.
        """
        seen, wanted = "", _kinds(steps(remote))
        for _ in poll(self.timeout_s, _FIRST_PAUSE_S, _LAST_PAUSE_S, sleep=executor.sleep):
            remote = look() if seen else remote
            actions = steps(remote)
            if seen and is_asked and not _kinds(actions) <= wanted:
                self._ask_in_the_middle(actions)
                wanted |= _kinds(actions)
            else:
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
        for found in _in_transit(remote):
            self.say(f"note: {found.name} is {found.status}: it is waited for, and planned then")
        actions = steps(remote)
        self._ask(actions, nothing)
        return remote, actions

    def _ask_again(self, actions: list[Action]) -> list[Action]:
        """Ask about what would be done by now; nothing was changed yet."""
        self.say("Something was changed meanwhile, and the plan is another one now:")
        self._ask(actions)
        return actions

    def _ask_in_the_middle(self, actions: list[Action]) -> None:
        try:
            self._ask(actions)
        except Unconfirmed as err:
            raise PlanError(
                "stopped in the middle: what was done so far stays; `python -m deploy status` "
                "shows what serves, and what is left"
            ) from err

    def _is_approved(self, actions: list[Action], asked: list[Action]) -> bool:
        return self.approve is None or not actions or actions == asked

    def _unless(
        self, asked: list[Action], nothing: str = NOTHING_TO_DO
    ) -> Callable[[list[Action]], None]:
        """Says what will be done, unless that was shown already."""
        return lambda actions: (
            None if actions and actions == asked else self.say(as_text(actions, nothing))
        )

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

    def _clear(self, executor: Executor, place: str, before: RemoteState, lock: Lock) -> None:
        """A temporary endpoint costs money; what else is there is needed by the next run."""
        try:
            executor.run(drop_candidate(self._settled(executor, place)))
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
                self._executor(None, lock).run(steps)
                if steps:
                    return
        except ToolError as err:
            why = f" ({err})"
        self.say(
            f"warning: nothing scales {self.endpoint} now{why}: `python -m deploy apply` scales it "
            "again as it is configured"
        )

    def _outcome(
        self, version: str, config: str, remote: RemoteState, executor: Executor, started_s: float
    ) -> Outcome:
        before = remote.endpoint.config if remote.endpoint else ""
        duration_s = round(time.monotonic() - started_s, 1)
        return Outcome(self.endpoint, version, config, before, executor.done, duration_s)
