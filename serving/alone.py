# SPDX-License-Identifier: AGPL-3.0-or-later
"""One rollout at a time."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from serving.errors import RolloutError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def alone(model_store: Path) -> Iterator[None]:
    """One rollout at a time for one model store.

    Raises:
        RolloutError: If another one is under way, or there is no such folder.
    """
    try:
        folder = os.open(model_store, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as err:
        raise RolloutError(f"{model_store} is no model store: {err.strerror}") from err
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as err:
        raise RolloutError("another rollout is under way on this server") from err
    finally:
        os.close(folder)
