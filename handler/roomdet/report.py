# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is told of each request: metrics, and one line in the log. No pixel and no text of it.

TorchServe's frontend keeps the metrics and knows one set of buckets for histograms, Prometheus'
default of 5 ms to 10 s; therefore only times are histograms, and in seconds. Of rooms and pixels
there are sums, which a query divides by the number of requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from roomdet import errors
from roomdet.item import SUCCESS, Step

if TYPE_CHECKING:
    from roomdet.item import BatchItem

# Name, value, values of its labels in their order.
Measurement = tuple[str, float, list[str]]

REQUESTS = "roomdet_requests_total"
ROOMS = "roomdet_rooms_total"
PIXELS = "roomdet_pixels_total"
LEVELS = "roomdet_levels_total"
SLICES = "roomdet_slices_total"
CUT_SHORT = "roomdet_cut_short_total"
STEP_SECONDS = {step: f"roomdet_{step}_seconds" for step in Step}
OUTCOMES = (
    SUCCESS,
    *(
        error.code
        for error in (
            errors.InvalidFileFormat,
            errors.ValidationError,
            errors.FileTooLarge,
            errors.UnsupportedMediaType,
            errors.ProcessingFailed,
        )
    ),
)


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as TorchServe's metrics API wants it declared."""

    name: str
    kind: Literal["counter", "histogram"]
    unit: str
    labels: tuple[str, ...] = ()


METRICS = (
    Metric(REQUESTS, "counter", "count", ("outcome",)),
    Metric(ROOMS, "counter", "count"),
    Metric(PIXELS, "counter", "count"),
    Metric(LEVELS, "counter", "count"),
    Metric(SLICES, "counter", "count"),
    Metric(CUT_SHORT, "counter", "count"),
    *(Metric(name, "histogram", "s") for name in STEP_SECONDS.values()),
)


def initial_values() -> list[Measurement]:
    """Zero for each counter, so that its first increase is seen as one."""
    counts: list[Measurement] = [(REQUESTS, 0, [outcome]) for outcome in OUTCOMES]
    return [*counts, *((name, 0, []) for name in (ROOMS, PIXELS, LEVELS, SLICES, CUT_SHORT))]


def measurements(item: BatchItem) -> list[Measurement]:
    """What a finished row adds to the metrics."""
    found: list[Measurement] = [(REQUESTS, 1, [item.outcome])]
    if item.page is not None:
        found.append((PIXELS, item.page.pixel_count, []))
    if item.inspection is not None:
        found += [
            (LEVELS, item.inspection.level_count, []),
            (SLICES, item.inspection.slices, []),
            (CUT_SHORT, int(item.inspection.is_cut_short), []),
        ]
    if item.error is None:
        found.append((ROOMS, item.room_count, []))
    for step, seconds in item.seconds.items():
        found.append((STEP_SECONDS[step], round(seconds, 6), []))
    return found


def request_fields(item: BatchItem, *, status: int, answer: bytes) -> dict[str, object]:
    """What the log says of a finished row.

    Args:
        item: The row.
        status: HTTP status of its answer.
        answer: Body of its answer.
    """
    fields: dict[str, object] = {
        "id": item.request_id,
        "status": status,
        "outcome": item.outcome,
        "bytes_in": item.bytes_in,
        "bytes_out": len(answer),
    }
    if item.bytes_fetched is not None:
        fields["bytes_fetched"] = item.bytes_fetched
    if item.page is not None:
        fields |= {
            "pixels": item.page.pixel_count,
            "page": item.page.number,
            "page_count": item.page.count,
        }
    if item.inspection is not None:
        fields |= {
            "side_px": item.inspection.largest_px,
            "levels": item.inspection.level_count,
            "slices": item.inspection.slices,
        }
        if item.inspection.is_cut_short:
            fields["cut_short"] = True
    if item.description.is_cut_short:
        fields["describe_cut_short"] = True
    if item.error is None:
        fields["rooms"] = item.room_count
    return fields | {
        f"{step}_ms": round(seconds * 1000, 2) for step, seconds in item.seconds.items()
    }
