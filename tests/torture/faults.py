# SPDX-License-Identifier: AGPL-3.0-or-later
"""What goes wrong on the machine, to the image's process 1: ``python -m tests.torture.faults``.

Two clients send plans all along, while a process is killed, the disk is full, the clock jumps; the
table says what they got, after how many seconds a plan had its rooms again, and what the log says.
It ends with status 1 where a client waits for more than a minute, gets another's rooms, an answer
that is not documented or tells of the server, or where the server neither comes back by itself nor
ends with the reason, so that whoever runs it starts another. Needs root: tests/torture/box.py.
``--only`` names groups; ``--short`` runs those that no other test has, and is one.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from reporting.processes import repeating
from serving.polling import poll
from tests.builders import ENDLESS_PDF
from tests.conftest import ROOT, SAMPLE_PDF
from tests.e2e.spoiling import without
from tests.s3_servers import Script, serve_badly
from tests.torture.box import JVM, READER, WORKER, open_box
from tests.torture.load import ask, png
from tests.torture.watched import BACK_S, Seen, Watched, line, wait_for, watched

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.torture.box import Box

PDF = SAMPLE_PDF.read_bytes()
WATCHED_S, LONGER_S = 2.0, 5.0
FILL = "dd if=/dev/zero of=/tmp/full bs=4k 2>/dev/null || true"
FAKE_TIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
UNREAD = 500  # two lines each: more than two pipes of 64 kB hold
MEMORY = Path("/sys/fs/cgroup/memory")
CONTAINER_MB = 1200
MUTE_AT = f"127.7.{os.getpid() >> 8 & 255}.{os.getpid() & 255}"  # of this run alone
# Pictures of these sizes are what a handler of ours has a bug for.
RAISES_WH, CRASHES_WH = (333, 222), (334, 222)
BUGS = f"""
_init = Inspection.__init__
def _buggy(self, detector, page, options, ceiling):
    if page.source_wh == {RAISES_WH}:
        raise RuntimeError("/opt/ml/model: a bug")
    if page.source_wh == {CRASHES_WH}:
        import os
        os.kill(os.getpid(), 11)
    _init(self, detector, page, options, ceiling)
