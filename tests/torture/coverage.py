# SPDX-License-Identifier: AGPL-3.0-or-later
"""One target fuzzed in this process, led by what its inputs reach of ``roomdet``'s code.

``python -m tests.torture.coverage TARGET FOLDER [libFuzzer's options]``; FOLDER holds the inputs
to start from. A find ends the process with another status than 0 and leaves its input in a file.
Started by :mod:`tests.torture.inputs`; needs atheris.
"""

from __future__ import annotations

import logging
import sys
import warnings

import atheris

with atheris.instrument_imports(include=["roomdet"]):
    from tests.torture.targets import TARGETS


def main() -> None:
    """Run until libFuzzer is done, which ends the process."""
    name, *options = sys.argv[1:]
    warnings.simplefilter("ignore")
    logging.disable()
    target = TARGETS[name]
    atheris.Setup([sys.argv[0], f"-max_len={target.most_bytes}", *options], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
