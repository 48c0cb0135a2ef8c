# SPDX-License-Identifier: AGPL-3.0-or-later
"""YOLOv8 run by OpenVINO: pages in, room boxes out."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt
import openvino as ov
from openvino import properties

from roomdet import network
from roomdet.anchors import BOX_ROWS, STRIDES, anchor_count, mirror_back
from roomdet.config import Precision
from roomdet.errors import ModelError
from roomdet.geometry import (
    Boxes,
    Detections,
    Letterbox,
    Pixels,
    Scores,
    non_maximum_suppression,
    vote,
)
from roomdet.images import read_page
from roomdet.schema import RequestOptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from roomdet.config import Config
    from roomdet.page import Page

# Ultralytics passes at most this many boxes on to suppression (ultralytics 8.4, max_nms).
MAX_CANDIDATES = 30_000
# Candidates of a slice: all that may vote for a room of several levels (roomdet/merging.py), of
# which the network itself makes many of the same place.
LEAST_CONFIDENCE, SAME_PLACE_IOU, MOST_OF_A_SLICE = 0.02, 0.7, 1000
# Candidates that vote for the corners of a room of one look: AP50-95 0.642 without them and 0.650
# with them on R3D's plans, 0.568 and 0.571 on CubiCasa5k's.
VOTER_CONFIDENCE, VOTER_IOU = 0.02, 0.6
# Of slices there are four forms of canvas, 960 or 1280 px a side, because OpenVINO keeps 9 to 24 MB
# for each.
SLICE_STEP = 1.5
# oneDNN's kernels for AMX are no faster for int8 (docs/decisions/0027-sliced-inference.md), and it
# keeps 20 MB more of them for each form of canvas. The variable caps what it takes; without effect
# on a CPU that has less.
_ISA_VARIABLE, _ISA_WITHOUT_AMX = "ONEDNN_MAX_CPU_ISA", "AVX512_CORE_FP16"
# The only one of the process. Every Core has a CPU plugin of its own, which gives the thread a new
# stack for signal handlers and at its end puts the former one back, even if that one's plugin and
# memory are gone. The next signal that Python handles then ends the process (OpenVINO 2026.4,
# intel_cpu/src/sigstack_manager.cpp).
CORE = ov.Core()


class Detector(Protocol):
    """Finds rooms on one canvas."""

    input_px: int

    def predict(self, pixels: Pixels) -> RawPrediction:
        """Show the network a page or a slice of one, neither side above ``2 * input_px``."""
        ...


@dataclass(frozen=True, slots=True)
class RawPrediction:
    """What the network says of a page, or a slice of one, that lies on a canvas.

    Attributes:
        output: As :func:`parse_output` reads it.
        letterbox: Where the page lies.
    """

    output: Boxes
    letterbox: Letterbox
    _kept: dict[RequestOptions, Detections] = field(default_factory=dict, repr=False)

    def rooms(self, options: RequestOptions) -> Detections:
        """The rooms as ultralytics tells them, boxes as fractions of the page.

        Raises:
            ModelError: If the output has numbers that are none.
        """
        return self._on_page(self._suppressed(options))

    def voted_rooms(self, options: RequestOptions) -> Detections:
        """The same rooms with the corners that all candidates of their places vote for.

        Raises:
            ModelError: If the output has numbers that are none.
        """
        voters = parse_output(self.output, VOTER_CONFIDENCE)
        kept = vote(self._suppressed(options), voters, least_iou=VOTER_IOU)
        return self._on_page(kept)

    def candidates(self) -> Detections:
        """All that may be rooms, boxes in pixels of the page or slice.

        Raises:
            ModelError: If the output has numbers that are none.
        """
        voters = parse_output(self.output, LEAST_CONFIDENCE)
        kept = non_maximum_suppression(voters, iou=SAME_PLACE_IOU, max_count=MOST_OF_A_SLICE)
        found = self._on_page(vote(kept, voters, least_iou=SAME_PLACE_IOU))
        corners: Boxes = found.boxes_xyxy * np.array(self.letterbox.page_wh_px * 2, np.float32)
        return Detections(corners, found.scores)

    def _suppressed(self, options: RequestOptions) -> Detections:
        """What suppression keeps, in canvas pixels; the same thresholds are answered once."""
        thresholds = RequestOptions(options.confidence, options.iou, options.max_rooms)
        if thresholds not in self._kept:
            found = parse_output(self.output, options.confidence)
            self._kept[thresholds] = non_maximum_suppression(
                found, iou=options.iou, max_count=options.max_rooms
            )
        return self._kept[thresholds]

    def _on_page(self, found: Detections) -> Detections:
        boxes_norm = self.letterbox.canvas_to_page(found.boxes_xyxy)
        on_page = (boxes_norm[:, 2:] > boxes_norm[:, :2]).all(axis=1)
        return Detections(boxes_norm[on_page], found.scores[on_page])


class CompiledNetwork:
    """A network of one output, compiled anew after a pass that ended early.

    Such a pass, for want of memory, spoils the compiled network.

    Args:
        compile_anew: Compiles it.

    Attributes:
        compiled: It, as it is now.
    """

    def __init__(self, compile_anew: Callable[[], ov.CompiledModel]) -> None:
        self._compile_anew = compile_anew
        self.compiled = compile_anew()
        self._is_broken = False

    def __call__(self, pictures: Pixels) -> npt.NDArray[np.float32]:
        """Show it pictures; its output, float32."""
        if self._is_broken:
            self.compiled = self._compile_anew()
            self._is_broken = False
        try:
            output: npt.NDArray[np.float32] = self.compiled(pictures)[0]
        except RuntimeError:
            self._is_broken = True
            raise
        return output


class OpenVinoDetector:
    """A YOLOv8 network compiled for this CPU.

    Args:
        folder: Holds ``network.xml`` and ``network.bin``.
        input_px: Longest side of a page as the network sees it first.
        precision: See :class:`roomdet.config.Config`.
        threads: See :class:`roomdet.config.Config`.
        tta_flip: See :class:`roomdet.config.Config`.
        is_sliced: Whether it takes slices, up to twice as large.

    Raises:
        ModelError: As :func:`compile_network`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        input_px: int,
        precision: Precision = Precision.AUTO,
        threads: int = 0,
        tta_flip: bool = False,
        is_sliced: bool = False,
    ) -> None:
        self.input_px = input_px
        self._tta_flip = tta_flip
        compile_anew = partial(
            compile_network,
            folder,
            input_px=2 * input_px if is_sliced else input_px,
            precision=precision,
            threads=threads,
        )
        self._network = CompiledNetwork(compile_anew)

    @property
    def precision(self) -> Precision:
        """The arithmetic in use, fp32 or bf16; layers that are stored in int8 stay so."""
        used = self._network.compiled.get_property(properties.hint.inference_precision)
        return Precision.BF16 if used == ov.Type.bf16 else Precision.FP32

    def detect(
        self, pixels: Pixels, options: RequestOptions, *, tta_flip: bool | None = None
    ) -> Detections:
        """Find the rooms of a page in one look.

        Args:
            pixels: As of :meth:`predict`.
            options: Thresholds; ``page`` and ``detail`` play no role here.
            tta_flip: Instead of what is configured.

        Returns:
            Boxes as fractions of the page, 0 to 1, none of them empty; highest confidence first.

        Raises:
            ModelError: If the network answers with numbers that are none.
        """
        return self.predict(pixels, tta_flip=tta_flip).rooms(options)

    def predict(self, pixels: Pixels, *, tta_flip: bool | None = None) -> RawPrediction:
        """Show the network a page or slice and, if so configured, its mirror image.

        Args:
            pixels: uint8 RGB, shape ``(height, width, 3)``, neither side above ``input_px`` or,
                where it takes slices, twice as much.
            tta_flip: Instead of what is configured; of the two the answer is the mean.
        """
        page_wh = (pixels.shape[1], pixels.shape[0])
        if max(page_wh) <= self.input_px:
            letterbox = Letterbox.around(page_wh, self.input_px)
        else:
            step_px = round(SLICE_STEP * self.input_px)
            letterbox = Letterbox.around(page_wh, 2 * self.input_px, step_px)
        canvas = letterbox.place(pixels)
        first: Boxes = self._network(canvas[None])[0]
        if not (self._tta_flip if tta_flip is None else tta_flip):
            return RawPrediction(first, letterbox)
        mirrored = np.ascontiguousarray(canvas[:, ::-1])
        second = mirror_back(self._network(mirrored[None])[0], letterbox.canvas_wh_px)
        mean: Boxes = (first + second) / np.float32(2)
        return RawPrediction(mean, letterbox)


