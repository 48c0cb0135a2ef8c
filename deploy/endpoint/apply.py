# SPDX-License-Identifier: AGPL-3.0-or-later
"""Bring an endpoint to a release, back to a version of before, or away; and say what serves now."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.aws.errors import AwsError, EndpointFailed
from deploy.endpoint.actions import NOTHING_TO_DO, Action, Try, Wait, WaitDeleted, as_text
from deploy.endpoint.execution import TIMEOUT_S, Executor
from deploy.endpoint.plan import drop_candidate, plan
from deploy.endpoint.release import candidate_name
from deploy.endpoint.remote import RemoteState, read_endpoint, read_remote
from deploy.endpoint.rollback import dismantle, roll_back, scale_again, undo
from deploy.endpoint.smoke_test import stored_golden
from deploy.errors import PlanError
from serving.errors import RolloutError, ToolError, WrongAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.aws.api import AwsApi
    from deploy.endpoint.release import Release
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
        remote = self._settled(golden, release.place)
        actions = plan(release, remote, with_candidate=with_candidate)
        self._announce(actions)
        try:
            self._executor(golden).run(actions)
        except (EndpointFailed, WrongAnswer) as err:
            self.say(f"failed: {err}\nGoing back …")
            raise RolloutError(f"{err}\n{self._take_back(release, golden, remote)}") from err
        except AwsError:
            self._clear(golden, release.place, remote)
            raise
        before = remote.endpoint.config if remote.endpoint else ""
        version = release.artifact.version
        return self._outcome(version, release.config, before, actions, started_s)

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
        self._executor(None).settle([self.endpoint])  # a candidate may take another 20 minutes
        remote = read_remote(self.account, self.endpoint)
        version, actions = roll_back(remote, self.endpoint, to)
        golden = None
        try:
            golden = stored_golden(self.account, remote.models.get(version.model, ""), version)
        except ToolError as err:  # never a reason to stay with what is broken
            self.say(f"warning: {version.version} cannot be tested: {err}")
            actions = [action for action in actions if not isinstance(action, Try)]
        self._announce(actions)
        try:
            self._executor(golden).run(actions)
        except (AwsError, EndpointFailed):
            self._scale_again(remote)
            raise
        before = remote.endpoint.config if remote.endpoint else ""
        return self._outcome(version.version, version.config, before, actions, started_s)

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
        remote = self._settled(None, place, is_new=False)
        actions = dismantle(remote, self.endpoint)
        self._announce(actions, f"Nothing to remove: there is no endpoint {self.endpoint}.")
        self._executor(None).run(actions)
        before = remote.endpoint.config if remote.endpoint else ""
        return self._outcome("", "", before, actions, started_s)

    def _executor(self, golden: Golden | None) -> Executor:
        return Executor(self.account, golden, self.say, self.timeout_s)

    def _settled(self, golden: Golden | None, place: str, *, is_new: bool = True) -> RemoteState:
        """What is there once SageMaker has ended what it was doing."""
        self._executor(golden).settle([self.endpoint, candidate_name(self.endpoint)])
        return read_remote(self.account, self.endpoint, place, is_new=is_new)

    def _announce(self, actions: list[Action], nothing: str = NOTHING_TO_DO) -> None:
        """Say what will be done; only what changes something is asked about."""
        if actions and self.approve:
            self.approve(as_text(actions))
        else:
            self.say(as_text(actions, nothing))

    def _take_back(self, release: Release, golden: Golden, before: RemoteState) -> str:
        """Undo a release; a sentence that says what serves now."""
        try:
            actions = undo(release, self._settled(golden, release.place), before)
            self._executor(golden).run(actions)
            endpoint = read_endpoint(self.account, self.endpoint)
        except PlanError as err:
            return f"There is no way back: {err}"
        except ToolError as err:
            return f"Going back failed, too, and the same command tries again: {err}"
        if endpoint is None:
            return f"There is no endpoint {self.endpoint}, as before"
        return f"{self.endpoint} serves with {endpoint.config}, as before"

    def _clear(self, golden: Golden, place: str, before: RemoteState) -> None:
        """A temporary endpoint costs money; what else is there is needed by the next run."""
        try:
            remote = self._settled(golden, place)
            self._executor(golden).run(drop_candidate(remote))
        except ToolError as err:
            self.say(f"warning: {candidate_name(self.endpoint)} may be left: {err}")
        self._scale_again(before)

    def _scale_again(self, before: RemoteState) -> None:
        """Scale the endpoint as before if the update for which that was ended was refused."""
        try:
            remote = read_remote(self.account, self.endpoint)
            if remote.endpoint:
                steps = scale_again(remote.endpoint, remote, before)
                self._executor(None).run(steps)
        except ToolError as err:
            self.say(f"warning: {self.endpoint} may no longer be scaled: {err}")

    def _outcome(
        self, version: str, config: str, before: str, actions: list[Action], started_s: float
    ) -> Outcome:
        calls = [str(a) for a in actions if not isinstance(a, Wait | WaitDeleted | Try)]
        duration_s = round(time.monotonic() - started_s, 1)
        return Outcome(self.endpoint, version, config, before, calls, duration_s)
