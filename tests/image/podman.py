# SPDX-License-Identifier: AGPL-3.0-or-later
"""Podman where there is no Docker daemon: its configuration, its base image, its pip."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

OWN_BASE = "localhost/python-base:bookworm"
_LEFT_OUT = ("man", "doc", "locale")
_CONTAINERS_CONF = """\
[containers]
# A machine without CAP_SYS_RESOURCE cannot raise limits.
default_ulimits = ["nofile=16384:16384", "nproc=16384:16384"]
netns = "none"
[engine]
# crun refuses hybrid cgroups.
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


def store(images: Path, run: Path, registry: str) -> dict[str, str]:
    """Podman's configuration for a store of its own."""
    run.mkdir(parents=True, exist_ok=True)
    files = {
        "CONTAINERS_STORAGE_CONF": f'[storage]\ndriver = "overlay"\ngraphroot = "{images}"\n'
        f'runroot = "{run}"\n',
        "CONTAINERS_CONF": _CONTAINERS_CONF,
        "CONTAINERS_REGISTRIES_CONF": "unqualified-search-registries = []\n[[registry]]\n"
        f'location = "{registry}"\ninsecure = true\n',
    }
    environ = {"TMPDIR": str(run)}
    for name, text in files.items():
        path = run / f"{name.lower()}.conf"
        path.write_text(text)
        environ[name] = str(path)
    return environ


def unmount(folder: Path) -> None:
    """Podman leaves its store mounted on itself."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((m for m in mounts if Path(m).is_relative_to(folder)), reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=False)


def make_base(environ: dict[str, str], cache: Path) -> None:
    """Debian with Python, in the place of the slim image that cannot be pulled everywhere."""
    exists = ["podman", "image", "exists", OWN_BASE]
    if subprocess.run(exists, env=environ, check=False).returncode == 0:
        return
    tar = cache / "base.tar"
    if not tar.exists():
        unfinished = cache / "unfinished.tar"
        subprocess.run(
            [
                "mmdebstrap", "--quiet", "--mode=root", "--variant=minbase",
                "--include=python3,python3-venv,ca-certificates",
                '--aptopt=APT::Install-Recommends "false"',
                "--dpkgopt=force-unsafe-io",
                *(f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in _LEFT_OUT),
                "bookworm", str(unfinished), *_debian_sources(),
            ],
            check=True,
        )  # fmt: skip
        unfinished.rename(tar)
    command = ["podman", "import", "--quiet", str(tar), OWN_BASE]
    subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)


def _debian_sources() -> list[str]:
    """This machine's own, so that its mirror is used; none leaves the choice to mmdebstrap."""
    path = Path("/etc/apt/sources.list.d/debian.sources")
    return [str(path)] if path.exists() else []


def pip_mounts() -> Iterator[str]:
    """Flags that show pip, while the image is built, what it uses on this machine.

    Its configuration files, and the folders and certificates that they name; nothing of it stays
    in the image.
    """
    yield "--network=host"
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "debug"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    paths = []
    for line in listing.splitlines():
        name, _, state = line.strip().partition(", exists: ")
        if state == "True":
            paths.append(name)
        elif ": " in line:
            words = line.partition(": ")[2].strip("'\" ").split()
            paths += [
                word.removeprefix("file://") for word in words if word.startswith(("/", "file:"))
            ]
    for path in dict.fromkeys(paths):
        if Path(path).is_absolute() and (found := _existing(Path(path))):
            yield f"--volume={found}:{found}:ro"


def _existing(path: Path) -> Path | None:
    """A file, or the folder above an index of packages."""
    folder = path.parent if path.name == "simple" else path
    return folder if folder.exists() and folder != Path("/") else None
