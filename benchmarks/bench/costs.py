# SPDX-License-Identifier: AGPL-3.0-or-later
"""What 1,000 flats and 1,000 sheets cost, as a function of prices, from measured processor time.

``python -m benchmarks.bench.costs docs/benchmarks/benchmarks.json --gb-second 0.00002
--mib-per-core 1769 --instance two-cores:2:0.10 --instance four-cores:4:0.19`` prints a table in
the currency of the prices. The figures of that line are examples: prices are yours to give, and so
is the memory that comes with a core on serverless, which AWS does not publish for SageMaker.

- Serverless bills memory times duration. One picture at a time takes its measured p50, or, where a
  tier has fewer cores than the work keeps busy, its processor time over the tier's cores. More
  cores than were measured on make nothing shorter here.
- An instance that is kept busy answers as many pictures as its cores have processor time for. One
  that waits costs more for each, by as much as it waits.

Sheets are measured for this project's server alone among servers; ``predict`` and SAHI stand
without one. A tier that a peak of memory does not fit is left empty.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.bench.figures import MEMORY_TIERS_MB, memory_tier_mb
from benchmarks.bench.starting import SERVERS
from benchmarks.bench.tables import TITLES
from reporting.tables import as_markdown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reporting.tables import Rows

PICTURES = 1000
_MIB_PER_GB = 1024  # as billed
_MS_PER_S, _S_PER_HOUR = 1000, 3600


@dataclass(frozen=True, slots=True)
class Work:
    """A picture by one server: clock and processor time in ms, peak memory in MB (10^6 bytes)."""

    what: str
    server: str
    p50_ms: float
    processor_ms: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance type with its cores and the price of an hour."""

    name: str
    cores: float
    hour: float

    @classmethod
    def parse(cls, text: str) -> Instance:
        """Read ``NAME:CORES:PRICE``."""
        name, cores, hour = text.rsplit(":", 2)
        return cls(name, float(cores), float(hour))

    def price(self, work: Work) -> float:
        """Of 1,000 pictures, where the instance is kept busy."""
        core_s = PICTURES * work.processor_ms / _MS_PER_S
        return core_s / self.cores / _S_PER_HOUR * self.hour


@dataclass(frozen=True, slots=True)
class Serverless:
    """The price of a GB-second, and the MiB of memory that come with one core."""

    gb_second: float
    mib_per_core: float

    def price(self, work: Work, tier_mib: int) -> float | None:
        """Of 1,000 pictures, one at a time; None where a tier's memory is too small."""
        least = memory_tier_mb(work.peak_mb)
        if least is None or tier_mib < least:
            return None
        cores = tier_mib / self.mib_per_core
        billed_ms = max(work.p50_ms, work.processor_ms / cores)
        return PICTURES * billed_ms / _MS_PER_S * tier_mib / _MIB_PER_GB * self.gb_second


def works(report: Mapping[str, Any]) -> Iterator[Work]:
    """Flats of every server, then sheets."""
    for name in SERVERS:
        if name in report["latency"]:
            figures = report["latency"][name]["plan.png"]["1"]
            peak_mb = report["memory"][name]["plans_mb"]
            times_ms = figures["p50_ms"], figures["processor_ms"]
            yield Work("flat, 1-megapixel PNG", name, *times_ms, peak_mb)
    sheets = report.get("sheets", {"latency": {}})
    for name, of_picture in sheets["latency"].items():
        figures = of_picture["sheet.pdf"].get("auto", of_picture["sheet.pdf"]["sheet"])
        times_ms = figures["p50_ms"], figures["processor_ms"]
        yield Work("A1 sheet of 134 rooms, PDF", name, *times_ms, sheets["peak_hwm_mb"][name])


def price_rows(
    report: Mapping[str, Any], serverless: Serverless, instances: Sequence[Instance]
) -> Rows:
    """A line for each kind of picture and server."""
    tiers = [f"{tier:,} MiB" for tier in MEMORY_TIERS_MB]
    head = ["1,000 of", "by", "core-seconds", *tiers, *(one.name for one in instances)]
    rows = [head]
    for work in works(report):
        on_tiers = [serverless.price(work, tier) for tier in MEMORY_TIERS_MB]
        prices = [*on_tiers, *(one.price(work) for one in instances)]
        cells = ["" if price is None else f"{price:.4f}" for price in prices]
        rows.append([work.what, TITLES[work.server], f"{work.processor_ms:,.0f}", *cells])
    return rows


def main(argv: list[str] | None = None) -> int:
    """Run the command line; always 0, the table is the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench.costs", description=__doc__)
    parser.add_argument("report", type=Path, help="JSON of benchmarks.bench")
    parser.add_argument("--gb-second", type=float, required=True, help="price on serverless")
    parser.add_argument(
        "--mib-per-core", type=float, required=True, help="memory with a core there"
    )
    parser.add_argument(
        "--instance", type=Instance.parse, action="append", default=[], help="NAME:CORES:HOUR"
    )
    args = parser.parse_args(argv)
    report = json.loads(args.report.read_text("utf-8"))
    serverless = Serverless(args.gb_second, args.mib_per_core)
    print(as_markdown(price_rows(report, serverless, args.instance)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
