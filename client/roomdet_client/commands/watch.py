# SPDX-License-Identifier: AGPL-3.0-or-later
"""``roomdet watch FOLDER``: the rooms of whatever is put into a folder, until Ctrl-C."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from roomdet_client.cli import BadUsage
from roomdet_client.commands.detect import Run, page_range
from roomdet_client.commands.target import (
    add_option_arguments,
    add_target_arguments,
    open_client,
)
from roomdet_client.console import say
from roomdet_client.errors import PlanUnreadable
from roomdet_client.exports import FORMATS
from roomdet_client.inputs import find_files
from roomdet_client.runs import fingerprint

if TYPE_CHECKING:
    import argparse

    from roomdet_client.inputs import InputFile

# A set of pictures would be written anew with each plan.
_FORMATS = ("json", "csv", "geojson", "dxf", "svg", "png")
_MOST_PAUSE_S = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="and all folders in it")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="FOLDER",
                        help="for the answers, as of detect; it may lie in the folder")  # fmt: skip
    parser.add_argument("--format", action="append", dest="formats", choices=_FORMATS,
                        help="default json; see detect")  # fmt: skip
    parser.add_argument("--every-s", type=float, default=2.0, metavar="S",
                        help="look for new files so often; default 2")  # fmt: skip
    parser.add_argument("--pages", default="all", type=page_range, metavar="1,3-5",
                        help="of PDFs and TIFFs; default all")  # fmt: skip
    add_option_arguments(parser)
    add_target_arguments(parser)
    parser.set_defaults(again=False, draw=None)


def run(args: argparse.Namespace) -> int:
    """Watch until Ctrl-C; 0 then."""
    if not args.folder.is_dir():
        raise BadUsage(f"{args.folder} is no folder")
    watch = Watch(args)
    say(f"Watching {args.folder}; answers go to {args.out}; Ctrl-C stops")
    try:
        watch.forever()
    except KeyboardInterrupt:
        say("stopped")
    return 0


class Watch:
    """What was seen of a folder.

    Args:
        args: Of the command line.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._formats = [FORMATS[name] for name in dict.fromkeys(args.formats or ["json"])]
        for kind in self._formats:
            kind.check()
        self._seen: dict[Path, dict[str, int]] = {}
        self._tried: dict[Path, dict[str, int]] = {}
        self._failed: set[Path] = set()

    def forever(self) -> None:
        """Look, ask, wait; longer while the server is not there."""
        pause_s = self._args.every_s
        with open_client(self._args) as client:
            while True:
                complete, new = self.look()
                if new:
                    run = Run(self._args, self._formats, self._args.out)
                    run.all(client, complete)
                    pause_s = min(2 * pause_s, _MOST_PAUSE_S)
                    if not run.was_stopped:
                        pause_s = self._args.every_s
                        self._note(complete, {record.name for record in run.good})
                time.sleep(pause_s)

    def look(self) -> tuple[list[InputFile], bool]:
        """The files that are complete and not known to be bad; whether any of them is new.

        A file is complete when its size and date have not changed since the last look.
        """
        try:
            files = find_files([self._args.folder], [self._args.out])
        except PlanUnreadable:  # none yet
            return [], False
        before, self._seen = self._seen, {}
        complete: list[InputFile] = []
        for file in files:
            try:
                now = fingerprint(file.path)
            except PlanUnreadable:  # gone again
                continue
            self._seen[file.path] = now
            is_bad = file.path in self._failed and self._tried.get(file.path) == now
            if before.get(file.path) == now and not is_bad:
                complete.append(file)
        return complete, any(
            self._tried.get(file.path) != self._seen[file.path] for file in complete
        )

    def _note(self, files: list[InputFile], good: set[str]) -> None:
        for file in files:
            self._tried[file.path] = self._seen[file.path]
            (self._failed.discard if file.name in good else self._failed.add)(file.path)
