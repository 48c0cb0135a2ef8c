# SPDX-License-Identifier: AGPL-3.0-or-later
"""Conventions that all commands of `python -m deploy` keep."""

from __future__ import annotations

import argparse
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import cli
from deploy.__main__ import build_parser, main
from deploy.errors import DeployError, Unconfirmed
from deploy.tables import as_table
from serving.console import redraw, say
from serving.errors import BadUsage
from tests.conftest import ROOT, SAMPLE_PDF

_IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/rooms"
_NEW = [
    "artifacts=s3://bucket",
    f"image={_IMAGE}@sha256:{'0' * 64}",
    "role=arn:aws:iam::123456789012:role/rooms",
]


def outcome(raised: BaseException, **options: object) -> int:
    """The exit status of a command that raises."""

    def command(_: argparse.Namespace) -> int:
        raise raised

    return cli.run(argparse.Namespace(run=command, **options))


def script(code: str, *args: str, stdin: int | None = None) -> subprocess.Popen[str]:
    """Python that runs on its own."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *args], cwd=ROOT, stdin=stdin, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        (DeployError("broken"), 1),
        (FileNotFoundError(2, "No such file", "plan.pdf"), 2),
        (PermissionError(13, "not allowed", "plan.pdf"), 1),
        (BadUsage("no such option"), 2),
        (Unconfirmed("nothing was changed"), 3),
        (KeyboardInterrupt(), 130),
        (KeyError("nobody foresaw it"), 1),
    ],
)
def test_exit_statuses(raised: BaseException, status: int) -> None:
    """As docs/endpoint.md lists them."""
    assert status == outcome(raised)


def test_an_unforeseen_error_shows_its_trace_where_it_is_wanted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One line else, without its message, which may hold a token."""
    outcome(KeyError("token"))
    short = capsys.readouterr().err
    outcome(KeyError("token"), debug=True)

    assert "token" not in short
    assert "KeyError in " in short
    assert "--debug shows all of it" in short
    assert "Traceback" in capsys.readouterr().err


def test_a_reader_that_is_gone_is_no_error() -> None:
    """`python -m deploy … | head` prints nothing of a broken pipe."""
    code = (
        "import argparse, time; from deploy import cli\n"
        "def command(args):\n"
        "    print('first', flush=True); time.sleep(1); print('second' * 99999); return 0\n"
        "raise SystemExit(cli.run(argparse.Namespace(run=command)))"
    )
    with script(code) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()

    assert ("", 141) == (said, process.returncode)


def test_ones_own_configuration_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """./deploy.yaml, if it is there; stderr says which one was taken."""
    monkeypatch.chdir(tmp_path)
    command = ["plan", "--new", *(f"--set={change}" for change in _NEW)]
    main(command)
    without = capsys.readouterr().err
    Path("deploy.yaml").write_text("mode: nonsense", "utf-8")
    status = main(command)

    assert "Configuration: " in without
    assert "endpoint-config.yaml; there is no ./deploy.yaml" in without
    assert 2 == status
    assert capsys.readouterr().err.startswith(
        "Configuration: deploy.yaml\nerror: deploy.yaml: mode"
    )


def test_a_configuration_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    """Bad usage, and what makes one of this name."""
    assert 2 == main(["status", "--config", "none.yaml", "--profile", "mine"])
    assert (
        "there is no configuration none.yaml: `python -m deploy bootstrap --profile mine --write "
        "none.yaml` writes one" in capsys.readouterr().err
    )


