# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where a JVM's memory goes, by its own account and by what is resident of it.

``jcmd`` is asked, the one beside the JVM's ``java`` or on the PATH; without one nothing is known.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from bisect import bisect_right
from collections import defaultdict
from pathlib import Path

import psutil

from benchmarks.processes import anonymous_mb, mappings

# Native memory tracking in full; what it costs itself is in its own account.
TRACKING_FLAG = "-XX:NativeMemoryTracking=detail"
_RESERVED = re.compile(r"\[0x([0-9a-f]+) - 0x([0-9a-f]+)\] reserved \d+KB for (.+?) from")
_TOTAL = re.compile(r"^-\s+(.+?) \(reserved=\d+KB, committed=(\d+)KB\)", re.MULTILINE)
_GENERATION = re.compile(r"generation +total \d+K, used (\d+)K \[0x(\w+), 0x\w+, 0x(\w+)\)")
_KB_PER_MB = 1000 / 1.024


def find_jcmd(jvm: int) -> str | None:
    """The program that talks to a JVM; None where the machine has none."""
    beside = Path(psutil.Process(jvm).exe()).with_name("jcmd")
    return str(beside) if beside.exists() else shutil.which("jcmd")


def ask(jvm: int, *command: str, commands: str | None = None) -> str:
    """What ``jcmd PID COMMAND`` prints, or several, a line each; empty without jcmd."""
    program = find_jcmd(jvm)
    if program is None:
        return ""
    given = ("-f", "/dev/stdin") if commands else command
    result = subprocess.run(
        [program, str(jvm), *given],
        input=commands, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return result.stdout


def lasting_mb(jvm: int) -> float | None:
    """What garbage collection cannot free: live objects, and all that lies outside the heap.

    The heap's own size says little: it is filled before it is collected. Runs a collection.

    Returns:
        None without jcmd, or where the collector is not the serial one.
    """
    said = ask(jvm, commands="GC.run\nGC.heap_info\n")
    generations = _GENERATION.findall(_in_one_line(said))
    if not generations:
        return None
    live_mb = sum(int(used) for used, _, _ in generations) / _KB_PER_MB
    bounds = [int(address, 16) for _, *addresses in generations for address in addresses]
    heap_mb = sum(
        mapping.pss_mb
        for mapping in mappings(jvm)
        if min(bounds) <= mapping.start < max(bounds) and not mapping.name
    )
    return round(anonymous_mb(jvm) - heap_mb + live_mb, 2)


def areas_mb(jvm: int) -> dict[str, float]:
    """Resident memory by area: heap, metaspace, code, threads, libraries, the rest.

    The JVM must run with :data:`TRACKING_FLAG`; otherwise there are only libraries and the rest.
    """
    known = _RESERVED.findall(_in_one_line(ask(jvm, "VM.native_memory", "detail")))
    regions = sorted((int(start, 16), int(end, 16), name) for start, end, name in known)
    starts = [start for start, _, _ in regions]
    found: dict[str, float] = defaultdict(float)
    for mapping in mappings(jvm):
        index = bisect_right(starts, mapping.start) - 1
        if index >= 0 and mapping.start < regions[index][1]:
            found[regions[index][2].lower()] += mapping.pss_mb
        elif mapping.name.startswith("/"):
            found["files: libraries, Java's modules"] += mapping.pss_mb
        else:
            found["malloc and other"] += mapping.pss_mb
    return {name: round(size, 1) for name, size in sorted(found.items(), key=lambda item: -item[1])}


def committed_mb(jvm: int) -> dict[str, float]:
    """What the JVM has asked the system for, by its own account; resident is less."""
    totals = _TOTAL.findall(ask(jvm, "VM.native_memory", "summary"))
    return {name.strip().lower(): round(int(size) / _KB_PER_MB, 1) for name, size in totals}


def _in_one_line(text: str) -> str:
    return " ".join(text.split())
