# SPDX-License-Identifier: AGPL-3.0-or-later
"""`apply`, `rollback` and `delete` where somebody else changes the endpoint at the same time."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, replace
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest

from deploy.aws.client import AwsAccount
from deploy.aws.errors import AwsError
from deploy.endpoint import lock
from deploy.errors import PlanError, Unconfirmed
from sagemaker_local.backend import Quotas
from tests.contract.endpoint_site import QUEUE, good
from tests.contract.local_sagemaker import REGION
from tests.unit.closed_account import ClosedAccount

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from deploy.endpoint.apply import Outcome
    from tests.contract.endpoint_site import Site


def scaling(site: Site, *calls: str) -> Callable[[str], None]:
    """Scales the endpoint when a run is about to make one of these calls, each once."""
    left = list(calls)

    def scale(text: str) -> None:
        if left and text.startswith(left[0]):
            left.pop(0)
            site.lab.sagemaker.update_endpoint_weights_and_capacities(
                EndpointName="rooms",
                DesiredWeightsAndCapacities=[
                    {"VariantName": "AllTraffic", "DesiredInstanceCount": 1 + len(left)}
                ],
            )

    return scale


def test_an_endpoint_that_scales_by_itself(site: Site) -> None:
    """Just before the call that it makes refused: each command waits, plans anew and goes on."""
    queue = tuple(
        s.replace("s3://rooms", site.lab.account.artifacts)
        for s in (*QUEUE, "async.termination_wait_s=0")
    )
    site.apply(*good(site, "a"), *queue, with_candidate=False)
    update, delete = "sagemaker update_endpoint rooms", "sagemaker delete_endpoint rooms"
    site.on_say = scaling(site, update, update, delete)

    updated = site.apply(*good(site, "b"), *queue, with_candidate=False)
    back = site.operator().roll_back()
    site.operator().delete()

    assert updated.before == back.config != updated.config
    assert 3 == len([text for text in site.said if "planning anew" in text])
    assert [] == [name for name in site.names() if name.startswith("rooms/")]
    assert site.names() == []


def test_two_at_once(site: Site) -> None:
    """One after the other; the second says whom it waits for, and plans when it is its turn."""
    done: dict[str, Outcome] = {}

    def apply(name: str) -> None:
        done[name] = site.apply(*good(site, name), timeout_s=60)

    threads = [threading.Thread(target=apply, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    first, second = sorted(done.values(), key=lambda outcome: outcome.before)
    assert "" == first.before
    assert first.config == second.before
    (waited,) = [text for text in site.said if text.startswith("waiting for `apply` of ")]
    assert "one change at a time" in waited
    assert [] == [name for name in site.names() if lock.NAME in name]


def test_one_of_many_makes_a_file_that_is_not_there(site: Site) -> None:
    """As S3 does: the lock is of one run alone."""
    start, bucket = threading.Barrier(8), site.lab.account.artifacts.removeprefix("s3://")
    file = {"Bucket": bucket, "Key": "one.lock", "Body": b"mine", "IfNoneMatch": "*"}
    accounts = [AwsAccount(REGION, site.lab.place.url) for _ in range(start.parties)]

    def make(account: AwsAccount) -> bool:
        start.wait()
        try:
            return bool(account.call("s3", "put_object", file))
        except AwsError as err:
            return err.code != "PreconditionFailed"  # any other refusal spoils the sum

    with ThreadPoolExecutor(start.parties) as pool:
        assert 1 == sum(pool.map(make, accounts))


def refuse(_: str) -> None:
    """Whoever is asked says no."""
    raise Unconfirmed("Nothing was changed.")


def test_a_rollback_does_not_wait_for_an_apply(site: Site) -> None:
    """Which is stopped before it changes what serves; a second rollback is refused meanwhile."""
    first = site.apply(*good(site, "a"), with_candidate=False)
    site.apply(*good(site, "b"), with_candidate=False)
    ended, is_waiting = list[Exception](), threading.Event()

    def apply() -> None:
        try:
            site.apply(*good(site, "c"), "environment.START_S=4")
        except PlanError as err:
            ended.append(err)

    def say(text: str) -> None:
        if text.startswith("wait until rooms-candidate serves"):
            is_waiting.set()
        if text.startswith("sagemaker update_endpoint rooms: back"):
            with pytest.raises(PlanError, match=r"`rollback` of .* is still at it"):
                site.operator().roll_back()

    site.on_say = say
    thread = threading.Thread(target=apply)
    thread.start()
    assert is_waiting.wait(30)
    with pytest.raises(Unconfirmed):
        replace(site.operator(), approve=refuse).roll_back()
    held = lock.read_lock(*account(site))
    assert held
    assert "apply" == held.holder.command
    back = site.operator().roll_back()
    thread.join()

    (stopped,) = ended
    assert "took over: this run stops here" in str(stopped)
    assert first.config == back.config == site.lab.describe("rooms")["EndpointConfigName"]


def account(site: Site) -> tuple[AwsAccount, str]:
    """The account, and where the lock lies."""
    where = AwsAccount(REGION, site.lab.place.url)
    return where, f"{site.lab.account.artifacts}/rooms/"


def put(site: Site, holder: lock.Holder) -> None:
    """The lock of somebody who ended without a word."""
    body = json.dumps(asdict(holder)).encode()
    key = f"rooms/{lock.NAME}"
    site.lab.client("s3").put_object(Bucket=site.lab.repository, Key=key, Body=body)


def test_who_ended_in_the_middle_is_not_waited_for(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here a process that is gone; elsewhere one that has said nothing for a while."""
    aws, folder = account(site)
    with lock.locked(aws, folder, "apply", site.said.append, 1) as held:
        mine = held.holder
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    put(site, replace(mine, pid=process.pid, run="b"))
    with lock.locked(aws, folder, "apply", site.said.append, 1):
        assert "ended in the middle" in site.said[-1]

    put(site, replace(mine, machine="another", run="b"))
    with (
        pytest.raises(PlanError, match=r"`apply` of .* is still at it; nothing was changed"),
        lock.locked(aws, folder, "delete", site.said.append, 1),
    ):
        pytest.fail("it is held")
    monkeypatch.setattr(lock, "LEASE_S", 0.0)
    with lock.locked(aws, folder, "apply", site.said.append, 5):
        assert "ended in the middle" in site.said[-1]
    assert None is lock.read_lock(aws, folder)


