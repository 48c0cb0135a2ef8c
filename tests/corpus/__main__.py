# SPDX-License-Identifier: AGPL-3.0-or-later
"""Try the whole corpus; say what was wrong, and write the table of ``docs/api.md``.

``python -m tests.corpus`` prints JSON and ends with status 1 where pixels or messages are wrong.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path

from tests import corpus
from tests.corpus.case import outcome
from tests.corpus.table import Table, write

DOCUMENT = Path(__file__).parents[2] / "docs/api.md"


def main() -> int:
    """Run the command line."""
    table, counts, compared, wrong = Table(), Counter[str](), 0, []
    started_s = time.process_time()
    for case in corpus.cases(is_whole=True):
        found = outcome(case)
        counts[f"{case.kind}: {found.verdict}"] += 1
        compared += found.compared_with_other
        if found.verdict == "wrong":
            wrong.append(f"{case}: {found.message}")
        table.add(case, found)
    write(DOCUMENT, table)
    report = {
        "pictures": sum(counts.values()),
        "outcomes": dict(sorted(counts.items())),
        "compared_with_another_library": compared,
        "cpu_s": round(time.process_time() - started_s),
        "wrong": wrong,
    }
    print(json.dumps(report, indent=1))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
