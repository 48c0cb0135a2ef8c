# SPDX-License-Identifier: AGPL-3.0-or-later
"""Ports that can be opened, and open connections: a body that still arrives is no request yet.

Source: Linux kernel documentation, networking/proc_net_tcp.rst.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

from pid1.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Sequence

_ESTABLISHED = "01"


def check_ports(port: int, loopback_ports: Sequence[int]) -> None:
    """Check that the server will be able to listen; it would end with a trace otherwise.

    Raises:
        StartError: If a port is taken or not allowed; the message names it.
    """
    anywhere = "0.0.0.0"  # noqa: S104  # as configuration.py has it
    for host, number in [(anywhere, port), *(("127.0.0.1", each) for each in loopback_ports)]:
        with socket.socket() as probe:
            # As the JVM does: a connection that lingers from before is no hindrance.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, number))
            except OSError as err:
                raise StartError(f"port {number} cannot be opened: {err.strerror}") from err


def has_open_connection(port: int, root: Path = Path("/")) -> bool:
    """Whether any client is connected to a port of this network namespace.

    Args:
        port: The server's port.
        root: Where ``proc`` is; another folder in tests.
    """
    for name in ("tcp", "tcp6"):
        try:
            rows = (root / "proc/net" / name).read_text("ascii").splitlines()[1:]
        except OSError:
            continue  # no IPv6, or a sandbox without it
        for row in rows:
            _, local, _, state = row.split()[:4]
            if state == _ESTABLISHED and int(local.rpartition(":")[2], 16) == port:
                return True
    return False
