# SPDX-License-Identifier: AGPL-3.0-or-later
"""``serve``: from arguments and environment to the end of the container."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pid1.archive import check_archive, find_archive
from pid1.budget import share_out
from pid1.cgroup import read_limits
from pid1.configuration import Places, claim, environment, prepare
from pid1.connections import check_ports
from pid1.errors import ServeError, UsageError
from pid1.health import scale
from pid1.logs import log
from pid1.settings import Settings
from pid1.supervisor import Supervisor, Timing, hold_signals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# SageMaker unpacks model.tar.gz into the first; the second is the image's own.
MODEL_FOLDER = Path("/opt/ml/model")
BAKED_IN = "archive"


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Serve until SIGTERM; 0 after a clean stop, else the reason is the last line on stdout."""
    hold_signals()
    try:
        if list(arguments) != ["serve"]:
            raise UsageError(
                f"this image understands one argument, `serve`; got {' '.join(arguments)!r}"
            )
        build_supervisor(environ, Places(), MODEL_FOLDER).run()
    except ServeError as err:
        log(str(err), "ERROR")
        return err.exit_status
    log("stopped")
    return 0


def build_supervisor(environ: Mapping[str, str], places: Places, model_folder: Path) -> Supervisor:
    """Check everything that can be checked before the server runs, and write its configuration.

    Args:
        environ: The container's environment.
        places: The image's folders.
        model_folder: Where SageMaker puts the archive.

    Raises:
        StartError: If a setting, a limit, the archive or a port is unfit.
    """
    settings = Settings.read(environ)
    limits = read_limits()
    budget = share_out(limits, max_bytes=settings.max_bytes, workers=settings.workers)
    archive = find_archive([model_folder, places.program / BAKED_IN])
    digest = check_archive(archive, settings.archive_sha256)
    check_ports(settings.port, settings.loopback_ports)
    claim(places.scratch)  # until this process ends
    command = prepare(places, archive, settings, budget)
    log(
        f"serving {archive} (sha256 {digest}) on port {settings.port}; "
        f"{limits.cpus:g} CPUs and {limits.memory_mb} MiB: {budget}"
    )

    def scale_up() -> None:
        if budget.workers > 1:
            refusal = scale(settings.loopback_ports[0], budget.workers)
            if refusal:
                log(f"{budget.workers} workers were asked for, one serves: {refusal}", "WARNING")

    return Supervisor(
        command=command,
        environ=environment(environ, places, budget),
        folder=places.temporary,
        port=settings.port,
        stop_file=places.stop_file,
        timing=Timing(start_s=settings.start_timeout_s),
        on_ready=scale_up,
    )
