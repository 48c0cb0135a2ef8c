# SPDX-License-Identifier: AGPL-3.0-or-later
"""Open connections are those that the kernel lists."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from pid1.connections import check_ports, has_open_connection
from pid1.errors import StartError
from serving.server import Ports

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "  sl  local_address remote_address st tx_queue rx_queue tr tm->when\n"
# 127.0.0.1 as an IPv6 address; port 8080 is 1F90; states: 01 established, 06 closing, 0A listening.
LOOPBACK = "0000000000000000FFFF00000100007F"
ROW = f"   0: {LOOPBACK}:{{port}} {LOOPBACK}:E2A4 {{state}} 00000000:00000000 00:00000000\n"


def test_a_connected_client_is_seen() -> None:
    """A port that listens has no connection; one whose client has gone has none either."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert not has_open_connection(port)
        with socket.create_connection(("127.0.0.1", port)), listener.accept()[0]:
            assert has_open_connection(port)
        assert not has_open_connection(port)


@pytest.mark.parametrize(
    ("port", "state", "expected"),
    [
        pytest.param("1F90", "01", True, id="connected"),
        pytest.param("1F91", "01", False, id="to another port"),
        pytest.param("1F90", "06", False, id="closing"),
        pytest.param("1F90", "0A", False, id="listening"),
    ],
)
def test_the_jvm_listens_on_ipv6(tmp_path: Path, port: str, state: str, *, expected: bool) -> None:
    """IPv4 clients of such a socket are listed there, too."""
    (tmp_path / "proc/net").mkdir(parents=True)
    (tmp_path / "proc/net/tcp6").write_text(HEAD + ROW.format(port=port, state=state))

    assert has_open_connection(8080, tmp_path) is expected


def test_where_the_kernel_lists_nothing_there_is_none(tmp_path: Path) -> None:
    """A sandbox may have no such file."""
    assert not has_open_connection(8080, tmp_path)


def test_a_port_that_is_taken_is_told() -> None:
    """That of the API or one beside it."""
    free = Ports.free().inference
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = listener.getsockname()[1]
        with pytest.raises(StartError, match=f"port {taken} cannot be opened: Address already"):
            check_ports(taken, [])
        with pytest.raises(StartError, match=f"port {taken} cannot be opened"):
            check_ports(free, [taken])
    check_ports(free, [taken])


def test_a_connection_that_lingers_hinders_no_start() -> None:
    """A container that is started again finds those of its last run."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            listener.accept()[0].close()  # who closes first keeps the port for a while

    check_ports(port, [])
