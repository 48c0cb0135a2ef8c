# SPDX-License-Identifier: AGPL-3.0-or-later
"""Plots of a report of :mod:`benchmarks.bench`, as PNG.

``python -m benchmarks.bench.plots docs/benchmarks/benchmarks.json docs/benchmarks`` in .venv-train:
matplotlib is in the training environment, so this imports nothing that is not there.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, TypeAlias

import matplotlib as mpl
import matplotlib.pyplot as plt

mpl.use("Agg")
Report: TypeAlias = dict[str, Any]
SERVERS = {
    "ours": ("this project", "tab:blue"),
    "fastapi_int8": ("FastAPI, OpenVINO int8", "tab:purple"),
    "fastapi_openvino": ("FastAPI, OpenVINO fp32", "tab:pink"),
    "fastapi": ("FastAPI", "tab:orange"),
    "torchserve": ("TorchServe", "tab:red"),
    "litserve": ("LitServe", "tab:green"),
}
LIMIT = ("limit", "limit, a process per core")
SIZE_IN = (7.5, 4.2)
DPI = 110


def servers(report: Report) -> dict[str, tuple[str, str]]:
    """Title and color of each that was measured."""
    return {name: how for name, how in SERVERS.items() if name in report["memory"]}


def plot_throughput(report: Report) -> Any:
    """Answers a second against clients, with the limit as a line."""
    figure, axes = plt.subplots(figsize=SIZE_IN, layout="constrained")
    for name, (title, color) in servers(report).items():
        of_clients = report["throughput"][name]
        clients = [int(key) for key in of_clients]
        axes.plot(
            clients, [of_clients[str(n)]["per_s"] for n in clients], "o-", label=title, color=color
        )
    clients = [int(key) for key in report["throughput"]["ours"]]
    limit = max(
        figures["per_s"] for name in LIMIT for figures in report["throughput"][name].values()
    )
    axes.axhline(limit, linestyle="--", color="gray", label="limit on all cores, no server")
    axes.set_xscale("log", base=2)
    axes.set_xticks(clients, [str(n) for n in clients])
    axes.set(xlabel="clients at once", ylabel="pictures a second", ylim=0)
    axes.set_title("1-megapixel PNG: throughput")
    axes.legend()
    return figure


def plot_latency(report: Report) -> Any:
    """p50 with p95 as whisker of each picture, one client, on a logarithmic scale."""
    figure, axes = plt.subplots(figsize=SIZE_IN, layout="constrained")
    pictures = list(report["pictures"])
    # Those that were asked for every picture.
    bars = {
        name: how
        for name, how in {**servers(report), "limit": ("limit, no server", "gray")}.items()
        if len(report["latency"][name]) == len(pictures)
    }
    width = 0.8 / len(bars)
    for offset, (name, (title, color)) in enumerate(bars.items()):
        figures = [report["latency"][name][picture]["1"] for picture in pictures]
        p50_ms = [values["p50_ms"] for values in figures]
        above_ms = [max(0.0, values["p95_ms"] - values["p50_ms"]) for values in figures]
        places = [place + (offset + 0.5) * width - 0.4 for place in range(len(pictures))]
        axes.bar(places, p50_ms, width, label=title, color=color)
        axes.errorbar(
            places, p50_ms, [[0.0] * len(p50_ms), above_ms], fmt="none", ecolor="black", capsize=2
        )
    axes.set_yscale("log")
    axes.set_xticks(range(len(pictures)), pictures)
    axes.set(ylabel="ms, one client: p50, whisker to p95", title="Latency")
    axes.legend()
    return figure


def plot_start_and_memory(report: Report) -> Any:
    """Time to the first answer beside peak memory."""
    figure, (start, memory) = plt.subplots(1, 2, figsize=SIZE_IN, layout="constrained")
    shown = servers(report)
    places, titles = range(len(shown)), [title.replace(", ", "\n") for title, _ in shown.values()]
    for axes, pairs in (
        (start, [("cold", "cold_p50_s"), ("warm", "warm_p50_s")]),
        (memory, [("all pictures", "all_mb"), ("plans", "plans_mb")]),
    ):
        of_server = report["start"]["servers"] if axes is start else report["memory"]
        for shift, (label, key) in zip((-0.2, 0.2), pairs, strict=True):
            values = [of_server[name][key] for name in shown]
            axes.bar([place + shift for place in places], values, 0.4, label=label)
        axes.set_xticks(places, titles, rotation=30, fontsize="small")
        axes.legend(loc="upper left")
    start.set(title="Start to first answer", ylabel="s")
    memory.set(title="Peak memory of all processes (PSS)", ylabel="MB")
    return figure


PLOTS = {
    "throughput.png": plot_throughput,
    "latency.png": plot_latency,
    "start-memory.png": plot_start_and_memory,
}


def main(argv: list[str] | None = None) -> int:
    """Run the command line; 0 when the pictures are written."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench.plots", description=__doc__)
    parser.add_argument("report", type=Path, help="JSON of benchmarks.bench")
    parser.add_argument("folder", type=Path)
    args = parser.parse_args(argv)
    report = json.loads(args.report.read_text("utf-8"))
    args.folder.mkdir(parents=True, exist_ok=True)
    for name, plot in PLOTS.items():
        figure = plot(report)
        # Without a date and a version the same report gives the same file.
        figure.savefig(args.folder / name, dpi=DPI, metadata={"Software": None})
        plt.close(figure)
    return 0


if __name__ == "__main__":
    sys.exit(main())
