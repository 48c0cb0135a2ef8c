# SPDX-License-Identifier: AGPL-3.0-or-later
"""Lets TorchServe's worker start without torch (docs/decisions/0019-no-torch-in-the-worker.md).

TorchServe puts the extracted archive on the worker's ``PYTHONPATH``, and Python imports a module of
this name before it runs a program. Every other program is left alone.

The worker of TorchServe 0.12.0 uses torch for one question: whether an answer that is neither
bytes nor text is a ``torch.Tensor`` (ts/protocol/otf_message_handler.py). Our answers are bytes. So
it gets a module with that class, of which nothing is an instance.
"""

import sys
from types import ModuleType

WORKER = "ts/model_service_worker.py"


class Tensor:
    """Stands for ``torch.Tensor``; no answer of ours is one."""


def leave_out(modules: dict[str, ModuleType]) -> None:
    """Enter what takes the place of modules that are imported for nothing.

    Args:
        modules: ``sys.modules`` of the worker.
    """
    torch = ModuleType("torch", "What TorchServe's worker uses of torch; torch is not loaded.")
    torch.Tensor = Tensor  # type: ignore[attr-defined]
    modules["torch"] = torch
    # The model converter, which the package imports where it can. None makes that fail.
    modules["openvino.tools.ovc"] = None  # type: ignore[assignment]


if any(argument.endswith(WORKER) for argument in sys.orig_argv):
    leave_out(sys.modules)
