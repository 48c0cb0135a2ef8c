# SPDX-License-Identifier: AGPL-3.0-or-later
"""What another host on the network reaches of the image's server: one port; and what reads it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.hosted import Tree, furnish, own_environ, serve_command, stop
from tests.conftest import ROOT, SAMPLE_PNG, needs_netty
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


@dataclass(frozen=True, slots=True)
class Ends:
    """The image's process 1 in a namespace, with nothing set, and a stranger in another.

    Attributes:
        server: Where it runs.
        stranger: Where nothing does.
        pid: Process 1.
        classes: The JVM's list of the classes that it loads, and from where.
        netty: Folder of netty's jars.
    """

    server: Namespace
    stranger: Namespace
    pid: int
    classes: Path
    netty: Path

    def status(self, path: str, body: Path | None = None) -> int:
        """Of the answer to the stranger; 0 if there is none."""
        send = f", data=open({str(body)!r}, 'rb').read()" if body else ""
        url = f"'http://{SERVER}:{INFERENCE}{path}'"
        code = f"print(it.build_opener(it.ProxyHandler({{}})).open({url}{send}).status)"
        ran = subprocess.run(
            self.stranger.command(sys.executable, "-c", f"import urllib.request as it; {code}"),
            capture_output=True,
            check=False,
        )
        return int(ran.stdout or 0)


@pytest.fixture(scope="module")
def ends(archive: Path) -> Iterator[Ends]:
    """Both, as soon as the stranger is told that it serves."""
    # Short, because a socket's path below it must be.
    with tempfile.TemporaryDirectory(prefix="rt", dir="/tmp") as folder, cabled() as pair:
        home = Path(folder)
        classes = home / "classes"
        flags = [f"-Xlog:class+load=info:file={classes}:none"]
        program = furnish(Tree(ROOT, archive), home, flags)
        log = home / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                pair[0].command(*serve_command(home)),
                env=own_environ(program),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            running = Ends(*pair, process.pid, classes, program / "netty")
            deadline_s = time.monotonic() + DEADLINE_S
            while running.status("/ping") != 200:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline_s, log.read_text()
                time.sleep(0.2)
            yield running
        finally:
            stop(process)


def test_a_stranger_reaches_one_port(ends: Ends) -> None:
    """Of all 65,535 of TCP, 8080 alone takes a connection from another host, if any."""
    addresses = (SERVER, SERVER_6)

    with ThreadPoolExecutor(len(addresses)) as pool:
        found = dict(zip(addresses, pool.map(ends.stranger.open_ports, addresses), strict=True))

    assert found == {SERVER: [INFERENCE], SERVER_6: [INFERENCE]}


def test_management_and_metrics_are_there_for_their_own_host(
    ends: Ends,
) -> None:
    """The same scan finds them on loopback; and of gRPC, workers and UDP no socket is open."""
    assert ends.server.open_ports("127.0.0.1", range(8000, 9100)) == [
        INFERENCE,
        MANAGEMENT,
        METRICS,
    ]
    assert bound_ports(ends.pid, "tcp") == {INFERENCE, MANAGEMENT, METRICS}
    assert bound_ports(ends.pid, "udp") == set()


@needs_netty
def test_what_reads_requests_is_the_netty_of_docker_netty(ends: Ends) -> None:
    """No class of the one in TorchServe's jar is loaded; sockets are those of Linux."""
    assert ends.status("/invocations", SAMPLE_PNG) == 200

    loaded = [line.split(" source: ") for line in ends.classes.read_text().splitlines()]
    sources = {name: source for name, source in loaded if name.startswith("io.netty.")}
    others = {name: of for name, of in sources.items() if str(ends.netty) not in of}
    # What has no file is made while it runs: lambdas and the like.
    assert [name for name, source in others.items() if ".jar" in source] == []
    assert "io.netty.handler.codec.http.HttpRequestDecoder" in sources
    assert "io.netty.channel.epoll.EpollServerSocketChannel" in sources


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
