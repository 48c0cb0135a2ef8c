# SPDX-License-Identifier: AGPL-3.0-or-later
"""Change the code in many small ways, one at a time, and tell which changes no unit test notices.

``make mutants`` draws 200 of mutmut's mutants and runs, for each, the tests of ``tests/unit`` that
reach the changed function. It works on a copy in ``build/mutants``, whose results stay: ``mutmut
show NAME``, typed there, prints a change.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import random
import re
import shutil
import subprocess
import sys

from tests.conftest import ROOT

PLACE = ROOT / "build" / "mutants"
# Where mutmut finds them: it names a function by its file, so what is imported without its folder
# must lie in src/.
SOURCES = {"handler": "src", "deploy": "deploy", "serving": "serving"}
PACKAGES = {"handler": "roomdet|room_handler"}  # of the others: their own names
# Exit statuses of the tests, as mutmut reads them: failed, crashed, out of time.
NOTICED = {1, 3, -9, -11, -24, 24, 36, 152, 255}
SETTINGS = """
[tool.mutmut]
source_paths = {sources}
only_mutate = {patterns}
also_copy = {others}
pytest_add_cli_args = ["-p", "no:cacheprovider", "-p", "no:xdist"]
pytest_add_cli_args_test_selection = {tests}
process_isolation = "forkserver"
"""


def lay_out(folders: list[str], tests: list[str]) -> None:
    """Copy what git knows or could know into the place, with the settings of mutmut."""
    shutil.rmtree(PLACE, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        top, _, rest = name.partition("/")
        # The archive is packed of the handler as it is.
        for target in {name, f"{SOURCES.get(top, top)}/{rest}" if rest else name}:
            if (ROOT / name).is_file():
                (PLACE / target).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, PLACE / target)
    sources = [SOURCES[folder] for folder in folders]
    others = sorted(path.name for path in PLACE.iterdir() if path.name not in sources)
    settings = SETTINGS.format(
        sources=json.dumps(sources),
        patterns=json.dumps([f"{source}/*.py" for source in sources]),
        others=json.dumps(others),
        tests=json.dumps(tests),
    )
    project = PLACE / "pyproject.toml"
    text = project.read_text("utf-8")
    changed = text.replace('pythonpath = ["handler",', 'pythonpath = ["src",')
    assert changed != text
    project.write_text(changed + settings, "utf-8")


def tests_of(folders: list[str]) -> list[str]:
    """Files of unit tests that import something of these folders."""
    packages = "|".join(PACKAGES.get(folder, folder) for folder in folders)
    imported = re.compile(rf"^(from|import) ({packages})\b", re.MULTILINE)
    found = sorted((ROOT / "tests" / "unit").glob("test_*.py"))
    return [
        str(path.relative_to(ROOT)) for path in found if imported.search(path.read_text("utf-8"))
    ]


def mutmut(*names: str, processes: int) -> int:
    """Run some mutants; its exit status."""
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(processes), *names]
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(command, cwd=PLACE, env=environ, check=False).returncode


def results() -> dict[str, int | None]:
    """Exit status of the tests of each mutant, by its name; None if they did not run."""
    found: dict[str, int | None] = {}
    for path in sorted((PLACE / "mutants").rglob("*.meta")):
        found |= json.loads(path.read_text("utf-8"))["exit_code_by_key"]
    return found


def main(argv: list[str] | None = None) -> int:
    """Run the command; 0 if so many are noticed as must be, 1 if not."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    add = parser.add_argument
    add("folders", nargs="+", choices=sorted(SOURCES))
    add("--count", type=int, default=200)
    add("--match", default="*", help="names of mutants, such as 'roomdet.geometry.*' (all)")
    add("--tests", nargs="+", default=[], help="files of tests (unit tests that import FOLDERs)")
    add("--seed", type=int, default=0, help="of the draw")
    add("--processes", type=int, default=os.cpu_count())
    add("--least", type=float, default=0.95, help="share that must be noticed (0.95)")
    args = parser.parse_args(argv)
    lay_out(args.folders, args.tests or tests_of(args.folders))
    # A name that fits none makes all mutants, and learns which tests reach which function.
    mutmut("none", processes=args.processes)
    names = sorted(fnmatch.filter(results(), args.match))
    if not (PLACE / "mutants" / "mutmut-stats.json").exists():
        print(
            "error: mutmut could not run the tests as they are; it says why above", file=sys.stderr
        )
        return 1
    if not names:
        print(f"error: no mutant is named {args.match}", file=sys.stderr)
        return 1
    draw = random.Random(args.seed)  # noqa: S311  # the same each time
    drawn = draw.sample(names, min(args.count, len(names)))
    mutmut(*drawn, processes=args.processes)
    ended = results()
    unnoticed = [name for name in sorted(drawn) if ended[name] not in NOTICED]
    for name in unnoticed:
        print(f"{'survived' if ended[name] == 0 else 'no unit test reaches'}: {name}")
    share = 1 - len(unnoticed) / len(drawn)
    print(f"{len(drawn) - len(unnoticed)} of {len(drawn)} are noticed ({share:.1%})")
    return int(share < args.least)


if __name__ == "__main__":
    sys.exit(main())
