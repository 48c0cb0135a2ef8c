# SPDX-License-Identifier: AGPL-3.0-or-later
"""Train where the pack is: ``tar xzf gpu.tar.gz && python3 gpu/training/gpu/run.py --out results``.

Uses the machine's own PyTorch and needs no network: what else is missing comes as wheels. All cores
draw the recipe's synthetic plans, then the run trains until the recipe's minutes are over, all
told. ``--device cpu`` runs the same path without a GPU.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "site"
LEAST_MINUTES = 0.5  # for training, or drawing has taken too long
TORCH = "import sys, torch; sys.exit(not torch.cuda.is_available() if sys.argv[1] == 'cuda' else 0)"


class RunError(Exception):
    """The machine cannot train; the message says why."""


def check_torch(device: str) -> None:
    """There must be PyTorch, and with it the device.

    Raises:
        RunError: If there is none.
    """
    found = subprocess.run([sys.executable, "-c", TORCH, device], check=False, capture_output=True)
    if b"No module named 'torch'" in found.stderr:
        raise RunError(f"{sys.executable} has no torch, which is too large for the pack")
    if found.returncode:
        raise RunError(f"torch sees no {device} here: {found.stderr.decode().strip()[-300:]}")


def call(module: str, *arguments: str) -> None:
    """Run a module of the pack in its folder, with its wheels.

    Raises:
        RunError: If it fails.
    """
    path = os.pathsep.join(map(str, (SITE, ROOT / "handler", ROOT)))
    environment = {**os.environ, "PYTHONPATH": path, "YOLO_CONFIG_DIR": str(ROOT / "settings")}
    command = [sys.executable, "-m", module, *arguments]
    print("$", *command[1:], flush=True)
    ended = subprocess.run(command, check=False, cwd=ROOT, env=environment)
    if ended.returncode:
        raise RunError(f"{module} ended with status {ended.returncode}")


def install() -> None:
    """Unpack the wheels beside the code; the machine's own packages stay as they are."""
    wheels = sorted(map(str, (ROOT / "wheels").glob("*.whl")))
    if wheels:
        options = ["--quiet", "--no-index", "--no-deps", "--no-compile", "--upgrade"]
        call("pip", "install", *options, "--target", str(SITE), *wheels)


def run(out: Path, device: str, cores: int) -> None:
    """Install, draw, train; leaves ``rooms.pt``, ``run.json`` and ``metrics.json`` in ``out``.

    Raises:
        RunError: If any of it fails, or drawing leaves no time to train.
    """
    began_s = time.monotonic()
    recipe: dict[str, Any] = json.loads((ROOT / "recipe.json").read_text("utf-8"))
    check_torch(device)
    install()
    for name, (module, *arguments) in recipe["draw"].items():
        call(module, *arguments, "--out", name, "--workers", str(cores))
        print(f"{name} drawn, {time.monotonic() - began_s:.0f} s", flush=True)
    minutes = recipe["minutes"] - (time.monotonic() - began_s) / 60
    if minutes < LEAST_MINUTES:
        raise RunError(f"{minutes:.1f} of {recipe['minutes']} minutes are left to train")
    weights = recipe["sets"] | dict.fromkeys(recipe["draw"], 1)
    data = [part for name, weight in weights.items() for part in ("--data", f"{name}:{weight}")]
    own = ["--start", "start.pt", "--minutes", f"{minutes:.2f}", "--out", str(out.resolve())]
    own += ["--device", device, "--workers", str(cores)]
    call("training.train", *data, *recipe["train"], *own)


def main() -> int:
    """Run the command line; 0 when the weights are made, 1 when they cannot be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    try:
        run(args.out, args.device, args.cores)
    except RunError as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
