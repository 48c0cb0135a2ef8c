# SPDX-License-Identifier: AGPL-3.0-or-later
"""``roomdet completion SHELL``: what a shell needs to complete the command."""

from __future__ import annotations

import argparse

import shtab

from roomdet_client.cli import build_parser

_HOW = """for this shell:  eval "$(roomdet completion bash)"
for all:         roomdet completion bash > ~/.local/share/bash-completion/completions/roomdet
                 roomdet completion zsh > "${fpath[1]}/_roomdet\""""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _HOW
    parser.add_argument("shell", choices=shtab.SUPPORTED_SHELLS)


def run(args: argparse.Namespace) -> int:
    print(shtab.complete(build_parser(), args.shell))
    return 0
