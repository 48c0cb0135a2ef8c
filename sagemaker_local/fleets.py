# SPDX-License-Identifier: AGPL-3.0-or-later
"""The two fleets of a blue/green update, their variants, and which of them gets a request."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sagemaker_local.model_servers import LaunchSpec, ModelServer

_NUMBERS = iter(range(1, 2**62))


def new_instance_id() -> str:
    """Of an instance that has not been there before."""
    return f"i-{next(_NUMBERS):017x}"


@dataclass(slots=True)
class Variant:
    """A production variant that serves.

    Attributes:
        name: Its name.
        settings: The variant of the endpoint configuration.
        launch: What its server was started with.
        server: It; None while it has no instances.
        resolved_image: Its image by digest.
        weight: Its part of the traffic beside other variants.
        instances: How many instances it has; 0 if it is serverless, or scaled to zero.
        serverless: ServerlessConfig as it is now; None if it has instances.
        pending: How many instances it is about to have; None if that does not change.
        instance_id: What its log stream is called after.
        in_flight: Requests that it has and has not answered yet.
        is_restarting: Whether its server has ended by itself, and another one starts.
    """

    name: str
    settings: Mapping[str, Any]
    launch: LaunchSpec
    server: ModelServer | None
    resolved_image: str
    weight: float
    instances: int
    serverless: Mapping[str, int] | None
    pending: int | None = None
    instance_id: str = field(default_factory=new_instance_id)
    in_flight: int = 0
    is_restarting: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def stream(self) -> str:
        return f"{self.name}/{self.instance_id}"

    def enter(self) -> bool:
        """Count a request in; False if it is one too many."""
        with self._lock:
            if self.serverless and self.in_flight >= self.serverless["MaxConcurrency"]:
                return False
            self.in_flight += 1
            return True

    def leave(self) -> None:
        """Count a request out."""
        with self._lock:
            self.in_flight -= 1


@dataclass(slots=True)
class Fleet:
    """The variants of one endpoint configuration.

    Attributes:
        variants: They.
        asynchronous: AsyncInferenceConfig; None if callers wait for answers.
    """

    variants: Sequence[Variant]
    asynchronous: Mapping[str, Any] | None = None

    def variant(self, name: str) -> Variant | None:
        return next((variant for variant in self.variants if variant.name == name), None)


@dataclass(slots=True)
class Share:
    """Takes its turn in exact proportion: of a hundred requests, 30 at 30 %.

    Attributes:
        owed: What the other side is ahead.
    """

    owed: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def takes(self, percent: float) -> bool:
        """Whether the next request goes to the side that gets so much."""
        with self._lock:
            self.owed += percent
            if self.owed >= 100:  # noqa: PLR2004
                self.owed -= 100
                return True
            return False


def choose(fleet: Fleet, turn: int) -> Variant:
    """A variant by weight; over many turns each gets its part."""
    weights = [variant.weight for variant in fleet.variants]
    total = sum(weights)
    if not total:
        return fleet.variants[turn % len(fleet.variants)]
    # A step of the golden ratio visits the interval evenly, whatever the weights.
    point = (turn * 0.6180339887498949) % 1.0 * total
    for variant, weight in zip(fleet.variants, weights, strict=True):
        point -= weight
        if point < 0:
            return variant
    return fleet.variants[-1]