def compile_network(
    folder: Path, *, input_px: int, precision: Precision = Precision.AUTO, threads: int = 0
) -> ov.CompiledModel:
    """Compile a YOLOv8 network for this CPU.

    One compiled network takes canvases of every form: uint8 RGB, shape ``(1, height, width, 3)``,
    sides multiples of 32 up to ``input_px``. What it needs for a form, 10 MB
    or on canvases of 1280 px up to 35, is kept after the first such canvas
    (docs/decisions/0022-rectangles-in-int8.md, 0027-sliced-inference.md).

    Raises:
        ModelError: If OpenVINO cannot read or compile the network, or it is no YOLOv8 detector.
    """
    try:
        model = CORE.read_model(folder / network.TOPOLOGY, folder / network.WEIGHTS)
        _check_layout(model, input_px)
        side = ov.Dimension(STRIDES[-1], input_px)
        model.reshape([1, 3, side, side])
        return compile_for_latency(_with_uint8_input(model), _arithmetic(precision), threads)
    except RuntimeError as err:  # OpenVINO's C++ exceptions arrive as RuntimeError
        raise ModelError(f"OpenVINO cannot load the network: {err}") from err


def compile_for_latency(model: ov.Model, arithmetic: ov.Type, threads: int) -> ov.CompiledModel:
    """Compile a network for one request at a time on this CPU.

    Args:
        model: The network.
        arithmetic: In which it computes where it is not stored in int8.
        threads: Of the CPU; 0 takes all.

    Raises:
        RuntimeError: If OpenVINO cannot.
    """
    return CORE.compile_model(
        model,
        "CPU",
        {
            properties.hint.performance_mode: properties.hint.PerformanceMode.LATENCY,
            properties.hint.inference_precision: arithmetic,
            properties.inference_num_threads: threads,
        },
    )


