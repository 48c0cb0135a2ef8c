# SPDX-License-Identifier: AGPL-3.0-or-later
"""Environment and shipped configuration become TorchServe's command, files and environment."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pid1.budget import Budget, share_out
from pid1.cgroup import Limits
from pid1.configuration import Places, claim, environment, prepare
from pid1.errors import StartError
from pid1.settings import Settings
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

BUDGET = Budget(
    workers=1,
    threads=2,
    request_mb=400,
    heap_mb=256,
    direct_mb=128,
    queue=2,
    max_bytes=5_000_000,
    max_levels=4,
)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """The image's folders below a folder of the test."""
    program = tmp_path / "program"
    (program / "endpoints").mkdir(parents=True)
    shutil.copy(ROOT / "config.properties", program)
    return Places(program, tmp_path / "scratch", tmp_path / "java", tmp_path / "packages")


def read_properties(path: Path) -> dict[str, str]:
    """As Java reads them: of two lines of the same name the last one counts."""
    lines = [line.partition("=") for line in path.read_text().splitlines() if line[:1] != "#"]
    return {name.strip(): value.strip() for name, equals, value in lines if equals}


def test_the_effective_configuration(places: Places, tmp_path: Path) -> None:
    """Ports, store and sizes are the container's; the rest is config.properties'."""
    settings = Settings.read(
        {
            "SAGEMAKER_BIND_TO_PORT": "21000",
            "SAGEMAKER_SAFE_PORT_RANGE": "21000-21999",
        }
    )

    prepare(places, tmp_path / "rooms.mar", settings, BUDGET)

    shipped, effective = read_properties(ROOT / "config.properties"), read_properties(places.config)
    assert {
        "inference_address": "http://0.0.0.0:21000",
        "management_address": "http://127.0.0.1:21001",
        "metrics_address": "http://127.0.0.1:21002",
        "grpc_inference_port": "21003",
        "grpc_management_port": "21004",
        "enable_model_api": "false",
        "model_store": str(places.model_store),
        "max_request_size": "7000000",
        "job_queue_size": "2",
        "blacklist_env_vars": "ROOMDET_STOP_FILE",
    }.items() <= effective.items()
    for name in ("load_models", "allowed_urls", "disable_token_authorization", "metrics_mode"):
        assert shipped[name] == effective[name]
    assert (places.model_store / "rooms.mar").readlink() == tmp_path / "rooms.mar"


def test_the_shipped_body_limit_is_the_default_one(places: Places, tmp_path: Path) -> None:
    """config.properties and the container agree on the largest body."""
    prepare(places, tmp_path / "rooms.mar", Settings.read({}), share_out(Limits(2, 2048)))

    shipped, effective = read_properties(ROOT / "config.properties"), read_properties(places.config)
    for name in ("max_request_size", "job_queue_size"):
        assert shipped[name] == effective[name]


def test_the_command(places: Places, tmp_path: Path) -> None:
    """The JVM is started itself, with the budget's memory and without config.properties'."""
    command = prepare(places, tmp_path / "rooms.mar", Settings.read({}), BUDGET)

    assert str(places.java) == command[0]
    assert {"-Xmx256m", "-Xmn16m", "-XX:MaxDirectMemorySize=128m"} <= set(command)
    assert {"-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError"} <= set(command)
    assert not {"-Xmx640m", "-XX:MaxDirectMemorySize=1g"} & set(command)
    assert str(places.packages / "ts/frontend/model-server.jar") in command
    assert f"-Djdk.net.hosts.file={places.hosts}" in command
    assert socket.gethostname() in places.hosts.read_text().split()
    assert command[command.index("--python") + 1] == sys.executable
    own = command.index(f"-Dmodel_server_home={places.packages}")
    assert f"vmargs={' '.join(command[1:own])}" in places.config.read_text()


def test_the_images_netty_goes_before_torchserves(places: Places, tmp_path: Path) -> None:
    """Of two classes of a name the first on the class path counts."""
    names = ("netty-buffer-4.2.13.Final.jar", "netty-common-4.2.13.Final.jar")
    (places.program / "netty").mkdir()
    for name in names:
        (places.program / "netty" / name).touch()

    command = prepare(places, tmp_path / "rooms.mar", Settings.read({}), BUDGET)

    jars = command[command.index("-cp") + 1].split(":")
    assert [str(places.program / "netty" / name) for name in names] == jars[:2]
    assert jars[2].endswith("ts/frontend/model-server.jar")
    assert f"-Djava.library.path={places.program}/netty/native" in command


def test_plugin_logs_and_metrics_are_used_where_they_exist(places: Places, tmp_path: Path) -> None:
    """The endpoint plugin, the log's form, the metrics and the classes come with the image."""
    (places.program / "endpoints/roomdet-endpoints.jar").touch()
    (places.program / "log4j2.xml").touch()
    (places.program / "metrics.yaml").touch()
    (places.program / "server.jsa").touch()

    command = prepare(places, tmp_path / "rooms.mar", Settings.read({}), BUDGET)

    assert f":{places.program}/endpoints/roomdet-endpoints.jar" in command[command.index("-cp") + 1]
    assert f"-Dlog4j.configurationFile=file://{places.program}/log4j2.xml" in command
    assert f"-XX:SharedArchiveFile={places.program}/server.jsa" in command
    assert "roomdet.endpoints.Main" in command
    assert f"{places.program}/metrics.yaml" == read_properties(places.config)["metrics_config"]


