# SPDX-License-Identifier: AGPL-3.0-or-later
"""The plans that somebody names: files, folders and prefixes of S3."""

from __future__ import annotations

import hashlib
import mimetypes
import re
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.aws.api import OCTETS
from deploy.aws.s3 import split_address
from deploy.batch.failures import Failure
from deploy.batch.place import object_name
from serving.errors import BadUsage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deploy.aws.api import AwsApi

S3 = "s3://"
_ADDRESS = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?", re.DOTALL)
_MOST_BYTES = 100 * 2**20  # API reference, CreateTransformJob: MaxPayloadInMB


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan of a batch.

    Attributes:
        file: Its name in the result: below the folder or prefix that was named.
        key: Name of its object; empty of a file that batch transform does not take.
        source: Path, or S3 address.
        size_bytes: Of it.
    """

    file: str
    key: str
    source: str
    size_bytes: int

    @property
    def unfit(self) -> Failure | None:
        """Why batch transform does not take it, in the API's codes; None if it does."""
        if not self.size_bytes:
            return Failure(0, "invalid_file_format", "the file is empty")
        if self.size_bytes > _MOST_BYTES:
            return Failure(
                0,
                "file_too_large",
                f"the file has {self.size_bytes:,} bytes; batch transform takes {_MOST_BYTES:,}",
            )
        return None


def find_plans(account: AwsApi, inputs: Sequence[str]) -> list[Plan]:
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


def store(account: AwsApi, plan: Plan, folder: str) -> None:
    """Put a plan where a batch takes it from.

    Raises:
        AwsError: If S3 refuses.
        OSError: If a file cannot be read.
    """
    bucket, prefix = split_address(folder)
    place = {"Bucket": bucket, "Key": f"{prefix}{plan.key}"}
    kind = mimetypes.guess_type(plan.file)[0] or OCTETS
    if plan.source.startswith(S3):
        from_bucket, key = split_address(plan.source)
        source = {"Bucket": from_bucket, "Key": key}  # a text may end in ?versionId=
        account.call("s3", "copy_object", {**place, "CopySource": source})
        return
    body = Path(plan.source).read_bytes()
    account.call("s3", "put_object", {**place, "Body": body, "ContentType": kind})


def _here(path: Path) -> list[Plan]:
    if path.is_dir():
        files = {file.relative_to(path).as_posix(): file for file in path.rglob("*")}
        files = {name: file for name, file in files.items() if _is_plan(name) and file.is_file()}
    else:
        files = {path.name: path}
    return [_plan(name, file) for name, file in files.items()]


def _plan(name: str, file: Path) -> Plan:
    plan = Plan(name, "", str(file), file.stat().st_size)
    # A file that is not taken is not read: it may have a terabyte.
    return plan if plan.unfit else replace(plan, key=object_name(_digest(file), name))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_plan(name: str) -> bool:
    """What begins with a dot is none: .DS_Store, .git."""
    return not any(part.startswith(".") for part in name.split("/"))


def _in_s3(account: AwsApi, address: str) -> list[Plan]:
    """The object of this name, and those of the folder of this name."""
    if not _ADDRESS.fullmatch(address):
        raise BadUsage(f"{address!r} is not s3://bucket or s3://bucket/prefix")
    bucket, prefix = split_address(address)
    folder = prefix if not prefix or prefix.endswith("/") else f"{prefix}/"
    params = {"Bucket": bucket, "Prefix": prefix}
    listed = account.pages("s3", "list_objects_v2", params, "Contents")
    plans = []
    for entry in listed:
        key = entry["Key"]
        # `plans` does not mean `plans-old/a.png`.
        below = key.removeprefix(folder) if key.startswith(folder) else key.rpartition("/")[2]
        is_here = key == prefix or (key.startswith(folder) and _is_plan(below))
        if not is_here or key.endswith("/"):  # which the console makes for a folder
            continue
        # The ETag changes with the content; reading it all is what the copy in S3 saves.
        identity = hashlib.sha256(f"{bucket}/{key} {entry['ETag']}".encode()).hexdigest()
        plan = Plan(below, "", f"{S3}{bucket}/{key}", entry["Size"])
        plans.append(plan if plan.unfit else replace(plan, key=object_name(identity, key)))
    return plans
