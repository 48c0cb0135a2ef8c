# SPDX-License-Identifier: AGPL-3.0-or-later
"""Write the JVM's archive of TorchServe's classes; run while the image is built.

``python share_classes.py SITECUSTOMIZE.py`` starts TorchServe as the image's entry point does, with
a model of three lines in place of the network, asks it once for everything that SageMaker asks for,
and ends it. At its end the JVM writes the classes that it loaded, which the next start maps instead
of unpacking and checking them (docs/decisions/0020-shared-classes.md).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from pathlib import Path

PROGRAM = Path("/opt/roomdet")
sys.path.insert(0, str(PROGRAM))  # pid1 is a program of the image, not a package of Python's

from pid1.budget import share_out  # noqa: E402
from pid1.cgroup import Limits  # noqa: E402
from pid1.configuration import Places, environment, prepare  # noqa: E402
from pid1.settings import Settings  # noqa: E402

DEADLINE_S = 120
# It logs and counts as the room detector does, so that those classes are loaded, too.
HANDLER = """
def handle(data, context):
    print('{"time":"now","level":"INFO","event":"ready","model":"rooms","model_version":"1"}')
    context.metrics.add_counter("plans", 1)
    return [b"{}"] * len(data or [])
"""
MANIFEST = {
    "archiverVersion": "0.12.0",
    "runtime": "python",
    "model": {"modelName": "rooms", "handler": "room_handler.py", "modelVersion": "1"},
}
# Path and body.
REQUESTS = (
    ("/ping", None),
    ("/metrics", None),
    ("/execution-parameters", None),
    ("/invocations", b"a plan"),
)


def write_model(path: Path, sitecustomize: Path) -> None:
    """Write an archive that TorchServe loads in the place of the room detector."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("room_handler.py", HANDLER)
        archive.write(sitecustomize, "sitecustomize.py")
        archive.writestr("MAR-INF/MANIFEST.json", json.dumps(MANIFEST))


def wait_ready(server: subprocess.Popen[bytes], url: str) -> None:
    """Wait until ``/ping`` says 200.

    Raises:
        SystemExit: If the server ends, or time runs out; its log says why.
    """
    deadline_s = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline_s and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/ping", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    server.kill()
    raise SystemExit("error: TorchServe does not start; the log above says why")


def main(sitecustomize: Path) -> None:
    """Write ``server.jsa`` beside the program, and see that the JVM takes it."""
    places = Places()
    places.classes.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder, "rooms.mar")
        write_model(model, sitecustomize)
        settings, budget = Settings.read({}), share_out(Limits(2, 2048))
        java, *arguments = prepare(places, model, settings, budget)
        server = subprocess.Popen(
            [java, f"-XX:ArchiveClassesAtExit={places.classes}", *arguments],
            env=environment(os.environ, places, budget),
            cwd=places.temporary,
        )
        url = f"http://127.0.0.1:{settings.port}"
        wait_ready(server, url)
        for path, body in REQUESTS:
            with urllib.request.urlopen(url + path, body, timeout=10) as answer:
                answer.read()
        server.terminate()
        server.wait(DEADLINE_S)
        # The command names the archive now that it exists; -Xshare:on fails where it does not fit.
        command = prepare(places, model, settings, budget)
        before_main = command[: command.index("-cp") + 2]
        subprocess.run([*before_main, "-Xshare:on", "-version"], check=True)
    print(f"{places.classes}: {places.classes.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
