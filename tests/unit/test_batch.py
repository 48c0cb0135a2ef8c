# SPDX-License-Identifier: AGPL-3.0-or-later
"""A batch of plans on an account that works as SageMaker does, and on one that is killed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from deploy.__main__ import main
from deploy.batch.failures import Failure, parse_failures
from deploy.batch.files import Plan, find_plans
from deploy.batch.place import Batch, batch_of, default_name, object_name
from deploy.batch.result import as_csv, read_results, read_status
from deploy.batch.state import read_state
from deploy.batch.submit import Resources, Submitted, job_params, submit
from serving.errors import BadUsage
from tests.unit.batch_account import REFUSED, Account, Killed
from tests.unit.calls import faults

if TYPE_CHECKING:
    from pathlib import Path

BATCH = batch_of("rooms", "archive", "s3://plans/rooms/")
RESOURCES = Resources("rooms-1", "ml.c6i.large", 2)
FILES = {"a.png": b"a", "b/c.pdf": b"c", "bad.png": b"bad", "same.png": b"a", "broken.png": b"x"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four plans of three contents, and one that is none; what is hidden is left out."""
    for name, content in {**FILES, ".DS_Store": b"?"}.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
    return tmp_path


def sent(account: Account, folder: Path, *, again: bool = False) -> Submitted:
    """Submit a folder."""
    plans = find_plans(account, [str(folder)])
    return submit(account, BATCH, plans, RESOURCES, lambda _: None, again=again)


def by_file(account: Account) -> dict[str, Any]:
    """The results by file."""
    return {entry["file"]: entry for entry in read_results(account, BATCH)}


def test_bad_plans_do_not_lose_the_others(folder: Path) -> None:
    """The job is Failed, and each other file has its rooms under its own name."""
    account = Account()
    done = sent(account, folder)
    assert ("rooms-archive-001", 5, 4, 0) == (done.job, done.sent, done.uploaded, done.answered)
    assert 4 == done.objects
    assert {"pending"} == {entry["status"] for entry in by_file(account).values()}
    account.work()

    found = by_file(account)

    assert "Failed" == account.jobs[done.job]["TransformJobStatus"]
    assert ["success"] * 4 == [found[name]["status"] for name in FILES if name != "bad.png"]
    assert ("error", "invalid_file_format", "no picture") == tuple(
        found["bad.png"][key] for key in ("status", "error", "message")
    )
    status = read_status(account, BATCH)
    assert ("complete", 5, 4, 1, 0) == tuple(
        status[key] for key in ("status", "files", "answered", "failed", "waiting")
    )
    assert (5, 4, 2, 4.0) == tuple(
        status["jobs"][0][key] for key in ("files", "answered", "instances", "duration_s")
    )


def test_what_is_done_is_not_sent_again(folder: Path) -> None:
    """Nor what is refused, unless asked for; a new or changed file is."""
    account = Account()
    sent(account, folder)
    assert ("", 5) == (sent(account, folder).job, sent(account, folder).in_progress)
    account.work()
    again = sent(account, folder)
    assert ("", 0, 0, 4, 1) == (
        again.job, again.sent, again.uploaded, again.answered, again.refused,
    )  # fmt: skip

    (folder / "a.png").write_bytes(b"changed")
    (folder / "new.png").write_bytes(b"new")
    done = sent(account, folder)

    assert ("rooms-archive-002", 2, 2, 3) == (done.job, done.sent, done.uploaded, done.answered)
    account.work()
    assert "rooms-archive-003" == sent(account, folder, again=True).job
    account.work(bad=b"")
    assert {"success"} == {entry["status"] for entry in by_file(account).values()}


def test_what_the_container_failed_at_is_sent_again(folder: Path) -> None:
    """It is not to blame; here it answers the next time."""
    account = Account()
    sent(account, folder)
    account.work(broken=b"x")
    assert ("error", "unknown") == tuple(
        by_file(account)["broken.png"][k] for k in ("status", "error")
    )
    assert "incomplete" == read_status(account, BATCH)["status"]

    done = sent(account, folder)

    assert (1, 0, 3, 1) == (done.sent, done.uploaded, done.answered, done.refused)
    account.work()
    assert "success" == by_file(account)["broken.png"]["status"]


