# SPDX-License-Identifier: AGPL-3.0-or-later
"""A checkpoint is read as data: nothing in it runs, and what is no checkpoint is told by name."""

from __future__ import annotations

import io
import os
import pickle
import tracemalloc
import zipfile
from argparse import Namespace
from collections import defaultdict, deque
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from archive.checkpoint import CheckpointError, Module, read_content, read_model
from archive.export import main
from archive.topology import build_network, class_names
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

WEIGHTS = ROOT / "weights" / "rooms.pt"


class Runs:
    """Runs a command where it is opened as pickles are."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


class Named:
    """Stands in a pickle as a name of torch's."""

    def __init__(self, module: str, name: str, *args: object) -> None:
        self.module, self.name, self.args = module, name, args


class Storage(tuple[Any, ...]):
    """Stands in a pickle as a tensor's storage."""

    __slots__ = ()


PYTHON_PICKLER: Any = vars(pickle)["_Pickler"]  # the one in C cannot be extended so


class Pickler(PYTHON_PICKLER):  # type: ignore[misc]  # it has no types
    """Writes names of packages that are not here, and storages, as torch does."""

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:  # noqa: FBT001, FBT002
        """As the base does, but for names."""
        if isinstance(obj, Named):
            if obj.args:
                self.save(Named(obj.module, obj.name))
                super().save(obj.args)
                self.write(pickle.REDUCE)
            else:
                self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())
        else:
            super().save(obj, save_persistent_id)

    def persistent_id(self, obj: Any) -> Any:
        """What stands for a storage."""
        return tuple(obj) if isinstance(obj, Storage) else None


def checkpoint(folder: Path, content: object, **storages: bytes) -> Path:
    """A file as torch.save writes it."""
    buffer = io.BytesIO()
    Pickler(buffer, protocol=2).dump(content)
    path = folder / "own.pt"
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("own/data.pkl", buffer.getvalue())
        for key, numbers in storages.items():
            target.writestr(f"own/data/{key[1:]}", numbers)
    return path


def tensor(kind: str, count: int, *place: object) -> Named:
    """A tensor in storage 0: offset, size, strides."""
    storage = Storage(("storage", Named("torch", kind), "0", "cpu", count))
    return Named("torch._utils", "_rebuild_tensor_v2", storage, *place, 0, None)


def test_nothing_in_it_runs(tmp_path: Path) -> None:
    """A command that torch.load would have run is a name here."""
    marker = tmp_path / "was-run"
    harmful = checkpoint(tmp_path, {"model": Runs(f"touch {marker}"), "ema": None})

    with pytest.raises(CheckpointError, match="it holds no model"):
        read_model(harmful)

    assert not marker.exists()
    pickle.loads(zipfile.ZipFile(harmful).read("own/data.pkl"))  # noqa: S301  # harms this test
    assert marker.exists(), "the file does harm where it is opened as usual"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(b"no zip", "no checkpoint of torch 1.6 or later", id="no-zip"),
        pytest.param(None, "0 files data.pkl", id="other-zip"),
        pytest.param({"state_dict": 1}, "it holds no model", id="state-dict"),
        pytest.param(["model"], "it holds no model", id="list"),
        pytest.param({"x": tensor("HalfStorage", 9, 0, (3, 3), (3, 1))}, "cut short", id="cut"),
        pytest.param({"x": tensor("HalfStorage", 4, 0, (3, 3), (3, 1))}, "beyond", id="beyond"),
        pytest.param({"x": tensor("HalfStorage", 4, 0, (2,), (-1,))}, "negative", id="negative"),
        pytest.param(
            {"x": tensor("HalfStorage", 4, 0, (9, 9), (0, 0))}, "beyond its storage", id="repeated"
        ),
        pytest.param(
            {"x": tensor("HalfStorage", 4, 0, tensor("HalfStorage", 4, 0, (1,), (1,)), (1,))},
            "no size that is read", id="size-in-a-tensor",
        ),
        pytest.param({"ema": tensor("HalfStorage", 4, 0, (2,), (1,))}, "no model", id="ema"),
        pytest.param({((), ((),)): 1}, "keys that are no names", id="nested-key"),
        pytest.param({"x": tensor("QInt8Storage", 4, 0, (4,), (1,))}, "not read", id="kind"),
    ],
)  # fmt: skip
def test_what_is_no_checkpoint_is_told(tmp_path: Path, content: object, told: str) -> None:
    """By what it is."""
    path = tmp_path / "own.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is None:
        zipfile.ZipFile(path, "w").close()
    else:
        path = checkpoint(tmp_path, content, _0=bytes(8))

    with pytest.raises(CheckpointError, match=told):
        read_model(path)


