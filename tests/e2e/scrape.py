# SPDX-License-Identifier: AGPL-3.0-or-later
"""Metrics of a running server, as Prometheus would read them."""

from __future__ import annotations

import re
import time
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

# name{label="value",…} number  (Prometheus' text format 0.0.4, as TorchServe's client writes it)
_SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:\w+="[^"]*",?)*)\})? (\S+)')


@dataclass(frozen=True)
class Scrape:
    """One answer of ``/metrics``: values by name and labels, types by family."""

    samples: dict[tuple[str, frozenset[str]], float]
    types: dict[str, str]

    @property
    def names(self) -> set[str]:
        """Names that a query could use."""
        return {name for name, _ in self.samples}

    def value(self, name: str, *labels: str) -> float:
        """Sum of the samples of a name that have all these labels, such as ``le="1.0"``."""
        found = [
            value
            for (sample, has), value in self.samples.items()
            if sample == name and has.issuperset(labels)
        ]
        assert found, f"{name} {labels} is not there"
        return sum(found)


def parse(text: str) -> Scrape:
    """Read a scrape; a line of no known form is an error."""
    samples: dict[tuple[str, frozenset[str]], float] = {}
    types = {}
    for line in text.splitlines():
        if line.startswith("#"):
            _, keyword, family, rest = line.split(" ", 3)
            if keyword == "TYPE":
                types[family] = rest
            continue
        sample = _SAMPLE.fullmatch(line)
        assert sample, line
        labels = frozenset(filter(None, (sample[2] or "").split(",")))
        samples[sample[1], labels] = float(sample[3])
    return Scrape(samples, types)


def scrape(url: str) -> Scrape:
    """Scrape an address once."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        return parse(answer.read().decode())


def scrape_until(url: str, is_wanted: Callable[[Scrape], bool]) -> Scrape:
    """Scrape until the metrics of an answer have arrived: TorchServe reads them beside it."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        found = scrape(url)
        if is_wanted(found):
            return found
        time.sleep(0.05)
    pytest.fail(f"these metrics do not change as wanted: {scrape(url).samples}")
