# SPDX-License-Identifier: AGPL-3.0-or-later
"""Lets TorchServe's worker start without torch (docs/decisions/0019-no-torch-in-the-worker.md).

TorchServe puts the extracted archive on the worker's ``PYTHONPATH``, and Python imports a module of
this name before it runs a program. Every other program is left alone.

The worker of TorchServe 0.12.0 asks torch whether an answer that is neither bytes nor text is a
``torch.Tensor`` (ts/protocol/otf_message_handler.py); ours are bytes. ``BaseHandler`` asks for
torch's version, and for nothing more where it is old (ts/torch_handler/base_handler.py). So they
get a module that answers both.
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
    torch.__version__ = "0"  # too old for torch.profiler and torch.compile
    modules["torch"] = torch
    # What is imported where it can be. None makes that fail: OpenVINO's model converter, which its
    # package asks for, and its back end of torch.compile, which BaseHandler does.
    for name in ("openvino.tools.ovc", "openvino.torch"):
        modules[name] = None  # type: ignore[assignment]


if any(argument.endswith(WORKER) for argument in sys.orig_argv):
    leave_out(sys.modules)