def test_a_hint_writes_to_ones_own_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not to ./deploy.yaml, which may be of another endpoint."""
    config = tmp_path / "prod.yaml"
    config.write_text("endpoint: prod\nmode: serverless\narchive: a.mar\n", "utf-8")
    own = f"`python -m deploy bootstrap --config {config} --region eu-west-1 --write {config}`"

    assert 2 == main(["plan", "--new", "--config", str(config), "--region", "eu-west-1"])
    assert f"{own} comes first" in capsys.readouterr().err
    assert 2 == main(["plan", "--new", "--config", str(cli.TEMPLATE)])
    assert "--write deploy.yaml` comes first" in capsys.readouterr().err


def test_hints_repeat_what_the_user_gave(capsys: pytest.CaptureFixture[str]) -> None:
    """A command of a hint can be pasted as it is."""
    error = DeployError("Next: `python -m deploy logs --errors`, `python -m deploy local demo`")
    words = {"config": ROOT / "deploy" / "endpoint-config.yaml", "region": "eu-west-1"}
    outcome(error, changes=["endpoint=a b"], **words)

    assert (
        f"`python -m deploy logs --config {words['config']} --region eu-west-1 "
        "--set 'endpoint=a b' --errors`, `python -m deploy local demo`" in capsys.readouterr().err
    )


def test_a_region_goes_before_the_configuration() -> None:
    """--region is --set region=."""
    args = build_parser().parse_args(["status", "--region", "eu-west-1", "--set", "region=a"])
    args.run = lambda _: 0
    cli.run(args)

    assert ["region=a", "region=eu-west-1"] == args.changes


def test_a_profile_goes_before_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 would take keys of the environment first; who names a profile means it."""
    monkeypatch.setenv("AWS_PROFILE", "other")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    args = build_parser().parse_args(["status", "--profile", "mine"])
    args.run = lambda _: 0
    cli.run(args)

    assert ("mine", None) == (os.environ["AWS_PROFILE"], os.environ.get("AWS_ACCESS_KEY_ID"))


@pytest.mark.parametrize(
    ("answer", "status"), [("y\n", 0), ("yes\n", 0), ("\n", 3), ("no\n", 3)], ids=repr
)
def test_a_terminal_is_asked(answer: str, status: int) -> None:
    """The plan goes to stderr with the question, and only a yes goes on."""
    code = (
        "import argparse, sys; from deploy import cli\n"
        "def command(args):\n"
        "    cli.confirm(args, 'the plan'); print('done'); return 0\n"
        "raise SystemExit(cli.run(argparse.Namespace(run=command, yes=False)))"
    )
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=theirs, stderr=theirs,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.write(ours, answer.encode())
    out, _ = process.communicate(timeout=60)
    os.close(theirs)
    shown = os.read(ours, 4096).decode()
    os.close(ours)

    assert (status, "done\n" if status == 0 else "") == (process.returncode, out)
    assert "the plan\r\nDo this? [y/N]" in shown.replace("\r\x1b[K", "")


