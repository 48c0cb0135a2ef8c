# SPDX-License-Identifier: AGPL-3.0-or-later
"""TorchServe's effective configuration, command line and environment, all below /tmp."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pid1.budget import ALL_LEVELS
from pid1.errors import StartError
from pid1.settings import STOP_FILE_VARIABLE, own_variables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pid1.budget import Budget
    from pid1.settings import Settings

_MAIN_CLASS = "org.pytorch.serve.ModelServer"
# The endpoint plugin's, which runs the same and sends what Java prints through the log.
_LOGGING_MAIN_CLASS = "roomdet.endpoints.Main"
_YOUNG_MB = 16  # bodies go past the young generation, so it is small (config.properties)
# Memory is the budget's matter, not that of config.properties.
_MEMORY_FLAGS = ("-Xmx", "-Xmn", "-XX:MaxDirectMemorySize")
# No shared-memory file under /tmp; what the JVM itself says goes to stderr, so that stdout has
# nothing but log lines.
_CONTAINER_FLAGS = ("-XX:-UsePerfData", "-XX:+DisplayVMOutputToStderr")
# PYTHONPATH would show the worker modules that its archive lacks.
_NOT_INHERITED = {"PYTHONPATH", "TS_CONFIG_FILE", "LOG_LOCATION", "METRICS_LOCATION"}


@dataclass(frozen=True, slots=True)
class Places:
    """Folders of the container.

    Attributes:
        program: What the image brought: ``config.properties``, and where they exist
            ``log4j2.xml``, ``metrics.yaml``, the plugins' jars in ``endpoints/``, netty's in
            ``netty/`` and the JVM's archive of their classes, ``server.jsa``.
        scratch: Everything that is written; made anew at each start.
        java: The Java program.
        packages: Python's site-packages, which hold TorchServe.
    """

    program: Path = Path(__file__).parent.parent
    scratch: Path = Path("/tmp/roomdet")  # noqa: S108  # the only place that can be written
    java: Path = Path("/opt/java/bin/java")
    packages: Path = Path(sysconfig.get_paths()["purelib"])

    @property
    def classes(self) -> Path:
        """The JVM's archive of TorchServe's classes (docker/build/share_classes.py)."""
        return self.program / "server.jsa"

    @property
    def stop_file(self) -> Path:
        """Exists as soon as a stop is under way; the endpoint plugin looks for it."""
        return self.scratch / "stop"

    @property
    def config(self) -> Path:
        """The effective ``config.properties``."""
        return self.scratch / "config.properties"

    @property
    def hosts(self) -> Path:
        """The names that the JVM knows."""
        return self.scratch / "hosts"

    @property
    def model_store(self) -> Path:
        """Holds a link to the one archive."""
        return self.scratch / "model_store"

    @property
    def temporary(self) -> Path:
        """Unpacked archive, sockets, logs, home."""
        return self.scratch / "tmp"


def claim(folder: Path) -> int:
    """Have a folder for this process alone, until it ends.

    Another process 1 would clear away the sockets and the model of one that serves: a second start
    in the same container, or two containers with one volume as /tmp.

    Returns:
        The file descriptor that holds the lock; no other program inherits it.

    Raises:
        StartError: If another process has it, or it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as err:
        os.close(descriptor)
        raise StartError(
            f"{folder} is in use by another server; each needs a /tmp of its own"
        ) from err
    except OSError as err:
        raise StartError(f"{folder} cannot be written: {err.strerror}") from err
    return descriptor


def prepare(places: Places, archive: Path, settings: Settings, budget: Budget) -> list[str]:
    """Make the scratch folder with the effective configuration in it, and nothing else.

    Returns:
        The command that starts TorchServe's JVM.

    Raises:
        StartError: If the folder cannot be written.
    """
    base = (places.program / "config.properties").read_text("utf-8")
    flags = java_flags(base, budget)
    try:
        if places.scratch.exists():  # left by an earlier start of the same container
            _empty(places.scratch)
        for folder in (places.model_store, places.temporary):
            folder.mkdir(parents=True, mode=0o700)
        (places.model_store / "rooms.mar").symlink_to(archive.resolve())
        # Log4j, TorchServe and Netty each look for this machine's name. Where only a name server
        # knows it, and does not answer, that took 40 s of a start.
        places.hosts.write_text(f"127.0.0.1 localhost {socket.gethostname()}\n", "utf-8")
        places.config.write_text(
            effective_config(base, places, settings, budget) + f"vmargs={' '.join(flags)}\n",
            "utf-8",
        )
    except OSError as err:
        where = err.filename or places.scratch  # a full disk is told without a name
        raise StartError(f"{where} cannot be written: {err.strerror}") from err
    return _command(places, flags)


