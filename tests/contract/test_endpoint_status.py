# SPDX-License-Identifier: AGPL-3.0-or-later
"""What `status` and the progress of `apply` say while an endpoint changes, and afterwards."""

from __future__ import annotations

import argparse
import json
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from deploy.aws.client import AwsAccount
from deploy.endpoint.execution import Executor
from deploy.endpoint.lock import locked
from deploy.endpoint.progress import Progress, steps_of
from deploy.endpoint.run import run_status
from deploy.endpoint.status import exit_status, read_status
from serving.errors import RolloutError
from tests.contract.endpoint_site import good, settings
from tests.contract.local_sagemaker import REGION
from tests.unit.closed_account import ClosedAccount
from tests.unit.test_endpoint_spec import SHIPPED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.contract.endpoint_site import Site

CANARY = (
    "mode=realtime", "serverless=null", "realtime.instance_type=ml.c6i.large",
    "realtime.instance_count=2", "realtime.rollout=canary", "realtime.wait_s=60",
    "realtime.termination_wait_s=0", "realtime.step_percent=50", "alarms.minutes=1",
)  # fmt: skip


def status(site: Site) -> dict[str, Any]:
    """As `status` prints it."""
    place = f"{site.lab.account.artifacts}/rooms/rooms-"
    return read_status(AwsAccount(REGION, site.lab.place.url), "rooms", place)


def test_a_canary_is_followed(site: Site) -> None:
    """Step by step, with its share of the requests and the alarms; `status` says where it goes."""
    site.apply(*good(site, "a"), *CANARY, with_candidate=False)
    before, seen = status(site), list[dict[str, Any]]()
    assert (0, "InService", None) == (exit_status(before), before["status"], before["update"])

    def look(text: str) -> None:
        if "step 1 of 2" in text and not seen:
            seen.append(status(site))

    site.on_say = look
    site.apply(*good(site, "b"), *CANARY, "realtime.wait_s=200", with_candidate=False)

    told = [text for text in site.said if text.startswith("  rooms: Updating to rooms-realtime-")]
    half = "(Baking; step 1 of 2, 50 % of the requests; alarms: "
    assert [text for text in told if half in text]
    (middle,) = seen
    assert (3, "Updating") == (exit_status(middle), middle["status"])
    update = middle["update"]
    assert ("1.0", "Baking", 50.0) == tuple(
        update[key] for key in ("version", "stage", "share_percent")
    )
    assert before["config"] == middle["config"] != update["config"] == status(site)["config"]
    assert "`apply` of" in middle["changed_by"]
    assert None is status(site)["changed_by"]

    # SageMaker keeps the reason of an update that was taken back, which is none of today's.
    with pytest.raises(RolloutError, match="Its log says: it did not want to"):
        site.apply(*good(site, "c"), *CANARY, "environment.START=fail", with_candidate=False)
    found = status(site)
    assert (0, None, None) == (exit_status(found), found["reason"], found["next_step"])
    assert "did not pass the ping" in found["last_update_taken_back"]


def test_a_candidate_that_is_left(site: Site) -> None:
    """Its cost is told, and what removes it; before there is any endpoint, too."""
    stop = threading.Event()

    def interrupt(text: str) -> None:
        if text.startswith("wait until rooms-candidate serves"):
            stop.set()
            raise KeyboardInterrupt

    site.on_say = interrupt
    with pytest.raises(KeyboardInterrupt):
        site.apply(*settings(site), *CANARY)

    # As `status --wait`: it is no longer made, and nobody is at it.
    account, folder = AwsAccount(REGION, site.lab.place.url), f"{site.lab.account.artifacts}/rooms/"
    Executor(account, None, site.said.append, 60).settle(["rooms-candidate"])
    found = status(site)
    assert (1, None, None) == (exit_status(found), found["status"], found["changed_by"])
    assert 3 == exit_status(found | {"candidate": {"status": "Creating"}})
    assert "1 x ml.c6i.large by the second" == found["candidate"]["cost"]
    assert "removes it" in found["candidate"]["next_step"]
    with locked(account, folder, "apply", site.said.append, 1):
        found = status(site)
        assert "`apply` of" in found["changed_by"]
        assert 3 == exit_status(found)
    site.on_say = lambda _: None
    site.operator().delete()
    assert None is status(site)["candidate"]


