# SPDX-License-Identifier: AGPL-3.0-or-later
"""An image's size, layer by layer, with those of its base apart."""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from deploy.errors import EngineError

_MB = 1_000_000
_CHUNK = 2**20
_GZIP = 31  # zlib: the largest window, with gzip's header
_SHOWN = 72


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer.

    Attributes:
        origin: The Dockerfile's line that made it; empty for the base's.
        unpacked_bytes: Sum of its files.
        compressed_bytes: As gzip, which is what a registry keeps.
    """

    origin: str
    unpacked_bytes: int
    compressed_bytes: int


def measure(program: str, image: str, base: str | None = None) -> list[Layer]:
    """Measure the layers of an image that is stored here, the base's first.

    Args:
        program: ``docker`` or ``podman``.
        image: The image.
        base: The image that it was built from; without it no layer is told to be the base's.

    Raises:
        EngineError: If an image is not there; the message says how to get it.
    """
    _layers_of(program, image, f"make image TAG={image} builds it")
    in_base = 0
    if base is not None:
        # BuildKit does not leave it among the images.
        advice = f"`{program} pull {base}` gets it, --base names another one"
        in_base = len(_layers_of(program, base, advice))
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder, "image.tar")
        _run(program, "save", "--output", str(saved), image)
        with tarfile.open(saved) as tar:
            (manifest,) = json.load(_member(tar, "manifest.json"))
            config = json.load(_member(tar, manifest["Config"]))
            origins = [
                entry.get("created_by", "")
                for entry in config["history"]
                if not entry.get("empty_layer")
            ]
            return [
                Layer("" if index < in_base else origin, *_sizes(_member(tar, name)))
                for index, (name, origin) in enumerate(
                    zip(manifest["Layers"], origins, strict=True)
                )
            ]


def table(layers: list[Layer]) -> str:
    """The layers as lines of text, with sums."""
    base = [layer for layer in layers if not layer.origin]
    lines = [f"{'unpacked':>10} {'compressed':>10}   MB (10^6 bytes)"]
    lines.append(_line("the base image", base))
    lines += [_line(_instruction(layer.origin), [layer]) for layer in layers if layer.origin]
    lines.append(_line("all", layers))
    return "\n".join(lines)


def _line(name: str, layers: list[Layer]) -> str:
    unpacked = sum(layer.unpacked_bytes for layer in layers) / _MB
    compressed = sum(layer.compressed_bytes for layer in layers) / _MB
    return f"{unpacked:10.1f} {compressed:10.1f}   {name}"


def _instruction(origin: str) -> str:
    """The Dockerfile's instruction, without what older builders put around it."""
    text = origin.removeprefix("/bin/sh -c #(nop) ").strip()
    return re.sub(r"\b(dir|file|multi):[0-9a-f]+ in ", "", text)[:_SHOWN]


def _sizes(layer: IO[bytes]) -> tuple[int, int]:
    """Sum of the files of an uncompressed layer, and its size as gzip."""
    packer, compressed = zlib.compressobj(6, zlib.DEFLATED, _GZIP), 0
    for chunk in iter(lambda: layer.read(_CHUNK), b""):
        compressed += len(packer.compress(chunk))
    compressed += len(packer.flush())
    layer.seek(0)
    with tarfile.open(fileobj=layer, mode="r:") as files:
        return sum(entry.size for entry in files), compressed


def _member(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    found = tar.extractfile(name)
    if found is None:
        raise EngineError(f"the saved image has no file {name}")
    return found


def _layers_of(program: str, image: str, advice: str) -> list[str]:
    """Digests of an image's layers; ``advice`` is for whoever does not have it."""
    try:
        (described,) = json.loads(_run(program, "image", "inspect", image))
    except EngineError as err:
        raise EngineError(f"no image {image} is stored here; {advice} ({err})") from err
    layers: list[str] = described["RootFS"]["Layers"]
    return layers


def _run(*command: str) -> str:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise EngineError(f"{' '.join(command[:3])}: {result.stderr.strip()}")
    return result.stdout
