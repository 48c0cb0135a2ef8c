# SPDX-License-Identifier: AGPL-3.0-or-later
"""Export a YOLOv8 checkpoint to OpenVINO and record what the reference finds on the golden plan.

``python -m archive.export rooms.pt --out build/network`` needs ultralytics (``make venv-train``).
``--precision int8 --calibration FOLDER`` makes a network that computes in int8, calibrated with the
folder's pictures; that needs nncf.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
import tempfile
import warnings
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import openvino
from ultralytics import YOLO

from archive.reference import predict_page
from plans.plan_sets import evenly_thinned, find_pictures
from roomdet import network
from roomdet.config import Config, Limits
from roomdet.detector import CORE, load_detector
from roomdet.errors import ModelError
from roomdet.images import read_page
from roomdet.schema import RequestOptions

DEFAULT_GOLDEN_PLAN = Path("docs/sample/plan.png")
PRECISIONS = ("fp32", "fp16", network.INT8)
# Beyond some hundred pictures the ranges of the layers change little.
CALIBRATION_PICTURES = 300


class ExportError(Exception):
    """The checkpoint cannot become an archive; the message says why."""


@dataclass(frozen=True, slots=True)
class Storage:
    """How an exported network is stored.

    Attributes:
        precision: ``fp32`` or ``fp16`` weights, which compute alike, or ``int8`` convolutions.
        calibration: Folder of plans, which int8 alone needs.

    Raises:
        ExportError: If the two do not fit.
    """

    precision: str = "fp16"
    calibration: Path | None = None

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ExportError(f"precision {self.precision!r} is none of {', '.join(PRECISIONS)}")
        if (self.precision == network.INT8) != (self.calibration is not None):
            raise ExportError("int8 needs --calibration, a folder of plans, and nothing else does")

    @property
    def made_with(self) -> tuple[str, ...]:
        """Packages whose versions tell how the numbers came about."""
        return ("nncf",) * (self.precision == network.INT8) + ("openvino", "ultralytics")

    def calibration_pictures(self) -> list[Path]:
        """Pictures of the folder and its subfolders, thinned evenly; none unless int8.

        Raises:
            ExportError: If the folder has no pictures.
        """
        if self.calibration is None:
            return []
        pictures = find_pictures(self.calibration, "**/*")
        if not pictures:
            raise ExportError(f"{self.calibration} holds no pictures to calibrate with")
        return evenly_thinned(pictures, CALIBRATION_PICTURES)


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
    pictures = storage.calibration_pictures()
    model = _load(checkpoint)
    golden = _golden_rooms(model, golden_plan, input_px)
    if not golden and not allow_no_rooms:
        raise ExportError(
            f"{checkpoint} finds no room on {golden_plan} with confidence >= "
            f"{network.EXPECTED_CONFIDENCE}; --allow-no-rooms packs it all the same"
        )
    out.mkdir(parents=True, exist_ok=True)
    _export_network(checkpoint, out, input_px, storage, pictures)
    shutil.copyfile(golden_plan, out / network.GOLDEN_PLAN)
    names = (network.TOPOLOGY, network.WEIGHTS, network.GOLDEN_PLAN)
    manifest = network.NetworkManifest(
        input_px=input_px,
        classes=tuple(model.names.values()),
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


def _load(checkpoint: Path) -> YOLO:
    try:
        model = YOLO(checkpoint)
        head: Any = model.model.model[-1]
    except Exception as err:  # whatever unpickling a foreign file raises
        raise ExportError(f"{checkpoint} is no checkpoint that ultralytics reads: {err}") from err
    strides = [int(stride) for stride in getattr(head, "stride", ())]
    if model.task != "detect" or type(head).__name__ != "Detect" or strides != [8, 16, 32]:
        raise ExportError(
            f"{checkpoint} is a {model.task} model with head {type(head).__name__} and strides "
            f"{strides}; a YOLOv8 detector has head Detect and strides [8, 16, 32]"
        )
    return model


def _golden_rooms(model: YOLO, golden_plan: Path, input_px: int) -> tuple[network.GoldenRoom, ...]:
    """What the reference pipeline finds on the golden plan, rounded to six decimals."""
    page = read_page(golden_plan.read_bytes(), page=1, side_px=input_px, limits=Limits())
    found = predict_page(
        model, page.pixels, RequestOptions(confidence=network.EXPECTED_CONFIDENCE), input_px
    )
    return tuple(
        network.GoldenRoom(
            tuple(round(edge, 6) for edge in box),
            round(score, 6),
        )
        for box, score in zip(found.boxes_xyxy.tolist(), found.scores.tolist(), strict=True)
    )


def _export_network(
    checkpoint: Path, out: Path, input_px: int, storage: Storage, pictures: list[Path]
) -> None:
    """Write ``network.xml`` and ``network.bin``."""
    with tempfile.TemporaryDirectory() as scratch:
        # ultralytics exports beside the checkpoint, so it works on a copy.
        copy = shutil.copy(checkpoint, Path(scratch, "network.pt"))
        with warnings.catch_warnings():
            # Tracing warns of itself; whether the result is right, the golden plan tells.
            warnings.simplefilter("ignore")
            exported = Path(
                YOLO(copy).export(format="openvino", imgsz=input_px, dynamic=True, verbose=False)
            )
        model = CORE.read_model(exported / network.TOPOLOGY)
        if pictures:
            from archive.quantization import quantize  # noqa: PLC0415  # nncf loads slowly

            model = quantize(model, pictures, input_px)
        # The exporters' notes hold the date and the file's name.
        for note in list(model.get_rt_info()):
            model.set_rt_info("", note)
        openvino.save_model(
            model, out / network.TOPOLOGY, compress_to_fp16=storage.precision != "fp32"
        )


def _prove(folder: Path) -> None:
    """Load a network as the server will, which runs the golden plan."""
    try:
        load_detector(folder, Config())
    except ModelError as err:
        raise ExportError(f"in int8, {err}; calibrate with plans like yours, or use fp16") from err


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
        "--precision", choices=PRECISIONS, default=FP16.precision, help="of the stored network"
    )
    parser.add_argument(
        "--calibration", type=Path, metavar="FOLDER", help="plans to calibrate int8 with"
    )
    parser.add_argument(
        "--allow-no-rooms",
        action="store_true",
        help="accept a checkpoint that finds no room on the golden plan",
    )
    args = parser.parse_args(argv)
    logging.getLogger("ultralytics").setLevel(logging.WARNING)
    try:
        manifest = export(
            args.checkpoint,
            args.out,
            golden_plan=args.golden_plan,
            input_px=args.input_px,
            allow_no_rooms=args.allow_no_rooms,
            storage=Storage(args.precision, args.calibration),
        )
    except ExportError as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    print(f"{args.out}: {len(manifest.golden)} rooms expected on the golden plan")
    return 0


if __name__ == "__main__":
    sys.exit(main())
