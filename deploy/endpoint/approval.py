# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whether somebody wants what is planned: what was asked about, and what would be done by now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.endpoint.actions import NOTHING_TO_DO, Action, ApiCall, as_text
from deploy.errors import PlanError, Unconfirmed

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Approval:
    """Says what will be done, and asks about what changes something.

    Attributes:
        say: Told what will be done.
        approve: Told it before it is done; raises if that is not wanted. None asks nobody.
    """

    say: Callable[[str], None]
    approve: Callable[[str], None] | None = None

    def request(self, actions: list[Action], nothing: str = NOTHING_TO_DO) -> None:
        if actions and self.approve:
            self.approve(as_text(actions))
        else:
            self.say(as_text(actions, nothing))

    def ask_again(self, actions: list[Action]) -> list[Action]:
        """Ask about what would be done by now; nothing was changed yet."""
        self.say("Something was changed meanwhile, and the plan is another one now:")
        self.request(actions)
        return actions

    def ask_in_the_middle(self, actions: list[Action]) -> None:
        """Ask about what the first plan had nothing of.

        Raises:
            PlanError: If it is not wanted.
        """
        try:
            self.request(actions)
        except Unconfirmed as err:
            raise PlanError(
                "stopped in the middle: what was done so far stays; `python -m deploy status` "
                "shows what serves, and what is left"
            ) from err

    def is_given(self, actions: list[Action], asked: list[Action]) -> bool:
        """Whether nobody need be asked about actions, after others."""
        return self.approve is None or not actions or actions == asked

    def announcer(
        self, asked: list[Action], nothing: str = NOTHING_TO_DO
    ) -> Callable[[list[Action]], None]:
        """Says what will be done, unless that was shown already."""
        return lambda actions: (
            None if actions and actions == asked else self.say(as_text(actions, nothing))
        )


def kinds(actions: list[Action]) -> set[tuple[str, ...]]:
    """What some actions call, and on which endpoint; not with which values."""
    calls = [action for action in actions if isinstance(action, ApiCall)]
    return {(c.service, c.operation, c.params.get("EndpointName", "")) for c in calls}
