# SPDX-License-Identifier: AGPL-3.0-or-later
"""Log in where AWS wants it, push, and look at what arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.aws import open_account
from deploy.image.credentials import ecr_login
from deploy.image.engine import Engine, run_all
from deploy.image.names import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from deploy.aws.api import AwsApi
    from deploy.image.credentials import Credentials
    from deploy.image.names import EcrPlace, ImageName


def login_command(engine: Engine, registry: str, user: str) -> list[str]:
    """The command that logs the engine in; it reads the password from stdin."""
    return [engine.program, "login", "--username", user, "--password-stdin", registry]


def log_in(
    engine: Engine,
    name: ImageName,
    say: Callable[[str], None],
    environ: Mapping[str, str] | None = None,
    aws_url: str | None = None,
) -> None:
    """Log the engine in to ECR with a token of AWS's; nothing happens for other registries.

    Args:
        engine: Logged in.
        name: Says the registry.
        say: Told what happens.
        environ: Of the engine; None for this process's.
        aws_url: Who gives the token, in the place of AWS's own address.

    Raises:
        AwsError: If AWS gives no token.
        EngineError: If the engine does not take it.
    """
    if name.ecr is None:
        return
    login, _ = ecr_login(open_account(name.ecr.region, aws_url), name.ecr)
    _log_in(engine, login, name.registry, say, environ)


def log_in_to_ecr(
    engine: Engine, account: AwsApi, place: EcrPlace, say: Callable[[str], None]
) -> str:
    """Log the engine in where AWS says that images are pushed to; that host.

    Raises:
        AwsError: If AWS gives no token.
        EngineError: If the engine does not take it.
    """
    login, host = ecr_login(account, place)
    if not is_loopback(host):  # which is the local SageMaker's, and asks for no password
        _log_in(engine, login, host, say, None)
    return host


def _log_in(
    engine: Engine,
    login: Credentials,
    host: str,
    say: Callable[[str], None],
    environ: Mapping[str, str] | None,
) -> None:
    say(f"Logging {engine.program} in to {host} …")
    run_all([login_command(engine, host, login.user)], environ, login.password)
