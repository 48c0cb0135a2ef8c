# SPDX-License-Identifier: AGPL-3.0-or-later
"""The archive here, the model that is deployed, and the endpoint that serves it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.account.diagnosis import Level, Result, fails, ok, unknown, warning
from deploy.aws.errors import AwsError, with_cause
from deploy.endpoint.release import place_of
from deploy.endpoint.remote import IN_TRANSIT, Status, read_endpoint, read_versions
from deploy.endpoint.smoke_test import stored_golden
from deploy.endpoint.status import read_status
from serving.errors import ToolError
from serving.golden import read_golden

if TYPE_CHECKING:
    from deploy.account.context import DoctorContext

_NOT_YET = "`python -m deploy apply` deploys it"


def check_archive(context: DoctorContext) -> Result:
    """It is an archive of ours, and knows what it must answer."""
    archive = Path(context.spec.archive)
    try:
        golden = read_golden(archive)
    except ToolError as err:
        message = str(err).partition(": `make archive`")[0]
        return fails(message, "`make archive` packs one; or correct `archive`")
    version = f"version {golden.version}, sha256 {_sha256(archive)[:12]}…"
    if not golden.boxes_xyxy_grid:
        return warning(
            f"{version}: it was exported without rooms of its golden plan",
            "Export it with `make archive WEIGHTS=…`, or `apply` cannot tell whether it is right",
        )
    return ok(f"{version}, {len(golden.boxes_xyxy_grid)} rooms that its golden plan must have")


def check_model(context: DoctorContext) -> Result:
    """What S3 has of the deployed version is what was deployed, and whether it is the archive."""
    aws, name = context.aws, context.spec.endpoint
    endpoint = read_endpoint(aws, name)
    if endpoint is None:
        return ok("nothing is deployed yet", _NOT_YET)
    versions, _ = read_versions(aws, name)
    version = next((v for v in versions if v.config == endpoint.config), None)
    if version is None:
        return unknown(
            f"{name} serves with {endpoint.config}, which is not ours",
            "Take another name (--set endpoint=…)",
        )
    model = aws.ask("sagemaker", "describe_model", {"ModelName": version.model})
    address = model["PrimaryContainer"]["ModelDataUrl"] if model else ""
    try:
        stored_golden(aws, address, version)
    except AwsError as err:
        if not _is_gone(err):
            raise
        return fails(f"{address or version.model} is gone, which {name} needs", _restore(address))
    except ToolError as err:
        return fails(f"what {name} needs is not what was deployed: {err}", _restore(address))
    return _compared(context, version.version, version.sha256)


def _is_gone(err: AwsError) -> bool:
    return err.code in {"NoSuchKey", "NoSuchBucket", "404"}


def _restore(address: str) -> str:
    return (
        f"New containers cannot start. Bring the former version of {address} back in S3, or put "
        "the same archive there: make model-tar, aws s3 cp build/model.tar.gz, by that address"
    )


def _compared(context: DoctorContext, version: str, sha256: str) -> Result:
    archive = Path(context.spec.archive)
    if not archive.is_file():
        return ok(f"version {version} in S3 is what was deployed")
    if _sha256(archive) != sha256:
        return warning(
            f"version {version} is deployed and intact; {archive.name} is another archive",
            "`python -m deploy plan` says what would change, `apply` deploys it",
        )
    return ok(f"version {version} is deployed and intact, and is the archive")


def check_endpoint(context: DoctorContext) -> Result:
    """How it is, why it failed, and what to do about it."""
    found = read_status(context.aws, context.spec.endpoint, place_of(context.spec))
    status, name = found["status"], context.spec.endpoint
    reason = found.get("reason") or ""
    if status not in {None, Status.IN_SERVICE}:
        level = Level.WARNING if status in IN_TRANSIT else Level.FAILURE
        why = f": {reason}" if reason else ""
        told = with_cause(f"{name} is {status}{why}", found["log_says"] or "")
        return Result(level, told.replace("\n", " "), found["next_step"] or "")
    if (left := found["candidate"]) and not found["changed_by"]:
        return warning(
            f"{left['endpoint']} is left by an `apply` that was interrupted; it costs "
            f"{left['cost']}",
            left["next_step"],
        )
    if status is None:
        return ok(f"there is no endpoint {name} yet", _NOT_YET)
    in_alarm = sorted(alarm for alarm, state in found["alarms"].items() if state == "ALARM")
    if in_alarm:
        return warning(
            f"{name} is in service, and in ALARM: {', '.join(in_alarm)}",
            "`python -m deploy logs --errors` may show why; `rollback` goes back",
        )
    if not found["is_proved"]:
        return warning(
            f"{name} is in service with a version that passed no test",
            "`python -m deploy apply` tests it",
        )
    return ok(f"{name} is in service with version {found.get('version')}")


def _sha256(archive: Path) -> str:
    return hashlib.sha256(archive.read_bytes()).hexdigest()
