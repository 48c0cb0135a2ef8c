# SPDX-License-Identifier: AGPL-3.0-or-later
"""The plans that somebody names: files, folders and prefixes of S3."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from deploy.batch.place import object_name
from deploy.endpoint.release import split_address
from deploy.errors import BadUsage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

S3 = "s3://"
_OCTETS = "application/octet-stream"


class Account(Protocol):
    """Asks AWS; :class:`deploy.aws.AwsAccount` does."""

    def ask(
        self, service: str, operation: str, params: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """The answer of a call; None if what it names is not there."""
        ...

    def call(self, service: str, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer of a call."""
        ...

    def pages(self, service: str, operation: str, params: Mapping[str, Any], key: str) -> list[Any]:
        """All items of a call whose answer comes in pages."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan of a batch.

    Attributes:
        file: Its name in the result: below the folder or prefix that was named.
        key: Name of its object.
        source: Path, or S3 address.
        size_bytes: Of it.
    """

    file: str
    key: str
    source: str
    size_bytes: int


def find_plans(account: Account, inputs: Sequence[str]) -> list[Plan]:
    """The plans of files, folders and S3 prefixes, by name.

    Raises:
        AwsError: If S3 refuses.
        BadUsage: If there are none, or two of one name.
        OSError: If a file cannot be read.
    """
    found: list[Plan] = []
    for named in inputs:
        found += _in_s3(account, named) if named.startswith(S3) else _here(Path(named))
    if not found:
        raise BadUsage(f"there are no files in {', '.join(inputs)}")
    names = sorted(plan.file for plan in found)
    twice = [name for name, other in pairwise(names) if name == other]
    if twice:
        raise BadUsage(f"{twice[0]} is named twice; give each folder a batch of its own")
    return sorted(found, key=lambda plan: plan.file)


def store(account: Account, plan: Plan, folder: str) -> None:
    """Put a plan where a batch takes it from.

    Raises:
        AwsError: If S3 refuses.
        OSError: If a file cannot be read.
    """
    bucket, prefix = split_address(folder)
    place = {"Bucket": bucket, "Key": f"{prefix}{plan.key}"}
    kind = mimetypes.guess_type(plan.file)[0] or _OCTETS
    if plan.source.startswith(S3):
        from_bucket, key = split_address(plan.source)
        account.call("s3", "copy_object", {**place, "CopySource": f"{from_bucket}/{key}"})
        return
    body = Path(plan.source).read_bytes()
    account.call("s3", "put_object", {**place, "Body": body, "ContentType": kind})


def _here(path: Path) -> list[Plan]:
    files = [path]
    if path.is_dir():
        # What begins with a dot is no plan: .DS_Store, .git.
        files = [
            file
            for file in sorted(path.rglob("*"))
            if file.is_file() and not any(p.startswith(".") for p in file.relative_to(path).parts)
        ]
    return [
        Plan(
            file.relative_to(path).as_posix() if path.is_dir() else file.name,
            object_name(file.read_bytes(), file.name),
            str(file),
            file.stat().st_size,
        )
        for file in files
    ]


def _in_s3(account: Account, address: str) -> list[Plan]:
    bucket, prefix = split_address(address)
    params = {"Bucket": bucket, "Prefix": prefix}
    listed = account.pages("s3", "list_objects_v2", params, "Contents")
    plans = []
    for entry in listed:
        key = entry["Key"]
        if key.endswith("/"):  # what the console makes for a folder
            continue
        below = key.removeprefix(prefix).lstrip("/") or key.rpartition("/")[2]
        # The ETag changes with the content; reading it all is what the copy in S3 saves.
        identity = f"{bucket}/{key} {entry['ETag']}".encode()
        source = f"{S3}{bucket}/{key}"
        plans.append(Plan(below, object_name(identity, key), source, entry["Size"]))
    return plans
