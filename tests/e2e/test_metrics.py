# SPDX-License-Identifier: AGPL-3.0-or-later
"""Metrics follow the requests, and every name that the documents use is there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import yaml

from serving.server import LocalServer, serve
from tests.conftest import CONFIG, ROOT
from tests.e2e.scrape import Scrape, scrape, scrape_until
from tests.e2e.wire import BOMB, PLAN, pdf, post, post_json
from tests.s3_servers import serve_moto

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ALERTS = ROOT / "docs" / "alerts.yaml"
OPERATIONS = ROOT / "docs" / "operations.md"
# Of PromQL, as far as the alert rules use it.
FUNCTIONS = {"sum", "rate", "increase", "histogram_quantile", "absent", "and"}
PLAN_PIXELS = 1600 * 1132
WAITED = "roomdet_queue_seconds_count"


def requests(found: Scrape, outcome: str) -> float:
    """Requests so far that ended like this."""
    return found.value("roomdet_requests_total", f'outcome="{outcome}"')


@pytest.fixture(scope="module")
def server(archive: Path) -> Iterator[LocalServer]:
    """A server of its own: what others asked for would arrive in the metrics at any time."""
    with serve_moto() as s3:
        s3.make_bucket("plans")
        s3.put("plans", "a.png", PLAN)
        environ = s3.environ | {"ROOMDET_IMAGE_URL_PREFIXES": "s3://plans/"}
        with serve(archive, config=CONFIG, environ=environ) as running:
            running.wait_ready()
            yield running


def is_counted(found: Scrape, last: str, count: int, waited: int) -> bool:
    """Whether all is there: a worker's metrics come in order, the waiting times beside them."""
    return last in found.names and (found.value(last), found.value(WAITED)) == (count, waited)


@pytest.fixture(scope="module")
def before_and_after(server: LocalServer) -> tuple[Scrape, Scrape, int]:
    """Scrapes around two plans, a text and a picture that is too large; and the rooms found."""
    # Histograms begin with their first value, so that one request must have every step.
    named = {"image_url": "s3://plans/a.png"}
    assert post_json(server, named | {"include": ["polygon"]}).status == 200
    before = scrape_until(
        server.url, lambda found: is_counted(found, "roomdet_encode_seconds_count", 1, 1)
    )
    rooms = sum(len(reply.rooms) for reply in (post_json(server, named), post(server, pdf())))
    for body in (b"hello", BOMB):
        assert post(server, body).status in {400, 413}
    after = scrape_until(
        server.url, lambda found: is_counted(found, "roomdet_decode_seconds_count", 5, 5)
    )
    return before, after, rooms


@pytest.mark.parametrize(
    ("outcome", "more"),
    [
        ("success", 2),
        ("invalid_file_format", 1),
        ("file_too_large", 1),
        ("validation_error", 0),
        ("processing_failed", 0),
    ],
)
def test_requests_are_counted_by_outcome(
    before_and_after: tuple[Scrape, Scrape, int], outcome: str, more: int
) -> None:
    """Also those that never happened stand there, at zero, so that a rate sees the first."""
    before, after, _ = before_and_after

    assert requests(after, outcome) == requests(before, outcome) + more


def test_rooms_and_pixels_are_summed(before_and_after: tuple[Scrape, Scrape, int]) -> None:
    """The picture's own pixels; of the PDF, those that were drawn."""
    before, after, rooms = before_and_after
    pixels = after.value("roomdet_pixels_total") - before.value("roomdet_pixels_total")

    assert after.value("roomdet_rooms_total") == before.value("roomdet_rooms_total") + rooms
    assert rooms > 15
    assert PLAN_PIXELS < pixels <= PLAN_PIXELS + 640 * 640


@pytest.mark.parametrize(
    ("step", "more"), [("fetch", 1), ("decode", 4), ("detect", 2), ("encode", 2)]
)
def test_steps_are_timed_in_seconds(
    before_and_after: tuple[Scrape, Scrape, int], step: str, more: int
) -> None:
    """Each value lies within the buckets, 5 ms to 10 s."""
    before, after, _ = before_and_after
    name = f"roomdet_{step}_seconds"

    assert after.types[name] == "histogram"
    assert after.value(f"{name}_count") == before.value(f"{name}_count") + more
    assert after.value(f"{name}_sum") > before.value(f"{name}_sum")
    assert after.value(f"{name}_bucket", 'le="10.0"') == after.value(f"{name}_count")


def test_waiting_is_timed(before_and_after: tuple[Scrape, Scrape, int]) -> None:
    """In seconds; TorchServe's own counter in microseconds goes on beside it."""
    before, after, _ = before_and_after
    seconds = after.value("roomdet_queue_seconds_sum") - before.value("roomdet_queue_seconds_sum")
    stock = after.value("ts_queue_latency_microseconds")
    microseconds = stock - before.value("ts_queue_latency_microseconds")

    assert after.value(WAITED) == before.value(WAITED) + 4
    assert seconds > 0
    assert seconds == pytest.approx(microseconds / 1e6)


def test_the_servers_own_state_is_there(before_and_after: tuple[Scrape, Scrape, int]) -> None:
    """Ready, nothing in flight, and how long it took to get there."""
    _, after, _ = before_and_after

    assert after.value("roomdet_ready") == 1
    assert after.value("roomdet_in_flight") == 0
    assert 1 < after.value("roomdet_cold_start_seconds") < 120


def test_it_is_the_registry_of_torchserves_own_address(
    server: LocalServer, before_and_after: tuple[Scrape, Scrape, int]
) -> None:
    """SageMaker scrapes the inference port; whoever scrapes the metrics port sees the same."""
    _, after, _ = before_and_after
    own = scrape(f"http://127.0.0.1:{server.ports.metrics}")

    assert own.types == after.types
    assert own.names == after.names


def test_every_alert_uses_metrics_that_exist(
    before_and_after: tuple[Scrape, Scrape, int],
) -> None:
    """A rule on a name that nobody writes would never fire, and nobody would know."""
    _, after, _ = before_and_after
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]

    assert len(rules) >= 5
    for rule in rules:
        expression = re.sub(r"\{[^}]*\}|\[\w+\]|by \([^)]*\)", "", rule["expr"])
        used = set(re.findall(r"[a-zA-Z_]\w*", expression)) - FUNCTIONS
        assert used, rule["alert"]
        assert used <= after.names, f"{rule['alert']}: {used - after.names}"
        assert {"alert", "expr", "for", "labels", "annotations"} == set(rule)


def test_every_metric_of_the_documents_exists_and_the_other_way_round(
    before_and_after: tuple[Scrape, Scrape, int],
) -> None:
    """docs/operations.md lists all metrics of ours, and none that is not there."""
    _, after, _ = before_and_after
    text = OPERATIONS.read_text()
    table = text.partition("<!-- metrics -->\n")[2].partition("<!-- /metrics -->")[0]
    listed = set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE))
    mentioned = set(re.findall(r"\b(?:roomdet|ts)_[a-z_]+\b", text + ALERTS.read_text()))

    ours = {family for family in after.types if family.startswith("roomdet_")}
    assert ours == {name for name in listed if name.startswith("roomdet_")}
    assert listed <= set(after.types)
    assert mentioned <= set(after.types) | after.names
