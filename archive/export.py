# SPDX-License-Identifier: AGPL-3.0-or-later
"""Turn a YOLOv8 checkpoint into a network for OpenVINO, and note what it finds on the golden plan.

``python -m archive.export rooms.pt --out build/network`` makes one that computes in int8, which
needs requirements/archive.txt; ``--precision fp16`` needs nothing beside what the server has.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import openvino

from archive.checkpoint import CheckpointError, cause, read_model
from archive.outlines import SHIPPED, add_outlines
from archive.topology import build_network, class_names
from plans.plan_sets import evenly_thinned, find_pictures
from roomdet import network
from roomdet.config import Config, Limits, Precision
from roomdet.detector import OpenVinoDetector, load_detector
from roomdet.errors import ModelError
from roomdet.images import read_page
from roomdet.schema import RequestOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomdet.page import Page

DEFAULT_GOLDEN_PLAN = Path("docs/sample/plan.png")
PRECISIONS = ("fp32", "fp16", network.INT8)
# Beyond some hundred pictures the ranges of the layers change little.
CALIBRATION_PICTURES = 300
# Blueprints of plans.synth that calibrate where no folder is named: as many as calibrated the
# shipped network, of seeds that neither training nor evaluation has.
DRAWN_PICTURES, DRAWN_SEED = 200, 700_000

_INSTALL = "pip install -c constraints.txt -r requirements/archive.txt"


class ExportError(Exception):
    """The checkpoint cannot become an archive; the message says why."""


@dataclass(frozen=True, slots=True)
class Storage:
    """How an exported network is stored.

    Attributes:
        precision: ``fp32`` or ``fp16`` weights, which compute alike, or ``int8`` convolutions.
        calibration: Folder of plans for int8; None draws synthetic ones.

    Raises:
        ExportError: If the two do not fit.
    """

    precision: str = "fp16"
    calibration: Path | None = None

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ExportError(f"precision {self.precision!r} is none of {', '.join(PRECISIONS)}")
        if self.calibration is not None and self.precision != network.INT8:
            raise ExportError(f"--calibration is for int8; {self.precision} needs none")

    @property
    def made_with(self) -> tuple[str, ...]:
        """Packages whose versions tell how the numbers came about."""
        return ("nncf",) * (self.precision == network.INT8) + ("openvino",)

    @contextmanager
    def calibration_pictures(self) -> Iterator[list[Path]]:
        """Pictures of the folder and its subfolders, thinned evenly, or drawn; none unless int8.

        Raises:
            ExportError: If the folder has no pictures, they cannot be drawn, or nncf is missing.
        """
        if self.precision != network.INT8:
            yield []
            return
        if find_spec("nncf") is None:
            raise ExportError(f"int8 needs nncf: {_INSTALL}, or take --precision fp16")
        if self.calibration is not None:
            pictures = find_pictures(self.calibration, "**/*")
            if not pictures:
                raise ExportError(f"{self.calibration} holds no pictures to calibrate with")
            yield evenly_thinned(pictures, CALIBRATION_PICTURES)
        else:
            with tempfile.TemporaryDirectory() as scratch:
                _draw(Path(scratch))
                yield find_pictures(Path(scratch), "**/*")


FP16 = Storage()


def export(
    checkpoint: Path,
    out: Path,
    *,
    golden_plan: Path,
    input_px: int,
    allow_no_rooms: bool,
    storage: Storage = FP16,
) -> network.NetworkManifest:
    """Export a checkpoint.

    Args:
        checkpoint: YOLOv8 detection checkpoint (``.pt``), one class or several.
        out: Folder that is made; holds ``network.json`` and the files that it names.
        golden_plan: Picture that the loaded network must read as the checkpoint does.
        input_px: Longest side of a page that the network sees; a multiple of 32.
        allow_no_rooms: Accept a checkpoint that finds no room on the golden plan, whose archive
            then cannot prove itself when it is loaded.
        storage: Numbers in which it is stored.

    Raises:
        ExportError: If the file is no YOLOv8 detector, finds no room and may not, or does not find
            them again in int8.
    """
    model, classes = _read(checkpoint)
    with tempfile.TemporaryDirectory() as scratch:
        page = read_page(golden_plan.read_bytes(), page=1, side_px=input_px, limits=Limits())
        try:
            golden = _golden_rooms(model, Path(scratch), page, input_px)
        except (ModelError, RuntimeError, ValueError) as err:  # RuntimeError is OpenVINO's
            raise ExportError(
                f"{checkpoint} is no YOLOv8 detector of ultralytics: it does not answer "
                f"{golden_plan} ({cause(err)})"
            ) from err
    if not golden and not allow_no_rooms:
        raise ExportError(
            f"{checkpoint} finds no room on {golden_plan} with confidence >= "
            f"{network.EXPECTED_CONFIDENCE}; --allow-no-rooms packs it all the same"
        )
    with storage.calibration_pictures() as pictures:
        if pictures:
            from archive.quantization import quantize  # noqa: PLC0415  # nncf loads slowly

            _say(f"Quantizing with {len(pictures)} plans: half a minute to two minutes …")
            model = quantize(model, pictures, input_px)
    out.mkdir(parents=True, exist_ok=True)
    _save(model, out, storage.precision)
    shutil.copyfile(golden_plan, out / network.GOLDEN_PLAN)
    names = (network.TOPOLOGY, network.WEIGHTS, network.GOLDEN_PLAN)
    manifest = network.NetworkManifest(
        input_px=input_px,
        classes=classes,
        checkpoint_sha256=network.sha256_of(checkpoint),
        precision=storage.precision,
        exported_with={name: version(name) for name in storage.made_with},
        files={name: network.sha256_of(out / name) for name in names},
        golden=golden,
    )
    manifest.write(out)
    if storage.precision == network.INT8:
        _prove(out)
    return manifest


def _read(checkpoint: Path) -> tuple[openvino.Model, tuple[str, ...]]:
    """The network of a checkpoint and the names of its classes."""
    try:
        model = read_model(checkpoint)
        return build_network(model), class_names(model)
    except (CheckpointError, OSError) as err:
        reason = getattr(err, "strerror", None) or err
        raise ExportError(f"{checkpoint} is no YOLOv8 detector of ultralytics: {reason}") from err


def _golden_rooms(
    model: openvino.Model, scratch: Path, page: Page, input_px: int
) -> tuple[network.GoldenRoom, ...]:
    """What the network finds on the golden plan in float32, rounded to six decimals."""
    _save(model, scratch, "fp32")
    detector = OpenVinoDetector(scratch, input_px=input_px, precision=Precision.FP32)
    options = RequestOptions(confidence=network.EXPECTED_CONFIDENCE)
    found = detector.predict(page.pixels).voted_rooms(options)  # as they are answered
    return tuple(
        network.GoldenRoom(
            tuple(round(edge, 6) for edge in box),
            round(score, 6),
        )
        for box, score in zip(found.boxes_xyxy.tolist(), found.scores.tolist(), strict=True)
    )


def _draw(folder: Path) -> None:
    """Let plans.synth draw what int8 is calibrated with."""
    workers = os.cpu_count() or 1
    _say(f"Drawing {DRAWN_PICTURES} plans on {workers} CPUs: half a minute to two minutes …")
    command = [
        sys.executable, "-m", "plans.synth", "--out", str(folder), "--count", str(DRAWN_PICTURES),
        "--seed", str(DRAWN_SEED), "--workers", str(workers),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise ExportError(
            f"plans.synth draws no plans ({last}): {_INSTALL}, or name plans of yours: "
            "--calibration FOLDER"
        )


def _save(model: openvino.Model, folder: Path, precision: str) -> None:
    """Write ``network.xml`` and ``network.bin``."""
    # A quantizer's notes hold what it was asked.
    for note in list(model.get_rt_info()):
        model.set_rt_info("", note)
    openvino.save_model(model, folder / network.TOPOLOGY, compress_to_fp16=precision != "fp32")


def _prove(folder: Path) -> None:
    """Load a network as the server will, which runs the golden plan."""
    try:
        load_detector(folder, Config())
    except ModelError as err:
        raise ExportError(f"in int8, {err}; calibrate with plans like yours, or use fp16") from err


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(argv: list[str] | None = None) -> int:
    """Run the command line; 0 when the network is exported, 1 when it cannot be."""
    parser = argparse.ArgumentParser(prog="python -m archive.export", description=__doc__)
    parser.add_argument("checkpoint", type=Path, help="YOLOv8 detection checkpoint, .pt")
    parser.add_argument("--out", type=Path, required=True, help="folder for the network")
    parser.add_argument("--golden-plan", type=Path, default=DEFAULT_GOLDEN_PLAN)
    parser.add_argument(
        "--input-px", type=int, default=640, help="longest side of a page that the network sees"
    )
    parser.add_argument(
        "--precision", choices=PRECISIONS, default=network.INT8, help="default: %(default)s"
    )
    parser.add_argument(
        "--calibration",
        type=Path,
        metavar="FOLDER",
        help=f"plans to calibrate int8 with; without it, {DRAWN_PICTURES} are drawn",
    )
    parser.add_argument(
        "--outlines",
        type=Path,
        default=SHIPPED,
        metavar="FOLDER",
        help="whose outlines.xml draws the outlines of rooms; default: %(default)s",
    )
    parser.add_argument(
        "--allow-no-rooms",
        action="store_true",
        help="accept a checkpoint that finds no room on the golden plan",
    )
    args = parser.parse_args(argv)
    started_s = time.monotonic()
    try:
        manifest = export(
            args.checkpoint,
            args.out,
            golden_plan=args.golden_plan,
            input_px=args.input_px,
            allow_no_rooms=args.allow_no_rooms,
            storage=Storage(args.precision, args.calibration),
        )
        add_outlines(args.outlines, args.out)
    except (ExportError, ModelError) as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    print(
        f"{args.out}: {args.precision}, {len(manifest.golden)} rooms expected on the golden plan, "
        f"made in {time.monotonic() - started_s:.0f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
