# SPDX-License-Identifier: AGPL-3.0-or-later
"""Read a checkpoint of torch without torch, and without running anything that lies in it.

A ``.pt`` is a zip with a pickle, which names classes and functions to be called when it is opened:
whoever opens one with torch runs what its author wished. Here no name is ever looked up. Modules
become :class:`Module`, which is data; tensors become arrays of numpy, which share the memory of
their storages; all else is inert (docs/decisions/0048-a-checkpoint-is-data.md). A file may ask for
no more than a small multiple of its own size, in memory and in time.
"""

from __future__ import annotations

import io
import math
import operator
import zipfile
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from archive.unpickling import BoundedUnpickler

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Tensor = npt.NDArray[Any]

# Names of torch's storages, and the numbers in them; bfloat16 is the upper half of a float32.
_BF16 = "BFloat16Storage"
_STORAGES = {
    "HalfStorage": "<f2", "FloatStorage": "<f4", "DoubleStorage": "<f8", _BF16: "<u2",
    "LongStorage": "<i8", "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "<i1",
    "ByteStorage": "<u1", "BoolStorage": "?",
}  # fmt: skip

_MOST_INSTRUCTIONS_BYTES = 4 << 20  # ultralytics writes 0.1 MB
_MOST_KINDS = 1000  # and 30 names
_MOST_AXES = 8
_MOST_TOLD = 200


class CheckpointError(Exception):
    """The file is no checkpoint that can be read; the message says why."""


class Module:
    """A module of torch as data, or whatever else a checkpoint names; nothing of it is called.

    Attributes:
        kind: Name of its class.
        state: What it had been given.
    """

    kind: ClassVar[str] = ""
    state: dict[str, Any]

    def __new__(cls, *_: object, **__: object) -> Self:
        """Take whatever the pickle gives, and forget it."""
        made = super().__new__(cls)
        made.state = {}
        return made

    def __init__(self, *_: object, **__: object) -> None:
        """Likewise."""

    def __setstate__(self, state: object) -> None:
        """Keep what the pickle says of it."""
        if isinstance(state, dict):
            self.state = state  # no copy, which could be asked for again and again

    def parts(self) -> dict[str, Module]:
        """The modules that it has, in their order.

        Raises:
            CheckpointError: If what it has are no modules.
        """
        # torch keeps None for a part that is left out.
        found = {name: part for name, part in self._kept("_modules").items() if part is not None}
        if not all(isinstance(n, str) and isinstance(p, Module) for n, p in found.items()):
            raise CheckpointError(f"what a {self.kind} is made of are no modules")
        return found

    def part(self, name: str) -> Module:
        """One of them.

        Raises:
            CheckpointError: If it has none of that name.
        """
        found = self.parts().get(name)
        if found is None:
            raise CheckpointError(f"a {self.kind} lacks {name}")
        return found

    def tensor(self, name: str) -> Tensor | None:
        """A parameter or buffer; None if it has none of that name.

        Raises:
            CheckpointError: If it is no tensor.
        """
        for where in ("_parameters", "_buffers"):
            found = self._kept(where).get(name)
            if isinstance(found, np.ndarray):
                return found
            if found is not None:
                raise CheckpointError(f"the {name} of a {self.kind} is no tensor")
        return None

    def _kept(self, where: str) -> dict[Any, Any]:
        found = self.state.get(where, {})
        if not isinstance(found, dict):
            raise CheckpointError(f"a {self.kind} is malformed: its {where} are no dictionary")
        return found


def read_model(path: Path) -> Module:
    """The model of a checkpoint as ultralytics saves it; its moving average if it has one.

    Raises:
        CheckpointError: If the file is none.
        OSError: If it cannot be read.
    """
    found = read_content(path)
    model = found.get("ema") if isinstance(found, dict) else None
    if model is None and isinstance(found, dict):
        model = found.get("model")
    if not isinstance(model, Module) or not model.parts():
        raise CheckpointError("it holds no model; state dicts alone are not enough")
    return model