def test_what_the_log_does_not_tell_is_said(folder: Path) -> None:
    """Such as of a job whose container never started."""
    account = Account()
    done = sent(account, folder)
    account.jobs[done.job] |= {"TransformJobStatus": "Failed", "FailureReason": "no ping"}

    found = by_file(account)["a.png"]

    assert ("error", "unknown") == (found["status"], found["error"])
    assert "rooms-archive-001: no ping" in found["message"]
    account.lines[f"{done.job}/i-1"] = ['{"event":"refused","reason":"precision is \'fp64\'"}']
    assert f"{done.job}: precision is 'fp64'" in by_file(account)["a.png"]["message"]
    assert "precision is 'fp64'" == read_status(account, BATCH)["jobs"][0]["log_says"]
    assert "rooms-archive-002" == sent(account, folder).job


def test_a_killed_run_goes_on(folder: Path) -> None:
    """After each of its calls; the end is the same."""
    whole = Account()
    sent(whole, folder)
    for count in range(1, len(whole.changes)):
        account = Account(kill_at=count)
        with pytest.raises(Killed):
            sent(account, folder)
        account.kill_at = 0
        sent(account, folder)
        assert account.objects == whole.objects
        assert account.jobs == whole.jobs


@pytest.mark.parametrize("named", ["s3://old/plans/", "s3://old/plans"])
def test_plans_that_lie_in_s3_are_copied_there(named: str) -> None:
    """Under names of their own; folders below the prefix stay in the names of files."""
    objects = {
        "s3://old/plans/1/a.png": b"a",
        "s3://old/plans/2/a.png": b"b",
        "s3://old/plans/": b"",
    }
    others = {"s3://old/plans-2/c.png": b"c", "s3://old/plans/1/.DS_Store": b"?"}
    account = Account({**objects, **others})
    plans = find_plans(account, [named])
    submit(account, BATCH, plans, RESOURCES, lambda _: None)
    account.work()

    assert ["1/a.png", "2/a.png"] == sorted(by_file(account))
    assert 2 == account.changes.count("copy_object")


@pytest.mark.parametrize(
    ("messages", "failure"),
    [
        pytest.param(
            ["ClientError: 400", "", "Message:", REFUSED],
            Failure(400, "invalid_file_format", "no picture"),
            id="refused",
        ),
        pytest.param(
            ["Bad HTTP status received from algorithm: 500", "Message:", "{}",
             "ClientError: 413", "", "Message:", '{"error":"file_too_large",', '"message":"m"}'],
            Failure(413, "file_too_large", "m"),
            id="the last try counts",
        ),
        pytest.param(
            ["Unable to get response from algorithm"],
            Failure(0, "unknown", "Unable to get response from algorithm"),
            id="no answer",
        ),
        pytest.param(
            ["Too much data for max payload size"],
            Failure(0, "file_too_large", "Too much data for max payload size"),
            id="too large to be sent",
        ),
        pytest.param(
            ["ClientError: 404"], Failure(404, "unknown", "no reason was given"), id="no body"
        ),
    ],
)  # fmt: skip
def test_failures_are_read_from_the_log(messages: list[str], failure: Failure) -> None:
    """As users quote its lines; others are none."""
    start = "2026-11-24T12:00:00.000:[sagemaker logs]: "
    lines = [f"{start}MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=SINGLE_RECORD"]
    lines += [f"{start}plans/in/1.png: {text}" for text in messages]
    found = parse_failures([*lines, '{"event":"request"}'])

    assert {"1.png": failure} == found
    assert failure.is_final is (400 <= failure.status < 500 or failure.code == "file_too_large")


def unfit_files(folder: Path) -> None:
    """Put a file without content and one without end beside the others."""
    (folder / "empty.png").touch()
    with (folder / "huge.tif").open("wb") as file:
        file.truncate(2**40)  # to read it would fill the memory