LONG_BINPUT_FAR = b"Nr" + (10_000_000).to_bytes(4, "little")
SHARED = b")q\x00" + b"h\x00\x86q\x00" * 60  # a pair of a pair of a pair …
DEEP = b")" + b"\x85" * 400_000
BYTEARRAY8 = b"\x96" + (1 << 40).to_bytes(8, "little")


@pytest.mark.parametrize(
    ("instructions", "told"),
    [
        pytest.param(b"}" + SHARED + b"Ns", "keys that are no names", id="costly-hash"),
        pytest.param(b"}" + DEEP + b"Ns", "keys that are no names", id="deep-hash"),
        pytest.param(BYTEARRAY8, "no instruction 0x96", id="far-array"),
        pytest.param(b"}" + b"Nb", "it holds no model", id="state-of-a-dictionary"),
        pytest.param(b"N}b", "a state to what has none", id="state-of-none"),
        pytest.param(LONG_BINPUT_FAR, "it holds no model", id="far-memo"),
        pytest.param(b"c\n\x1b[2J\n", "no proper name", id="name"),
        pytest.param(
            b"}X\x05\0\0\0modelcx\nY\n)\x81}X\x08\0\0\0_modulesK\x05sbs",
            "its _modules are no dictionary", id="modules",
        ),
    ],
)  # fmt: skip
def test_what_torch_does_not_write_is_refused_and_costs_little(
    tmp_path: Path, instructions: bytes, told: str
) -> None:
    """In memory, time and depth; a few bytes could ask for much of them."""
    path = tmp_path / "own.pt"
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("own/data.pkl", b"\x80\x02" + instructions + b".")

    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError, match=told):
            read_model(path)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most_bytes < 1_000_000 + 100 * path.stat().st_size


def test_a_zip_that_grows_is_refused(tmp_path: Path) -> None:
    """A checkpoint is stored as it is."""
    path = tmp_path / "own.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("own/data.pkl", bytes(1_000_000))

    with pytest.raises(CheckpointError, match="it is compressed"):
        read_model(path)


@pytest.mark.parametrize(
    ("kind", "numbers", "size", "stride", "expected"),
    [
        ("FloatStorage", np.arange(6, dtype="<f4"), (2, 3), (1, 2), [[0, 2, 4], [1, 3, 5]]),
        ("HalfStorage", np.arange(4, dtype="<f2"), (2,), (1,), [1, 2]),
        ("BFloat16Storage", np.array([0, 0x3F80, 0xC040], "<u2"), (2,), (1,), [1.0, -3.0]),
        ("LongStorage", np.arange(4, dtype="<i8"), (), (), 1),
    ],
)
def test_tensors_lie_as_torch_lays_them(
    tmp_path: Path,
    kind: str,
    numbers: np.ndarray[Any, Any],
    size: tuple[int, ...],
    stride: tuple[int, ...],
    expected: object,
) -> None:
    """In any order of their axes, from any place in their storage."""
    offset = 0 if len(size) > 1 else 1
    content = {"x": tensor(kind, len(numbers), offset, size, stride)}
    path = checkpoint(tmp_path, content, _0=numbers.tobytes())

    np.testing.assert_array_equal(expected, read_content(path)["x"])


def test_what_else_lies_beside_a_model_is_no_obstacle(tmp_path: Path) -> None:
    """Results, options and paths of a training; what is known by name alone is inert."""
    beside = {
        "best_fitness": np.float64(0.5), "results": defaultdict(list, ap50=[0.1, 0.2]),
        "args": Namespace(data="plans"), "path": PurePosixPath("a/b"), "queue": deque([1, 2]),
    }  # fmt: skip

    found = read_content(checkpoint(tmp_path, {**beside, "epoch": 3}))

    assert (3, {*beside, "epoch"}) == (found["epoch"], {*found})
    assert {"Namespace": {"data": "plans"}} == {found["args"].kind: found["args"].state}


