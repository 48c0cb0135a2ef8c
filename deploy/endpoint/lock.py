# SPDX-License-Identifier: AGPL-3.0-or-later
"""One change of an endpoint at a time: a file in S3 that only one run can make.

Of those who ask at once S3 lets one make a file that must not be there yet (`If-None-Match`). Its
holder writes it anew again and again; one that has not for a while has ended, and so has one of
this machine whose process is gone. Terraform's `use_lockfile` does the same. A `rollback` takes it
from an `apply`, which stops then: what is broken cannot wait for a candidate.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
import threading
import time
import uuid
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.aws.errors import AwsError
from deploy.aws.s3 import discard, split_address
from deploy.errors import PlanError
from serving.console import redraw
from serving.polling import poll

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deploy.aws.api import AwsApi

NAME = "change.lock"
RENEW_S = 20.0
LEASE_S = 90.0  # more than RENEW_S and two calls that are tried twice (AwsApi.brief)
_FIRST_POLL_S, _LAST_POLL_S = 0.5, 5.0
# S3 API reference, PutObject: it is there, or is not what it was, or somebody puts it just now.
_TAKEN = {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "404", "409", "412"}
_NO_CONDITION = {"NotImplemented", "501"}  # S3 of others may not take one for a deletion
_JOIN_S = 2.0  # a call that goes on need not be waited for: what it would write is refused


@dataclass(frozen=True, slots=True)
class Holder:
    """Who changes an endpoint.

    Attributes:
        command: Such as ``apply``.
        who: User and machine.
        machine: Where ``pid`` means something.
        pid: Of the process.
        since: When it began, ISO 8601.
        run: What no other run has.
        renewed: When it was last written, seconds since 1970 of the holder's own clock.
    """

    command: str
    who: str
    machine: str
    pid: int
    since: str
    run: str
    renewed: float = 0.0

    def __str__(self) -> str:
        return f"`{self.command}` of {self.who} (process {self.pid}), since {self.since}"


@dataclass(frozen=True, slots=True)
class Seen:
    """A lock that is there: its holder, its version, and whether that has ended."""

    holder: Holder
    etag: str
    has_ended: bool


def read_lock(aws: AwsApi, folder: str) -> Seen | None:
    """Who changes an endpoint just now; None if nobody does.

    Args:
        aws: Asked.
        folder: S3 address of the folder of the endpoint's models.

    Raises:
        AwsError: If S3 refuses.
    """
    bucket, key = split_address(f"{folder}{NAME}")
    found = aws.ask("s3", "get_object", {"Bucket": bucket, "Key": key})
    if found is None:
        return None
    try:
        holder = Holder(**json.loads(found["Body"].read()))
    except (ValueError, TypeError):  # of another version of this tool
        holder = Holder("a command", "somebody", "", 0, "some time", "")
    headers = found.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    now = parsedate_to_datetime(headers["date"]) if "date" in headers else datetime.now(UTC)
    age_s = (now - found["LastModified"]).total_seconds()  # both by S3's clock
    is_here = bool(holder.machine) and holder.machine == _machine()
    is_gone = is_here and not _lives(holder.pid)
    return Seen(holder, found["ETag"], age_s > LEASE_S or is_gone)


@dataclass(slots=True)
class Lock:
    """A lock that is held, unless somebody took it because nothing was heard of this run."""

    aws: AwsApi
    folder: str
    holder: Holder
    etag: str
    is_lost: bool = False
    _ended: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        """Do nothing while it is held.

        Raises:
            PlanError: If somebody has taken it, such as while this machine slept.
        """
        if not self.is_lost:
            self.is_lost = not self._own()
        if self.is_lost:
            seen = read_lock(self.aws, self.folder)
            raise PlanError(
                f"{seen.holder if seen else 'another run'} took over: this run stops here. "
                "`python -m deploy status` shows what serves, and what is left"
            )

    def renew(self) -> None:
        """Write it anew until it is released."""
        while not self._ended.wait(RENEW_S):
            try:
                etag = _put(self.aws, self.folder, self.holder, IfMatch=self.etag)
            except AwsError:  # the next time
                continue
            if not etag and not (etag := self._own()):
                self.is_lost = True
                return
            self.etag = etag

    def _own(self) -> str:
        """The version that is there if this run wrote it: its answer may have been lost."""
        try:
            seen = read_lock(self.aws, self.folder)
        except AwsError:
            return self.etag  # it is looked at the next time
        return seen.etag if seen and seen.holder.run == self.holder.run else ""

    def end(self) -> None:
        """Write it no more."""
        self._ended.set()

    def release(self) -> None:
        """Let the next one go on; what somebody else holds by now stays.

        Raises:
            AwsError: If S3 refuses.
        """
        self.end()
        for _ in range(2):  # it may just have been written anew
            seen = read_lock(self.aws, self.folder)
            if seen is None or seen.holder.run != self.holder.run:
                return
            if _remove(self.aws, self.folder, seen.etag):
                return


@contextmanager
def locked(
    aws: AwsApi,
    folder: str,
    command: str,
    say: Callable[[str], None],
    timeout_s: float,
) -> Iterator[Lock]:
    """Hold the lock of an endpoint while the block runs.

    Args:
        aws: Asked.
        folder: S3 address of the folder of the endpoint's models.
        command: What is about to be done.
        say: Told whom it waits for.
        timeout_s: How long it waits for another one; a `rollback` does not.

    Raises:
        AwsError: If S3 refuses.
        PlanError: If another one holds it for longer; nothing was changed.
    """
    lock = _take(aws.brief(), folder, command, say, timeout_s)
    thread = threading.Thread(target=lock.renew, name="lock", daemon=True)
    thread.start()
    try:
        yield lock
    finally:
        lock.end()
        thread.join(_JOIN_S)
        try:
            lock.release()
        except AwsError as err:
            say(f"warning: {folder}{NAME} is left for {LEASE_S:.0f} s: {err}")


def _take(
    aws: AwsApi,
    folder: str,
    command: str,
    say: Callable[[str], None],
    timeout_s: float,
) -> Lock:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    who = f"{_user()}@{socket.gethostname()}"
    holder = Holder(command, who, _machine(), os.getpid(), since, uuid.uuid4().hex)
    told: Holder | None = None
    seen: Seen | None = None
    for waited_s in poll(timeout_s, _FIRST_POLL_S, _LAST_POLL_S):
        if etag := _put(aws, folder, holder, IfNoneMatch="*"):
            return Lock(aws, folder, holder, etag)
        seen = read_lock(aws, folder)
        if seen is None:
            continue
        if seen.holder.run == holder.run:  # the answer to the call that made it was lost
            return Lock(aws, folder, holder, seen.etag)
        if _may_be_taken(seen, command):
            if etag := _put(aws, folder, holder, IfMatch=seen.etag):
                why = "ended in the middle" if seen.has_ended else "is stopped"
                say(f"{seen.holder} {why}; this run goes on")
                return Lock(aws, folder, holder, etag)
        elif command == "rollback":  # which twice would lead further back than anybody wants
            break
        else:
            told = _tell(seen.holder, told, waited_s, say)
    raise PlanError(
        f"{seen.holder if seen else 'another run'} is still at it; nothing was changed here"
    )


def _tell(
    holder: Holder, told: Holder | None, waited_s: float, say: Callable[[str], None]
) -> Holder:
    """Say once whom it waits for, and on a terminal for how long."""
    if told is None or told.run != holder.run:
        say(f"waiting for {holder}: one change at a time")
    else:
        redraw(f"  {waited_s:.0f} s waiting for {holder}")
    return holder


def _may_be_taken(seen: Seen, command: str) -> bool:
    return seen.has_ended or (command == "rollback" and seen.holder.command == "apply")


def _put(aws: AwsApi, folder: str, holder: Holder, **condition: str) -> str:
    """The version that was written; empty if the condition is not met."""
    bucket, key = split_address(f"{folder}{NAME}")
    content = asdict(holder) | {"renewed": time.time()}
    params: dict[str, Any] = {
        "Bucket": bucket, "Key": key, "Body": json.dumps(content).encode(), **condition,
    }  # fmt: skip
    try:
        return str(aws.call("s3", "put_object", params)["ETag"])
    except AwsError as err:
        if err.code not in _TAKEN:
            raise
        return ""


def _remove(aws: AwsApi, folder: str, etag: str) -> bool:
    """Delete the version that was read; False if it is not the one that is there."""
    bucket, key = split_address(f"{folder}{NAME}")
    try:
        aws.call("s3", "delete_object", {"Bucket": bucket, "Key": key, "IfMatch": etag})
    except AwsError as err:
        if err.code in _NO_CONDITION:
            discard(aws, f"{folder}{NAME}")
        elif err.code in _TAKEN:
            return False
        else:
            raise
    return True


def _machine() -> str:
    """This machine since its start, or container: where a process id means one process.

    Names of machines are not enough, such as ``localhost``, and the number of the first name space
    of a kernel is always the same.
    """
    try:
        start = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        space = Path("/proc/self/ns/pid").readlink()
    except OSError:
        return ""  # such as on a Mac: whether a process lives is not looked for
    return f"{socket.gethostname()} {start} {space}"


def _lives(pid: int) -> bool:
    """Whether there is such a process on this machine, whoever it belongs to."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's, or no number of a process
        return True
    return True


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
