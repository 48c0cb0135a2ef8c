# SPDX-License-Identifier: AGPL-3.0-or-later
"""Change the code in many small ways, one at a time, and tell which changes no unit test notices.

``make mutants`` draws 200 of mutmut's mutants and runs, for each, the tests of ``tests/unit`` that
reach the changed function. It works on a copy in ``build/mutants``, whose results stay: ``mutmut
show NAME``, typed there, prints a change. ``--most 40`` stops after forty, and the same command
with ``--go-on`` runs those of the draw that are left.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

PLACE = ROOT / "build" / "mutants"
LOG = PLACE / "mutmut.log"
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
pytest_add_cli_args = {options}
pytest_add_cli_args_test_selection = {tests}
process_isolation = "forkserver"
"""
OPTIONS = ["-p", "no:cacheprovider", "-p", "no:xdist"]
MOST_ROUNDS = 4
FAILED = re.compile(r"^(?:FAILED|ERROR) (tests/.+?)(?: - |$)", re.MULTILINE)


def lay_out() -> str:
    """Copy what git knows or could know into the place; its pyproject.toml."""
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
    text = (PLACE / "pyproject.toml").read_text("utf-8")
    changed = text.replace('pythonpath = ["handler",', 'pythonpath = ["src",')
    assert changed != text
    return changed


def tests_of(folders: list[str]) -> list[str]:
    """Files of unit tests that import something of these folders."""
    packages = "|".join(PACKAGES.get(folder, folder) for folder in folders)
    imported = re.compile(rf"^(from|import) ({packages})\b", re.MULTILINE)
    found = sorted((ROOT / "tests" / "unit").glob("test_*.py"))
    return [
        str(path.relative_to(ROOT)) for path in found if imported.search(path.read_text("utf-8"))
    ]


def environ() -> dict[str, str]:
    """Without our import path: the copy has its own."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}


def mutmut(*names: str, processes: int, log: Path | None = None) -> None:
    """Run some mutants; what is printed may go to a file."""
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(processes), *names]
    with (log or Path(os.devnull)).open("wb") as file:
        output = file if log else None
        subprocess.run(command, cwd=PLACE, env=environ(), check=False, stdout=output, stderr=output)


def failing(tests: list[str]) -> list[str]:
    """Tests that fail in the mutants' copy as it is: they need git, or the handler's own folder."""
    kept = PLACE / "cache"
    command = [sys.executable, "-m", "pytest", "-q", "-o", f"cache_dir={kept}", "-p", "no:xdist"]
    subprocess.run(
        [*command, *tests], cwd=PLACE / "mutants", env=environ() | {"MUTANT_UNDER_TEST": ""},
        check=False,
    )  # fmt: skip
    file = kept / "v" / "cache" / "lastfailed"
    return sorted(json.loads(file.read_text("utf-8"))) if file.exists() else []


def results() -> dict[str, int | None]:
    """Exit status of the tests of each mutant, by its name; None if they did not run."""
    found: dict[str, int | None] = {}
    for path in sorted((PLACE / "mutants").rglob("*.meta")):
        found |= json.loads(path.read_text("utf-8"))["exit_code_by_key"]
    return found


def prepare(folders: list[str], files: list[str], tests: list[str], processes: int) -> bool:
    """Make the mutants, and learn which tests reach which function; whether that went well."""
    project, sources = lay_out(), [SOURCES[folder] for folder in folders]
    others = sorted(path.name for path in PLACE.iterdir() if path.name not in sources)

    def run_none(options: list[str]) -> None:
        settings = SETTINGS.format(
            sources=json.dumps(sources),
            patterns=json.dumps([f"{source}/{name}" for source in sources for name in files]),
            others=json.dumps(others),
            options=json.dumps([*OPTIONS, *options]),
            tests=json.dumps(tests),
        )
        (PLACE / "pyproject.toml").write_text(project + settings, "utf-8")
        mutmut("none", processes=processes, log=LOG)  # a name that fits none

    # With no test to run it makes all mutants, and cannot go on.
    run_none(["--deselect=tests"])
    left_out, found = list[str](), failing(tests)
    for _ in range(MOST_ROUNDS):
        for name in found:
            print(f"left out, fails in the copy: {name}")
        left_out += found
        run_none([f"--deselect={name}" for name in left_out])
        if (PLACE / "mutants" / "mutmut-stats.json").exists():
            return True
        # Another may fail because each call is noted; mutmut stops at it.
        found = FAILED.findall(LOG.read_text("utf-8", errors="replace"))
    return False


def main(argv: list[str] | None = None) -> int:
    """Run the command; 0 if so many are noticed as must be, 1 if not."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    add = parser.add_argument
    add("folders", nargs="+", choices=sorted(SOURCES))
    add("--count", type=int, default=200)
    add("--files", nargs="+", default=["*.py"], help="of FOLDERs, such as '*/geometry.py' (all)")
    add("--tests", nargs="+", default=[], help="files of tests (unit tests that import FOLDERs)")
    add("--seed", type=int, default=0, help="of the draw")
    add("--most", type=int, default=0, help="run no more than so many now")
    add("--go-on", action="store_true", help="with the copy and the results that are there")
    add("--processes", type=int, default=os.cpu_count())
    add("--least", type=float, default=0.95, help="share that must be noticed (0.95)")
    args = parser.parse_args(argv)
    tests = args.tests or tests_of(args.folders)
    if not args.go_on and not prepare(args.folders, args.files, tests, args.processes):
        print(f"error: mutmut could not run the tests as they are; {LOG} has why", file=sys.stderr)
        return 1
    before = results()
    if not before:
        print(f"error: no file of {args.folders} is named {args.files}", file=sys.stderr)
        return 1
    draw = random.Random(args.seed)  # noqa: S311  # the same each time
    drawn = draw.sample(sorted(before), min(args.count, len(before)))
    left = [name for name in drawn if before[name] is None]
    if running := left[: args.most or None]:
        mutmut(*running, processes=args.processes)
    ended = results()
    tried = [name for name in drawn if ended[name] is not None]
    unnoticed = sorted(name for name in tried if ended[name] not in NOTICED)
    for name in unnoticed:
        print(f"{'survived' if ended[name] == 0 else 'no unit test reaches'}: {name}")
    share = 1 - len(unnoticed) / max(len(tried), 1)
    print(
        f"{len(tried) - len(unnoticed)} of {len(tried)} are noticed ({share:.1%}); "
        f"{len(drawn) - len(tried)} of the draw are left"
    )
    return int(not tried or share < args.least)


if __name__ == "__main__":
    sys.exit(main())