def test_waiting_for_an_apply(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whose candidate is tried, while what serves does not change."""
    site.apply(*good(site, "a"), with_candidate=False)
    config, ended = tmp_path / "deploy.yaml", list[str]()
    config.write_text(SHIPPED, "utf-8")
    is_waiting = threading.Event()

    def say(text: str) -> None:
        if text.startswith("wait until rooms-candidate serves"):
            is_waiting.set()

    site.on_say = say

    def apply() -> None:
        ended.append(site.apply(*good(site, "b"), "environment.START_S=4").config)

    thread = threading.Thread(target=apply)
    thread.start()
    assert is_waiting.wait(30)
    args = argparse.Namespace(
        config=config,
        changes=[*site.lab.account.settings(), "endpoint=rooms"],
        endpoint_url=site.lab.place.url,
        output="json",
        wait=False,
        timeout_s=60.0,
    )
    assert 3 == run_status(args)
    args.wait = True
    capsys.readouterr()
    assert 0 == run_status(args)
    thread.join()
    assert ended == [json.loads(capsys.readouterr().out)["config"]]


def test_the_log_of_the_attempt_that_failed_alone_is_read() -> None:
    """Not all that the endpoints of this name ever wrote."""
    starts, now = list[int](), datetime.now(UTC)

    class Failed(ClosedAccount):
        """An endpoint that failed just now."""

        def __init__(self, made: datetime) -> None:
            self._found = {
                "EndpointName": "rooms", "EndpointArn": "arn", "EndpointConfigName": "a",
                "EndpointStatus": "Failed", "CreationTime": made, "LastModifiedTime": now,
            }  # fmt: skip

        def ask(
            self, service: str, operation: str, params: Mapping[str, Any]
        ) -> Mapping[str, Any] | None:
            """Of the endpoint alone."""
            del service
            is_it = operation == "describe_endpoint" and params["EndpointName"] == "rooms"
            return self._found if is_it else None

        def pages(
            self, service: str, operation: str, params: Mapping[str, Any], key: str
        ) -> list[Any]:
            """Nothing else is there."""
            del service, key
            if operation == "filter_log_events":
                starts.append(params["startTime"])
            return []

    read_status(Failed(now - timedelta(days=300)), "rooms")
    read_status(Failed(now - timedelta(minutes=30)), "rooms")
    assert [120, 30] == [round(now.timestamp() / 60 - start / 60_000) for start in starts]


def test_steps() -> None:
    """Each way has its own; all at once has none to tell of."""

    def moved(kind: str, **more: object) -> tuple[float, ...]:
        traffic = {"Type": kind, **more}
        return steps_of({"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": traffic}})

    assert (10, 100) == moved("CANARY", CanarySize={"Value": 10})
    assert (30, 60, 90, 100) == moved("LINEAR", LinearStepSize={"Value": 30})
    assert (50, 100) == moved("LINEAR", LinearStepSize={"Value": 50})
    assert () == moved("ALL_AT_ONCE") == steps_of({})


def test_alarms_are_named_unless_all_is_well() -> None:
    """By their state."""
    alarms = {"rooms-5xx": "ALARM", "rooms-memory": "OK"}
    now = Progress("Updating", "b", "Baking", 60, (30, 60, 100), alarms)

    told = "Updating to b (Baking; step 2 of 3, 60 % of the requests; alarms: rooms-5xx ALARM)"
    assert told == str(now)
    assert "Creating" == str(Progress("Creating"))