Inspection.__init__ = _buggy
""".encode()
PREFIX = "s3://my-shelf/plans/"
FETCH_S = 3


# -- groups ---------------------------------------------------------------------------------


def processes(archive: Path, seen: list[Seen]) -> None:
    """Processes that are killed or told to stop."""
    with watched(archive, seen) as at:
        with at.fault("`kill -9` of who reads a page, five times", "") as fault:
            for _ in range(5):
                for reader in at.served.find(READER)[1:]:  # the first forks them
                    os.kill(reader, signal.SIGKILL)
                time.sleep(0.5)
        with at.fault("`kill -9` of who forks it", "fork server has ended|disconnected"):
            os.kill(at.served.find(READER)[0], signal.SIGKILL)
        with at.fault("`kill -9` of the worker", "Worker disconnected"):
            at.wait_busy()
            at.served.kill(WORKER)
        with at.fault("SIGTERM between requests in flight", "nothing in flight", ends=0) as fault:
            at.wait_busy()
            at.served.stop()
            fault.over.set()  # a platform sends no more
        fault.expect(not fault.cut, "a request was lost")
        with at.fault("`kill -9` of the JVM", "TorchServe was killed by SIGKILL", ends=1):
            at.wait_busy()
            at.served.kill(JVM)
        left = [*at.served.find(WORKER), *at.served.find(READER)]
        # With 1 ends unshare, which cannot kill itself likewise (signal(2) refuses SIGKILL).
        with at.fault("`kill -9` of process 1", "", ends=1) as fault:
            at.wait_busy()
            os.kill(at.served.pid, signal.SIGKILL)
        fault.expect(not any(map(_lives, left)), "a worker was left")


def _lives(pid: int) -> bool:
    with suppress(OSError):
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False


def disk(archive: Path, seen: list[Seen]) -> None:
    """The only folder that can be written to is full or read-only; a second start in it."""
    read_only, writable = (f"mount -o remount,bind,{how} /tmp" for how in ("ro", "rw"))
    with watched(archive, seen) as at:
        for how, harm, undo in (
            ("full", FILL, "rm /tmp/full"),
            ("read-only", read_only, writable),
        ):
            with at.fault(f"`/tmp` {how}", "") as fault:
                at.served.run(harm)
                reply = ask(at.served.port, PDF)
                fault.expect(reply.status == 200, f"{reply.status} for a PDF")
                time.sleep(WATCHED_S)
                fault.expect({200} == {each.status for each in fault.replies}, "not all were 200")
            name = f"`/tmp` {how} for {LONGER_S:.0f} s more, and `kill -9` of the worker"
            with at.fault(name, "Worker disconnected"):
                at.served.kill(WORKER)
                time.sleep(LONGER_S)
                at.served.run(undo)
        second_start(at)


def second_start(at: Watched) -> None:
    """Start another process 1 in the same box."""
    for name, port, says in (
        ("on its ports", at.served.port, "cannot be opened: Address already in use"),
        ("in its folder", None, "in use by another"),
    ):
        with at.fault(f"a second start {name}", "") as fault:
            other = at.box.start(port=port)
            status = other.process.wait(BACK_S)
            fault.end = f"the second ended with {status}"
            fault.expect(status == 1, f"the second ended with {status}")
            fault.log = line(other.entries(), says)
            fault.expect(bool(fault.log), f"the second does not say {says!r}:\n{other.tail()}")
            fault.expect({200} == {each.status for each in fault.replies}, "the first was harmed")


def log(archive: Path, seen: list[Seen]) -> None:
    """Nobody reads the log: the pipe behind it fills, and the one behind that."""
    with watched(archive, seen, is_log_read=False) as at:
        with at.fault(f"nobody reads the log of {UNREAD} requests", "") as fault:
            for _ in range(UNREAD):
                reply = ask(at.served.port, b"no picture", timeout_s=30)
                fault.expect(reply.status == 400, f"{reply.status} for no picture")
        with at.fault("SIGTERM while nobody reads the log", "", ends=0) as fault:
            at.served.stop()
            fault.over.set()


def starts(archive: Path, seen: list[Seen]) -> None:
    """Starts that cannot succeed, and two in one moment."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for fault, bad, furnish, says in _bad_starts(archive, folder):
            with open_box(bad, folder / "logs") as box:
                if furnish:
                    box.run(furnish)
                served = box.start()
                status, row = served.process.wait(2 * BACK_S), Seen(fault)
                row.end = f"ended with {status} after {time.monotonic() - served.started_s:.1f} s"
                row.log = line(served.entries()[-1:], says)
                row.expect(status == 1, f"it ended with {status}")
                row.expect(bool(row.log), f"the last line does not say {says!r}:\n{served.tail()}")
                row.expect(all("no JSON" not in str(e) for e in served.entries()), "a bare line")
            Watched(box, served, [], seen).tell(row)
        with open_box(archive, folder / "logs") as box:
            _two_at_once(box, seen)