def test_the_shipped_weights_are_yolov8n() -> None:
    """All of their modules are known, and the network takes pages of any form."""
    found = read_model(WEIGHTS)

    network = build_network(found)

    assert class_names(found) == ("room",)
    assert "[1,3,?,?]" in str(network.input(0).partial_shape).replace("21..", "?")
    kinds = [node.get_type_name() for node in network.get_ordered_ops()]
    assert (kinds.count("Convolution"), kinds.count("Swish")) == (63, 57)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        pytest.param(lambda m: swap(m, "22", "Segment"), "model.22 is a Segment", id="task"),
        pytest.param(lambda m: swap(m, "2", "C3k2"), "model.2 is a C3k2", id="yolo11"),
        pytest.param(
            lambda m: m.part("model").part("22").state.update(stride=[8, 16, 32, 64]),
            r"strides \[8, 16, 32, 64\]", id="p6",
        ),
        pytest.param(
            lambda m: m.part("model").part("0").part("conv").state.update(groups=2),
            "model.0.conv is no plain convolution", id="groups",
        ),
        pytest.param(
            lambda m: m.part("model").part("0").part("conv").state["_parameters"].clear(),
            "Conv2d lacks its weight", id="weight",
        ),
        pytest.param(
            lambda m: m.part("model").part("0").part("bn").state.pop("eps"),
            r"model.0, a Conv, is malformed \(KeyError: eps", id="eps",
        ),
        pytest.param(
            lambda m: m.part("model").part("0").part("conv").state.pop("stride"),
            r"malformed \(KeyError: stride", id="stride",
        ),
        pytest.param(
            lambda m: m.part("model").part("0").part("conv").state.update(padding=(9999, 1)),
            "its model.0.conv reaches further", id="padding",
        ),
        pytest.param(
            lambda m: m.part("model").part("1").state.update(f=77),
            r"model.1, a Conv, is malformed \(IndexError", id="from",
        ),
        pytest.param(
            lambda m: m.part("model").part("1").state.update(f=[0, "x"]), "TypeError", id="from-x",
        ),
        pytest.param(
            lambda m: m.part("model").part("12").state.update(f=[0, 1]),
            r"model.12, a C2f, is malformed \(RuntimeError", id="openvino",
        ),
        pytest.param(
            lambda m: m.part("model").part("9").state.update(n=10**9), "does not pool 3", id="sppf",
        ),
        pytest.param(
            lambda m: m.part("model").part("22").state.update(reg_max=10**9),
            "no number of bins from 1 to 64", id="bins",
        ),
        pytest.param(
            lambda m: m.part("model").part("10").state.update(scale_factor=1e6),
            r"enlarged 1e\+06 times", id="scale",
        ),
    ],
)  # fmt: skip
def test_other_networks_are_refused(spoil: Any, told: str) -> None:
    """With the layer that no YOLOv8 detector has."""
    found = read_model(WEIGHTS)
    spoil(found)

    with pytest.raises(CheckpointError, match=told):
        build_network(found)


@pytest.mark.parametrize("names", [5, {0: ["room"] * 9}, {0: 1}, [None]])
def test_names_of_classes_are_words(names: object) -> None:
    """What is nested has no end as text."""
    found = read_model(WEIGHTS)
    found.state.update(names=names)

    with pytest.raises(CheckpointError, match="the names of its classes are no words"):
        class_names(found)


def test_the_command_tells_a_malformed_one_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether a layer of it is wrong, or the network only fails with a plan."""
    wrong_layer, wide = read_model(WEIGHTS), read_model(WEIGHTS)
    wrong_layer.part("model").part("12").state.update(f=[0, 1])
    wide.part("model").part("0").part("conv").state.update(padding=(9, 9))
    command = ["own.pt", "--out", str(tmp_path), "--precision", "fp16"]
    for found, told in ((wrong_layer, "its model.12, a C2f"), (wide, "docs/sample/plan.png (")):
        monkeypatch.setattr("archive.export.read_model", lambda _, found=found: found)
        assert main(command) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("error: own.pt is no YOLOv8 detector of ultralytics: ")
        assert told in line


def swap(found: Module, index: str, kind: str) -> None:
    """Let a layer be of another kind."""
    layers = found.part("model").state["_modules"]
    other = type(kind, (Module,), {"kind": kind})()
    other.state = layers[index].state
    layers[index] = other
