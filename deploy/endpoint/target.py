# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which endpoint a command is about, and the account that it lies in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from deploy.aws import open_account
from deploy.cli import parse_endpoint_url
from deploy.endpoint.reading import read_spec, value_of
from deploy.endpoint.release import place_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from deploy.aws.api import AwsApi
    from deploy.endpoint.spec import Mode, Spec

# Regions whose names begin so are of another partition; botocore's partitions.json.
_PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint that is there already, or may be.

    Attributes:
        endpoint: Its name.
        region: None for that of boto3's own configuration.
        mode: How it is hosted.
        place: S3 address that the files of its models begin with; empty if `artifacts` is not set.
        invocation_timeout_s: That a request of mode async may be worked on; None in others.
    """

    endpoint: str
    region: str | None
    mode: Mode
    place: str = ""
    invocation_timeout_s: int | None = None


def open_target(args: argparse.Namespace) -> tuple[Spec, AwsApi]:
    """The whole configuration, and the account; nothing is asked yet.

    Raises:
        AwsError: If there is no region.
        BadUsage: If the configuration or the address is refused.
        OSError: If the configuration cannot be read.
    """
    spec = read_spec(args.config.read_text("utf-8"), args.changes)
    return spec, _open(spec.region, args)


def open_endpoint(args: argparse.Namespace) -> tuple[Target, AwsApi]:
    """The endpoint alone, and the account; nothing is asked yet.

    Raises:
        AwsError: If there is no region.
        BadUsage: If the configuration or the address is refused.
        OSError: If the configuration cannot be read.
    """
    target = read_target(args.config.read_text("utf-8"), args.changes)
    return target, _open(target.region, args)


def read_target(text: str, changes: Sequence[str] = ()) -> Target:
    """Read name, region and mode.

    Args:
        text: YAML.
        changes: ``KEY=VALUE``, which go before the text.

    Raises:
        SpecError: If it is malformed.
    """
    spec, has_place = read_partial(text, changes)
    place = place_of(spec) if has_place else ""
    timeout_s = spec.async_.invocation_timeout_s if spec.async_ else None
    return Target(spec.endpoint, spec.region, spec.mode, place, timeout_s)


def read_partial(text: str, changes: Sequence[str] = ()) -> tuple[Spec, bool]:
    """Read a configuration that may lack what the account has not made yet.

    The same is refused as for `apply`, but artifacts, role and image may be missing; they are
    made up, and so is that there are no topics.

    Args:
        text: YAML.
        changes: ``KEY=VALUE``, which go before the text.

    Returns:
        The configuration, and whether its `artifacts` are its own.

    Raises:
        SpecError: If it is malformed.
    """
    try:
        document = yaml.safe_load(text)
        document = document if isinstance(document, dict) else {}
    except yaml.YAMLError:
        document = {}  # read_spec says what is wrong
    region, artifacts = (value_of(text, changes, key) for key in ("region", "artifacts"))
    stand_ins = _stand_ins(document, changes, str(region or "us-east-1"))
    kept = [entry for entry in stand_ins if not (artifacts and entry.startswith("artifacts="))]
    return read_spec(text, [*changes, *kept]), bool(artifacts)


def _stand_ins(document: dict[str, Any], changes: Sequence[str], region: str) -> list[str]:
    """Values for what only `apply` needs, such that they agree with the region."""
    partition = next((to for start, to in _PARTITIONS.items() if region.startswith(start)), "aws")
    image = f"000000000000.dkr.ecr.{region}.amazonaws.com/stand-in@sha256:{'0' * 64}"
    values = [
        "artifacts=s3://stand-in",
        f"role=arn:{partition}:iam::000000000000:role/stand-in",
        f"image={image}",
    ]
    # Alarms and topics name a region, too.
    if document.get("alarms") or any(x.startswith("alarms.") for x in changes):
        values.append("alarms=null")
    section = document.get("async")
    known = section if isinstance(section, dict) else {}
    for topic in ("success_topic", "error_topic"):
        if known.get(topic) or any(x.startswith(f"async.{topic}=") for x in changes):
            values.append(f"async.{topic}=null")
    return values


def _open(region: str | None, args: argparse.Namespace) -> AwsApi:
    return open_account(region, parse_endpoint_url(args.endpoint_url))
