# SPDX-License-Identifier: AGPL-3.0-or-later
"""Change the code in many small ways, one at a time, and tell which changes no test notices.

``make mutants`` draws 200 of mutmut's mutants. All tests of ``tests/unit`` and ``tests/contract``
run once, to learn which of them reach which function; then, for each mutant, those that reach the
changed one, unit tests and fast ones first, until one fails. What only processes of a test reach is
tried with the files of tests that import its module. It works on a copy in ``build/mutants``, whose
results stay: ``mutmut show NAME``, typed there, prints a change. ``--most 40`` stops after forty,
and the same command with ``--go-on`` runs those of the draw that are left.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.conftest import ROOT

PLACE = ROOT / "build" / "mutants"
COPY = PLACE / "mutants"
LOG = PLACE / "mutmut.log"
REACHED = PLACE / "reached"
RESULTS = PLACE / "results.json"
# Where mutmut finds them: it names a function by its file, so what is imported without its folder
# must lie in src/.
SOURCES = {"handler": "src", "deploy": "deploy", "serving": "serving"}
FOLDERS = ("tests/unit", "tests/contract")
# With no test to run it makes all mutants, and cannot go on.
SETTINGS = """
[tool.mutmut]
source_paths = {sources}
only_mutate = {patterns}
also_copy = {others}
pytest_add_cli_args = ["--deselect=tests", "-p", "no:cacheprovider", "-p", "no:xdist"]
pytest_add_cli_args_test_selection = ["tests/unit/test_geometry.py"]
"""
# A test that hangs is noticed, too, if it passes within less without the change.
LEAST_S, MOST_TIMES = 120.0, 10.0
# Exit statuses of pytest: all passed; a test failed, a module cannot be imported, pytest broke.
PASSED, NOTICED = 0, {1, 2, 3}
OUT_OF_TIME = 124
FIRST_FILES = 3


@dataclass(frozen=True, slots=True)
class Reached:
    """What a run of all tests has shown.

    Attributes:
        tests: Of each function, as mutmut names it, the tests that reach it, or their file.
        seconds: That each test took; none of those that fail in the copy as it is.
    """

    tests: dict[str, set[str]]
    seconds: dict[str, float]

    def of(self, mutant: str, most_s: float) -> list[str]:
        """The tests that can notice a mutant, as many as take so long: unit tests, then others."""
        function = mutant.rpartition("__mutmut_")[0]
        module = re.split(r"\.x[_ǁ]", function)[0]
        found = self.tests.get(function) or importing(module)
        chosen = [t for t in self.seconds if t in found or file_of(t) in found]
        chosen.sort(key=lambda test: (not test.startswith(FOLDERS[0]), self.seconds[test]))
        ends_s = itertools.accumulate(self.seconds[test] for test in chosen)
        return [test for test, end_s in zip(chosen, ends_s, strict=True) if end_s <= most_s]


def file_of(test: str) -> str:
    """The file that a test is in."""
    return test.partition("::")[0]


def importing(module: str) -> set[str]:
    """Files of tests that import a module."""
    package, _, name = module.rpartition(".")
    imported = re.compile(
        rf"^(from|import) {re.escape(module)}\b"
        + (rf"|^from {re.escape(package)} import .*\b{name}\b" if package else ""),
        re.MULTILINE,
    )
    paths = [path for folder in FOLDERS for path in sorted((COPY / folder).glob("test_*.py"))]
    return {str(p.relative_to(COPY)) for p in paths if imported.search(p.read_text("utf-8"))}


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


def environ(**added: str) -> dict[str, str]:
    """Without our import path, for the copy has its own; what is imported is compiled once."""
    without = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
    return {key: value for key, value in os.environ.items() if key not in without} | added


def make(folders: list[str], files: list[str]) -> None:
    """Make all mutants of some files."""
    project, sources = lay_out(), [SOURCES[folder] for folder in folders]
    settings = SETTINGS.format(
        sources=json.dumps(sources),
        patterns=json.dumps([f"{source}/{name}" for source in sources for name in files]),
        others=json.dumps(
            sorted(path.name for path in PLACE.iterdir() if path.name not in sources)
        ),
    )
    (PLACE / "pyproject.toml").write_text(project + settings, "utf-8")
    with LOG.open("wb") as log:
        command = [sys.executable, "-m", "mutmut", "run", "none"]  # a name that fits none
        subprocess.run(
            command, cwd=PLACE, env=environ(), check=False, stdout=log, stderr=subprocess.STDOUT
        )


def mutants() -> list[str]:
    """Names of all that were made."""
    metas = [json.loads(path.read_text("utf-8")) for path in COPY.rglob("*.meta")]
    return sorted(name for meta in metas for name in meta["exit_code_by_key"])


def reach(tests: list[str], processes: int) -> Reached:
    """Run tests on the code as it is; the same call later reads what was seen."""
    if not REACHED.exists():
        REACHED.mkdir()
        spread = ["-n", str(processes), "--dist", "loadfile"] if processes > 1 else []
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "tests.reached", *spread, *tests],
            cwd=COPY, env=environ(MUTANT_UNDER_TEST="stats", REACHED=str(REACHED)), check=False,
        )  # fmt: skip
    reached = Reached({}, {})
    for path in REACHED.glob("*.json"):
        seen = json.loads(path.read_text("utf-8"))
        for name, found in seen["tests"].items():
            reached.tests.setdefault(name, set()).update(found)
        reached.seconds.update(
            {t: s for t, s in seen["seconds"].items() if t not in seen["failed"]}
        )
        for name in seen["failed"]:
            print(f"left out, fails in the copy: {name}")
    return reached


def attempt(mutant: str, reached: Reached, most_s: float) -> int | None:
    """Exit status of the tests that can notice a mutant; None if there are none."""
    tests, status = reached.of(mutant, most_s), None
    files = list(dict.fromkeys(file_of(test) for test in tests))
    for chosen in (files[:FIRST_FILES], files[FIRST_FILES:]):  # to read many files takes long
        if chosen and status in {None, PASSED}:
            mine = {test: reached.seconds[test] for test in tests if file_of(test) in chosen}
            status = run(mutant, mine)
    return status


def run(mutant: str, seconds: dict[str, float]) -> int:
    """Exit status of some tests, which take so long without the mutant, in their order."""
    names = PLACE / f"{mutant}.json"
    names.write_text(json.dumps(list(seconds)), "utf-8")
    files = sorted({file_of(test) for test in seconds})
    plugins = ("-p", "tests.reached", "-p", "no:cacheprovider", "-p", "no:xdist")
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-x", "-q", *plugins, *files], cwd=COPY,
        env=environ(MUTANT_UNDER_TEST=mutant, CHOSEN=str(names)), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        return process.wait(LEAST_S + MOST_TIMES * sum(seconds.values()))
    except subprocess.TimeoutExpired:
        return OUT_OF_TIME
    finally:
        if process.poll() is None:  # out of time, or Ctrl-C
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        names.unlink()


def told(status: int | None) -> str:
    """How a mutant ended; a test that crashes has noticed it."""
    if status is None:
        return "no test reaches"
    if status == PASSED:
        return "survived"
    return "" if status in NOTICED | {OUT_OF_TIME} or status < 0 else f"pytest ended with {status}"


def main(argv: list[str] | None = None) -> int:
    """Run the command; 0 if so many are noticed as must be, 1 if not."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    add = parser.add_argument
    add("folders", nargs="+", choices=sorted(SOURCES))
    add("--count", type=int, default=200)
    add("--files", nargs="+", default=["*.py"], help="of FOLDERs, such as '*/geometry.py' (all)")
    add("--tests", nargs="+", default=FOLDERS, help="folders or files of tests (unit, contract)")
    add("--seed", type=int, default=0, help="of the draw")
    add("--most", type=int, default=0, help="run no more than so many now")
    add("--seconds", type=float, default=math.inf, help="of tests for each mutant (no limit)")
    add("--go-on", action="store_true", help="with the copy and the results that are there")
    add("--processes", type=int, default=os.cpu_count())
    add("--least", type=float, default=0.95, help="share that must be noticed (0.95)")
    args = parser.parse_args(argv)
    if not args.go_on:
        make(args.folders, args.files)
    if not (made := mutants()):
        print(f"error: no file of {args.folders} is {args.files}, or see {LOG}", file=sys.stderr)
        return 1
    reached = reach(args.tests, args.processes)
    draw = random.Random(args.seed)  # noqa: S311  # the same each time
    drawn = draw.sample(made, min(args.count, len(made)))
    ended = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    left = [name for name in drawn if name not in ended][: args.most or None]
    with ThreadPoolExecutor(args.processes) as pool:
        for name, status in zip(
            left, pool.map(lambda n: attempt(n, reached, args.seconds), left), strict=True
        ):
            ended[name] = status
            RESULTS.write_text(json.dumps(ended), "utf-8")
            print(f"{told(status) or 'noticed'}: {name}", flush=True)
    tried = [name for name in drawn if name in ended]
    unnoticed = sorted((told(ended[name]), name) for name in tried if told(ended[name]))
    for why, name in unnoticed:
        print(f"{why}: {name}")
    share = 1 - len(unnoticed) / max(len(tried), 1)
    print(
        f"{len(tried) - len(unnoticed)} of {len(tried)} are noticed ({share:.1%}); "
        f"{len(drawn) - len(tried)} of the draw are left"
    )
    return int(not tried or share < args.least)


if __name__ == "__main__":
    sys.exit(main())
