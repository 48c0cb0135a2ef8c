# SPDX-License-Identifier: AGPL-3.0-or-later
"""Build the endpoint plugin: ``python docker/endpoints/build.py [--out FILE.jar]``.

The jar is committed, because a laptop has no ``javac``. The same sources and JDK give the same
bytes: entries are sorted and carry no time. The sources are in the jar too, so that a jar that is
older than its sources can be told without a compiler.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
SOURCES = HERE / "src"
JAR = HERE / "roomdet-endpoints.jar"
NETTY = HERE.parent / "netty"
SERVICE = "META-INF/services/org.pytorch.serve.servingsdk.ModelServerEndpoint"
ENDPOINTS = ("Ping", "Metrics", "ExecutionParameters", "Versions")
MANIFEST = "Manifest-Version: 1.0\r\n\r\n"
# Class files of one source are the same under any JDK from 17 on, as far as flags can see to it:
# --release fixes the format and the library, inline concatenation avoids the JDK's own strategy.
FLAGS = (
    "--release", "17", "-g:source,lines", "-XDstringConcat=inline", "-proc:none",
    "-encoding", "UTF-8", "-Xlint:all,-classfile,-path,-processing", "-Werror",
)  # fmt: skip
# The earliest time that a zip can hold.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


class BuildError(Exception):
    """The plugin cannot be built; the message says why."""


def torchserve_jar() -> Path:
    """TorchServe's frontend in this Python's site-packages; it holds the plugin SDK.

    Raises:
        BuildError: If torchserve is not installed.
    """
    spec = importlib.util.find_spec("ts")
    if spec is None or spec.origin is None:
        raise BuildError("torchserve is not installed beside this Python")
    return Path(spec.origin).parent / "frontend" / "model-server.jar"


def compile_classes(folder: Path) -> None:
    """Compile the sources into a folder.

    Raises:
        BuildError: If there is no ``javac``, or it refuses the sources.
    """
    sources = sorted(str(path) for path in SOURCES.rglob("*.java"))
    # As the server runs them: netty's own jars first (docker/netty/README.md).
    jars = ":".join(map(str, [*sorted(NETTY.glob("*.jar")), torchserve_jar()]))
    command = ["javac", *FLAGS, "-cp", jars, "-d", str(folder), *sources]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as err:
        raise BuildError("there is no javac; install a JDK of version 17 or later") from err
    if result.returncode:
        raise BuildError(f"javac failed:\n{result.stdout}{result.stderr}")


def build(out: Path) -> None:
    """Build the jar.

    Raises:
        BuildError: See :func:`compile_classes`.
    """
    with tempfile.TemporaryDirectory() as scratch:
        classes = Path(scratch)
        compile_classes(classes)
        entries = {
            str(path.relative_to(folder)): path.read_bytes()
            for folder, pattern in ((classes, "*.class"), (SOURCES, "*.java"))
            for path in folder.rglob(pattern)
        }
    entries[SERVICE] = "".join(f"roomdet.endpoints.{name}\n" for name in ENDPOINTS).encode()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as jar:
        for name, content in [
            ("META-INF/MANIFEST.MF", MANIFEST.encode()),
            *sorted(entries.items()),
        ]:
            entry = zipfile.ZipInfo(name, _NO_TIME)
            entry.external_attr = 0o644 << 16
            jar.writestr(entry, content, zipfile.ZIP_DEFLATED)


def main(argv: list[str] | None = None) -> int:
    """Run the command line; 0 when the jar is written, 1 when it cannot be built."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=JAR)
    args = parser.parse_args(argv)
    try:
        build(args.out)
    except BuildError as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    print(f"{args.out}: {args.out.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
