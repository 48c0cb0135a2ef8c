# SPDX-License-Identifier: AGPL-3.0-or-later
"""How much several networks find at several input sizes, and how long they take."""
