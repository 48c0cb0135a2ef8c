# SPDX-License-Identifier: AGPL-3.0-or-later
"""What another host on the network reaches of the image's server: one port."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.hosted import Tree, furnish, own_environ, serve_command, stop
from tests.conftest import ROOT
from tests.e2e.namespaces import SERVER, SERVER_6, Namespace, cabled

if TYPE_CHECKING:
    from collections.abc import Iterator

DEADLINE_S = 240.0
INFERENCE, MANAGEMENT, METRICS = 8080, 8081, 8082
can_cable = os.geteuid() == 0 and shutil.which("ip") is not None
pytestmark = pytest.mark.skipif(
    not can_cable and not os.environ.get("REQUIRE_ALL"),
    reason="network namespaces need root and `ip` of iproute2",
)


@pytest.fixture(scope="module")
def ends(archive: Path) -> Iterator[tuple[Namespace, Namespace, int]]:
    """The image's process 1 in a namespace, with nothing set; a stranger in another; its pid."""
    # Short, because a socket's path below it must be.
    with tempfile.TemporaryDirectory(prefix="rt", dir="/tmp") as folder, cabled() as pair:
        server, stranger = pair
        home = Path(folder)
        program = furnish(Tree(ROOT, archive), home)
        log = home / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                server.command(*serve_command(home)),
                env=own_environ(program),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            wait_ready(stranger, process, log)
            yield server, stranger, process.pid
        finally:
            stop(process)


def wait_ready(stranger: Namespace, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the stranger is told that it serves."""
    url = f"http://{SERVER}:{INFERENCE}/ping"
    ask = f"import urllib.request as it; it.build_opener(it.ProxyHandler({{}})).open({url!r})"
    deadline_s = time.monotonic() + DEADLINE_S
    while subprocess.run(
        stranger.command("python3", "-c", ask), capture_output=True, check=False
    ).returncode:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline_s, log.read_text()
        time.sleep(0.2)


def test_a_stranger_reaches_one_port(ends: tuple[Namespace, Namespace, int]) -> None:
    """Of all 65,535 of TCP, 8080 alone takes a connection from another host, if any."""
    _, stranger, _ = ends
    addresses = (SERVER, SERVER_6)

    with ThreadPoolExecutor(len(addresses)) as pool:
        found = dict(zip(addresses, pool.map(stranger.open_ports, addresses), strict=True))

    assert found == {SERVER: [INFERENCE], SERVER_6: [INFERENCE]}


def test_management_and_metrics_are_there_for_their_own_host(
    ends: tuple[Namespace, Namespace, int],
) -> None:
    """The same scan finds them on loopback; and of gRPC, workers and UDP no socket is open."""
    server, _, pid = ends
    assert server.open_ports("127.0.0.1", range(8000, 9100)) == [INFERENCE, MANAGEMENT, METRICS]
    assert bound_ports(pid, "tcp") == {INFERENCE, MANAGEMENT, METRICS}
    assert bound_ports(pid, "udp") == set()


def bound_ports(pid: int, protocol: str) -> set[int]:
    """Ports of the listening TCP or of all UDP sockets in a process's namespace (proc_net(5))."""
    tables = (Path(f"/proc/{pid}/net/{protocol}{version}").read_text() for version in ("", "6"))
    rows = [line.split() for table in tables for line in table.splitlines()[1:]]
    listening = "0A"
    return {
        int(local.rpartition(":")[2], 16)
        for _, local, _, state, *_ in rows
        if protocol == "udp" or state == listening
    }