def test_files_that_are_not_taken_do_not_keep_the_others(folder: Path) -> None:
    """They are told at once, and stand in the table with the others."""
    account = Account()
    unfit_files(folder)

    done = sent(account, folder)
    account.work()

    told = [
        ("empty.png", "invalid_file_format", "the file is empty"),
        (
            "huge.tif",
            "file_too_large",
            "the file has 1,099,511,627,776 bytes; batch transform takes 104,857,600",
        ),
    ]
    assert told == [(row["file"], row["error"], row["message"]) for row in done.unfit]
    assert (5, 4) == (done.sent, done.uploaded)
    found = by_file(account)
    assert sorted([*FILES, "empty.png", "huge.tif"]) == list(found)
    assert done.unfit == [found["empty.png"], found["huge.tif"]]
    status = read_status(account, BATCH)
    assert ("complete", 7, 4, 3, 0) == tuple(
        status[key] for key in ("status", "files", "answered", "failed", "waiting")
    )


def test_a_file_that_was_not_taken_is_sent_once_it_is_mended(folder: Path) -> None:
    """And one that was answered counts as failed once it is empty; the batch keeps to the last."""
    account = Account()
    unfit_files(folder)
    sent(account, folder)
    account.work()
    (folder / "empty.png").write_bytes(b"plan")
    (folder / "a.png").write_bytes(b"")
    (folder / "huge.tif").unlink()

    done = sent(account, folder)
    account.work()

    assert (1, ["a.png"]) == (done.sent, [row["file"] for row in done.unfit])
    found = by_file(account)
    assert ("success", "error", "error") == tuple(
        found[name]["status"] for name in ("empty.png", "a.png", "huge.tif")
    )
    assert "success" == found["same.png"]["status"], "it has what a.png had"


def test_nothing_is_sent_where_no_file_is_taken(tmp_path: Path) -> None:
    """No job is begun; the batch tells why."""
    account = Account()
    unfit_files(tmp_path)

    done = sent(account, tmp_path)

    assert ("", 0, 2) == (done.job, done.sent, len(done.unfit))
    assert {} == account.jobs
    assert ["error"] * 2 == [entry["status"] for entry in by_file(account).values()]


def test_objects_of_s3_that_are_not_taken_do_not_keep_the_others() -> None:
    """Their size is known from the list of them."""
    account = Account({"s3://old/plans/a.png": b"a", "s3://old/plans/b.png": b""})
    plans = find_plans(account, ["s3://old/plans/"])
    done = submit(account, BATCH, plans, RESOURCES, lambda _: None)

    assert (1, ["b.png"]) == (done.sent, [row["file"] for row in done.unfit])
    assert 1 == account.changes.count("copy_object")


@pytest.mark.parametrize(
    ("size_bytes", "code"),
    [(0, "invalid_file_format"), (1, None), (104_857_600, None), (104_857_601, "file_too_large")],
)
def test_what_batch_transform_takes(size_bytes: int, code: str | None) -> None:
    """1 byte to 100 MiB."""
    unfit = Plan("a.png", "1.png", "a.png", size_bytes).unfit

    assert code == (unfit and unfit.code)


def test_one_object_of_s3_is_named_by_itself() -> None:
    """Its own name is the file's, also with what would end a source given as text."""
    account = Account({"s3://old/plans/a?versionId=1.png": b"a"})
    (plan,) = find_plans(account, ["s3://old/plans/a?versionId=1.png"])
    submit(account, BATCH, [plan], RESOURCES, print)

    assert "a?versionId=1.png" == plan.file
    assert b"a" == account.objects[f"{BATCH.inputs}{plan.key}"]