def load_detector(
    folder: Path, config: Config, read: Callable[..., Page] | None = None
) -> OpenVinoDetector:
    """Load a network that proves itself.

    Every file's sha256 is checked and the golden plan is run, which also warms the network. Where
    ``auto`` took bf16 and a golden room moved too far in it, the network runs in fp32.

    Args:
        folder: The extracted archive, or any folder with ``network.json`` and what it names.
        config: Precision, threads and limits.
        read: Reads the golden plan, as :meth:`roomdet.isolation.IsolatedReader.read_page`; without
            it this process does.

    Raises:
        ModelError: If a file is damaged or missing, or the golden plan's rooms are not found.
    """
    manifest = network.NetworkManifest.read(folder)
    if manifest.precision == network.INT8:  # read by oneDNN at its first use, which is below
        os.environ.setdefault(_ISA_VARIABLE, _ISA_WITHOUT_AMX)
    load = partial(
        OpenVinoDetector,
        folder,
        input_px=manifest.input_px,
        threads=config.threads,
        tta_flip=bool(config.tta_flip),
        is_sliced=config.max_levels > 1,
    )
    detector = load(precision=precision_of(manifest, config.precision))
    plan = (folder / network.GOLDEN_PLAN).read_bytes()
    read = read or partial(read_page, limits=config.limits)
    page = read(plan, page=1, side_px=manifest.input_px)
    try:
        _prove(detector, page.pixels, manifest)
    except ModelError:
        if config.precision is not Precision.AUTO or detector.precision is not Precision.BF16:
            raise
        detector = load(precision=Precision.FP32)
        _prove(detector, page.pixels, manifest)
    return detector


def _prove(detector: OpenVinoDetector, plan: Pixels, manifest: network.NetworkManifest) -> None:
    # As they are answered, in one pass, as they were recorded.
    found = detector.predict(plan, tta_flip=False).voted_rooms(RequestOptions())
    network.check_golden(found, manifest.golden)


def precision_of(manifest: network.NetworkManifest, asked: Precision) -> Precision:
    """The arithmetic that a network is to use, where ``auto`` leaves it open.

    Beside int8 convolutions fp32 costs little, and the golden plan's rooms stay in their place.
    """
    is_int8 = manifest.precision == network.INT8
    return Precision.FP32 if asked is Precision.AUTO and is_int8 else asked


def parse_output(output: Boxes, confidence: float) -> Detections:
    """Read the candidates out of YOLOv8's output.

    Args:
        output: float32, shape ``(4 + classes, anchors)``: center x, center y, width and height
            in canvas pixels, then one score per class. Not modified.
        confidence: Candidates below this are left out.

    Returns:
        Boxes in canvas pixels, corners ``x0, y0, x1, y1``; the score is that of the best class,
        because every class is a room.

    Raises:
        ModelError: If a number is NaN or infinite.
    """
    if not np.isfinite(output).all():
        raise ModelError("the network answered with numbers that are not finite")
    scores: Scores = output[BOX_ROWS:].max(axis=0)
    chosen = np.flatnonzero(scores >= confidence)
    if len(chosen) > MAX_CANDIDATES:
        chosen = chosen[np.argsort(-scores[chosen], kind="stable")[:MAX_CANDIDATES]]
    center, half = output[:2, chosen].T, output[2:4, chosen].T / 2
    boxes: Boxes = np.concatenate([center - half, center + half], axis=1)
    return Detections(boxes, scores[chosen])


def _check_layout(model: ov.Model, input_px: int) -> None:
    """Refuse a network that is not a YOLOv8 detector of RGB pictures of any size."""
    model.reshape([1, 3, input_px, input_px])
    outputs = [list(port.get_partial_shape().to_shape()) for port in model.outputs]
    anchors = anchor_count((input_px, input_px))
    match outputs:
        case [[1, rows, columns]] if rows > BOX_ROWS and columns == anchors:
            return
    raise ModelError(f"the network is no YOLOv8 detector of {input_px} px: it answers {outputs}")


def _with_uint8_input(model: ov.Model) -> ov.Model:
    """Let the network take uint8 RGB, shape ``(1, h, w, 3)``, instead of 0 to 1 planes."""
    steps = ov.preprocess.PrePostProcessor(model)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps.input().preprocess().convert_element_type(ov.Type.f32).scale(255.0)
    steps.input().model().set_layout(ov.Layout("NCHW"))
    return steps.build()


def _arithmetic(precision: Precision) -> ov.Type:
    if precision is Precision.AUTO:
        has_bf16 = "BF16" in CORE.get_property("CPU", properties.device.capabilities)
        return ov.Type.bf16 if has_bf16 else ov.Type.f32
    return ov.Type.bf16 if precision is Precision.BF16 else ov.Type.f32