def _empty(folder: Path) -> None:
    """Remove what is in a folder; the folder itself is what :func:`claim` holds."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def effective_config(base: str, places: Places, settings: Settings, budget: Budget) -> str:
    """The image's ``config.properties`` with this container's lines; the last of a name counts."""
    management, metrics, grpc_inference, grpc_management = settings.loopback_ports
    lines = {
        "model_store": places.model_store,
        "inference_address": f"http://0.0.0.0:{settings.port}",
        "management_address": f"http://127.0.0.1:{management}",
        "plugins_path": places.program / "endpoints",
        "metrics_address": f"http://127.0.0.1:{metrics}",
        "grpc_inference_port": grpc_inference,
        "grpc_management_port": grpc_management,
        # No model is registered or deleted; scaling is all that is left, on loopback.
        "enable_model_api": "false",
        "max_request_size": budget.max_request_bytes,
        "job_queue_size": budget.queue,
        # The worker refuses ROOMDET_* variables that it does not know.
        "blacklist_env_vars": STOP_FILE_VARIABLE,
    }
    if (places.program / "metrics.yaml").exists():
        lines["metrics_config"] = places.program / "metrics.yaml"
    own = "\n".join(f"{name}={value}" for name, value in lines.items())
    return f"{base}\n# This container's own, by docker/pid1/configuration.py.\n{own}\n"


def java_flags(base: str, budget: Budget) -> list[str]:
    """The JVM's flags: those of ``config.properties``, with the budget's memory."""
    (shipped,) = (line for line in base.splitlines() if line.startswith("vmargs="))
    kept = [
        flag
        for flag in shipped.removeprefix("vmargs=").split()
        if not flag.startswith(_MEMORY_FLAGS)
    ]
    return [
        f"-Xmx{budget.heap_mb}m",
        f"-Xmn{min(_YOUNG_MB, budget.heap_mb // 4)}m",
        f"-XX:MaxDirectMemorySize={budget.direct_mb}m",
        *kept,
        *_CONTAINER_FLAGS,
    ]


def _command(places: Places, flags: list[str]) -> list[str]:
    log_config = places.program / "log4j2.xml"
    plugins = sorted((places.program / "endpoints").glob("*.jar"))
    # The first of two classes of a name counts: TorchServe's jar has a netty of 2020.
    netty = places.program / "netty"
    jars = [
        *sorted(netty.glob("*.jar")),
        places.packages / "ts/frontend/model-server.jar",
        *plugins,
    ]
    return [
        str(places.java),
        *flags,
        *([f"-XX:SharedArchiveFile={places.classes}"] if places.classes.exists() else []),
        f"-Dmodel_server_home={places.packages}",
        f"-Djava.io.tmpdir={places.temporary}",
        f"-Djdk.net.hosts.file={places.hosts}",
        f"-Djava.library.path={netty / 'native'}",
        *([f"-Dlog4j.configurationFile=file://{log_config}"] if log_config.exists() else []),
        "-cp", ":".join(map(str, jars)),
        _LOGGING_MAIN_CLASS if plugins and log_config.exists() else _MAIN_CLASS,
        "--python", sys.executable,
        "-f", str(places.config),
        "-s", str(places.model_store),
        "-ncs",
    ]  # fmt: skip


def environment(environ: Mapping[str, str], places: Places, budget: Budget) -> dict[str, str]:
    """The environment of the JVM, and so of the workers.

    The worker's settings are the budget's where the container's environment has none.
    """
    dropped = _NOT_INHERITED | own_variables()
    inherited = {name: value for name, value in environ.items() if name not in dropped}
    fits_all = budget.max_levels == ALL_LEVELS
    shared_out = {
        "ROOMDET_THREADS": str(budget.threads),
        "ROOMDET_MEMORY_MB": str(budget.request_mb),
        "ROOMDET_MAX_BYTES": str(budget.max_bytes),
        # Where all fit the archive decides, which may want fewer.
        **({} if fits_all else {"ROOMDET_MAX_LEVELS": str(budget.max_levels)}),
        # NumPy calculates little here; without this it keeps a thread per CPU.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    names = ("TMPDIR", "TEMP", "HOME", "LOG_LOCATION", "METRICS_LOCATION")
    folders = dict.fromkeys(names, str(places.temporary))
    return shared_out | inherited | folders | {STOP_FILE_VARIABLE: str(places.stop_file)}
