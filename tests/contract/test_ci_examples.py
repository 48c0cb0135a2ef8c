# SPDX-License-Identifier: AGPL-3.0-or-later
"""docs/ci: examples that are copied must be right the first time."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

from deploy.__main__ import build_parser
from tests.conftest import ROOT
from tests.contract.account_setup import healthy
from tests.contract.aws_account import aws_lab, aws_place
from tests.iam import ALLOWED, NOTHING, decide

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKFLOW = ROOT / "docs" / "ci" / "github-actions.yml"
BUILDSPEC = ROOT / "docs" / "ci" / "buildspec.yml"
EXAMPLES = [pytest.param(path, id=path.name) for path in (WORKFLOW, BUILDSPEC)]
_TEXTS = {"type": "array", "items": {"type": "string"}, "minItems": 1}
_PHASE = {
    "type": "object",
    "properties": {
        "run-as": {"type": "string"},
        "on-failure": {"enum": ["ABORT", "CONTINUE"]},
        "runtime-versions": {"type": "object", "additionalProperties": {"type": "string"}},
        "commands": _TEXTS,
        "finally": _TEXTS,
    },
    "required": ["commands"],
    "additionalProperties": False,
}
# Source: "Build specification reference for CodeBuild", AWS CodeBuild user guide, read 2026-11.
_BUILDSPEC_SCHEMA = {
    "type": "object",
    "properties": {
        "version": {"const": 0.2},
        "env": {
            "type": "object",
            "properties": {
                "shell": {"enum": ["bash", "/bin/sh"]},
                "variables": {"type": "object", "additionalProperties": {"type": "string"}},
            },
            "additionalProperties": False,
        },
        "phases": {
            "type": "object",
            "properties": {
                "install": _PHASE,
                "pre_build": _PHASE,
                "build": _PHASE,
                "post_build": _PHASE,
            },
            "required": ["build"],
            "additionalProperties": False,
        },
    },
    "required": ["version", "phases"],
    "additionalProperties": False,
}


def read(path: Path) -> Any:
    """An example as a document."""
    return yaml.safe_load(path.read_text("utf-8"))


def scripts(path: Path) -> list[str]:
    """All that an example runs, each as CI gives it to a shell."""
    document = read(path)
    if path == WORKFLOW:
        jobs = document["jobs"].values()
        return [step["run"] for job in jobs for step in job["steps"] if "run" in step]
    return ["\n".join(phase["commands"]) for phase in document["phases"].values()]


def commands(path: Path) -> Iterator[list[str]]:
    """Arguments of each `python -m deploy` in an example."""
    for script in scripts(path):
        for found in re.findall(r"python -m deploy ([^|;\n]*)", script):
            plain = found.replace('"${settings[@]}"', "--set artifacts=s3://b").replace('"', "")
            yield shlex.split(plain)


def program(name: str, *args: str | Path) -> subprocess.CompletedProcess[str]:
    """A program of this environment's."""
    path = Path(sys.executable).with_name(name)
    return subprocess.run([path, *args], capture_output=True, text=True, check=False)


def test_the_workflow_is_one() -> None:
    """By GitHub's schema, and zizmor finds nothing that an attacker could use."""
    schema = program("check-jsonschema", "--builtin-schema", "vendor.github-workflows", WORKFLOW)
    audit = program("zizmor", "--offline", "--persona", "pedantic", "--no-progress", WORKFLOW)

    assert schema.returncode == 0, schema.stdout
    assert audit.returncode == 0, audit.stdout


def test_the_linters_would_find_something(tmp_path: Path) -> None:
    """A misspelled key, and a title that becomes a command."""
    text = WORKFLOW.read_text("utf-8")
    misspelled, open_door = tmp_path / "a.yml", tmp_path / "b.yml"
    misspelled.write_text(text.replace("runs-on", "runs-at"), "utf-8")
    open_door.write_text(
        text.replace('"$kept"', "${{ github.event.head_commit.message }}"), "utf-8"
    )

    schema = program("check-jsonschema", "--builtin-schema", "vendor.github-workflows", misspelled)
    audit = program("zizmor", "--offline", "--no-progress", open_door)
    assert (schema.returncode, audit.returncode > 10) == (1, True)