def read_content(path: Path) -> Any:
    """All that a checkpoint holds.

    Raises:
        CheckpointError: If the file is none.
        OSError: If it cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as content:
            _refuse_overlong(content, path.stat().st_size)
            return _Unpickler(content).load()
    except (CheckpointError, OSError):
        raise
    except Exception as err:  # whatever a foreign file leads to: KeyError, zlib.error, EOFError …
        raise CheckpointError(f"it is no checkpoint of torch 1.6 or later ({cause(err)})") from err


def cause(err: Exception) -> str:
    """What an error of another library says, in one line that is not long."""
    said = err.args[0] if err.args and isinstance(err.args[0], str) else ""
    told = "".join(sign for sign in " ".join(said.split()) if sign.isprintable())[:_MOST_TOLD]
    return f"{type(err).__name__}: {told}" if told else type(err).__name__


def _refuse_overlong(content: zipfile.ZipFile, file_bytes: int) -> None:
    """A zip may say that it holds more than it has; torch.save neither does so nor compresses."""
    members = content.infolist()
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise CheckpointError("it is compressed, which torch.save does not do")
    if sum(member.file_size for member in members) > file_bytes:
        raise CheckpointError("it says that it holds more than it has")


class _Unpickler(BoundedUnpickler):
    inert = Module

    def __init__(self, content: zipfile.ZipFile) -> None:
        names = [name for name in content.namelist() if name.endswith("/data.pkl")]
        if len(names) != 1:
            raise CheckpointError(f"it has {len(names)} files data.pkl instead of one")
        self._content = content
        self._folder = names[0].removesuffix("data.pkl")
        self._storages: dict[tuple[str, str], Tensor] = {}
        self._kinds: dict[str, type[Module]] = {}
        if f"{self._folder}byteorder" in content.namelist():
            order = content.read(f"{self._folder}byteorder")
            if order != b"little":
                raise CheckpointError("its numbers are not little-endian")
        if content.getinfo(names[0]).file_size > _MOST_INSTRUCTIONS_BYTES:
            raise CheckpointError(f"its data.pkl has more than {_MOST_INSTRUCTIONS_BYTES} bytes")
        super().__init__(io.BytesIO(content.read(names[0])))

    def find_class(self, module: str, name: str) -> Any:
        """What stands for a name; it is never imported."""
        if (module, name) in _KNOWN:
            return _KNOWN[module, name]
        if name not in self._kinds:
            if len(self._kinds) == _MOST_KINDS:
                raise CheckpointError(f"it has more than {_MOST_KINDS} kinds of modules")
            if not name.isprintable() or len(name) > _MOST_TOLD:
                raise CheckpointError("a kind of module in it has no proper name")
            self._kinds[name] = type(name, (Module,), {"kind": name})
        return self._kinds[name]

    def persistent_load(self, pid: Any) -> Tensor:
        """A storage, one-dimensional; the same one each time."""
        what, name, key, _, count = pid
        storage = getattr(name, "kind", "")
        dtype = _STORAGES.get(storage)
        if what != "storage" or dtype is None or not isinstance(key, str):
            raise CheckpointError("its tensors are of a kind that is not read")
        if (storage, key) not in self._storages:
            numbers = np.frombuffer(self._content.read(f"{self._folder}data/{key}"), dtype)
            if storage == _BF16:
                numbers = (numbers.astype(np.uint32) << 16).view(np.float32)
            self._storages[storage, key] = numbers
        if len(self._storages[storage, key]) < operator.index(count):
            raise CheckpointError("a tensor of it is cut short")
        return self._storages[storage, key]


def _tensor(storage: object, offset: object, size: object, stride: object, *_: object) -> Tensor:
    """A tensor that lies in a storage in any order of its axes."""
    if not isinstance(storage, np.ndarray) or storage.ndim != 1:
        raise CheckpointError("a tensor lies in what is no storage")
    (start,), sides, steps = _numbers((offset,)), _numbers(size), _numbers(stride)
    if min((start, *sides, *steps)) < 0:
        raise CheckpointError("a tensor has a negative place")
    last = start + sum((side - 1) * step for side, step in zip(sides, steps, strict=True))
    if 0 in sides:
        return np.empty(sides, storage.dtype)
    if last >= len(storage) or math.prod(sides) > len(storage):
        raise CheckpointError("a tensor reaches beyond its storage")
    strides = [step * storage.itemsize for step in steps]
    return np.lib.stride_tricks.as_strided(storage[start:], sides, strides, writeable=False)


def _numbers(given: object) -> tuple[int, ...]:
    """Numbers of Python, which do not wrap, as those of an array would."""
    if not isinstance(given, tuple) or len(given) > _MOST_AXES:
        raise CheckpointError("a tensor has no size that is read")
    if not all(isinstance(number, int) for number in given):
        raise CheckpointError("a tensor's size is not in whole numbers")
    return tuple(map(int, given))


def _parameter(tensor: object, *_: object) -> object:
    return tensor


def _size(sides: object) -> object:
    """A size is a tuple already; a copy could be asked for again and again."""
    return sides


def _ordered() -> dict[Any, Any]:
    """Its entries come later, one by one."""
    return {}


def _forgotten(*_: object) -> None:
    """Nothing of a model is in a set."""


_KNOWN: dict[tuple[str, str], Callable[..., Any]] = {
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch", "Size"): _size,
    ("collections", "OrderedDict"): _ordered,
    ("__builtin__", "set"): _forgotten,
    ("builtins", "set"): _forgotten,
}
