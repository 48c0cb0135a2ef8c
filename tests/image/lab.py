# SPDX-License-Identifier: AGPL-3.0-or-later
"""Everything around the containers: base image, registry, stores; all of it goes at the end.

With a Docker daemon Docker is used and the base is pulled; without one, podman, and the base is
made on the spot by mmdebstrap. What takes long and changes seldom (base, build cache) stays in
``build/image-test``.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.contract.network import private_network
from deploy.image.commands import DEFAULT_BASE
from deploy.image.engine import Build, Engine, find_engine, run_build
from deploy.image.source import labels
from tests.conftest import ROOT
from tests.image.container import Container
from tests.image.podman import OWN_BASE, make_base, pip_mounts, store, unmount

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CACHE = ROOT / "build" / "image-test"
SOURCE_URL = "https://example.org/rooms"
# As SageMaker's serverless hosting runs a container.
STRICT = (
    "--read-only", "--tmpfs", "/tmp:rw,size=512m", "--cap-drop=all",  # noqa: S108
    "--security-opt", "no-new-privileges", "--pids-limit", "512",
)  # fmt: skip


@dataclass(slots=True)
class Lab:
    """Builds, pushes, pulls and runs.

    Attributes:
        engine: What is used.
        folder: A temporary folder.
        registry: ``host:port`` of the registry.
        builder: Environment of the store in which images are built.
        puller: Environment of a store that was empty; containers run from it.
        seconds: What each step took.
    """

    engine: Engine
    folder: Path
    registry: str
    builder: dict[str, str]
    puller: dict[str, str]
    seconds: dict[str, float] = field(default_factory=dict)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    @property
    def base(self) -> str:
        """The base image."""
        return OWN_BASE if self.engine is Engine.PODMAN else DEFAULT_BASE

    def run(self, *args: str, environ: dict[str, str] | None = None) -> str:
        """Run the engine's program; its output."""
        command = [self.engine.program, *args]
        result = subprocess.run(
            command, env=environ or self.puller, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, f"{command}: {result.stderr}"
        return result.stdout.strip()

    def build(self, name: str, archive: str = "", *, is_pushed: bool = False) -> str:
        """Build an image.

        Args:
            name: Of the repository.
            archive: To bake in, a path below the checkout.
            is_pushed: Push it, too.

        Returns:
            Its name and tag in the store of builds.
        """
        tag = f"{self.registry}/{name}:test"
        os.environ["SOURCE_URL"] = SOURCE_URL
        arguments = {"BASE_IMAGE": self.base}
        if archive:
            arguments["ARCHIVE"] = archive
        flags = tuple(pip_mounts()) if self.engine is Engine.PODMAN else ()
        build = Build(tag, arguments, labels(ROOT), flags, is_pushed, ROOT)
        run_build(self.engine, build, self.builder)
        return tag

    def ship(self, name: str) -> str:
        """Build, push and pull an image; its name with the digest that the registry gave it."""
        with self.timed("build and push"):
            self.build(name, is_pushed=True)
        _, digest = self.manifest(name)
        image = f"{self.registry}/{name}@{digest}"
        with self.timed("pull"):
            self.run("pull", "--quiet", image)
        return image

    def as_built(self) -> Lab:
        """The same, but containers run from the store of builds."""
        return replace(self, puller=self.builder)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Keep the time that a step takes."""
        started_s = time.monotonic()
        yield
        self.seconds[step] = round(time.monotonic() - started_s, 1)

    def manifest(self, name: str) -> tuple[dict[str, Any], str]:
        """A repository's manifest in whatever form it was pushed, and its digest."""
        types = [
            "application/vnd.docker.distribution.manifest.v2+json",
            "application/vnd.docker.distribution.manifest.list.v2+json",
            "application/vnd.oci.image.manifest.v1+json",
            "application/vnd.oci.image.index.v1+json",
        ]
        request = urllib.request.Request(
            f"http://{self.registry}/v2/{name}/manifests/test", headers={"Accept": ", ".join(types)}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer), answer.headers["Docker-Content-Digest"]

    @contextmanager
    def container(
        self,
        image: str,
        *arguments: str,
        memory_mb: int = 2048,
        user: str = "12345:54321",
        flags: Sequence[str] = (),
    ) -> Iterator[Container]:
        """Run a container under SageMaker's conditions until the block ends."""
        number = next(self._numbers)
        name = f"rooms-{os.getpid()}-{number}"
        limits = ["--memory", f"{memory_mb}m", "--memory-swap", f"{memory_mb}m", "--cpus", "2"]
        common = ["--name", name, "--user", user, *limits, *STRICT, *flags]
        with ExitStack() as stack:
            if self.engine is Engine.PODMAN:
                host = stack.enter_context(private_network(name))
                network = ["--network", f"ns:/run/netns/{name}"]
            else:
                host, network = "127.0.0.1", ["--publish", "127.0.0.1::8080"]
            stack.callback(self._remove, name)
            started_s = time.monotonic()
            self.run("run", "--detach", *network, *common, image, *arguments)
            port = 8080
            if self.engine is not Engine.PODMAN:
                published = self.run("port", name, "8080").splitlines()
                port = int(published[0].rpartition(":")[2]) if published else 0
            yield Container(self.engine.program, name, host, port, self.puller, started_s)

    def _remove(self, name: str) -> None:
        subprocess.run(
            [self.engine.program, "rm", "--force", name],
            env=self.puller,
            capture_output=True,
            check=False,
        )


@contextmanager
def open_lab() -> Iterator[Lab]:
    """Everything that building and running needs; nothing of it runs or is mounted afterwards."""
    engine = find_engine()
    CACHE.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="rooms-image-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        registry = stack.enter_context(_registry(folder))
        environ = dict(os.environ)
        builder = puller = environ
        if engine is Engine.PODMAN:
            # A store remembers where its locks are, so that place must stay the same, too.
            builder = environ | store(CACHE / "store", CACHE / "run", registry)
            stack.callback(shutil.rmtree, CACHE / "run", ignore_errors=True)
            puller = environ | store(folder / "store", folder / "pull", registry)
            stack.callback(unmount, CACHE)
            stack.callback(unmount, folder)
        opened = Lab(engine, folder, registry, builder, puller)
        if engine is Engine.PODMAN:
            with opened.timed("base"):
                make_base(builder, CACHE)
        yield opened


@contextmanager
def _registry(folder: Path) -> Iterator[str]:
    """A registry on a free port of loopback; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    config = folder / "registry.yml"
    config.write_text(
        "version: 0.1\nlog: {level: error}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder / 'registry'}}}}}\n"
        f'http: {{addr: "{address}"}}\n'
    )
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", config], stdout=log, stderr=log)
    try:
        deadline_s = time.monotonic() + 30
        while not _answers(f"http://{address}/v2/"):
            assert process.poll() is None, (folder / "registry.log").read_text()
            assert time.monotonic() < deadline_s, "the registry does not answer"
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except OSError:
        return False
