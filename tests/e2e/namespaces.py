# SPDX-License-Identifier: AGPL-3.0-or-later
"""Two network namespaces of Linux with a cable between them: a server's and a stranger's.

As root only. Source: ip-netns(8), veth(4).
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Of the ranges that are kept for documents and for private networks (RFC 5737, RFC 4193).
SERVER, STRANGER = "192.0.2.1", "192.0.2.2"
SERVER_6, STRANGER_6 = "fd00::1", "fd00::2"
ALL_PORTS = range(1, 65536)
SCAN_S = 120.0
_NUMBERS = itertools.count()
# Prints the TCP ports that take a connection. Nothing between the two drops packets, so each port
# answers at once, with a connection or with a refusal; anything else is an error. On loopback the
# kernel may give the client's end the very port that it asks for, which then answers itself.
_SCAN = """
import errno, json, socket, sys
address, ports = sys.argv[1], range(int(sys.argv[2]), int(sys.argv[3]))
family = socket.AF_INET6 if ":" in address else socket.AF_INET
found = []
for port in ports:
    with socket.socket(family, socket.SOCK_STREAM) as client:
        status = client.connect_ex((address, port))
        is_itself = status == 0 and client.getsockname() == client.getpeername()
    if status == 0:
        found += [] if is_itself else [port]
    elif status != errno.ECONNREFUSED:
        sys.exit(f"port {port}: {errno.errorcode[status]}")
print(json.dumps(found))
"""


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace that exists."""

    name: str

    def command(self, *command: str) -> list[str]:
        """Program and arguments that run a command in it; the process stays the same one."""
        return ["ip", "netns", "exec", self.name, *command]

    def open_ports(self, address: str, ports: range = ALL_PORTS) -> list[int]:
        """The TCP ports that take a connection from in here."""
        ends = (str(ports.start), str(ports.stop))
        scan = subprocess.run(
            self.command(sys.executable, "-c", _SCAN, address, *ends),
            capture_output=True,
            text=True,
            check=False,
            timeout=SCAN_S,
        )
        assert scan.returncode == 0, scan.stderr
        found: list[int] = json.loads(scan.stdout)
        return found


@contextmanager
def cabled() -> Iterator[tuple[Namespace, Namespace]]:
    """Make both until the block ends: the server's at SERVER, the stranger's at STRANGER."""
    serial = f"{os.getpid()}-{next(_NUMBERS)}"
    server, stranger = Namespace(f"rt-server-{serial}"), Namespace(f"rt-stranger-{serial}")
    with ExitStack() as stack:
        for namespace in (server, stranger):
            _ip("netns", "add", namespace.name)
            stack.callback(_ip, "netns", "delete", namespace.name)
            _ip("-n", namespace.name, "link", "set", "lo", "up")
        _ip(
            *("-n", server.name, "link", "add", "cable", "type", "veth"),
            *("peer", "name", "cable", "netns", stranger.name),
        )
        ends = ((server, SERVER, SERVER_6), (stranger, STRANGER, STRANGER_6))
        for namespace, address, address_6 in ends:
            _ip("-n", namespace.name, "address", "add", f"{address}/30", "dev", "cable")
            # Without the second in which IPv6 asks whether somebody else has it.
            _ip("-n", namespace.name, "address", "add", f"{address_6}/64", "dev", "cable", "nodad")
            _ip("-n", namespace.name, "link", "set", "cable", "up")
        yield server, stranger


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
