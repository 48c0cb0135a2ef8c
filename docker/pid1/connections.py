# SPDX-License-Identifier: AGPL-3.0-or-later
"""Open connections, as the kernel lists them: a body that still arrives is no request yet.

Source: Linux kernel documentation, networking/proc_net_tcp.rst.
"""

from __future__ import annotations

from pathlib import Path

_ESTABLISHED = "01"


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
