# SPDX-License-Identifier: AGPL-3.0-or-later
"""Values put into a configuration's text, whose comments stay."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

from deploy.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping


def with_values(text: str, values: Mapping[str, str]) -> str:
    """A configuration with these values of its first level.

    Args:
        text: YAML.
        values: By key; a key that the text lacks is added at its end.

    Raises:
        SpecError: If the text is written in a form that is not changed by hand so easily.
    """
    for key, value in values.items():
        line = re.search(rf"^{key}:[^#\n]*(?P<comment>#.*)?$", text, re.MULTILINE)
        if line:
            comment = f"  {line['comment']}" if line["comment"] else ""
            text = f"{text[: line.start()]}{key}: {value}{comment}{text[line.end() :]}"
        else:
            text = f"{text.rstrip()}\n{key}: {value}\n"
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:
        found = None
    found = found if isinstance(found, dict) else {}
    if {key: found.get(key) for key in values} != dict(values):
        raise SpecError(
            "the configuration cannot be written to as it is; put in by hand: "
            + ", ".join(f"{key}: {value}" for key, value in values.items())
        )
    return text
