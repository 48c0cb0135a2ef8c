# SPDX-License-Identifier: AGPL-3.0-or-later
"""Read a checkpoint of torch without torch, and without running anything that lies in it.

A ``.pt`` is a zip with a pickle, which names classes and functions to be called when it is opened:
whoever opens one with torch runs what its author wished. Here no name is ever looked up. Modules
become :class:`Module`, which is data; tensors become arrays of numpy; all else is inert
(docs/decisions/0048-a-checkpoint-is-data.md).
"""

from __future__ import annotations

import pickle  # no name of it is looked up
import zipfile
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Tensor = npt.NDArray[Any]

# Names of torch's storages, and the numbers in them; bfloat16 is the upper half of a float32.
_BF16 = "BFloat16Storage"
_STORAGES = {
    "HalfStorage": "<f2", "FloatStorage": "<f4", "DoubleStorage": "<f8", _BF16: "<u2",
    "LongStorage": "<i8", "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "<i1",
    "ByteStorage": "<u1", "BoolStorage": "?",
}  # fmt: skip


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
            self.state.update(state)

    def __setitem__(self, _: object, __: object) -> None:
        """Of what was a dictionary of another kind, forget the entries."""

    def append(self, _: object) -> None:
        """Of what was a list of another kind, forget them."""

    def parts(self) -> dict[str, Module]:
        """The modules that it has, in their order."""
        return dict(self.state.get("_modules", {}))

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
        """A parameter or buffer; None if it has none of that name."""
        for where in ("_parameters", "_buffers"):
            found: Tensor | None = self.state.get(where, {}).get(name)
            if found is not None:
                return found
        return None


def read_model(path: Path) -> Module:
    """The model of a checkpoint as ultralytics saves it; its moving average if it has one.

    Raises:
        CheckpointError: If the file is none.
        OSError: If it cannot be read.
    """
    found = read_content(path)
    model = (found.get("ema") or found.get("model")) if isinstance(found, dict) else None
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
            return _Unpickler(content).load()
    except (CheckpointError, OSError):
        raise
    except Exception as err:  # whatever a foreign file leads to: KeyError, zlib.error, EOFError …
        raise CheckpointError(f"it is no checkpoint of torch 1.6 or later ({err})") from err


class _Unpickler(pickle.Unpickler):
    def __init__(self, content: zipfile.ZipFile) -> None:
        names = [name for name in content.namelist() if name.endswith("/data.pkl")]
        if len(names) != 1:
            raise CheckpointError(f"it has {len(names)} files data.pkl instead of one")
        self._content = content
        self._folder = names[0].removesuffix("data.pkl")
        if f"{self._folder}byteorder" in content.namelist():
            order = content.read(f"{self._folder}byteorder")
            if order != b"little":
                raise CheckpointError(f"its numbers are {order.decode(errors='replace')}-endian")
        super().__init__(content.open(names[0]))

    def find_class(self, module: str, name: str) -> Any:
        """What stands for a name; it is never imported."""
        return _KNOWN.get((module, name)) or type(name, (Module,), {"kind": name})

    def persistent_load(self, pid: Any) -> Tensor:
        """A storage, one-dimensional."""
        what, name, key, _, count = pid
        storage = getattr(name, "kind", "")
        dtype = _STORAGES.get(storage)
        if what != "storage" or dtype is None:
            raise CheckpointError("its tensors are of a kind that is not read")
        numbers = np.frombuffer(self._content.read(f"{self._folder}data/{key}"), dtype)
        if len(numbers) < count:
            raise CheckpointError(f"its tensor {key} is cut short")
        if storage == _BF16:
            return (numbers.astype(np.uint32) << 16).view(np.float32)
        return numbers


def _tensor(
    storage: Tensor, offset: int, size: Sequence[int], stride: Sequence[int], *_: object
) -> Tensor:
    """A tensor that lies in a storage in any order of its axes."""
    last = offset + sum((count - 1) * step for count, step in zip(size, stride, strict=True))
    if offset < 0 or min(stride, default=0) < 0 or min(size, default=1) < 0:
        raise CheckpointError("a tensor has a negative place")
    if 0 in size:
        return np.empty(size, storage.dtype)
    if last >= len(storage):
        raise CheckpointError("a tensor reaches beyond its storage")
    strides = [step * storage.itemsize for step in stride]
    view = np.lib.stride_tricks.as_strided(storage[offset:], size, strides, writeable=False)
    return np.ascontiguousarray(view).reshape(size)


def _parameter(tensor: Tensor, *_: object) -> Tensor:
    return tensor


_KNOWN: dict[tuple[str, str], Callable[..., Any]] = {
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch", "Size"): tuple,
    ("collections", "OrderedDict"): OrderedDict,
    ("__builtin__", "set"): set,
    ("builtins", "set"): set,
}
