# SPDX-License-Identifier: AGPL-3.0-or-later
"""Documents show the tables that the code makes; `make docs-tables` writes them anew."""

from __future__ import annotations

import pytest

from tests.tables import TABLES, shown

# Their failures are made to happen: test_doctor.py and test_deploy_errors.py compare these.
MADE_TO_HAPPEN = {"cases", "messages"}


@pytest.mark.parametrize(
    ("document", "name"), [key for key in TABLES if key[1] not in MADE_TO_HAPPEN]
)
def test_a_table_is_the_codes(document: str, name: str) -> None:
    """Word by word."""
    assert TABLES[document, name]() == shown(document, name)
