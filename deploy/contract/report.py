# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rows as a table, as JSON and as JUnit's XML."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from typing import TYPE_CHECKING, Any

from deploy.contract.rows import RULES, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deploy.contract.rows import Row

# What XML 1.0 cannot hold, however it is written.
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def table(rows: Sequence[Row]) -> str:
    """One line for each rule, and one that counts."""
    lines = [f"{row.rule:15} {row.verdict:10}  {row.reason}" for row in rows]
    return "\n".join([*lines, summary(rows)])


def summary(rows: Sequence[Row]) -> str:
    """How many of each verdict."""
    counted = Counter(row.verdict for row in rows)
    return ", ".join(f"{counted[verdict]} {verdict.lower()}" for verdict in Verdict)


def document(target: str, rows: Sequence[Row]) -> dict[str, Any]:
    """Everything as a JSON document."""
    return {
        "target": target,
        "keeps_the_contract": not has_failures(rows),
        "rows": [
            {
                "rule": row.rule,
                "demand": RULES[row.rule],
                "verdict": row.verdict.lower(),
                "reason": row.reason,
            }
            for row in rows
        ],
    }


def junit(target: str, rows: Sequence[Row], seconds: float) -> bytes:
    """Everything as CI systems read it; what was not judged is skipped."""
    counted = Counter(row.verdict for row in rows)
    suite = ET.Element(
        "testsuite",
        name=f"SageMaker contract of {target}",
        tests=str(len(rows)),
        failures=str(counted[Verdict.FAILED]),
        skipped=str(counted[Verdict.NOT_JUDGED]),
        errors="0",
        time=f"{seconds:.1f}",
    )
    for row in rows:
        case = ET.SubElement(
            suite, "testcase", classname="contract", name=f"{row.rule}: {RULES[row.rule]}"
        )
        reason = _NOT_XML.sub("�", row.reason)
        if row.verdict is Verdict.FAILED:
            ET.SubElement(case, "failure", message=reason)
        elif row.verdict is Verdict.NOT_JUDGED:
            ET.SubElement(case, "skipped", message=reason)
        else:
            ET.SubElement(case, "system-out").text = reason
    content: bytes = ET.tostring(suite, encoding="utf-8", xml_declaration=True)
    return content


def has_failures(rows: Sequence[Row]) -> bool:
    """Whether a rule is broken."""
    return any(row.verdict is Verdict.FAILED for row in rows)
