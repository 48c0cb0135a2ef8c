# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pack all that a training run needs into one small file, for a machine without a network.

``python -m training.gpu.pack --data completed --data robin:0.25 --data office:6 --start rooms.pt
--layouts r2v.jsonl --wheels wheels --out build/gpu.tar.gz`` packs code, recipe, start, layouts,
wheels and pictures. Pictures are encoded anew, at 640 px and as well as the size allows. Of a set
of weight below 1 that share is packed. Synthetic plans are not: the machine draws them.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tarfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from plans.errors import DataError
from plans.plan_sets import parse_source, read_picture, read_plan_set

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plans.plan_sets import Sample

ROOT = Path(__file__).parents[2]
FOLDER = "gpu"  # in the pack, everything lies in it
CODE = ("handler/roomdet/*.py", "plans", "training", "reporting/*.py")
RECIPE = Path(__file__).with_name("recipe.json")
LONGEST_PX = 640
QUALITIES = (80, 70, 60, 50, 40, 30, 20, 10)  # of WebP
PROBES = 25  # pictures whose sizes tell the size of all


@dataclass(slots=True)
class Pack:
    """Files of the pack, by their paths in it.

    Attributes:
        files: What they hold.
    """

    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes so far, compressed one by one."""
        return sum(len(zlib.compress(content)) for content in self.files.values())

    def write(self, path: Path) -> None:
        """Write all of it as one compressed archive."""
        with tarfile.open(path, "w:gz") as archive:
            for name, content in self.files.items():
                info = tarfile.TarInfo(f"{FOLDER}/{name}")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))


def thinned(samples: Sequence[Sample], share: float) -> list[Sample]:
    """Every so manieth of the pictures, so that this share of them is left, 0 to 1."""
    return [
        sample
        for number, sample in enumerate(samples)
        if int((number + 1) * share) > int(number * share)
    ]


def encoded(sample: Sample, quality: int) -> bytes:
    """A picture at 640 px or less, as WebP of this quality, 1 to 100."""
    page = read_picture(sample.path, min(LONGEST_PX, max(sample.size_hw)))
    buffer = io.BytesIO()
    Image.fromarray(page).save(buffer, "WEBP", quality=quality)
    return buffer.getvalue()


def best_quality(samples: Sequence[Sample], size: int) -> int:
    """The highest quality at which the pictures take no more than so many bytes.

    Raises:
        DataError: If they take more at any.
    """
    probes = samples[:: max(1, len(samples) // PROBES)]
    needed = 0.0
    for quality in QUALITIES:
        taken = sum(len(encoded(sample, quality)) for sample in probes)
        needed = taken / len(probes) * len(samples)
        if needed <= size:
            return quality
    raise DataError(
        f"{len(samples)} pictures take {needed / 1e6:.1f} MB, {size / 1e6:.1f} MB are left for them"
    )


def add_set(pack: Pack, name: str, samples: Sequence[Sample], quality: int) -> None:
    """Pictures, labels and index of a plan set."""
    rows = []
    for sample in samples:
        stem = sample.path.stem
        lines = ["0 " + " ".join(f"{edge:.6f}" for edge in box) for box in sample.boxes_xywhn]
        pack.files[f"{name}/images/{stem}.webp"] = encoded(sample, quality)
        pack.files[f"{name}/labels/{stem}.txt"] = "\n".join([*lines, ""]).encode()
        row = {"image": f"{stem}.webp", "plan": sample.plan, "family": sample.family}
        rows.append(json.dumps(row | {"complete": sample.is_complete}) + "\n")
    pack.files[f"{name}/index.jsonl"] = "".join(rows).encode()


def pack_run(args: argparse.Namespace) -> tuple[Pack, int]:
    """Collect the files; returns them and the quality of the pictures.

    Raises:
        DataError: If a set cannot be read, or the pictures take too much.
    """
    pack = Pack()
    listed = subprocess.run(
        ["git", "ls-files", *CODE],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    for name in listed.stdout.splitlines():
        pack.files[name] = (ROOT / name).read_bytes()
    pack.files["start.pt"] = args.start.read_bytes()
    for path in args.layouts:
        pack.files[f"layouts/{path.name}"] = path.read_bytes()
    for path in sorted(args.wheels.glob("*.whl")):
        pack.files[f"wheels/{path.name}"] = path.read_bytes()
    sets: list[tuple[str, float, list[Sample]]] = []
    for source in args.data:
        folder, weight = parse_source(source)
        samples = thinned(read_plan_set(folder).samples, min(weight, 1.0))
        sets.append((folder.name, max(weight, 1.0), samples))
    recipe: dict[str, Any] = json.loads(args.recipe.read_text("utf-8"))
    recipe["sets"] = {name: weight for name, weight, _ in sets}
    pack.files["recipe.json"] = json.dumps(recipe).encode()
    everything = [sample for _, _, samples in sets for sample in samples]
    quality = best_quality(everything, int(args.megabytes * 0.97e6) - pack.size)
    for name, _, samples in sets:
        add_set(pack, name, samples, quality)
    return pack, quality


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; 0 when the pack is written, 1 when it cannot be."""
    parser = argparse.ArgumentParser(prog="python -m training.gpu.pack", description=__doc__)
    add = parser.add_argument
    add("--data", action="append", required=True, metavar="DIR[:WEIGHT]", help="a plan set")
    add("--start", type=Path, required=True, help="checkpoint")
    add("--layouts", type=Path, nargs="*", default=[], help="for the recipe's blueprints")
    add("--wheels", type=Path, required=True, help="folder of what the machine lacks")
    add("--recipe", type=Path, default=RECIPE)
    add("--megabytes", type=float, default=40.0, help="size of the pack")
    add("--out", type=Path, required=True, help="the pack, .tar.gz")
    args = parser.parse_args(argv)
    try:
        pack, quality = pack_run(args)
    except DataError as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    args.out.parent.mkdir(parents=True, exist_ok=True)
    pack.write(args.out)
    size = args.out.stat().st_size
    print(f"{args.out}: {size / 1e6:.1f} MB, pictures as WebP of quality {quality}")
    if size > args.megabytes * 1e6:
        print(f"error: that is more than {args.megabytes:g} MB", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
