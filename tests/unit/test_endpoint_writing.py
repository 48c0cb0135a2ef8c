# SPDX-License-Identifier: AGPL-3.0-or-later
"""Values that are put into a configuration."""

from __future__ import annotations

import pytest
import yaml

from deploy.cli import TEMPLATE
from deploy.endpoint.writing import with_values
from deploy.errors import SpecError

VALUES = {"role": "arn:aws:iam::123456789012:role/a", "image": "a.b/c@sha256:1", "region": "x"}


def test_comments_and_all_else_stay() -> None:
    """A value takes the place of another; what is below the first level is not touched."""
    text = TEMPLATE.read_text("utf-8")
    written = with_values(text, VALUES)
    twice = with_values(written, VALUES)

    assert written == twice
    assert yaml.safe_load(written) == yaml.safe_load(text) | VALUES
    assert "role: arn:aws:iam::123456789012:role/a  # arn:aws:iam::…:role/…, which" in written
    assert len(text.splitlines()) == len(written.splitlines())


def test_what_is_missing_is_added() -> None:
    """At the end, and a key of the same name in a section is another one."""
    text = "endpoint: rooms\n# what follows\nasync:\n  role: no"
    written = with_values(text, {"endpoint": "houses", "role": "yes-it-is"})

    assert written == ("endpoint: houses\n# what follows\nasync:\n  role: no\nrole: yes-it-is\n")


@pytest.mark.parametrize(
    "text", ["{endpoint: rooms, role: a}", "endpoint: rooms\nrole: >\n  a\n  b"]
)
def test_what_cannot_be_written_is_told(text: str) -> None:
    """With what is to be put in by hand; nothing is spoiled."""
    with pytest.raises(SpecError, match="put in by hand: role: arn"):
        with_values(text, {"role": "arn"})
