# SPDX-License-Identifier: AGPL-3.0-or-later
"""Plan, do, look and plan anew, until what is there is what shall be there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.aws.codes import is_in_the_way
from deploy.aws.errors import AwsError
from deploy.endpoint.actions import as_text
from deploy.endpoint.approval import kinds
from deploy.endpoint.release import candidate_name
from deploy.endpoint.remote import IN_TRANSIT, RemoteState, read_remote
from serving.polling import poll

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.endpoint.actions import Action
    from deploy.endpoint.approval import Approval
    from deploy.endpoint.execution import Executor
    from deploy.endpoint.remote import Endpoint

_FIRST_PAUSE_S, _LAST_PAUSE_S = 1.0, 15.0  # between two plans


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Brings one endpoint to where plans lead.

    Attributes:
        endpoint: Its name.
        executor: Does what is planned.
        approval: Is told of it.
    """

    endpoint: str
    executor: Executor
    approval: Approval

    def settled(
        self, place: str = "", *, is_new: bool = True, with_candidate: bool = True
    ) -> RemoteState:
        """What is there once SageMaker has ended what it was doing.

        Args:
            place: S3 address that the files of models begin with.
            is_new: A file shall be put there.
            with_candidate: Wait for the temporary endpoint, too, which may take 20 minutes.
        """
        names = [self.endpoint, *([candidate_name(self.endpoint)] if with_candidate else [])]
        while True:
            self.executor.settle(names)
            remote = read_remote(self.executor.account, self.endpoint, place, is_new=is_new)
            if not any(with_candidate or e is not remote.candidate for e in in_transit(remote)):
                return remote

    def converge(
        self,
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
        executor = self.executor
        seen, wanted = "", kinds(steps(remote))
        for _ in poll(executor.timeout_s, _FIRST_PAUSE_S, _LAST_PAUSE_S, sleep=executor.sleep):
            remote = look() if seen else remote
            actions = steps(remote)
            if seen and is_asked and not kinds(actions) <= wanted:
                self.approval.ask_in_the_middle(actions)
                wanted |= kinds(actions)
            else:
                (self.tell if seen else announce)(actions)
            try:
                executor.run(actions)
            except AwsError as err:
                told = f"{err.operation}: {err.reason}"
                is_again = told == seen and "in-progress" not in told
                if is_again or not is_in_the_way(err.code, err.reason):
                    raise
                seen, last = told, err
                executor.say(f"  {told}\nSomething else changed meanwhile: planning anew …")
            except KeyboardInterrupt:
                executor.say(
                    "What was begun goes on at AWS: `python -m deploy status` shows it, and what a "
                    "temporary endpoint that is left costs"
                )
                raise
            else:
                return
        raise last

    def tell(self, actions: list[Action]) -> None:
        self.executor.say(as_text(actions))


def in_transit(remote: RemoteState) -> list[Endpoint]:
    """The endpoints with which SageMaker is not done."""
    return [e for e in (remote.endpoint, remote.candidate) if e and e.status in IN_TRANSIT]
