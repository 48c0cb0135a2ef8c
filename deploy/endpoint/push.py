# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the command ``image push`` does: an image of this machine goes where SageMaker takes it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.aws import open_account
from deploy.aws.errors import AwsNotFound
from deploy.cli import TEMPLATE, parse_endpoint_url, repeated
from deploy.endpoint.image import pin_image
from deploy.endpoint.reading import value_of
from deploy.endpoint.target import read_partial
from deploy.endpoint.writing import with_values
from deploy.errors import NotFound, SpecError
from deploy.image.commands import DEFAULT_BASE
from deploy.image.connect import ecr_registry
from deploy.image.engine import Build, find_engine, image_id, run_all, run_build, tag_commands
from deploy.image.names import parse_name
from deploy.image.push import log_in_to_ecr
from deploy.image.run import run_push as run_push_as_named
from deploy.image.source import labels
from serving.console import say, tell
from serving.errors import BadUsage

if TYPE_CHECKING:
    import argparse

    from deploy.image.engine import Engine
    from deploy.image.names import ImageName
    from deploy.image.registry import Registry


def run_push(args: argparse.Namespace) -> int:
    """Push an image to the configuration's repository, and write its digest there."""
    if args.image:
        return run_push_as_named(args)
    if args.hosting or args.allow_oci:
        raise BadUsage(
            "--hosting and --allow-oci are for an IMAGE that is named; else the configuration's "
            "mode says what it is to run on, and OCI media types are refused as SageMaker does"
        )
    text = args.config.read_text("utf-8")
    spec, _ = read_partial(text, args.changes)
    named = value_of(text, args.changes, "image")
    if not named:
        raise SpecError(
            "no value for image: `python -m deploy bootstrap --write deploy.yaml` comes first; it "
            "makes a repository and writes its name"
        )
    repository = parse_name(str(named))
    if repository.ecr is None:
        raise SpecError(f"image is {named}: SageMaker takes images of ECR alone")
    engine = find_engine()
    name = repository.at(tag=_tag_of(engine, args.tag))
    account = open_account(repository.ecr.region, parse_endpoint_url(args.endpoint_url))
    registry = ecr_registry(account, repository.ecr, name, args.ca_file)
    if _is_there(registry, name):
        say(f"{name} is there already")
    else:
        host = log_in_to_ecr(engine, account, repository.ecr, say)
        target = f"{host}/{name.repository}:{name.tag}"
        say(f"Pushing {args.tag} to {target} …")
        run_all(tag_commands(engine, args.tag, target))
    image = pin_image(registry, name, spec.mode, say)
    if args.config == TEMPLATE:
        say("There is no configuration of your own to write it to: image is")
    else:
        args.config.write_text(with_values(text, {"image": image}), "utf-8")
        say(repeated(f"Wrote it to {args.config}. Next: `python -m deploy doctor`", args))
    tell(json.dumps({"image": image}) if args.output == "json" else image)
    return 0


def _tag_of(engine: Engine, local: str) -> str:
    """Version and content of an image that is stored here; it is built if there is none.

    Tags of the repository that `bootstrap` makes stay with their image, so another image has
    another tag, and the same one is not pushed twice.
    """
    found = image_id(engine, local)
    if not found:
        say(f"There is no image {local} here: building it with {engine}, which takes minutes …")
        run_build(engine, Build(local, {"BASE_IMAGE": DEFAULT_BASE}, labels(Path())))
        found = image_id(engine, local)
    version = labels(Path())["org.opencontainers.image.version"]
    return f"{re.sub(r'[^0-9A-Za-z_.-]', '-', version)}-{found[:12]}"


def _is_there(registry: Registry, name: ImageName) -> bool:
    try:
        registry.read_manifest(name.tag)
    except (AwsNotFound, NotFound):
        return False
    return True