def _bad_starts(archive: Path, folder: Path) -> Iterator[tuple[str, Path, str, str]]:
    """Name, archive, what is done to the box before, and what the last line says."""
    whole = archive.read_bytes()
    cut, changed = folder / "cut.mar", folder / "changed.mar"
    cut.write_bytes(whole[: len(whole) // 2])
    with zipfile.ZipFile(archive) as content:
        network = content.read("network.bin")
        at = content.getinfo("network.bin").header_offset + 100
    changed.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    flipped = bytes([network[0] ^ 1]) + network[1:]
    yield "an archive cut in half", cut, "", "no TorchServe archive, or damaged"
    yield "an archive with a changed byte", changed, "", "damaged"
    manifest = without(archive, folder / "bare.mar", "MAR-INF/MANIFEST.json")
    yield "an archive without its manifest", manifest, "", "no TorchServe archive"
    other = without(archive, folder / "other.mar", "network.bin", flipped)
    yield "an archive packed with another network", other, "", "network.bin has sha256"
    yield "a start with `/tmp` full", archive, FILL, "cannot be written: No space left"
    little = f"{FILL}; truncate -s -1M /tmp/full"
    yield "a start with 1 MB left in `/tmp`", archive, little, "does not load: .*No space left"
    yield "a start with `/tmp` read-only", archive, "mount -o remount,ro /tmp", "Read-only file"


def _two_at_once(box: Box, seen: list[Seen]) -> None:
    one = box.start()
    two, row = box.start(port=one.port), Seen("two starts in one moment, same ports and folder")
    ends = []
    for _ in poll(2 * BACK_S, 0.1):
        ends = [each for each in (one, two) if each.process.poll() is not None]
        if ends:
            break
    running = two if ends == [one] else one
    at = Watched(box, running, [], seen)
    row.expect(len(ends) == 1, f"{len(ends)} of two ended")
    if ends:
        row.end = f"one ended with {ends[0].process.returncode}"
        row.expect(ends[0].process.returncode == 1, row.end)
        row.log = line(ends[0].entries()[-1:], "cannot be opened|in use by another")
        row.expect(bool(row.log), ends[0].tail())
    at.wait_ready()
    row.back_s = at.back(running.started_s)
    at.tell(row)


def memory(archive: Path, seen: list[Seen]) -> None:
    """A page that takes all memory: the shipped ceiling, and the container's where that is off."""
    with watched(archive, seen) as at:
        name = "a page without end, the shipped ceiling"
        at.one(name, "file_too_large|invalid_file_format", ENDLESS_PDF, (400, 413))
    with _limited_memory(CONTAINER_MB) as cgroup:
        if cgroup is None:
            print(f"left out: a container's ceiling; {MEMORY} is not this machine's")
            return
        environ = {"ROOMDET_PAGE_MB": "0", "ROOMDET_MEMORY_MB": "0"}
        with watched(archive, seen, environ, cgroup=cgroup) as at:
            name = f"a page without end, no ceiling but the container's {CONTAINER_MB} MiB"
            worker = at.served.find(WORKER)
            at.one(name, "file_too_large|invalid_file_format", ENDLESS_PDF, (400, 413))
            kept = at.served.find(WORKER) == worker
            at.seen[-1].expect(kept, "the worker was ended for it")


@contextmanager
def _limited_memory(mb: int) -> Iterator[Path | None]:
    """A cgroup of version 1; None where there are none."""
    own = re.search(r"^\d+:memory:/(.*)$", Path("/proc/self/cgroup").read_text(), re.MULTILINE)
    if not own or not (MEMORY / own[1]).is_dir():
        yield None
        return
    folder = MEMORY / own[1] / f"faults-{os.getpid()}"
    folder.mkdir()
    try:
        (folder / "memory.limit_in_bytes").write_text(str(mb * 2**20))
        yield folder
    finally:
        for _ in poll(10, 0.1):  # until the kernel has cleared away what ran in it
            with suppress(OSError):
                folder.rmdir()
                break


def clock(archive: Path, seen: list[Seen]) -> None:
    """The wall clock jumps, as when a machine is set right or restored from a snapshot."""
    if not FAKE_TIME.exists():
        print("left out: jumps of the clock; they need Debian's libfaketime")
        return
    environ = {
        "LD_PRELOAD": str(FAKE_TIME),
        "FAKETIME_TIMESTAMP_FILE": "/run/box/clock",
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DISABLE_SHM": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # nor does a jump of a real clock
        "FAKETIME_DONT_RESET": "1",
    }
    with watched(archive, seen, environ, furnish="echo +0 > /run/box/clock") as at:
        for days in (1, -1, 3650):
            with at.fault(f"the clock jumps to {days:+d} days", "") as fault:
                at.box.run(f"echo {days:+d}d > /run/box/clock")
                wait_for(partial(_is_off_by, at, days), "the clock did not jump")
                time.sleep(WATCHED_S)
                fault.log = f"goes on at {at.served.entries()[-1]['time'][:16]}"
                fault.expect({200} == {each.status for each in fault.replies}, "not all were 200")


def _is_off_by(at: Watched, days: int) -> bool:
    """Whether the last line of the log was written so many days from now."""
    told = datetime.fromisoformat(at.served.entries()[-1]["time"])
    return round((told - datetime.now(UTC)) / timedelta(days=1)) == days


def bugs(archive: Path, seen: list[Seen]) -> None:
    """A model that raises on one picture, and one that crashes on another; S3; no name server."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serve_badly() as (s3, follow, _),
        _mute() as asked,
    ):
        with zipfile.ZipFile(archive) as content:
            source = content.read("roomdet/inspection.py")
        buggy = without(archive, Path(folder) / "b.mar", "roomdet/inspection.py", source + BUGS)
        port = s3.url.rpartition(":")[2]
        environ = s3.environ | {
            "AWS_ENDPOINT_URL_S3": f"http://s3.test:{port}",
            "ROOMDET_IMAGE_URL_PREFIXES": PREFIX,
            "ROOMDET_FETCH_TIMEOUT_S": str(FETCH_S),
        }
        names = "echo 127.0.0.1 localhost > /run/box/hosts"
        s3_known = f"{names}; echo 127.0.0.1 s3.test my-shelf.s3.test >> /run/box/hosts"
        furnish = (
            f"{s3_known}; echo nameserver {MUTE_AT} > /run/box/resolv.conf\n"
            "for name in hosts resolv.conf; do mount --bind /run/box/$name /etc/$name; done"
        )
        with watched(buggy, seen, environ, furnish=furnish) as at:
            _after_a_mute_start(at, asked)
            picture = _blank(RAISES_WH)
            at.one("a model that raises on one picture", "Request .* failed", picture, (500,))
            follow(Script())
            named = json.dumps({"image_url": f"{PREFIX}a.png"}).encode()
            for what, script, says, statuses in S3_FAULTS:
                follow(script)
                at.one(f"S3 {what}", says, named, statuses, content_type="application/json")
            at.box.run(names)
            says, kind = "EndpointConnectionError|nothing complete within", "application/json"
            at.one("S3 without a name server", says, named, (500,), content_type=kind)
            at.seen[-1].expect(bool(asked), "nobody asked it")
            crash = _blank(CRASHES_WH)
            says = "disconnected|[Ww]orker died"
            at.one("a network that crashes on one picture", says, crash, (500, 503, 507))


S3_FAULTS = (
    ("answers 403", Script(head=403), "answered HeadObject with 403", (400,)),
    ("answers 404", Script(head=404), "answered HeadObject with 404", (400,)),
    ("answers 503", Script(head=503), "answered HeadObject with 503", (500,)),
    (
        "cuts the file off",
        Script(headers={"Content-Length": "200"}, body=bytes(100)),
        "S3: .*Error",
        (500,),
    ),
    (
        "sends a byte now and then",
        Script(drip="body", size=10_000, body=bytes(10_000)),
        "nothing complete within",
        (500,),
    ),
)


def _after_a_mute_start(at: Watched, asked: list[bytes]) -> None:
    """The start that has just been: with a name server that never answers, and an unknown host."""
    row, says = Seen("a start with a name server that never answers"), "ready .* after the start"
    wait_for(
        lambda: bool(line(at.served.entries(), says)), "the log does not say when it was ready"
    )
    row.log = line(at.served.entries(), says)
    row.expect(not asked, f"it asked for names: {asked}")
    row.end = f"asked {len(asked)} times"
    at.tell(row)


@contextmanager
def _mute() -> Iterator[list[bytes]]:
    """A name server that takes questions, keeps them, and never answers."""
    asked: list[bytes] = []
    with closing(socket.socket(type=socket.SOCK_DGRAM)) as server:
        server.bind((MUTE_AT, 53))
        server.settimeout(0)

        def take() -> None:
            with suppress(BlockingIOError):
                asked.append(server.recv(512)[12:])

        with repeating(take, 0.05):
            yield asked


def _blank(size_wh: tuple[int, int]) -> bytes:
    return png(Image.new("L", size_wh, 255))


GROUPS = {each.__name__: each for each in (processes, disk, log, starts, memory, clock, bugs)}
SHORT = ("disk", "bugs")


def run(names: Sequence[str], archive: Path) -> list[Seen]:
    """Try groups of faults; a row for each fault."""
    print("| fault | clients | healthy again | log |\n|---|---|---|---|", flush=True)
    seen: list[Seen] = []
    for name in names:
        try:
            GROUPS[name](archive, seen)
        except (RuntimeError, OSError, subprocess.SubprocessError) as err:
            seen.append(Seen(name, found=[f"cannot be tried to its end: {err}"]))
    for row in seen:
        for what, count in Counter(row.found).items():
            print(f"FOUND: {row.fault}: {what} ({count} times)", file=sys.stderr, flush=True)
    return seen


def main(argv: list[str] | None = None) -> int:
    """Run the command; 1 if something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.faults", description=__doc__)
    add = parser.add_argument
    add("--archive", type=Path, default=ROOT / "model_store" / "rooms.mar")
    add("--only", nargs="+", choices=GROUPS, default=[])
    add("--short", action="store_true")
    args = parser.parse_args(argv)
    started_s = time.monotonic()
    seen = run(args.only or (SHORT if args.short else tuple(GROUPS)), args.archive)
    minutes = (time.monotonic() - started_s) / 60
    found = sum(bool(row.found) for row in seen)
    print(f"faults | the image's process 1 in namespaces | {len(seen)} faults, {minutes:.0f} min | "
          f"{found} found")  # fmt: skip
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