def test_inputs_that_are_none_are_refused(folder: Path) -> None:
    """Nothing there, or two files of one name."""
    with pytest.raises(BadUsage, match="no files in s3://plans/none"):
        find_plans(Account(), ["s3://plans/none/"])
    for address in ("s3://", "s3:///plans", "s3://Plans_/a"):
        with pytest.raises(BadUsage, match="is not s3://bucket or"):
            find_plans(Account(), [address])
    with pytest.raises(BadUsage, match=r"a\.png is named twice"):
        find_plans(Account(), [str(folder), str(folder / "a.png")])


def test_a_batch_is_not_taken_for_another() -> None:
    """Both names have hyphens, and a job's name is for ever."""
    account, plan = Account(), Plan("a.png", "1.png", "s3://old/a.png", 1)
    account.objects["s3://old/a.png"] = b"a"
    submit(account, batch_of("rooms", "a-b", "s3://plans/rooms/"), [plan], RESOURCES, print)
    with pytest.raises(BadUsage, match=r"of another batch, s3://plans/rooms/batch/a-b/manifests"):
        read_state(account, batch_of("rooms-a", "b", "s3://plans/rooms-a/"))


@pytest.mark.parametrize(
    ("instance_type", "message"),
    [
        ("ml.g5.xlarge", "--instance-type is ml.g5.xlarge: the network runs on CPUs alone"),
        ("ml.c7g.large", "--instance-type is ml.c7g.large, an arm64 CPU"),
        ("c6i.large", "--instance-type is 'c6i.large'"),
    ],
)
def test_instances_that_the_image_does_not_run_on_are_refused(
    capsys: pytest.CaptureFixture[str], instance_type: str, message: str
) -> None:
    """Before AWS is asked; they would cost more and fail, or leave the GPU idle."""
    assert 2 == main(["batch", "submit", "plans", f"--instance-type={instance_type}"])
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", "-a", "a_b", "x" * 26, "a--b"])
def test_names_that_jobs_cannot_have(name: str) -> None:
    """They are refused."""
    with pytest.raises(BadUsage, match="at most 25"):
        batch_of("rooms", name, "s3://plans/rooms/")


def test_the_longest_names_are_taken() -> None:
    """By SageMaker, too."""
    batch = Batch("e" * 32, "n" * 25, "s3://plans/e/batch/n/")
    resources = Resources("rooms-1", "ml.c6i.large", 3, 2, 20)

    params = job_params(batch, 999, resources, batch.manifest(999, b"[]"))

    assert "" == faults("sagemaker", "create_transform_job", params)


def test_two_submits_at_once_have_a_list_each() -> None:
    """The second one's job is refused, and must not change what the first one's works on."""
    batch = batch_of("rooms", "attic", "s3://plans/rooms/")
    first, second = batch.manifest(1, b"[1]"), batch.manifest(1, b"[2]")

    assert first != second
    assert first == batch.manifest(1, b"[1]")
    assert first.startswith(batch.manifests(1))


def test_names_are_made_of_what_is_given() -> None:
    """The same for the same; what is no letter or digit is left out."""
    assert default_name(["/a/Old plans (1999)"]) == default_name(["/a/Old plans (1999)"])
    assert default_name(["/a/Old plans (1999)"]).startswith("old-plans-1999-")
    assert default_name(["/a/plans"]) != default_name(["/b/plans"])
    for named in ("s3://plans/", "/ß", "/" + "x" * 99):
        batch_of("rooms", default_name([named]), "s3://plans/rooms/")  # is not refused
    endings = [
        object_name("0" * 64, f).partition(".")[2] for f in ("a.PNG", "a", "a.b c", ".x/a.j-p")
    ]
    assert ["png", "", "", ""] == endings


def test_the_table() -> None:
    """One line a file, without boxes."""
    rows: list[dict[str, Any]] = [
        {"file": "a, b.png", "status": "success", "rooms": 2, "detected_rooms": []},
        {"file": "c.png", "status": "error", "error": "unknown", "message": 'a "word"'},
    ]
    assert [
        "file,status,rooms,error,message",
        '"a, b.png",success,2,,',
        'c.png,error,,unknown,"a ""word"""',
    ] == as_csv(rows).splitlines()
