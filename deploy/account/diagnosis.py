# SPDX-License-Identifier: AGPL-3.0-or-later
"""The checks of `doctor`: a table, what each of them finds, and in which order they make sense."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from deploy.aws.errors import AwsDenied
from serving.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from deploy.account.context import DoctorContext


class Level(StrEnum):
    """How bad it is; only a failure makes `doctor` fail."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Result:
    """What a check found.

    Attributes:
        level: How bad it is.
        message: What is so.
        next_step: What to do; empty if nothing is to be done.
    """

    level: Level
    message: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """A row of the table.

    Attributes:
        name: Of the check.
        about: What it looks at.
        look: Finds it.
        needs: Checks that must not have failed before, or it would only say the same again.
    """

    name: str
    about: str
    look: Callable[[DoctorContext], Result]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check of the table found."""

    check: str
    level: Level
    message: str
    next_step: str

    def as_document(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        head = f"{self.level:<8} {self.check:<17} {self.message}"
        return head + (f"\n{'':26} → {self.next_step}" if self.next_step else "")


def ok(message: str, next_step: str = "") -> Result:
    """Nothing is wrong."""
    return Result(Level.OK, message, next_step)


def unknown(message: str, next_step: str = "") -> Result:
    """It cannot be seen."""
    return Result(Level.UNKNOWN, message, next_step)


def warning(message: str, next_step: str) -> Result:
    """It works, and should be otherwise."""
    return Result(Level.WARNING, message, next_step)


def fails(message: str, next_step: str) -> Result:
    """It does not work."""
    return Result(Level.FAILURE, message, next_step)


def run_checks(checks: Sequence[Check], context: DoctorContext) -> Iterator[Finding]:
    """What each check finds, in the order of the table."""
    failed: set[str] = set()
    for check in checks:
        missing = [name for name in check.needs if name in failed]
        if missing:
            found = unknown(f"not looked at: {missing[0]} comes first")
        else:
            found = _look(check, context)
        if found.level is Level.FAILURE or missing:
            failed.add(check.name)
        yield Finding(check.name, found.level, found.message, found.next_step)


def _look(check: Check, context: DoctorContext) -> Result:
    """An error is what a check found, too: one that only denies us a look tells nothing else."""
    try:
        return check.look(context)
    except AwsDenied as err:
        return unknown(*told(err))
    except (ToolError, OSError) as err:
        return fails(*told(err))


def told(err: Exception) -> tuple[str, str]:
    """Message and next step of an error of ours, which has the latter at its end."""
    message, _, next_step = str(err).partition("\nNext: ")
    return message, next_step
