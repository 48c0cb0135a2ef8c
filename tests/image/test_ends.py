# SPDX-License-Identifier: AGPL-3.0-or-later
"""How a container ends: cleanly when it is told to, with the reason when it cannot serve."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from roomdet.network import NetworkManifest
from tests.conftest import NETWORK, SAMPLE_PNG
from tests.image.conftest import mounted
from tests.image.container import JVM, WORKER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.image.container import Container
    from tests.image.lab import Lab

PLAN = SAMPLE_PNG.read_bytes()
SAGEMAKER_KILLS_AFTER_S = 30
Files = dict[str, bytes]
MISSED = len(NetworkManifest.read(NETWORK).golden)


@contextmanager
def served_until_stopped(lab: Lab, image: str, model: Path) -> Iterator[Container]:
    """A container that has answered once."""
    with lab.container(image, "serve", flags=mounted(model)) as container:
        container.wait_ready()
        assert container.invoke(PLAN).rooms
        yield container


def test_a_stop_loses_no_request(
    lab: Lab, image: str, model: Path, sheets: dict[str, bytes]
) -> None:
    """SIGTERM with five requests in flight, one half sent, five arriving: eleven answers."""
    with (
        served_until_stopped(lab, image, model) as container,
        ThreadPoolExecutor(10) as pool,
        container.sending(PLAN) as finish,
    ):
        accepted = [pool.submit(container.invoke, sheets["a1.png"]) for _ in range(5)]
        time.sleep(0.1)  # they are accepted, and together take seconds
        container.signal("TERM")
        stopped_s = time.monotonic()
        arriving = []
        for _ in range(5):
            arriving.append(pool.submit(container.invoke, PLAN))
            time.sleep(0.05)
        replies = [future.result() for future in accepted + arriving]
        time.sleep(1.0)  # nothing is in flight any more
        replies.append(finish())

        assert container.wait_end() == 0
        assert time.monotonic() - stopped_s < SAGEMAKER_KILLS_AFTER_S
        assert [200] * 11 == [reply.status for reply in replies]
        assert container.logs()[-1]["message"] == "stopped"


def test_a_killed_worker_comes_back(served: Container) -> None:
    """Under load, what it had in hand fails with a true status; then all is as before."""
    statuses: list[int] = []
    is_over = threading.Event()

    def load() -> None:
        while not is_over.is_set():
            statuses.append(served.invoke(PLAN).status)

    with ThreadPoolExecutor(3) as pool:
        clients = [pool.submit(load) for _ in range(3)]
        try:
            worker = served.find_process(WORKER)
            served.kill(WORKER)
            killed_s = time.monotonic()
            deadline_s = killed_s + 60
            while worker in served.processes() or served.ask("/ping").status == 200:
                if time.monotonic() > killed_s + 10:
                    break  # it was back before it was looked at
                time.sleep(0.02)
            while served.ask("/ping").status != 200 or served.invoke(PLAN).status != 200:
                assert time.monotonic() < deadline_s, served.log_tail()
                time.sleep(0.1)
        finally:
            is_over.set()
        for client in clients:
            client.result()

    assert set(statuses) <= {200, 500, 503, 507}
    assert worker != served.find_process(WORKER)
    print(f"healthy {time.monotonic() - killed_s:.1f} s after the kill; answers: {statuses}")


def test_a_dead_server_ends_the_container(lab: Lab, image: str, model: Path) -> None:
    """The JVM is killed; the container does not run on without it."""
    with lab.container(image, "serve", flags=mounted(model)) as container:
        container.wait_ready()

        container.kill(JVM)

        assert container.wait_end() == 1
        assert "TorchServe was killed by SIGKILL" in container.logs()[-1]["message"]


def lose_weights(files: Files) -> None:
    """A file that network.json names is not there."""
    del files["network.bin"]


def damage_weights(files: Files) -> None:
    """One bit of the weights is another."""
    changed = bytearray(files["network.bin"])
    changed[1000] ^= 1
    files["network.bin"] = bytes(changed)


def blind_weights(files: Files) -> None:
    """Every convolution's weights are zero, and network.json says that this is right."""
    changed = bytearray(files["network.bin"])
    for data in ElementTree.fromstring(files["network.xml"]).iter("data"):  # noqa: S314  # our own
        is_convolution = data.get("shape", "").count(",") == 3
        if is_convolution and data.get("element_type") in {"f16", "i8"}:
            start, size = int(data.attrib["offset"]), int(data.attrib["size"])
            changed[start : start + size] = bytes(size)
    files["network.bin"] = bytes(changed)
    manifest = json.loads(files["network.json"])
    manifest["files"]["network.bin"] = hashlib.sha256(changed).hexdigest()
    files["network.json"] = json.dumps(manifest).encode()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lose_weights, "the model does not load: network.bin is missing"),
        (damage_weights, "the model does not load: network.bin has sha256"),
        (
            blind_weights,
            f"does not find the golden plan's rooms: {MISSED} of {MISSED} expected rooms",
        ),
    ],
)
def test_a_broken_model_ends_the_container(
    lab: Lab, image: str, model: Path, tmp_path: Path, spoil: Callable[[Files], None], told: str
) -> None:
    """It never becomes ready, and the last line says why."""
    with zipfile.ZipFile(model / "rooms.mar") as content:
        files = {name: content.read(name) for name in content.namelist()}
    spoil(files)
    with zipfile.ZipFile(tmp_path / "rooms.mar", "w") as content:
        for name, data in files.items():
            content.writestr(name, data)
    tmp_path.chmod(0o755)

    with lab.container(image, "serve", flags=mounted(tmp_path)) as container:
        assert container.wait_end() == 1
        last = container.logs()[-1]
        assert last["level"] == "ERROR"
        assert told in last["message"]
        assert '"ready ' not in container.messages()


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        (f"ROOMDET_ARCHIVE_SHA256={'0' * 64}", "ROOMDET_ARCHIVE_SHA256 says 0000"),
        ("SAGEMAKER_BIND_TO_PORT=x", "SAGEMAKER_BIND_TO_PORT is 'x'; allowed: 1 to 65535"),
    ],
)
def test_what_does_not_fit_is_refused_at_once(
    lab: Lab, image: str, model: Path, setting: str, told: str
) -> None:
    """Another archive than the expected one, a malformed setting: before a server is started."""
    flags = [*mounted(model), f"--env={setting}"]
    with lab.container(image, "serve", flags=flags) as container:
        assert container.wait_end() == 1
        assert told in container.logs()[-1]["message"]


def test_anything_but_serve_is_refused(lab: Lab, image: str) -> None:
    """SageMaker also says `train`, to images that can."""
    with lab.container(image, "train") as container:
        assert container.wait_end() == 2
        assert "one argument, `serve`; got 'train'" in container.messages()


def test_a_bare_checkpoint_is_no_model(lab: Lab, image: str, tmp_path: Path) -> None:
    """The mistake that stopped this project's forerunner is told in words."""
    shutil.copy(SAMPLE_PNG, tmp_path / "model.pt")
    tmp_path.chmod(0o755)
    with lab.container(image, "serve", flags=mounted(tmp_path)) as container:
        assert container.wait_end() == 1
        assert "/opt/ml/model has model.pt (a checkpoint is no arch" in container.messages()