def test_elsewhere_the_plan_is_all(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody is there to be asked; --yes tells it as progress and goes on."""
    with pytest.raises(Unconfirmed, match="--yes does it"):
        cli.confirm(argparse.Namespace(yes=False), "the plan")
    refused = capsys.readouterr()
    cli.confirm(argparse.Namespace(yes=True), "the plan")
    done = capsys.readouterr()

    assert ("the plan\n", "") == (refused.out, refused.err)
    assert ("", "the plan\n") == (done.out, done.err)


@pytest.mark.parametrize(
    ("document", "shown"), [(None, ["s3 put_object a: b. c", "d"]), ([{"e": 1}], [{"e": 1}])]
)
def test_elsewhere_the_plan_is_json_where_that_is_wanted(
    capsys: pytest.CaptureFixture[str], document: object, shown: object
) -> None:
    """--output json; where it is not named a plan is for people, though a result is JSON."""
    plan = "  1. s3 put_object a: b. c\n 10. d"
    for words in ("apply", "apply --output json"):
        with pytest.raises(Unconfirmed):
            cli.confirm(build_parser().parse_args(words.split()), plan, document)

    out = capsys.readouterr().out
    assert out.startswith(f"{plan}\n")
    assert shown == json.loads(out.removeprefix(f"{plan}\n"))


@pytest.mark.parametrize(
    ("document", "table"),
    [
        pytest.param([], "none", id="empty"),
        pytest.param(
            [{"version": "1.0", "role": None}, {"version": "1.12", "role": "serving"}],
            "VERSION  ROLE\n1.0      -\n1.12     serving",
            id="rows",
        ),
        pytest.param(
            {"status": "InService", "capacity": {"memory_mb": 2048}, "alarms": {}},
            "status    InService\ncapacity  memory_mb=2048\nalarms    -",
            id="keys",
        ),
    ],
)
def test_tables(document: object, table: str) -> None:
    """What --output table prints."""
    assert table == as_table(document)


@pytest.mark.parametrize(
    ("words", "output"),
    [
        ("plan", "table"),
        ("plan --json", "json"),
        ("versions", "json"),
        ("versions --output table", "table"),
        ("batch fetch name --format csv", "csv"),
        ("batch fetch name --output csv", "csv"),
    ],
)
def test_words_of_before_are_understood(words: str, output: str) -> None:
    """--json and --format are --output."""
    assert output == build_parser().parse_args(words.split()).output


def test_common_options_say_their_values(capsys: pytest.CaptureFixture[str]) -> None:
    """By a word that has the unit, where the option's own name is none."""
    with pytest.raises(SystemExit, match="0"):
        build_parser().parse_args(["batch", "status", "--help"])
    text = " ".join(capsys.readouterr().out.split())

    for told in (
        "--timeout-s SECONDS of the wait",
        "--endpoint-url URL all services of AWS, in the place of AWS's own",
        "--profile PROFILE of ~/.aws/config; default: boto3's own chain",
        "name of the batch, as `submit` printed it",
    ):
        assert told in text


def test_a_batch_is_named_and_waited_for_an_hour() -> None:
    """One of a kind of words for each command; what is not said has its default."""
    seen = build_parser().parse_args(["batch", "status", "floors", "--wait", "--model=m"])
    sent = build_parser().parse_args(["batch", "submit", "a", "b", "--instance-count=4"])

    assert ("floors", True, "m", 3600.0) == (seen.name, seen.wait, seen.model, seen.timeout_s)
    assert (["a", "b"], 4, None, False) == (
        sent.inputs, sent.instance_count, sent.concurrency, sent.again,
    )  # fmt: skip


@pytest.mark.parametrize("words", ["", "local", "image", "batch"])
def test_a_missing_command_names_all(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Not the name of a variable of ours."""
    with pytest.raises(SystemExit, match="2"):
        build_parser().parse_args(words.split())
    assert "a command is missing: " in capsys.readouterr().err


def test_help_has_examples_and_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    """And says first what the command is for."""
    with pytest.raises(SystemExit, match="0"):
        build_parser().parse_args(["logs", "--help"])
    text = capsys.readouterr().out

    assert "What an endpoint's containers print." in text
    assert "such as 30s, 10m, 2h or 1d (default: 10m)" in text
    assert "examples:\n  python -m deploy logs --since 2h --errors" in text
    assert "(default: False)" not in text


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    """That of the room detector."""
    with pytest.raises(SystemExit, match="0"):
        build_parser().parse_args(["--version"])
    assert capsys.readouterr().out.startswith("roomdet ")


WITHOUT_BOTO3 = """
import contextlib, io, json, sys
sys.modules.update(dict.fromkeys(["boto3", "botocore"]))
from deploy.__main__ import main
for words in json.loads(sys.argv[1]):
    with contextlib.redirect_stderr(io.StringIO()) as said:
        status = main(words)
    print(json.dumps([words[0], status, said.getvalue()]))
"""


def test_without_boto3_each_command_says_what_installs_it() -> None:
    """As after `make demo`, which needs none."""
    sets = [f"--set={change}" for change in _NEW]
    commands = [
        ["apply", *sets], ["rollback"], ["status"], ["versions"], ["invoke", str(SAMPLE_PDF)],
        ["logs"], ["delete", *sets], ["bootstrap"], ["batch", "submit", str(SAMPLE_PDF.parent)],
        ["contract", "--endpoint", "rooms"], ["image", "check", f"{_IMAGE}:1"],
    ]  # fmt: skip
    process = script(WITHOUT_BOTO3, json.dumps(commands))
    out, _ = process.communicate(timeout=60)
    found = [json.loads(line) for line in out.splitlines()]

    assert [(words[0], 1) for words in commands] == [(name, status) for name, status, _ in found]
    for name, _, said in found:
        assert "error: boto3 is not installed" in said, name
        assert "`make venv-deploy` installs" in said, name


class Terminal(io.StringIO):
    """What a user looks at."""

    def isatty(self) -> bool:
        """It is."""
        return True


@pytest.mark.parametrize(
    ("stderr", "shown"),
    [
        (Terminal(), "\r\x1b[K  1 s Creating\r\x1b[K  2 s Creating\r\x1b[KInService\n"),
        (io.StringIO(), "InService\n"),
    ],
    ids=["terminal", "file"],
)
def test_progress_is_redrawn_on_a_terminal_alone(
    monkeypatch: pytest.MonkeyPatch, stderr: io.StringIO, shown: str
) -> None:
    """Elsewhere there are lines of what is new, and nothing else."""
    monkeypatch.setattr(sys, "stderr", stderr)
    for seconds in (1, 2):
        redraw(f"  {seconds} s Creating")
    say("InService")

    assert shown == stderr.getvalue()
