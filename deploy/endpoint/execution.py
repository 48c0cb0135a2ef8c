# SPDX-License-Identifier: AGPL-3.0-or-later
"""Does what a plan says; no other file changes an endpoint or what is made for it.

Into S3 others write, too: the lock (lock.py), and plans that are sent (async_invoke.py,
by_reference.py) or tried (smoke_test.py).
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.aws.errors import EndpointFailed, WaitTimeout, with_cause
from deploy.endpoint.actions import (
    Action,
    ApiCall,
    Deferred,
    ModelFile,
    TagResource,
    Try,
    TryAsync,
    Wait,
    WaitDeleted,
)
from deploy.endpoint.log_group import group_of, read_cause
from deploy.endpoint.progress import read_progress
from deploy.endpoint.release import CANDIDATE, as_tags
from deploy.endpoint.remote import IN_TRANSIT, SERVICE, Status, find_policies
from deploy.endpoint.smoke_test import AtOnce, Queue
from deploy.errors import PlanError
from deploy.image.model_tar import pack_model
from serving.console import redraw
from serving.errors import ArchiveError, WrongAnswer
from serving.polling import poll
from serving.smoke_test import smoke_test

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from deploy.aws.api import AwsApi, Reply
    from serving.golden import Golden

# Source: SageMaker developer guide: creation of a serverless endpoint takes minutes, often more
# than ten; a canary waits for as long as its configuration says.
TIMEOUT_S = 3600.0
_FIRST_POLL_S, _LAST_POLL_S = 0.5, 15.0
_SAY_AGAIN_S = 60.0
_CAUSE_S = 6.0  # CloudWatch shows a line some seconds after it was written
_REMOVES = ("delete_", "deregister_")  # somebody else may have done it, or a list was out of date


@dataclass(frozen=True, slots=True)
class Executor:
    """Runs actions.

    Attributes:
        account: Where.
        golden: What an endpoint under test must answer; None if none is tested.
        say: Told what happens.
        timeout_s: Of each wait.
        sleep: Waits for a number of seconds.
        check: Called before each action; raises if no more may be done.
        done: The calls so far that changed something.
    """

    account: AwsApi
    golden: Golden | None
    say: Callable[[str], None]
    timeout_s: float = TIMEOUT_S
    sleep: Callable[[float], None] = field(default=time.sleep)
    check: Callable[[], None] = lambda: None
    done: list[str] = field(default_factory=list)

    def run(self, actions: Iterable[Action]) -> None:
        """Do them one after the other.

        Raises:
            AwsError: If a call failed.
            EndpointFailed: If an endpoint does not come to serve as it must.
            WaitTimeout: If a wait took too long; it may still come true.
            WrongAnswer: If an endpoint under test answers wrongly.
        """
        actions = list(actions)
        for action in actions:
            self.check()
            self.say(str(action))
            match action:
                case ApiCall():
                    self._call(action)
                case Wait():
                    self._wait_serving(action, _deployment(actions))
                case WaitDeleted():
                    self._wait_gone(action.endpoint)
                case Try():
                    self._try(action)
                case TagResource():
                    self._mark(action)
            if isinstance(action, ApiCall | TagResource):
                self.done.append(str(action))

    def _try(self, action: Try) -> None:
        assert self.golden
        ask: Callable[[bytes], Reply]
        if isinstance(action, TryAsync):
            ask = Queue(self.account, action, self.timeout_s, self.sleep, self.say)
        else:
            ask = AtOnce(self.account, action.endpoint, self.sleep)
        start_ms, statuses = int(time.time() * 1000), list[int]()

        def noted(body: bytes) -> Reply:
            reply = ask(body)
            statuses.append(reply.status)
            return reply

        try:
            smoke_test(noted, self.golden, action.endpoint)
        except WrongAnswer as err:
            if statuses[-1] in {HTTPStatus.OK, HTTPStatus.BAD_REQUEST}:  # its log has nothing of it
                raise
            told = self._cause(action.endpoint, start_ms, has_started=True)
            raise WrongAnswer(with_cause(str(err), told)) from err
        rooms = len(self.golden.boxes_xyxy_grid)
        self.say(f"  {action.endpoint} finds all {rooms} rooms that its golden plan must have")

    def settle(self, endpoints: Iterable[str]) -> None:
        """Wait until SageMaker has ended what it was doing with some endpoints."""
        for name in endpoints:
            for status, _ in self.statuses(name):
                if status not in IN_TRANSIT:
                    break

    def _call(self, step: ApiCall) -> None:
        params = {key: self._known(value) for key, value in step.params.items()}
        body = params.get("Body")
        if step.operation.startswith(_REMOVES):
            if self.account.ask(step.service, step.operation, params) is None:
                self.say("  it is gone already")
            return
        if not isinstance(body, ModelFile):
            self.account.call(step.service, step.operation, params)
            return
        archive = Path(body.archive)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "model.tar.gz")
            packed_sha256 = pack_model(archive, file)
            if packed_sha256 != body.sha256:
                raise ArchiveError(f"{archive} was changed while it was deployed; run it again")
            self.account.call(step.service, step.operation, params | {"Body": file.read_bytes()})

    def _known(self, value: Any) -> Any:
        """A value with the ARNs of policies that have been made meanwhile."""
        if isinstance(value, list):
            return [self._known(entry) for entry in value]
        if not isinstance(value, Deferred):
            return value
        policies = find_policies(self.account, value.endpoint)
        arns = [p["PolicyARN"] for p in policies if p["PolicyName"] == value.policy]
        if not arns:
            raise PlanError(f"scaling policy {value.policy} is gone already; run it again")
        return arns[0]

    def _mark(self, action: TagResource) -> None:
        found = self.account.call(SERVICE, "describe_endpoint", {"EndpointName": action.endpoint})
        params = {"ResourceArn": found["EndpointArn"], "Tags": as_tags(action.tags)}
        self.account.call(SERVICE, "add_tags", params)

    def _wait_serving(self, action: Wait, deployment: Mapping[str, Any]) -> None:
        start_ms = int(time.time() * 1000)
        for status, found in self.statuses(action.endpoint, deployment):
            reason = found.get("FailureReason", "")
            if status in IN_TRANSIT:
                continue
            if status == Status.IN_SERVICE and found["EndpointConfigName"] == action.config:
                return
            if status == Status.IN_SERVICE and not reason:
                serving = found["EndpointConfigName"]
                reason = f"SageMaker went back to the configuration of before, {serving}"
            raise self._failed(action.endpoint, status, reason, start_ms)
        raise EndpointFailed(action.endpoint, "gone", "somebody has deleted it meanwhile")

    def _failed(self, endpoint: str, status: str, reason: str, start_ms: int) -> EndpointFailed:
        """With what its log says since a time, in milliseconds since 1970."""
        cause = self._cause(endpoint, start_ms)
        is_candidate = endpoint.endswith(f"-{CANDIDATE}")
        return EndpointFailed(endpoint, status, reason, cause, is_candidate=is_candidate)

    def _cause(self, endpoint: str, start_ms: int, *, has_started: bool = False) -> str:
        return read_cause(
            self.account,
            group_of(endpoint),
            start_ms=start_ms,
            has_started=has_started,
            wait_s=_CAUSE_S,
        )

    def _wait_gone(self, endpoint: str) -> None:
        for status, found in self.statuses(endpoint):
            if status == Status.FAILED:
                raise EndpointFailed(endpoint, status, found.get("FailureReason", ""))

    def statuses(
        self, endpoint: str, deployment: Mapping[str, Any] | None = None
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """State after state until the endpoint is gone or the caller has seen enough.

        What changes is said, and redrawn on a terminal.

        Args:
            endpoint: Its name.
            deployment: The `DeploymentConfig` of its update, if that is known.

        Raises:
            AwsError: If AWS does not answer.
            WaitTimeout: If it takes too long.
        """
        last, said_s, status = "", 0.0, ""
        for waited_s in poll(self.timeout_s, _FIRST_POLL_S, _LAST_POLL_S, sleep=self.sleep):
            found = self.account.ask(SERVICE, "describe_endpoint", {"EndpointName": endpoint})
            if found is None:
                return
            status = str(found["EndpointStatus"])
            text = str(read_progress(self.account, found, deployment))
            is_news = text != last and (last or status in IN_TRANSIT)
            if is_news or waited_s - said_s >= _SAY_AGAIN_S:
                self.say(f"  {endpoint}: {text} after {waited_s:.0f} s")
                said_s = waited_s
            elif status in IN_TRANSIT:
                redraw(f"  {waited_s:.0f} s {endpoint}: {text}")  # what is too long is cut off
            last = text
            yield status, found
        raise WaitTimeout(endpoint, self.timeout_s, status)


def _deployment(actions: Iterable[Action]) -> Mapping[str, Any]:
    """How the update among some actions goes; empty if that is not said."""
    calls = [a for a in actions if isinstance(a, ApiCall) and a.operation == "update_endpoint"]
    return (calls[-1].params.get("DeploymentConfig") if calls else None) or {}
