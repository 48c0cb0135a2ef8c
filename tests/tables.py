# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tables of the documents that the code makes: ``make docs-tables`` writes them, tests compare."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from archive.pack import pack
from deploy.account import policies
from deploy.account.places import Account, Names
from deploy.account.table import CHECKS
from deploy.contract.rows import NOT_OF_AN_ADDRESS, NOT_OF_AN_ENDPOINT, RULES
from pid1.settings import Settings
from roomdet.config import Config, Precision, Switch
from roomdet.config import settings as worker_settings
from roomdet.s3_address import AllowList
from tests.conftest import NETWORK, ROOT
from tests.contract.aws_account import NUMBER, aws_place
from tests.contract.aws_messages import messages
from tests.contract.doctor_cases import CASES, REGIONS, Diagnoses

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SHOWN_REGION, SHOWN_NUMBER = "eu-central-1", "111122223333"


def settings() -> str:
    """The worker's settings."""
    config = Config()
    rows = ["| key | default | allowed | meaning |", "|---|---|---|---|"]
    for setting in worker_settings():
        owner = config if hasattr(config, setting.name) else config.limits
        default = getattr(owner, setting.name)
        about = setting.metadata
        match default:
            case Precision() | Switch():
                shown, allowed = f"`{default}`", ", ".join(f"`{value}`" for value in type(default))
            case AllowList():
                shown, allowed = " ".join(default.prefixes), "in the environment only"
            case _:
                shown, allowed = f"{default:,}", f"{about['low']:,} to {about['high']:,}"
        rows.append(f"| `{setting.name}` | {shown} | {allowed} | {about['meaning']} |")
    return "\n".join(rows)


def variables() -> str:
    """The container's environment variables."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for setting in fields(Settings):
        about = setting.metadata
        names = " or ".join(f"`{name}`" for name in (about["name"], about["also"]) if name)
        default = "" if setting.default is None else f"`{setting.default}`".lower()
        if about["name"] == "SAGEMAKER_SAFE_PORT_RANGE":
            default = f"`{setting.default}-…`"
        rows.append(f"| {names} | {default} | {about['meaning']} |")
    return "\n".join(rows)


def rules() -> str:
    """What `contract` judges, and where."""
    sign = {True: "–", False: "✓"}
    head = ["| rule | demand | image | address | endpoint |", "|---|---|---|---|---|"]
    rows = [
        f"| `{rule}` | {demand} | ✓ | {sign[rule in NOT_OF_AN_ADDRESS]} "
        f"| {sign[rule in NOT_OF_AN_ENDPOINT]} |"
        for rule, demand in RULES.items()
    ]
    return "\n".join([*head, *rows])


def trust() -> str:
    """Who may assume the endpoint's role."""
    return _as_json(policies.trust_policy(_names().account))


def role() -> str:
    """What the endpoint's role may do."""
    return _as_json(policies.execution_policy(_names().places()))


def _names() -> Names:
    return Names(Account("aws", SHOWN_REGION, SHOWN_NUMBER))


def _as_json(policy: Mapping[str, object]) -> str:
    return f"```json\n{json.dumps(policy, indent=2)}\n```"


def checks() -> str:
    """What `doctor` looks at."""
    rows = [f"| `{check.name}` | {check.about} |" for check in CHECKS]
    return "\n".join(["| check | looks at |", "|---|---|", *rows])


def cases(found: Diagnoses | None = None) -> str:
    """What `doctor` says of set-ups that are broken in one way each."""
    if found is None:
        with tempfile.TemporaryDirectory() as folder, aws_place() as place:
            archive = Path(folder, "rooms.mar")
            pack(NETWORK, archive, version="1.0", root=ROOT)
            with closing(Diagnoses(place, archive)) as diagnoses:
                return cases(diagnoses)
    rows = ["| what is wrong | check | `doctor` says | and what to do |", "|---|---|---|---|"]
    for case in CASES:
        finding = next(f for f in found[case][1] if f["check"] == case.check)
        says = f"{finding['level']}: {finding['message']}"
        cells = (case.title, case.check, says, finding["next_step"])
        rows.append(f"| {' | '.join(map(_plain, cells))} |")
    return "\n".join(rows)


def _plain(text: str) -> str:
    """What is the same in every run, in one row."""
    for region in REGIONS:
        text = text.replace(region, SHOWN_REGION)
    text = re.sub(r"(sha256:)?[0-9a-f]{64}", "sha256:…", text)
    text = re.sub(r"(rooms-[0-9.]+-)[0-9a-f]{8}", r"\1…", text)
    text = re.sub(r" \[request [^]]+\]", "", text)
    text = re.sub(r"(python -m deploy [a-z ]+?)(?: --set [^\s`]+)+", r"\1", text)  # the test's own
    return " ".join(text.replace("|", "\\|").split()).replace(NUMBER, SHOWN_NUMBER)


def aws_errors(found: Mapping[str, Mapping[str, str]] | None = None) -> str:
    """What a user reads when something goes wrong with AWS."""
    lines = []
    for area, by_title in (messages() if found is None else found).items():
        lines += [f"## {area}", ""]
        for title, message in by_title.items():
            lines += [f"{title}:", "", "```", message, "```", ""]
    return "\n".join(lines)


# By document below docs/ and name of the block.
TABLES: dict[tuple[str, str], Callable[[], str]] = {
    ("operations.md", "settings"): settings,
    ("image.md", "variables"): variables,
    ("contract.md", "rules"): rules,
    ("bootstrap.md", "trust"): trust,
    ("bootstrap.md", "role"): role,
    ("doctor.md", "checks"): checks,
    ("doctor.md", "cases"): cases,
    ("deploy-errors.md", "messages"): aws_errors,
}


def _split(document: str, name: str) -> tuple[str, str, str]:
    """What stands before a block, in it, and after it."""
    before, opening, rest = (
        (ROOT / "docs" / document).read_text("utf-8").partition(f"<!-- {name} -->\n")
    )
    shown, closing, after = rest.partition(f"\n<!-- /{name} -->")
    assert opening, name
    assert closing, name
    return before + opening, shown, closing + after


def shown(document: str, name: str) -> str:
    """A table as a document has it."""
    return _split(document, name)[1]


def main() -> int:
    """Write all anew; 1 if one was another."""
    changed = 0
    for (document, name), table in TABLES.items():
        before, old, after = _split(document, name)
        new = table()
        if new != old:
            (ROOT / "docs" / document).write_text(before + new + after, "utf-8")
            print(f"docs/{document}: {name} is written anew")
            changed = 1
    return changed


if __name__ == "__main__":
    sys.exit(main())
