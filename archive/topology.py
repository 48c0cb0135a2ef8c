# SPDX-License-Identifier: AGPL-3.0-or-later
"""Build YOLOv8 for OpenVINO out of the modules of a checkpoint, as ultralytics runs them.

tests/parity compares what comes out, number by number, with ultralytics' own forward pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import openvino as ov
from openvino import opset13 as ops

from archive.checkpoint import CheckpointError, Module, cause
from roomdet.anchors import STRIDES

if TYPE_CHECKING:
    from collections.abc import Sequence

    # openvino has no types.
    Node = Any
    Floats = npt.NDArray[np.float32]

# What turns the head's numbers into pixels and scores; archive.quantization leaves it in float.
HEAD = "head/"
_CELL_CENTER = 0.5
# Far beyond YOLOv8's: 23 layers, of up to 6 bottlenecks; kernels up to 5; 16 bins.
_MOST_PARTS, _MOST_REACH, _MOST_BINS, _MOST_CLASSES = 64, 64, 64, 10_000
_SPPF_POOLS = 3
_ENLARGED = 2


def build_network(model: Module) -> ov.Model:
    """The network of a checkpoint.

    Args:
        model: As :func:`archive.checkpoint.read_model` reads it.

    Returns:
        Takes float32, shape ``(1, 3, height, width)``, 0 to 1, sides multiples of 32; answers as
        :func:`roomdet.detector.parse_output` reads it.

    Raises:
        CheckpointError: If it is no YOLOv8 detector; it says by what.
    """
    picture = ops.parameter([1, 3, -1, -1], ov.Type.f32, name="images")
    made: list[Node] = []
    for index, layer in enumerate(_sequence(model.part("model"))):
        try:
            origin = layer.state.get("f", -1)
            origins = origin if isinstance(origin, list) else [origin]
            # -1 is the layer before, of the first one the picture.
            taken = [made[i] if made else picture for i in origins]
            made.append(_layer(f"model.{index}", layer, taken))
        except CheckpointError:
            raise
        except Exception as err:  # what a layer lacks, or OpenVINO finds not to fit: KeyError …
            told = f"its model.{index}, a {layer.kind}, is malformed ({cause(err)})"
            raise CheckpointError(told) from err
    if not made:
        raise CheckpointError("its model has no layers")
    result = made[-1].output(0)
    result.get_tensor().set_names({"output0"})
    return ov.Model([result], [picture], "yolov8")


def class_names(model: Module) -> tuple[str, ...]:
    """Names of the classes, in their order.

    Raises:
        CheckpointError: If they are no words.
    """
    names = model.state.get("names", ())
    listed = names.values() if isinstance(names, dict) else names
    if not isinstance(names, (dict, list, tuple)) or not all(isinstance(n, str) for n in listed):
        raise CheckpointError("the names of its classes are no words")
    return tuple(listed)


def _layer(name: str, layer: Module, taken: Sequence[Node]) -> Node:
    match layer.kind:
        case "Conv":
            return _conv(name, layer, taken[0])
        case "C2f":
            return _c2f(name, layer, taken[0])
        case "SPPF":
            return _sppf(name, layer, taken[0])
        case "Concat":
            return ops.concat(list(taken), 1)
        case "Upsample":
            return _upsample(layer, taken[0])
        case "Detect":
            return _detect(name, layer, taken)
    raise CheckpointError(f"its {name} is a {layer.kind}, which a YOLOv8 detector does not have")


def _sequence(module: Module) -> list[Module]:
    parts = list(module.parts().values())
    if len(parts) > _MOST_PARTS:
        raise CheckpointError(f"a {module.kind} has {len(parts)} parts, more than {_MOST_PARTS}")
    return parts


def _conv(name: str, module: Module, x: Node) -> Node:
    """Convolution, batch norm, activation."""
    plain = module.part("conv")
    norm = module.parts().get("bn")
    weight, bias = _fused(plain, norm)
    y = _convolution(f"{name}.conv", plain, weight, bias, x)
    activation = module.parts().get("act")
    match activation.kind if activation else "Identity":
        case "SiLU":
            return ops.swish(y)
        case "Identity":
            return y
        case other:
            raise CheckpointError(f"its {name} is activated by {other} instead of SiLU")


def _fused(plain: Module, norm: Module | None) -> tuple[Floats, Floats]:
    """Weight and bias of a convolution that has taken up its batch norm."""
    weight = _needed(plain, "weight").astype(np.float64)
    bias = plain.tensor("bias")
    bias = np.zeros(len(weight)) if bias is None else bias.astype(np.float64)
    if norm is not None:
        gamma, beta, mean, variance = (
            _needed(norm, key).astype(np.float64)
            for key in ("weight", "bias", "running_mean", "running_var")
        )
        factor = gamma / np.sqrt(variance + norm.state["eps"])
        weight, bias = weight * factor[:, None, None, None], beta + (bias - mean) * factor
    return weight.astype(np.float32), bias.astype(np.float32)


def _convolution(name: str, plain: Module, weight: Floats, bias: Floats, x: Node) -> Node:
    if plain.kind != "Conv2d" or plain.state.get("groups") != 1:
        raise CheckpointError(f"its {name} is no plain convolution")
    stride, padding, dilation = (list(plain.state[k]) for k in ("stride", "padding", "dilation"))
    if max((*stride, *padding, *dilation)) > _MOST_REACH:
        raise CheckpointError(f"its {name} reaches further than {_MOST_REACH}")
    y = ops.convolution(x, ops.constant(weight), stride, padding, padding, dilation, name=name)
    return ops.add(y, ops.constant(bias.reshape(1, -1, 1, 1)))


def _c2f(name: str, module: Module, x: Node) -> Node:
    halves = ops.split(_conv(f"{name}.cv1", module.part("cv1"), x), 1, 2)
    outputs: list[Any] = [halves.output(0), halves.output(1)]
    for index, inner in enumerate(_sequence(module.part("m"))):
        if inner.kind != "Bottleneck":
            raise CheckpointError(f"its {name}.m.{index} is a {inner.kind}, no Bottleneck")
        outputs.append(_bottleneck(f"{name}.m.{index}", inner, outputs[-1]).output(0))
    return _conv(f"{name}.cv2", module.part("cv2"), ops.concat(outputs, 1))


def _bottleneck(name: str, module: Module, x: Any) -> Node:
    y = _conv(f"{name}.cv1", module.part("cv1"), x)
    y = _conv(f"{name}.cv2", module.part("cv2"), y)
    return ops.add(x, y) if module.state["add"] else y


def _sppf(name: str, module: Module, x: Node) -> Node:
    side = int(module.part("m").state["kernel_size"])
    if module.state.get("n", _SPPF_POOLS) != _SPPF_POOLS or side not in range(1, _MOST_REACH, 2):
        raise CheckpointError(f"its {name} does not pool {_SPPF_POOLS} times as YOLOv8 does")
    outputs = [_conv(f"{name}.cv1", module.part("cv1"), x)]
    for _ in range(_SPPF_POOLS):
        pads = [side // 2] * 2
        pooled = ops.max_pool(outputs[-1], [1, 1], [1, 1], pads, pads, [side, side])
        outputs.append(pooled.output(0))
    y = _conv(f"{name}.cv2", module.part("cv2"), ops.concat(outputs, 1))
    return ops.add(x, y) if module.state.get("add") else y


def _upsample(module: Module, x: Node) -> Node:
    if module.state.get("mode") != "nearest":
        raise CheckpointError("it is not enlarged by nearest, as YOLOv8 is")
    factor = float(module.state["scale_factor"])
    if factor != _ENLARGED:
        raise CheckpointError(f"it is enlarged {factor:g} times instead of {_ENLARGED}")
    return ops.interpolate(
        x,
        ops.constant(np.array([factor, factor], np.float32)),
        mode="nearest",
        shape_calculation_mode="scales",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
        axes=ops.constant(np.array([2, 3])),
    )


def _detect(name: str, module: Module, taken: Sequence[Node]) -> Node:
    """Boxes in pixels and scores of all cells of all grids."""
    strides = tuple(int(stride) for stride in module.state.get("stride", ()))
    bins = module.state["reg_max"]
    if strides != STRIDES or len(taken) != len(STRIDES) or "one2one_cv2" in module.parts():
        raise CheckpointError(
            f"its head has strides {list(strides[:8])}; YOLOv8's are {list(STRIDES)}"
        )
    classes = module.state["nc"]
    for what, number, most in (("bins", bins, _MOST_BINS), ("classes", classes, _MOST_CLASSES)):
        if not isinstance(number, int) or not 1 <= number <= most:
            raise CheckpointError(f"its head has no number of {what} from 1 to {most}")
    boxes = _branches(f"{name}.cv2", module.part("cv2"), taken, 4 * bins)
    scores = _branches(f"{name}.cv3", module.part("cv3"), taken, classes)
    apart = _named("bins", ops.reshape(boxes, _shape(1, 4, bins, -1), special_zero=False))
    shares = _named("softmax", ops.softmax(apart, 2))
    places = ops.constant(np.arange(bins, dtype=np.float32).reshape(1, 1, bins, 1))
    weighted = _named("weighted", ops.multiply(shares, places))
    edges = _named("edges", ops.reduce_sum(weighted, _shape(2), keep_dims=False))
    lower, upper = (_named(f"{i}", edge) for i, edge in enumerate(_halves(edges)))
    centers, sides = _anchors(taken)
    first = _named("first", ops.subtract(centers, lower))
    second = _named("second", ops.add(centers, upper))
    both = _named("both", ops.add(first, second))
    middle = _named("middle", ops.multiply(both, _number(0.5)))
    extent = _named("extent", ops.subtract(second, first))
    cells = _named("cells", ops.concat([middle, extent], 1))
    pixels = _named("pixels", ops.multiply(cells, sides))
    return _named("output", ops.concat([pixels, _named("sigmoid", ops.sigmoid(scores))], 1))


def _branches(name: str, branches: Module, taken: Sequence[Node], rows: int) -> Node:
    """What one branch of the head says, all grids in a row: ``(1, rows, anchors)``."""
    found = []
    for index, (branch, x) in enumerate(zip(_sequence(branches), taken, strict=True)):
        y = x
        *inner, last = _sequence(branch)
        for step, module in enumerate(inner):
            if module.kind != "Conv":
                raise CheckpointError(f"its {name}.{index}.{step} is a {module.kind}, no Conv")
            y = _conv(f"{name}.{index}.{step}", module, y)
        weight, bias = _fused(last, None)
        y = _convolution(f"{name}.{index}.{len(inner)}", last, weight, bias, y)
        found.append(
            _named(f"{name}.{index}", ops.reshape(y, _shape(1, rows, -1), special_zero=False))
        )
    return _named(name, ops.concat(found, 2))


def _halves(edges: Node) -> list[Node]:
    return [
        ops.slice(edges, _shape(start), _shape(start + 2), _shape(1), _shape(1)) for start in (0, 2)
    ]


def _anchors(taken: Sequence[Node]) -> tuple[Node, Node]:
    """Centers of all cells in cells, ``(1, 2, anchors)``, and their sides, ``(1, 1, anchors)``."""
    centers, sides = [], []
    for stride, x in zip(STRIDES, taken, strict=True):
        shape = ops.shape_of(x)
        rows, columns = (
            ops.squeeze(ops.gather(shape, _shape(axis), _shape(0)), _shape(0)) for axis in (2, 3)
        )
        grid = ops.concat([ops.unsqueeze(n, _shape(0)) for n in (rows, columns)], 0)
        down, right = (_cells(count) for count in (rows, columns))
        along = ops.broadcast(ops.unsqueeze(right, _shape(0)), grid)
        across = ops.broadcast(ops.unsqueeze(down, _shape(1)), grid)
        flat = [ops.reshape(side, _shape(1, 1, -1), special_zero=False) for side in (along, across)]
        both = _named(f"centers.{stride}", ops.concat(flat, 1))
        centers.append(both)
        sides.append(ops.broadcast(_number(stride), ops.shape_of(flat[0])))
    return _named("centers", ops.concat(centers, 2)), _named("sides", ops.concat(sides, 2))


def _cells(count: Node) -> Node:
    numbers = ops.range(
        ops.constant(np.int64(0)), count, ops.constant(np.int64(1)), output_type="f32"
    )
    return ops.add(numbers, _number(_CELL_CENTER))


def _number(value: float) -> Node:
    return ops.constant(np.float32(value))


def _shape(*sides: int) -> Node:
    return ops.constant(np.array(sides, np.int64))


def _named(name: str, node: Node) -> Node:
    node.set_friendly_name(f"{HEAD}{name}")
    return node


def _needed(module: Module, name: str) -> npt.NDArray[Any]:
    found = module.tensor(name)
    if found is None:
        raise CheckpointError(f"a {module.kind} lacks its {name}")
    return np.ascontiguousarray(found)
