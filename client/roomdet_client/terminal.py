# SPDX-License-Identifier: AGPL-3.0-or-later
"""Text of others on the terminal: shown, never obeyed."""

from __future__ import annotations

# What a terminal obeys instead of showing it: C0 but for tab and line feed, DEL, C1 (among them
# one-character forms of ESC [ and ESC ]), and what turns the direction of all that follows.
# Source: ECMA-48; Unicode TR 36, section 3.1.1.
_OBEYED = (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_ESCAPES = {number: f"\\u{number:04x}" for number in _OBEYED if chr(number) not in "\t\n"}


def printable(text: str) -> str:
    r"""A text that may be another's, such as a server's message or a file's name, to be printed.

    >>> print(printable("\x1b[2Jnot found"))
    \u001b[2Jnot found

    Returns:
        It with escapes for control characters, and for the bytes of a file's name that are no
        UTF-8. Within JSON they mean what they stand for.
    """
    return text.translate(_ESCAPES).encode(errors="backslashreplace").decode()
