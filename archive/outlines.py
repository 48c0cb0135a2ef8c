# SPDX-License-Identifier: AGPL-3.0-or-later
"""Put a network that draws outlines beside an exported detector.

``python -m archive.outlines build/outlines --into weights/rooms``; `make archive WEIGHTS=` does so
with the shipped one.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from roomdet import network, outlines
from roomdet.errors import ModelError

FILES = (outlines.TOPOLOGY, outlines.WEIGHTS)
SHIPPED = Path("weights/rooms")


def add_outlines(source: Path, into: Path) -> network.NetworkManifest:
    """Copy an outline network and name its digests.

    Args:
        source: Folder with ``outlines.xml`` and ``outlines.bin``, which are tried out.
        into: As :mod:`archive.export` writes it; one that is there is replaced.

    Returns:
        What ``network.json`` says now.

    Raises:
        ModelError: If either folder is damaged or lacks a file.
    """
    manifest = network.NetworkManifest.read(into)
    digests = {name: network.sha256_of(source / name) for name in FILES}
    outlines.OutlineNetwork(source)
    if not into.samefile(source):
        for name in FILES:
            shutil.copyfile(source / name, into / name)
    changed = replace(manifest, files=manifest.files | digests)
    changed.write(into)
    return changed


def main(argv: list[str] | None = None) -> int:
    """Run the command line; 0 when the network is there, 1 when it cannot be."""
    parser = argparse.ArgumentParser(prog="python -m archive.outlines", description=__doc__)
    parser.add_argument("source", type=Path, help="folder of outlines.xml and outlines.bin")
    parser.add_argument("--into", type=Path, default=SHIPPED, help="default: %(default)s")
    args = parser.parse_args(argv)
    try:
        add_outlines(args.source, args.into)
    except ModelError as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    print(f"{args.into} draws outlines with {args.source}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