def test_a_second_start_leaves_nothing_of_the_first(places: Places, tmp_path: Path) -> None:
    """Such as the file that says that a stop is under way."""
    prepare(places, tmp_path / "rooms.mar", Settings.read({}), BUDGET)
    places.stop_file.touch()

    prepare(places, tmp_path / "rooms.mar", Settings.read({}), BUDGET)

    assert not places.stop_file.exists()


def test_a_second_start_beside_the_first_is_refused(places: Places, tmp_path: Path) -> None:
    """It would clear away what the first serves from; when that has ended, it may start."""
    held = claim(places.scratch)
    try:
        prepare(places, tmp_path / "rooms.mar", Settings.read({}), BUDGET)
        with pytest.raises(StartError, match="scratch is in use by another server"):
            claim(places.scratch)
    finally:
        os.close(held)

    os.close(claim(places.scratch))


def test_a_folder_elsewhere_is_not_claimed(places: Places, tmp_path: Path) -> None:
    """Whoever may write to /tmp could have laid a link there, and what it leads to be removed."""
    (tmp_path / "mine").mkdir()
    places.scratch.symlink_to(tmp_path / "mine")

    with pytest.raises(StartError, match="scratch cannot be written"):
        claim(places.scratch)


def test_the_environment(places: Places) -> None:
    """Everything is written below scratch; the worker gets its settings, and only those."""
    given = {
        "HOME": "/root",
        "PYTHONPATH": "elsewhere",
        "AWS_REGION": "eu-west-1",
        "ROOMDET_THREADS": "1",
        "ROOMDET_ARCHIVE_SHA256": "0" * 64,
        "ROOMDET_MAX_BYTES": "1000",
        "ROOMDET_START_TIMEOUT_S": "60",
    }

    made = environment(given, places, BUDGET)

    for name in ("HOME", "TEMP", "TMPDIR", "LOG_LOCATION", "METRICS_LOCATION"):
        assert str(places.temporary) == made[name]
    assert {name: value for name, value in made.items() if name.startswith("ROOMDET_")} == {
        "ROOMDET_STOP_FILE": str(places.stop_file),
        "ROOMDET_THREADS": "1",
        "ROOMDET_MEMORY_MB": "400",
        "ROOMDET_MAX_BYTES": "1000",
    }
    assert made["AWS_REGION"] == "eu-west-1"
    assert "PYTHONPATH" not in made


def test_a_small_container_has_fewer_levels(places: Places) -> None:
    """Unless more are asked for; where all fit, the archive decides."""
    budget = replace(BUDGET, max_levels=2)
    asked = {"ROOMDET_MAX_LEVELS": "3"}

    assert environment({}, places, budget)["ROOMDET_MAX_LEVELS"] == "2"
    assert environment(asked, places, budget)["ROOMDET_MAX_LEVELS"] == "3"
    assert "ROOMDET_MAX_LEVELS" not in environment({}, places, BUDGET)


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"SAGEMAKER_BIND_TO_PORT": "http"}, "SAGEMAKER_BIND_TO_PORT is 'http'; allowed: 1 to"),
        ({"SAGEMAKER_BIND_TO_PORT": "70000"}, "allowed: 1 to 65535"),
        ({"SAGEMAKER_SAFE_PORT_RANGE": "8080-8082"}, "more than 4 ports"),
        ({"SAGEMAKER_SAFE_PORT_RANGE": "8080"}, "FIRST-LAST"),
        ({"SAGEMAKER_SAFE_PORT_RANGE": "65533-65538"}, "up to 65535"),
        ({"SAGEMAKER_MULTI_MODEL": "true"}, "serves one model"),
        ({"ROOMDET_ARCHIVE_SHA256": "abc"}, "64 hexadecimal digits"),
        ({"ROOMDET_WORKERS": "0"}, "allowed: 1 to 64"),
        ({"ROOMDET_MAX_BYTES": "20 MB"}, "ROOMDET_MAX_BYTES is '20 MB'"),
        ({"SAGEMAKER_MULTI_MODEL": "perhaps"}, "allowed: true, false"),
    ],
)
def test_a_malformed_variable_is_named(environ: dict[str, str], told: str) -> None:
    """With what is allowed."""
    with pytest.raises(StartError, match=told):
        Settings.read(environ)


def test_our_name_goes_before_sagemakers() -> None:
    """An empty value is none."""
    both = {"ROOMDET_WORKERS": "2", "SAGEMAKER_MODEL_SERVER_WORKERS": "3"}

    assert Settings.read(both).workers == 2
    assert Settings.read(both | {"ROOMDET_WORKERS": ""}).workers == 3


def test_loopback_ports_avoid_the_inference_port() -> None:
    """Also where it lies among them."""
    assert Settings.read({}).loopback_ports == (8081, 8082, 8083, 8084)
    assert Settings.read({"SAGEMAKER_BIND_TO_PORT": "8082"}).loopback_ports == (
        8081,
        8083,
        8084,
        8085,
    )


def test_an_unwritable_scratch_is_refused(places: Places, tmp_path: Path) -> None:
    """A file lies where the folder should be made."""
    (tmp_path / "scratch").write_text("")

    with pytest.raises(StartError, match="scratch"):
        prepare(places, tmp_path / "rooms.mar", Settings.read({}), BUDGET)


def test_a_full_scratch_is_refused(places: Places, tmp_path: Path) -> None:
    """The kernel names no file then; a limit of size stands for the full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with pytest.raises(StartError, match="scratch cannot be written: File too large"):
            prepare(places, tmp_path / "rooms.mar", Settings.read({}), BUDGET)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
