# SPDX-License-Identifier: AGPL-3.0-or-later
"""Objects per hour of a batch against its number of instances, on paper and by simulation.

``python -m benchmarks.batch_scale`` prints JSON, and a table on stderr. On paper a job of ``n``
objects on ``i`` instances, each with ``c`` requests at once of ``s`` seconds, takes

    startup + ceil(ceil(n / i) / c) * s

since each instance gets its share of the objects at the start, and the slowest one ends the job.
The simulation lets the local SageMaker do the same job with real predictions; there one server
stands for all instances, and each of their lanes takes ``s`` seconds for an object at least. What
it shows is how the commands and SageMaker's way to deal out objects scale, not how fast an instance
is: ``s`` comes from `make bench` or from a job on the instance type that is meant.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import math
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from deploy.aws.client import AwsAccount
from deploy.aws.s3 import folder_of
from deploy.batch.files import Plan
from deploy.batch.place import batch_of
from deploy.batch.result import read_status
from deploy.batch.submit import Resources, submit
from deploy.endpoint.execution import Executor
from deploy.endpoint.reading import read_spec
from deploy.endpoint.release import read_release
from reporting import machine
from sagemaker_local.local_sagemaker import ServeWith, local_sagemaker, starter
from sagemaker_local.seeding import seed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sagemaker_local.local_sagemaker import LocalSageMaker

CONFIG = Path("deploy/endpoint-config.yaml")
SHEET = Path("docs/sample/plan.png")
REGION = "eu-central-1"
INSTANCES = (1, 2, 4, 8)
OBJECTS, SECONDS_PER_OBJECT, STARTUP_S = 24, 2.0, 240.0
_POLL_S = 0.2
_HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Row:
    """A job.

    Attributes:
        instances: Of it.
        seconds: From its start to its end, without the start of the instances.
        objects_per_hour: During that time.
        objects_per_hour_with_start: With the start of the instances; only on paper.
    """

    instances: int
    seconds: float
    objects_per_hour: float
    objects_per_hour_with_start: float | None = None


def on_paper(objects: int, instances: int, seconds_per_object: float, startup_s: float) -> Row:
    """What the formula gives for one request at once on each instance."""
    seconds = math.ceil(objects / instances) * seconds_per_object
    whole = startup_s + seconds
    return Row(
        instances,
        round(seconds, 1),
        round(_HOUR_S * objects / seconds),
        round(_HOUR_S * objects / whole),
    )


def simulated(
    objects: int, instances: Sequence[int], seconds_per_object: float, archive: Path
) -> list[Row]:
    """The same jobs on the local SageMaker, one after the other, with real predictions."""
    with local_sagemaker(starter(ServeWith.TORCHSERVE), time_scale=1.0) as place:
        os.environ.update(place.environ)  # boto3's chain of credentials
        place.backend.seconds_per_object = seconds_per_object
        account, model, folder = _model(place, archive)
        plans = _plans(account, objects, folder)
        rows = []
        for count in instances:
            batch = batch_of("scale", f"on-{count}", folder)
            resources = Resources(model, "ml.c6i.large", count, concurrency=1)
            submit(account, batch, plans, resources, _say)
            status = read_status(account, batch)
            while status["status"] == "in progress":
                time.sleep(_POLL_S)
                status = read_status(account, batch)
            if status["answered"] != objects:
                raise RuntimeError(f"{status}")
            seconds = status["jobs"][-1]["duration_s"]
            rows.append(Row(count, seconds, round(_HOUR_S * objects / seconds)))
        return rows


def _model(place: LocalSageMaker, archive: Path) -> tuple[AwsAccount, str, str]:
    """An account with a model of the archive; its name, and the folder of its file."""
    settings = seed(place.backend.aws, REGION).settings()
    spec = read_spec(CONFIG.read_text("utf-8"), [*settings, "endpoint=scale", f"archive={archive}"])
    account = AwsAccount(REGION, place.url)
    release, golden = read_release(spec, spec.image)
    Executor(account, golden, _say).run([release.upload_step(), release.model_step()])
    return account, release.model, folder_of(release.address)


def _plans(account: AwsAccount, count: int, folder: str) -> list[Plan]:
    """Plans of as many sizes; what is the same would be one object."""
    plans = []
    with Image.open(SHEET) as sheet:
        for number in range(count):
            content = io.BytesIO()
            size = (sheet.width - 2 * number, sheet.height - 2 * number)
            sheet.resize(size).save(content, "PNG")
            body = content.getvalue()
            bucket, _, prefix = folder.removeprefix("s3://").partition("/")
            key = f"{prefix}sheets/{number:03d}.png"
            account.call("s3", "put_object", {"Bucket": bucket, "Key": key, "Body": body})
            name = f"{hashlib.sha256(body).hexdigest()[:24]}.png"
            plans.append(Plan(f"{number:03d}.png", name, f"s3://{bucket}/{key}", len(body)))
    return plans


def table(paper: Sequence[Row], measured: Sequence[Row]) -> str:
    """For people, in Markdown."""
    found = {row.instances: row for row in measured}
    lines = [
        "| instances | objects an hour, simulated | on paper | with the start of the instances |",
        "|---|---|---|---|",
    ]
    for row in paper:
        seen = f"{found[row.instances].objects_per_hour:,.0f}" if row.instances in found else "-"
        lines.append(
            f"| {row.instances} | {seen} | {row.objects_per_hour:,.0f} "
            f"| {row.objects_per_hour_with_start:,.0f} |"
        )
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Run the command line; always 0, the figures are the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.batch_scale", description=__doc__)
    parser.add_argument("--archive", type=Path, default=Path("model_store/rooms.mar"))
    parser.add_argument("--objects", type=int, default=OBJECTS)
    parser.add_argument("--seconds-per-object", type=float, default=SECONDS_PER_OBJECT)
    parser.add_argument("--startup-s", type=float, default=STARTUP_S, help="on paper alone")
    parser.add_argument("--instances", type=int, nargs="+", default=list(INSTANCES))
    parser.add_argument("--paper-only", action="store_true", help="no simulation")
    args = parser.parse_args(argv)
    paper = [
        on_paper(args.objects, count, args.seconds_per_object, args.startup_s)
        for count in args.instances
    ]
    measured: list[Row] = []
    if not args.paper_only:
        measured = simulated(args.objects, args.instances, args.seconds_per_object, args.archive)
    report: dict[str, Any] = {
        "machine": machine.describe(),
        "objects": args.objects,
        "seconds_per_object": args.seconds_per_object,
        "startup_s": args.startup_s,
        "paper": [asdict(row) for row in paper],
        "simulated": [asdict(row) for row in measured],
    }
    print(json.dumps(report, indent=1))
    _say(table(paper, measured))
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
