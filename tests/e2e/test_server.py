# SPDX-License-Identifier: AGPL-3.0-or-later
"""Starting, stopping and refusing to start."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import psutil  # comes with torchserve
import pytest
from PIL import Image

from deploy.__main__ import build_parser
from roomdet_client.client import detect
from roomdet_client.errors import RequestRefused, ServerUnreachable
from serving.errors import LocalServerError
from serving.running import find_running
from serving.server import LocalServer, Ports, is_free, java_environment, serve, with_settings
from tests.builders import ENDLESS_PDF
from tests.conftest import CONFIG, ROOT, SAMPLE_PDF, SAMPLE_PNG

if TYPE_CHECKING:
    from pathlib import Path

PLAN = SAMPLE_PNG.read_bytes()


def lives(pid: int) -> bool:
    """Whether a process exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_servers_side_by_side_and_again_on_the_same_port(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Own ports and folders; after the stop neither process, port nor folder is left.

    The worker's socket would not fit into a path of 107 bytes, so it lies elsewhere where the
    temporary folder has a long name.
    """
    folder = tmp_path / ("long" * 25)
    folder.mkdir()
    with serve(archive, config=CONFIG) as one:
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        with serve(archive, config=CONFIG) as other:
            one.wait_ready()
            other.wait_ready()
            workers = one.worker_pids() + other.worker_pids()
            rooms = [detect(PLAN, url=server.url).rooms for server in (one, other)]

    assert rooms[0] == rooms[1]
    assert rooms[0]
    assert not any(lives(pid) for pid in workers)
    assert is_free(one.ports.inference)
    assert not one.log.parent.exists()
    with serve(archive, config=CONFIG, port=one.ports.inference) as again:
        again.wait_ready()
        assert one.url == again.url
        assert rooms[0] == detect(PLAN, url=again.url).rooms
    with pytest.raises(ServerUnreachable):
        detect(PLAN, url=one.url)


def test_another_server_is_not_taken_for_ones_own(archive: Path, server: LocalServer) -> None:
    """Two starts in one moment find the port free; the one that loses it says so."""
    with (
        serve(archive, config=CONFIG, port=server.ports.inference) as late,
        pytest.raises(LocalServerError, match=r"(?s)ended by itself.*Address already in use"),
    ):
        late.wait_ready()

    assert server.worker_pids()


def test_a_file_that_wants_much_memory_costs_its_row_alone(archive: Path) -> None:
    """A page's memory has a ceiling, and so have Python's own decoders; the worker serves on."""
    with Image.new("RGB", (9000, 7000)) as picture:
        buffer = io.BytesIO()
        picture.save(buffer, "PNG", compress_level=1)
    environ = {"ROOMDET_PAGE_MB": "90", "ROOMDET_MEMORY_MB": "100"}
    with serve(archive, config=CONFIG, environ=environ) as server:
        server.wait_ready()
        workers = server.worker_pids()
        with pytest.raises(RequestRefused, match=r"413 file_too_large.*more memory than the 90"):
            detect(ENDLESS_PDF, url=server.url)
        with pytest.raises(RequestRefused, match=r"413 file_too_large.*more memory"):
            detect(buffer.getvalue(), url=server.url)

        assert len(detect(PLAN, url=server.url).rooms) > 0
        assert len(detect(SAMPLE_PDF.read_bytes(), url=server.url).rooms) > 0
        assert workers == server.worker_pids()


def test_a_missing_archive_is_said_at_once(tmp_path: Path) -> None:
    """Before anything is started."""
    with (
        pytest.raises(LocalServerError, match="make archive"),
        serve(tmp_path / "none.mar", config=CONFIG),
    ):
        pytest.fail("it started")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x.mar", "file:///tmp/x.mar"])
def test_archives_come_from_the_model_store_alone(server: LocalServer, url: str) -> None:
    """allowed_urls is closed: no address is fetched, not even a file."""
    request = urllib.request.Request(f"{server.management_url}/models?url={url}", method="POST")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)

    assert caught.value.code in {400, 403, 404}
    assert "not match" in caught.value.read().decode() or caught.value.code == 404


def test_only_loopback_is_bound(server: LocalServer) -> None:
    """None of the server's listening sockets is reachable from another machine."""
    jvm = psutil.Process(server.process.pid)
    sockets = [
        connection.laddr
        for process in [jvm, *jvm.children(recursive=True)]
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    ports = server.ports

    assert all(at.ip in {"127.0.0.1", "::ffff:127.0.0.1", "::1"} for at in sockets), sockets
    # Nothing for gRPC.
    assert sorted(at.port for at in sockets) == sorted(
        [ports.inference, ports.management, ports.metrics]
    )


@pytest.mark.parametrize(
    ("number", "line"),
    [
        (signal.SIGINT, "Ctrl-C stops"),
        (signal.SIGTERM, "Starting TorchServe"),
        (signal.SIGKILL, "Ctrl-C stops"),
    ],
)
def test_serve_ends_with_everything_on_a_signal(
    archive: Path, number: signal.Signals, line: str
) -> None:
    """`make serve` prints where to send a plan; Ctrl-C ends server and workers, exit code 0.

    So does SIGTERM, at any time; and after SIGKILL nothing is left that holds port and memory.
    """
    port = Ports.free().inference
    command = [
        sys.executable, "-m", "deploy", "local", "serve", "--archive", str(archive),
        "--port", str(port),
    ]  # fmt: skip
    with subprocess.Popen(
        ["env", f"PYTHONPATH={ROOT / 'handler'}:{ROOT}", *command],
        cwd=ROOT, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        said = ""
        while line not in said:
            more = process.stderr.readline()
            assert more, said
            said += more
        if number == signal.SIGINT:
            assert f"http://127.0.0.1:{port}/invocations" in said
            found = detect(SAMPLE_PDF.read_bytes(), url=f"http://127.0.0.1:{port}")
            assert len(found.rooms) >= 9
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        assert process.wait(timeout=30) == (-number if number == signal.SIGKILL else 0)
        if number == signal.SIGKILL:
            _, left = psutil.wait_procs(children, timeout=60)
            assert not left

    assert children
    assert not any(child.is_running() for child in children)
    assert is_free(port)


@pytest.mark.parametrize("has_server", [False, True], ids=["starts one", "is given one"])
def test_make_view_shows_plans_until_ctrl_c(
    archive: Path, server: LocalServer, tmp_path: Path, *, has_server: bool
) -> None:
    """Its page, the plan and the plan's rooms; Ctrl-C ends all that it started, and frees ports.

    A server of its own is one that `local rollout` finds.
    """
    (tmp_path / "plans").mkdir()
    shutil.copy(SAMPLE_PDF, tmp_path / "plans" / "a house.pdf")
    port = Ports.free().inference
    command = [
        "make", "--no-print-directory", "view", f"BIN={os.path.dirname(sys.executable)}",  # noqa: PTH120
        # What is there is not made anew.
        f"ARCHIVE={archive}", f"--old-file={archive}", "--old-file=.venv/python.stamp",
        f"PLANS={tmp_path / 'plans'}", f"URL={server.url if has_server else ''}",
        f"VIEW_FLAGS=--no-browser --port {port} --save '{tmp_path / 'saved'}'",
    ]  # fmt: skip
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    started: list[psutil.Process] = []
    # Ctrl-C reaches everything that runs in the terminal.
    with subprocess.Popen(
        command, cwd=ROOT, env=own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout
            assert process.stderr
            address = process.stdout.readline().strip()
            assert address == f"http://127.0.0.1:{port}/", process.stderr.read()
            while "Rooms from " not in (said := process.stderr.readline()):
                assert said
            asked = said.split("Rooms from ")[1].split(". ")[0]
            started = psutil.Process(process.pid).children(recursive=True)
            with urllib.request.urlopen(address, timeout=20) as page:
                assert b"<title>" in page.read()
            with urllib.request.urlopen(f"{address}api/session", timeout=20) as answer:
                (plan,) = json.load(answer)["documents"]
            assert plan["name"] == "a house.pdf"
            rooms = f"{address}api/documents/{plan['id']}/pages/1/rooms"
            with urllib.request.urlopen(rooms, timeout=60) as answer:
                assert len(json.load(answer)["detected_rooms"]) >= 11
            assert has_server or find_running(int(asked.rpartition(":")[2])).url == asked
        finally:
            os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=60) in {0, 130, -signal.SIGINT}

    assert not psutil.wait_procs(started, timeout=10)[1]
    assert is_free(port)
    assert (asked == server.url) is has_server
    assert has_server or is_free(int(asked.rpartition(":")[2]))


@pytest.mark.parametrize("port", ["99999", "-1", "0", "http"])
def test_what_is_no_port_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In one line, with what is allowed."""
    with pytest.raises(SystemExit, match="2"):
        build_parser().parse_args(["local", "serve", f"--port={port}"])
    assert f"{port!r} is no port; allowed: 1 to 65535" in capsys.readouterr().err


def test_the_stock_command_works_from_the_root(archive: Path, tmp_path: Path) -> None:
    """`torchserve --start … --ts-config config.properties`; only the ports are others here."""
    (tmp_path / "model_store").mkdir()
    shutil.copy(archive, tmp_path / "model_store" / "rooms.mar")
    for folder in ("serving", "docker"):  # the log's configuration and the endpoint plugin
        (tmp_path / folder).symlink_to(ROOT / folder)
    ports = Ports.free()
    (tmp_path / "config.properties").write_text(
        with_settings(
            CONFIG.read_text(),
            {
                "inference_address": f"http://127.0.0.1:{ports.inference}",
                "management_address": f"http://127.0.0.1:{ports.management}",
                "metrics_address": f"http://127.0.0.1:{ports.metrics}",
                "grpc_inference_port": str(ports.grpc_inference),
                "grpc_management_port": str(ports.grpc_management),
            },
        )
    )
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    variables = {"TMPDIR": str(scratch), "TEMP": str(scratch), **java_environment()}
    torchserve = shutil.which("torchserve", path=os.path.dirname(sys.executable))  # noqa: PTH120
    assert torchserve
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["env", "-u", "PYTHONPATH", *(f"{k}={v}" for k, v in variables.items()), torchserve,
             "--start", "--ncs", "--foreground", "--model-store", "model_store",
             "--models", "rooms=rooms.mar", "--ts-config", "config.properties",
             "--log-config", "serving/log4j2.xml"],
            cwd=tmp_path, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    server = LocalServer(process, ports, log)
    try:
        server.wait_ready()
        assert len(detect(PLAN, url=server.url).rooms) >= 9
    finally:
        server.stop()


def test_the_documented_ports_are_the_usual_ones() -> None:
    """SageMaker speaks to 8080; management and metrics stay on loopback."""
    lines = dict(
        line.split("=", 1)
        for line in CONFIG.read_text().splitlines()
        if "=" in line and not line.startswith("#")
    )

    assert lines["inference_address"] == "http://127.0.0.1:8080"
    assert lines["management_address"] == "http://127.0.0.1:8081"
    assert lines["metrics_address"] == "http://127.0.0.1:8082"
    assert lines["load_models"] == "rooms.mar"


def test_health_and_metrics_answer(server: LocalServer) -> None:
    """/ping on the inference port, Prometheus text on the metrics port."""
    with urllib.request.urlopen(f"{server.url}/ping", timeout=5) as answer:
        assert json.load(answer) == {"status": "Healthy", "reason": "", "in_flight": 0}
    metrics = f"http://127.0.0.1:{server.ports.metrics}/metrics"
    with urllib.request.urlopen(metrics, timeout=5) as answer:
        assert b"ts_inference_requests_total" in answer.read()
