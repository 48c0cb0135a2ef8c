# SPDX-License-Identifier: AGPL-3.0-or-later
"""A worker's memory as it comes to life, stage by stage; :mod:`benchmarks.footprint` runs it.

``python stages.py WORKER_PROGRAM PACKAGES ARCHIVE_FOLDER PICTURE…`` with the environment of a
worker loads an extracted archive's handler as TorchServe does, lets it answer each picture, and
prints JSON. A package that others need, too, is counted where it is first imported, so libraries
come in a fixed order, and only those that the worker has in the end: ``--packages`` in the place of
them lists those.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "PIL.Image", "pypdfium2", "openvino", "torch")


def main(arguments: list[str]) -> int:
    """Print the stages, or with ``--packages`` which of the packages are loaded in the end."""
    arguments = arguments[1:]  # the first is for handler/sitecustomize.py
    if arguments[0] == "--packages":
        _load(Path(arguments[1]), [])
        print(_RESULT + json.dumps([name for name in PACKAGES if _is_loaded(name)]))
        return 0
    packages, folder, *pictures = arguments
    stages: list[dict[str, Any]] = []
    _note(stages, "Python")
    for name in packages.split(","):
        importlib.import_module(name)
        _note(stages, f"import {name.partition('.')[0]}")
    handler = _load(Path(folder), stages)
    for picture in pictures:
        _answer(handler, Path(picture).read_bytes())
        _note(stages, f"after {Path(picture).name}")
    print(_RESULT + json.dumps(stages))
    return 0


def _is_loaded(name: str) -> bool:
    """Whether the real one is; an archive may put an empty module in its place."""
    return getattr(sys.modules.get(name), "__file__", None) is not None


def _load(folder: Path, stages: list[dict[str, Any]]) -> Any:
    """Import and initialize the handler in the way of ``ts.model_service_worker``."""
    # Only what the worker itself imports, and in the order in which it does.
    worker: Any = importlib.import_module("ts.model_service_worker")
    cache = worker.MetricsCacheYamlImpl(
        str(Path(worker.__file__).parent / "configs" / "metrics.yaml")
    )
    _note(stages, "TorchServe's worker")
    _watch_openvino(stages)
    loader = worker.ModelLoaderFactory.get_model_loader()
    place = {"model_name": "rooms", "model_dir": str(folder), "handler": "room_handler.py"}
    service = loader.load(**place, gpu_id=None, batch_size=1, metrics_cache=cache)
    _note(stages, "golden plan")
    handler = service._entry_point.__self__
    handler.context = service.context
    return handler


def _watch_openvino(stages: list[dict[str, Any]]) -> None:
    """Note what is held before and after each network is read and compiled."""
    core = importlib.import_module("openvino").Core
    read_model, compile_model = core.read_model, core.compile_model

    def read(*args: Any, **kwargs: Any) -> Any:
        _note(stages, "import the handler")
        model = read_model(*args, **kwargs)
        _note(stages, "network read")
        return model

    def compile_(*args: Any, **kwargs: Any) -> Any:
        compiled = compile_model(*args, **kwargs)
        _note(stages, "network compiled")
        return compiled

    core.read_model, core.compile_model = read, compile_


def _answer(handler: Any, content: bytes) -> None:
    context_module = importlib.import_module("ts.context")
    context = handler.context
    context.request_ids = {0: "one"}
    context.request_processor = [context_module.RequestProcessor({})]
    (body,) = handler.handle([{"body": content}], context)
    status, _ = context.get_response_status(0)
    assert status == 200, body  # noqa: PLR2004  # HTTP's number


def _note(stages: list[dict[str, Any]], stage: str) -> None:
    """Add what is resident now, in MB; a stage that comes again counts from its last time."""
    sizes = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    held = {
        name: round(int(sizes[field].split()[0]) * 1024 / 1e6, 1)
        for name, field in (("rss_mb", "VmRSS"), ("anonymous_mb", "RssAnon"))
    }
    stages.append({"stage": stage, **held})


_RESULT = "RESULT"  # the handler logs to standard output, too

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