def test_actions_are_pinned_and_no_secret_is_named() -> None:
    """A tag of somebody else's repository can be moved; a role needs no key."""
    text = WORKFLOW.read_text("utf-8") + BUILDSPEC.read_text("utf-8")
    used = re.findall(r"uses: (.*)", text)

    assert len(used) == 6
    assert [u for u in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", u)] == []
    assert not re.search(r"secrets\.|access.key|AKIA", text, re.IGNORECASE)
    assert read(WORKFLOW)["permissions"] == {}


def test_only_a_tag_releases() -> None:
    """`apply` stands in one place of each, behind a condition."""
    jobs = read(WORKFLOW)["jobs"]
    releasing = [name for name, job in jobs.items() if "deploy apply" in yaml.dump(job)]

    assert releasing == ["release"]
    assert jobs["release"]["if"] == "startsWith(github.ref, 'refs/tags/v')"
    assert (jobs["release"]["needs"], jobs["release"]["environment"]) == ("check", "production")
    (applying,) = (s for s in scripts(BUILDSPEC) if "deploy apply" in s)
    assert "  tag/v*) python -m deploy apply" in applying


def test_the_buildspec_is_one() -> None:
    """By AWS's reference, of which the part in use is written above."""
    jsonschema.validate(read(BUILDSPEC), _BUILDSPEC_SCHEMA)


@pytest.mark.parametrize("path", EXAMPLES)
def test_shells_understand_all_of_it(path: Path) -> None:
    """Bash reads it without running it."""
    found = scripts(path)

    assert len(found) >= 4
    for script in found:
        result = subprocess.run(
            ["bash", "-n"], input=script, capture_output=True, text=True, check=False
        )
        assert (result.returncode, result.stderr) == (0, ""), script


@pytest.mark.parametrize("path", EXAMPLES)
def test_every_command_is_understood(path: Path) -> None:
    """By the parser of `python -m deploy`; both examples do the same."""
    found = list(commands(path))
    for args in found:
        build_parser().parse_args(args)

    areas = [args[0] if args[0] != "image" else " ".join(args[:2]) for args in found]
    assert areas == ["image check", "image build", "image check", "doctor", "plan", "apply"]


@pytest.mark.parametrize(("trigger", "applies"), [("pr/7", False), ("tag/v1.0", True)])
def test_the_buildspec_runs(tmp_path: Path, archive: Path, trigger: str, *, applies: bool) -> None:
    """Its build and what comes after it, on an account with the image: check, doctor, plan.

    What is released is played and finds no rooms, so `apply` ends with what its golden plan says.
    """
    region = {"pr/7": "eu-west-2", "tag/v1.0": "eu-west-3"}[trigger]
    (tmp_path / "model_store").mkdir()
    shutil.copy(archive, tmp_path / "model_store" / "rooms.mar")
    phases = read(BUILDSPEC)["phases"]
    with aws_place() as place, aws_lab(place, region) as lab:
        setup = healthy(lab, archive)
        result = subprocess.run(
            ["bash", "-e", "-c",
             "\n".join([*phases["build"]["commands"], *phases["post_build"]["commands"]])],
            capture_output=True, text=True, check=False, cwd=tmp_path,
            env=os.environ | setup.environ | {
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "PYTHONPATH": str(ROOT),
                "AWS_DEFAULT_REGION": region,
                "ARTIFACTS": setup.settings["artifacts"],
                "EXECUTION_ROLE": setup.settings["role"],
                "REPOSITORY": setup.settings["image"].rpartition(":")[0],
                "CODEBUILD_RESOLVED_SOURCE_VERSION": "1.0",
                "CODEBUILD_BUILD_SUCCEEDING": "1",
                "CODEBUILD_WEBHOOK_TRIGGER": trigger,
            },
        )  # fmt: skip

    assert "ok       image             SageMaker takes it" in result.stdout
    assert "sagemaker create_endpoint rooms: there is none of this name" in result.stdout
    assert applies == ("the golden plan is answered" in result.stderr)
    assert result.returncode == (1 if applies else 0), result.stderr


def test_the_trust_policy_of_the_document() -> None:
    """Branch, tags and environment get in; another repository does not."""
    text = (ROOT / "docs" / "ci.md").read_text("utf-8")
    policy = json.loads(text.partition("```json\n")[2].partition("```")[0])

    def may(subject: str, audience: str = "sts.amazonaws.com") -> str:
        host = "token.actions.githubusercontent.com"
        context = {f"{host}:sub": subject, f"{host}:aud": audience}
        return decide([policy], "sts:AssumeRoleWithWebIdentity", context=context)

    assert may("repo:OWNER/REPOSITORY:ref:refs/heads/main") == ALLOWED
    assert may("repo:OWNER/REPOSITORY:ref:refs/tags/v1.0") == ALLOWED
    assert may("repo:OWNER/REPOSITORY:environment:production") == ALLOWED
    assert may("repo:OWNER/REPOSITORY:pull_request") == NOTHING
    assert may("repo:OTHERS/REPOSITORY:ref:refs/heads/main") == NOTHING
    assert may("repo:OWNER/REPOSITORY:ref:refs/heads/main", "others") == NOTHING