def test_a_lock_that_was_taken_stays_with_who_took_it(site: Site) -> None:
    """Whose run is interrupted before it has noticed does not delete it."""
    aws, folder = account(site)
    with lock.locked(aws, folder, "apply", site.said.append, 1) as held:
        put(site, replace(held.holder, command="rollback", run="b"))
    found = lock.read_lock(aws, folder)
    assert found
    assert "rollback" == found.holder.command


@pytest.mark.parametrize(
    ("code", "calls"), [("NotImplemented", 2), ("PreconditionFailed", 2), ("AccessDenied", 1)]
)
def test_a_lock_is_deleted_by_its_version(code: str, calls: int) -> None:
    """Without one where S3 takes none for that, after it was read; never another version."""
    holder = lock.Holder("apply", "somebody", "", 0, "now", "a")
    conditions = list[str]()

    class Refusing(ClosedAccount):
        """S3 that refuses a condition."""

        def ask(self, service: str, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
            """The lock."""
            assert (service, operation, params["Key"]) == ("s3", "get_object", "a/change.lock")
            body = BytesIO(json.dumps(asdict(holder)).encode())
            return {"Body": body, "ETag": "1", "LastModified": datetime.now(UTC)}

        def call(
            self, service: str, operation: str, params: Mapping[str, Any]
        ) -> Mapping[str, Any]:
            """Its deletion."""
            assert (service, operation, params["Key"]) == ("s3", "delete_object", "a/change.lock")
            conditions.append(params.get("IfMatch", ""))
            if conditions[-1]:
                raise AwsError("DeleteObject", code, "no")
            return {}

    held = lock.Lock(Refusing(), "s3://b/a/", holder, "0")
    with pytest.raises(AwsError) if code == "AccessDenied" else nullcontext():
        held.release()
    assert calls == len(conditions)
    assert (code == "NotImplemented") == ("" in conditions)


def test_a_lock_whose_answer_was_lost_is_held() -> None:
    """boto3 sent the call again, and S3 has the file already: it is this run's, to its end."""
    objects = list[bytes]()

    class Forgetful(ClosedAccount):
        """S3 whose first answer does not arrive."""

        def ask(
            self, service: str, operation: str, params: Mapping[str, Any]
        ) -> Mapping[str, Any] | None:
            """The lock, if it is there."""
            assert (service, operation, params["Key"]) == ("s3", "get_object", "a/change.lock")
            if not objects:
                return None
            return {"Body": BytesIO(objects[0]), "ETag": "1", "LastModified": datetime.now(UTC)}

        def call(
            self, service: str, operation: str, params: Mapping[str, Any]
        ) -> Mapping[str, Any]:
            """It is written, or deleted."""
            assert (service, params["Key"]) == ("s3", "a/change.lock")
            if operation == "delete_object":
                assert params["IfMatch"] == "1"
                objects.clear()
                return {}
            objects.append(params["Body"])
            raise AwsError("PutObject", "PreconditionFailed", "it is there")

    with lock.locked(Forgetful(), "s3://b/a/", "apply", print, 1.0) as held:
        held.check()
        assert held.holder.run == json.loads(objects[0])["run"]
    assert not objects


def test_another_machine_of_the_same_name(site: Site) -> None:
    """Its processes are not looked for here; and another user's process is one."""
    aws, folder = account(site)
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    with lock.locked(aws, folder, "apply", site.said.append, 1) as held:
        mine = held.holder
    name, start, space = mine.machine.split(" ")
    for other in (
        replace(mine, machine=f"{name} {start[::-1]} {space}", pid=process.pid, run="b"),
        replace(mine, pid=1, run="c"),
    ):
        put(site, other)
        found = lock.read_lock(aws, folder)
        assert found
        assert not found.has_ended


def test_a_run_that_slept_stops(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one has gone on in its place, and keeps the lock."""
    monkeypatch.setattr(lock, "RENEW_S", 0.05)
    aws, folder = account(site)
    with lock.locked(aws, folder, "apply", site.said.append, 1) as held:
        first = held.etag
        lost = threading.Event()
        while held.etag == first:
            lost.wait(0.01)  # until it was written anew
        put(site, replace(held.holder, renewed=1.0))  # as if the answer to that had been lost
        first = held.etag
        while held.etag == first:
            lost.wait(0.01)
        held.check()
        put(site, replace(held.holder, machine="another", run="b"))
        deadline_s = time.monotonic() + 30
        while not held.is_lost:
            assert time.monotonic() < deadline_s
            lost.wait(0.01)
        with pytest.raises(PlanError, match="took over: this run stops here"):
            held.check()
    found = lock.read_lock(aws, folder)
    assert found
    assert "another" == found.holder.machine


def test_nobody_waits_for_an_answer(site: Site) -> None:
    """An open question holds no lock, and is asked again only if the answer would be to another.

    Who says no has neither waited for another run nor written anything.
    """
    site.apply(*good(site, "a"), with_candidate=False)
    aws, folder = account(site)
    asked = list[str]()

    def look(plan: str) -> None:
        asked.append(plan)
        assert lock.read_lock(aws, folder) is None
        if len(asked) == 1:
            site.apply(*good(site, "b"), with_candidate=False)

    with lock.locked(aws, folder, "apply", site.said.append, 1):
        with pytest.raises(Unconfirmed):
            replace(site.operator(), approve=refuse).delete()
        with pytest.raises(Unconfirmed):
            site.apply(*good(site, "c"), approve=refuse)

    done = site.apply(*good(site, "c"), approve=look, with_candidate=False)
    first, again = asked
    assert first != again
    assert done.config == site.lab.describe("rooms")["EndpointConfigName"]
    assert "Something was changed meanwhile, and the plan is another one now:" in site.said
    asked[1:] = []
    site.apply(*good(site, "c"), approve=look, with_candidate=False)
    replace(site.operator(), approve=look).delete()
    assert 2 == len(asked)
    assert [] == site.names()


def test_a_rollback_goes_where_it_was_approved(site: Site) -> None:
    """An `apply` that ends while the question is open makes another version the one before."""
    first = site.apply(*good(site, "a"), with_candidate=False)
    second = site.apply(*good(site, "b"), with_candidate=False)
    asked = list[str]()

    def apply(plan: str) -> None:
        asked.append(plan)
        if len(asked) == 1:
            site.apply(*good(site, "c"), with_candidate=False)

    back = replace(site.operator(), approve=apply).roll_back()
    assert 2 == len(asked)
    assert first.config in asked[0]
    assert back.config == second.config
    assert second.config in asked[1]

    aws, _ = account(site)
    elsewhere = f"{site.lab.account.artifacts}/elsewhere/"  # where the configuration has it by now
    with (
        lock.locked(aws, elsewhere, "rollback", site.said.append, 1),
        pytest.raises(PlanError, match=r"`rollback` of .* is still at it"),
    ):
        replace(site.operator(), place=f"{elsewhere}rooms-").roll_back()

    site.apply(*good(site, "c"), with_candidate=False)

    def apply_once(text: str) -> None:
        site.on_say = lambda _: None
        if "back from" in text:
            site.apply(*good(site, "d"), with_candidate=False)

    site.on_say = apply_once
    with pytest.raises(PlanError, match="the endpoint was changed meanwhile"):
        site.operator().roll_back()


SCALED = (
    "mode=realtime", "serverless=null", "realtime.instance_type=ml.c6i.large",
    "realtime.autoscaling.min_instances=1", "realtime.autoscaling.max_instances=2",
    "realtime.termination_wait_s=0",
)  # fmt: skip


def targets(site: Site) -> list[str]:
    """What is scaled."""
    listed = site.lab.client("application-autoscaling").describe_scalable_targets(
        ServiceNamespace="sagemaker"
    )
    return [target["ResourceId"] for target in listed["ScalableTargets"]]


def test_an_end_while_nothing_scales(site: Site) -> None:
    """Before the update it is scaled again; after that it is said what does so."""
    stop_at = ""

    def interrupt(text: str) -> None:
        if stop_at and text.startswith(stop_at):
            raise KeyboardInterrupt

    site.apply(*good(site, "a"), *SCALED, with_candidate=False)
    scaled = targets(site)
    assert 1 == len(scaled)
    site.on_say = interrupt
    larger = (*good(site, "b"), *SCALED, "realtime.instance_type=ml.c6i.xlarge")

    stop_at = "sagemaker update_endpoint rooms"
    with pytest.raises(KeyboardInterrupt):
        site.apply(*larger, with_candidate=False)
    assert scaled == targets(site)

    stop_at = "wait until rooms serves"
    with pytest.raises(KeyboardInterrupt):
        site.apply(*larger, with_candidate=False)
    assert [] == targets(site)
    (told,) = [text for text in site.said if "nothing scales rooms now" in text]
    assert "`python -m deploy apply` scales it again" in told

    stop_at = ""
    site.apply(*larger, with_candidate=False)
    assert scaled == targets(site)


def test_an_update_that_is_refused(site: Site) -> None:
    """The endpoint is scaled as before: SageMaker wants that ended before the type changes."""
    backend = site.lab.place.backend
    large = (*good(site, "a"), *SCALED)
    larger = (*large, "realtime.instance_type=ml.c6i.xlarge")
    site.apply(*large, with_candidate=False)
    scaled = targets(site)
    assert 1 == len(scaled)

    backend.quotas = Quotas(instances={"ml.c6i.xlarge": 0})
    with pytest.raises(AwsError, match="ResourceLimitExceeded"):
        site.apply(*larger, with_candidate=False)
    assert scaled == targets(site)

    backend.quotas = Quotas()
    site.apply(*larger, with_candidate=False)
    backend.quotas = Quotas(instances={"ml.c6i.large": 0})
    with pytest.raises(AwsError, match="ResourceLimitExceeded"):
        site.operator().roll_back()
    assert scaled == targets(site)


def test_another_plan_in_the_middle_is_asked_about(site: Site) -> None:
    """Of what nobody has approved; what is only done again is not asked about."""
    fixed = (*SCALED[:3], "realtime.termination_wait_s=0")
    site.apply(*good(site, "a"), *fixed, with_candidate=False)
    asked, update = list[str](), scaling(site, "sagemaker update_endpoint rooms")

    def approve(plan: str) -> None:
        asked.append(plan)
        if len(asked) == 2:
            raise Unconfirmed("Nothing was changed.")

    def scale(text: str) -> None:
        if text.startswith("sagemaker update_endpoint rooms"):
            site.lab.client("application-autoscaling").register_scalable_target(
                ServiceNamespace="sagemaker",
                ResourceId="endpoint/rooms/variant/AllTraffic",
                ScalableDimension="sagemaker:variant:DesiredInstanceCount",
                MinCapacity=1,
                MaxCapacity=2,
            )
        update(text)

    site.on_say = scale
    with pytest.raises(PlanError, match="stopped in the middle"):
        site.apply(*good(site, "b"), *fixed, with_candidate=False, approve=approve)
    first, again = asked
    assert "deregister_scalable_target" not in first
    assert "deregister_scalable_target" in again
