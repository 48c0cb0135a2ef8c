# SPDX-License-Identifier: AGPL-3.0-or-later
"""What strangers may do to a server, as programs that anyone can run again (docs/torture.md).

``make torture`` runs the parts that ``TORTURE`` lists; each alone is ``python -m
tests.torture.PART``. A part exits with 1 where it found something, and its last line is its row of
the table: property, how it was tested, how many inputs or minutes, what was found.
"""
