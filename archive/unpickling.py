# SPDX-License-Identifier: AGPL-3.0-or-later
"""A reader of pickles that takes no more memory and time than the pickle has bytes, times a few.

The one of the standard library in C sizes its memory by the numbers that it reads, and hashes what
is nested without end; this one is its twin in Python, with fewer instructions.
"""

from __future__ import annotations

import pickle  # what is made of it is for who inherits
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator

# What torch.save writes, in protocol 2; torch.load with weights_only reads no more either.
_INSTRUCTIONS = (
    "PROTO", "STOP", "MARK", "POP", "POP_MARK", "NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1",
    "BININT2", "LONG1", "LONG4", "BINFLOAT", "BINUNICODE", "EMPTY_LIST", "APPEND", "APPENDS",
    "EMPTY_TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "TUPLE", "EMPTY_DICT", "SETITEM", "SETITEMS",
    "GLOBAL", "REDUCE", "NEWOBJ", "BUILD", "BINGET", "LONG_BINGET", "BINPUT", "LONG_BINPUT",
    "BINPERSID",
)  # fmt: skip
_MOST_KEY_PARTS, _MOST_KEY_BITS = 16, 64


class _Instructions(dict[int, Any]):
    def __missing__(self, instruction: int) -> Any:
        raise pickle.UnpicklingError(f"torch.save writes no instruction {instruction:#04x}")


_TWIN: Any = vars(pickle)["_Unpickler"]


class BoundedUnpickler(_TWIN):  # type: ignore[misc]  # it has no types
    """Makes lists, tuples, dictionaries, and what those who inherit make of names.

    It raises pickle.UnpicklingError for what torch.save does not write, and whatever else a
    malformed pickle leads to.

    Attributes:
        inert: Of what names it is what they are called for; it has ``__setstate__``, and of the
            items and entries that it is given nothing is kept.
    """

    inert: ClassVar[type[Any]]
    dispatch = _Instructions()

    def _append(self) -> None:
        self._extend([self.stack.pop()])

    def _appends(self) -> None:
        self._extend(self.pop_mark())

    def _extend(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, list):
            target.extend(items)
        elif not isinstance(target, self.inert):  # of what was a list of another kind, forget them
            raise pickle.UnpicklingError("it appends to what is no list")

    def _set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._update([key, value])

    def _set_items(self) -> None:
        self._update(self.pop_mark())

    def _update(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, dict):
            for key, value in zip(items[::2], items[1::2], strict=True):
                target[_key(key)] = value
        elif not isinstance(target, self.inert):
            raise pickle.UnpicklingError("it sets entries of what is no dictionary")

    def _build(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if isinstance(target, self.inert):
            target.__setstate__(state)
        elif not isinstance(target, dict):  # torch notes the version of a state dict so
            raise pickle.UnpicklingError("it gives a state to what has none")


def _key(key: object) -> object:
    """A key whose hash costs nothing; what is nested doubles its cost with every level."""
    parts = key if isinstance(key, tuple) else (key,)
    if len(parts) > _MOST_KEY_PARTS or not all(map(_is_plain, parts)):
        raise pickle.UnpicklingError("a dictionary of it has keys that are no names or numbers")
    return key


def _is_plain(part: object) -> bool:
    if isinstance(part, int):
        return part.bit_length() <= _MOST_KEY_BITS
    return part is None or isinstance(part, (str, float)) or type(part).__hash__ is object.__hash__


def _instructions() -> Iterator[tuple[int, Any]]:
    own = {
        "APPEND": BoundedUnpickler._append,
        "APPENDS": BoundedUnpickler._appends,
        "SETITEM": BoundedUnpickler._set_item,
        "SETITEMS": BoundedUnpickler._set_items,
        "BUILD": BoundedUnpickler._build,
    }
    for name in _INSTRUCTIONS:
        code = getattr(pickle, name)[0]
        yield code, own.get(name) or _TWIN.dispatch[code]


BoundedUnpickler.dispatch.update(_instructions())
