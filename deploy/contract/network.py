# SPDX-License-Identifier: AGPL-3.0-or-later
"""A network for one container: a published port, or a namespace made by ``ip``."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from deploy.errors import ContractError
from deploy.image.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Iterator


# Of this process, whoever in it makes one; the third number of an address.
_numbers = itertools.count()
_MOST_NETWORKS = 256


class Network(StrEnum):
    """How a container is reached."""

    AUTO = "auto"
    PUBLISH = "publish"
    NAMESPACE = "namespace"


@dataclass(frozen=True, slots=True)
class Reach:
    """A network that a container can join.

    Attributes:
        flags: For the engine.
        host: Where the container is then; with a published port, this machine.
        is_published: The engine chooses the port and tells it.
    """

    flags: tuple[str, ...]
    host: str
    is_published: bool


def choose(network: Network, engine: Engine) -> Network:
    """A namespace for podman as root, which otherwise needs netavark or CNI; else a port."""
    if network is not Network.AUTO:
        return network
    can_make_one = os.geteuid() == 0 and shutil.which("ip") is not None
    return Network.NAMESPACE if engine is Engine.PODMAN and can_make_one else Network.PUBLISH


@contextmanager
def reach(network: Network, name: str) -> Iterator[Reach]:
    """A network until the block ends.

    Raises:
        ContractError: If no namespace can be made.
    """
    if network is Network.PUBLISH:
        yield Reach(("--publish", "127.0.0.1::8080"), "127.0.0.1", is_published=True)
        return
    try:
        with private_network(name) as host:
            yield Reach(("--network", f"ns:/run/netns/{name}"), host, is_published=False)
    except subprocess.CalledProcessError as err:
        raise ContractError(f"no network namespace can be made: {err}") from err


@contextmanager
def private_network(name: str) -> Iterator[str]:
    """A network namespace of its own, reached through a pair of devices.

    Yields:
        The namespace's address.
    """
    index = next(_numbers) % _MOST_NETWORKS
    subnet = f"10.{128 + os.getpid() % 100}.{index}"  # two runs at once do not meet
    inside, outside = f"{subnet}.2", f"{subnet}.1"
    device = f"rt{os.getpid() % 100000}x{index}"
    steps = [
        f"netns add {name}",
        f"link add {device} type veth peer name eth0 netns {name}",
        f"addr add {outside}/30 dev {device}",
        f"link set {device} up",
        f"-n {name} addr add {inside}/30 dev eth0",
        f"-n {name} link set eth0 up",
        f"-n {name} link set lo up",
    ]
    try:
        for step in steps:
            subprocess.run(["ip", *step.split()], check=True)
        yield inside
    finally:
        # The device goes with its peer, and both with the namespace.
        subprocess.run(["ip", "netns", "del", name], check=False)
        subprocess.run(["ip", "link", "del", device], capture_output=True, check=False)
