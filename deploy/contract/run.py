# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the command ``contract`` does."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

from deploy.aws import open_account
from deploy.cli import parse_endpoint_url
from deploy.contract.answers import Sample
from deploy.contract.container import Setting
from deploy.contract.endpoint import Endpoint
from deploy.contract.modes import judge_endpoint, judge_image, judge_url
from deploy.contract.probing import Request
from deploy.contract.report import document, has_failures, junit, summary, table
from deploy.contract.wire import parse_url
from deploy.image.engine import find_engine
from serving.console import say, tell
from serving.errors import BadUsage

if TYPE_CHECKING:
    import argparse

    from deploy.contract.rows import Row

_VARIABLE = re.compile(r"\w+=.*", re.DOTALL)


def run_contract(args: argparse.Namespace) -> int:
    """Judge it and print the table; 0 if no rule is broken, 1 if one is."""
    started_s = time.monotonic()
    target, rows = _judge(args)
    if args.junit:
        args.junit.parent.mkdir(parents=True, exist_ok=True)
        args.junit.write_bytes(junit(target, rows, time.monotonic() - started_s))
    tell(json.dumps(document(target, rows), indent=2) if args.output == "json" else table(rows))
    say(f"{target}: {summary(rows)}, in {time.monotonic() - started_s:.0f} s")
    return 1 if has_failures(rows) else 0


def _judge(args: argparse.Namespace) -> tuple[str, list[Row]]:
    request = _request(args)
    if bool(args.target) == bool(args.endpoint):
        raise BadUsage("name one of URL, IMAGE and --endpoint NAME")
    if args.endpoint:
        account = open_account(args.region, parse_endpoint_url(args.endpoint_url))
        endpoint = Endpoint(account, args.endpoint)
        return f"endpoint {args.endpoint}", judge_endpoint(endpoint, request, _report)
    if "://" in args.target:
        return args.target, judge_url(parse_url(args.target), request, _report)
    return args.target, judge_image(_setting(args), request, _report)


def _request(args: argparse.Namespace) -> Request:
    if args.concurrency < 1:
        raise BadUsage(f"--concurrency {args.concurrency}; at least 1")
    if args.api == "rooms":
        if args.sample or args.takes_anything:
            raise BadUsage("--sample and --takes-anything are for --api any")
        return Request(concurrency=args.concurrency)
    if not args.sample:
        raise BadUsage("--api any needs --sample FILE: a body that is answered with 2xx")
    sample = Sample(args.sample.read_bytes(), args.content_type, args.attributes)
    return Request(
        sample,
        is_rooms=False,
        takes_anything=args.takes_anything,
        concurrency=args.concurrency,
    )


def _setting(args: argparse.Namespace) -> Setting:
    if bad := [variable for variable in args.env if not _VARIABLE.fullmatch(variable)]:
        raise BadUsage(f"--env {bad[0]!r} is not NAME=VALUE")
    if args.model and not args.model.is_dir():
        raise BadUsage(f"--model {args.model} is no folder")
    return Setting(
        find_engine(),
        args.target,
        args.memory_mb,
        args.cpus,
        args.model,
        tuple(args.env),
        args.network,
    )


def _report(row: Row) -> None:
    say(f"  {row.rule}: {row.verdict}")
